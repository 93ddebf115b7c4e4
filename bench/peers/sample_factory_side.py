"""Sample Factory on the task, in one process (serial mode, synchronous): its own GRU core and loss, our encoder in its encoder's place.

Version 2.1.1 offers no mask of actions; all twenty are allowed.
"""

from functools import cache
from importlib.metadata import version
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from sample_factory.algo.learning import learner as learning
from sample_factory.algo.utils.context import global_model_factory
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.model.encoder import Encoder
from sample_factory.train import run_rl

from bench.peers import task
from bench.peers.asking import Closing, Order, asked, declare
from bench.peers.network import WIDTH, parameters
from bench.peers.network import Encoder as Pictures


class Environment(gym.Env):
    """One row; an index for each comes with the configuration that Sample Factory hands to it."""

    def __init__(self, number: int, tally: Closing, step_us: float) -> None:
        self.row = task.Row(number, tally, step_us)
        self.observation_space = gym.spaces.Dict(
            picture=gym.spaces.Box(0, 255, (task.SIZE, task.SIZE, 3), np.uint8), body=gym.spaces.Box(-10, 10, (task.BODY,), np.float32)
        )
        self.action_space = gym.spaces.Discrete(task.ACTIONS)
        self.render_mode = None

    def reset(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self.row.begin()
        return self._seen(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        reward, over = self.row.step(int(action))
        return self._seen(), reward, over, False, {}

    def _seen(self) -> dict[str, Any]:
        return {"picture": self.row.picture, "body": self.row.body}


class Seen(Encoder):
    """Features and body, (N, 264); pictures stay uint8 until the encoder takes them."""

    def __init__(self, cfg: Any, obs_space: Any) -> None:
        super().__init__(cfg)
        self.pictures = Pictures()

    def forward(self, seen: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.cat([self.pictures(seen["picture"]), seen["body"]], dim=-1)

    def type_for_input_tensor(self, input_tensor_name: str) -> torch.dtype:
        return torch.uint8 if input_tensor_name == "picture" else torch.float32

    def get_out_size(self) -> int:
        return WIDTH + task.BODY


@cache
def tally_of(order: Order) -> Closing:
    """The one of this process; Sample Factory makes an environment in another one too, to look at its spaces."""
    return Closing(order)


def make(name: str, cfg: Any, place: Any, render_mode: str | None = None) -> Environment:
    """A row, numbered by its place."""
    order = asked(__doc__)
    return Environment(0 if place is None else place.env_id, tally_of(order), order.step_us)


def arguments(order: Order) -> list[str]:
    """The benchmark's setting in Sample Factory's words."""
    values = {
        "algo": "APPO", "env": "peers", "experiment": order.out.stem, "train_dir": str(order.out.parent / "sample_factory"),
        "device": "cpu",
        "restart_behavior": "overwrite", "serial_mode": True, "async_rl": False, "batched_sampling": False, "num_workers": 1,
        "num_envs_per_worker": task.ROWS, "worker_num_splits": 1, "num_policies": 1, "rollout": task.ROLLOUT, "recurrence": task.ROLLOUT,
        "batch_size": task.BATCH // task.MINIBATCHES, "num_batches_per_epoch": task.MINIBATCHES, "num_epochs": task.EPOCHS,
        "normalize_input": False, "normalize_returns": False, "obs_scale": 1.0, "obs_subtract_mean": 0.0, "gamma": order.gamma,
        "gae_lambda": task.LAMBDA, "ppo_clip_ratio": task.CLIP, "ppo_clip_value": 1e9, "value_loss_coeff": task.VALUE_WEIGHT,
        "exploration_loss_coeff": task.ENTROPY, "max_grad_norm": task.GRADIENT_NORM, "learning_rate": task.LEARNING_RATE, "use_rnn": True,
        "rnn_type": "gru", "rnn_size": WIDTH, "rnn_num_layers": 1, "nonlinearity": "relu", "decoder_mlp_layers": [], "seed": order.seed,
        "train_for_env_steps": 10**9, "save_every_sec": 10**6, "decorrelate_envs_on_one_worker": False, "with_wandb": False,
        "policy_initialization": "torch_default", "experiment_summaries_interval": 10**6,
        "stats_avg": 1000, "set_workers_cpu_affinity": False, "force_envs_single_thread": False, "decorrelate_experience_max_seconds": 0,
    }  # fmt: skip
    out = []
    for name, value in values.items():
        out += [f"--{name}", *map(str, value)] if isinstance(value, list) else [f"--{name}={value}"]
    return out


def main() -> None:
    order = asked(__doc__)
    torch.set_num_threads(1)
    register_env("peers", make)
    global_model_factory().register_encoder_factory(Seen)
    begin = learning.Learner.init

    def counted(self: Any) -> Any:
        out = begin(self)
        versions = {name: version(name) for name in ("sample-factory", "torch", "numpy", "gymnasium")}
        declare(order, parameters(self.actor_critic), versions)
        return out

    learning.Learner.init = counted
    words = arguments(order)
    parser, _ = parse_sf_args(words)
    run_rl(parse_full_cfg(parser, words))


if __name__ == "__main__":
    main()
