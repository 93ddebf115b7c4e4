"""The toolkit's own learner on the task: its collector, its PPO and the policy of `policy.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bench.peers import task
from bench.peers.asking import Closing, Order, asked, declare
from bench.peers.network import parameters
from bench.peers.policy import GruPolicy, GruShape, Senses
from flare_core.learning.finetune import FineTuner
from flare_core.learning.spec import RecipeSpec


class Stage:
    """The task's rows as the vector environment that the collector asks for."""

    def __init__(self, rows: int, tally: task.Tally, step_us: float) -> None:
        self.num_envs, self.limits = rows, ()
        self.rows = [task.Row(at, tally, step_us) for at in range(rows)]
        self.episode_numbers = np.arange(rows, dtype=np.int64)
        self.episode_steps = np.zeros(rows, dtype=np.int64)
        self.costs = np.zeros((rows, 0), dtype=np.float32)
        self.previous = np.zeros(rows, dtype=np.int64)

    def masks(self) -> npt.NDArray[np.bool_]:
        return np.stack([row.mask for row in self.rows])

    def observe(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "camera/front": np.stack([row.picture for row in self.rows]),
            "body": np.stack([row.body for row in self.rows]),
            "previous_action": self.previous,
        }

    def step(self, actions: npt.NDArray[np.int64]) -> tuple[Any, ...]:
        made = [row.step(int(action)) for row, action in zip(self.rows, actions, strict=True)]
        reward = np.array([one[0] for one in made], dtype=np.float32)
        over = np.array([one[1] for one in made])
        self.episode_steps = self.episode_steps + 1
        info: dict[str, Any] = {"costs": self.costs}
        if over.any():
            info |= {
                "episode": {"number": self.episode_numbers, "success": reward > 0, "reward": reward, "length": self.episode_steps},
                "_episode": over,
            }
            for at in np.flatnonzero(over):
                self.rows[at].begin()
            self.episode_numbers = np.where(over, self.episode_numbers + self.num_envs, self.episode_numbers)
            self.episode_steps = np.where(over, 0, self.episode_steps)
        return self.observe(), reward, over, np.zeros_like(over), info

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        raise NotImplementedError("the benchmark writes no checkpoints")

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        raise NotImplementedError("the benchmark writes no checkpoints")


def recipe_of(order: Order) -> RecipeSpec:
    """The benchmark's setting as a recipe."""
    return RecipeSpec(
        name="peers", steps=10**9, rows=task.ROWS, rollout=task.ROLLOUT, epochs=task.EPOCHS, minibatches=task.MINIBATCHES, clip=task.CLIP,
        gamma=order.gamma, lam=task.LAMBDA, learning_rate=task.LEARNING_RATE, separate_critic=False, value_weight=2 * task.VALUE_WEIGHT,
        entropy=task.ENTROPY, max_gradient_norm=task.GRADIENT_NORM, joint_gradient_norm=True, normalise_advantages=True,
        arithmetic="bfloat16" if order.bfloat16 else "float32",
    )  # fmt: skip


def tuner_of(order: Order, tally: task.Tally) -> FineTuner:
    """A run on the task with a policy drawn from the order's seed."""
    torch.manual_seed(order.seed)
    policy = GruPolicy(GruShape(frozen=order.frozen, own_gru=order.own_gru))
    stage = Stage(task.ROWS, tally, order.step_us)
    return FineTuner(policy, recipe_of(order), [stage], Senses, Path(), new_rows=[], shared=[], seed=order.seed)


def main() -> None:
    order = asked(__doc__)
    torch.set_num_threads(1)
    run = tuner_of(order, Closing(order))
    declare(order, parameters(run.policy, run.learner.actor, run.learner.critic), {"torch": torch.__version__})
    while True:
        run.update()


if __name__ == "__main__":
    main()
