"""A tiny environment with the interface that learning uses: say the number that was shown, at any step, before time is up."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flare_core.policies.agent import Senses
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.seeding import key_of, uniforms

ACTIONS = ("wait", "left", "right", "never")
SPEC = PolicySpec(
    views=(View(name="navigation", width=16, height=16),), actions=ACTIONS, body_inputs=("lift",), channels=(8, 8, 8, 8), features=16,
    width=32, heads=2, layers=2, context=6,
)  # fmt: skip
HORIZON = 9


class Toy:
    """Half the image is lit; the row must answer with that side. A wrong answer ends the episode; silence runs out of time.

    With limits, every answer to the right costs 1 under the first of them.
    """

    def __init__(self, rows: int, first: int = 0, seed: int = 0, limits: tuple[float, ...] = ()) -> None:
        self.limits = limits
        self.num_envs, self.key = rows, key_of(seed, "toy")
        self.episode_numbers = np.arange(rows, dtype=np.int64) + first
        self.episode_steps = np.zeros(rows, dtype=np.int64)
        self.previous = np.full(rows, len(ACTIONS), dtype=np.int64)

    def sides(self) -> npt.NDArray[np.bool_]:
        return uniforms(self.key, self.episode_numbers, np.zeros_like(self.episode_numbers))[:, 0] < 0.5

    def masks(self) -> npt.NDArray[np.bool_]:
        mask = np.ones((self.num_envs, len(ACTIONS)), dtype=bool)
        mask[:, 3] = False
        mask[:, 0] = self.episode_steps % 4 != 3
        return mask

    def observe(self) -> dict[str, npt.NDArray[Any]]:
        image = np.zeros((self.num_envs, 16, 16, 3), dtype=np.uint8)
        right = self.sides()
        image[~right, :, :8] = 200
        image[right, :, 8:] = 200
        return {
            "camera/eye": image, "goal": np.ones((self.num_envs, 2), dtype=np.int32), "previous_action": self.previous.copy(),
            "body": np.zeros((self.num_envs, 1), dtype=np.float32), "step": self.episode_steps.astype(np.int32),
        }  # fmt: skip

    def step(self, actions: npt.NDArray[np.int64]) -> tuple[Any, ...]:
        assert self.masks()[np.arange(self.num_envs), actions].all()
        answer = np.where(self.sides(), 2, 1)
        terminated = actions != 0
        reward = np.where(actions == answer, 10.0, 0.0).astype(np.float32)
        self.previous = actions.copy()
        self.episode_steps = self.episode_steps + 1
        truncated = ~terminated & (self.episode_steps >= HORIZON)
        ended = terminated | truncated
        costs = np.zeros((self.num_envs, len(self.limits)), dtype=np.float32)
        costs[:, :1] = (actions == 2)[:, None]
        info: dict[str, Any] = {"costs": costs}
        if ended.any():
            last = self.observe()
            info["final_obs"] = np.array([{name: array[row] for name, array in last.items()} for row in range(self.num_envs)], dtype=object)
            info["episode"] = {
                "number": self.episode_numbers.copy(),
                "success": reward > 0,
                "reward": reward,
                "length": self.episode_steps.copy(),
                "costs": costs,
            }
            info["_episode"] = ended
        self.episode_numbers = np.where(ended, self.episode_numbers + 1000, self.episode_numbers)
        self.episode_steps = np.where(ended, 0, self.episode_steps)
        self.previous = np.where(ended, len(ACTIONS), self.previous)
        return self.observe(), reward, terminated, truncated, info

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        return {"numbers": self.episode_numbers, "steps": self.episode_steps, "previous": self.previous}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.episode_numbers, self.episode_steps, self.previous = state["numbers"].copy(), state["steps"].copy(), state["previous"].copy()


class PlainViews:
    """The toy's camera as the policy's view, unchanged."""

    def apply(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> Mapping[str, npt.NDArray[np.uint8]]:
        return {"navigation": images["eye"]}


def senses(policy: SmallPolicy) -> Senses:
    return Senses(policy, PlainViews(), np.linspace(-1, 1, 2 * 64, dtype=np.float32).reshape(2, 64))
