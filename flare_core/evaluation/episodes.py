"""Play fixed episodes with a policy and keep one record of each."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flare_core.policies.distribution import log_probabilities, sample
from flare_core.policies.interface import Observation, PolicySenses
from flare_core.seeding import key_of, uniforms

Record = dict[str, Any]


class Stage(Protocol):
    """The part of a vector environment that playing fixed episodes needs; its rows take episodes from a queue."""

    num_envs: int

    def observe(self) -> Observation: ...

    def masks(self) -> npt.NDArray[np.bool_]: ...

    @property
    def episode_numbers(self) -> npt.NDArray[np.int64]: ...

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]: ...

    def step(self, actions: Any) -> tuple[Observation, Any, Any, Any, dict[str, Any]]: ...


Actor = Callable[[Observation, npt.NDArray[np.bool_], npt.NDArray[np.bool_]], npt.NDArray[np.int64]]
"""(observation, masks (B, A), rows at the start of an episode (B,)) to actions (B,)."""


def policy_actor(
    stage: Stage, senses: PolicySenses, seed: int, greedy: bool = False, tell: Callable[[Tensor], None] = lambda logp: None
) -> Actor:
    """The policy with its memory: sampled actions (FLaRe's protocol), or the most probable ones.

    Args:
        tell: receives the log-probabilities (B, A) that each step's actions are chosen by; -inf where masked.
    """
    tower = senses.policy.actor
    memory = tower.empty_memory(stage.num_envs)
    key = key_of(seed, "evaluation/action")

    @torch.no_grad()
    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        nonlocal memory
        logits, memory = tower.step(senses.inputs(observation), memory.forget(torch.from_numpy(starting)))
        logp = log_probabilities(logits, torch.from_numpy(masks))
        tell(logp)
        if greedy:
            return logp.argmax(dim=-1).numpy()
        return sample(logp, uniforms(key, stage.episode_numbers, stage.episode_steps)[:, 0])

    return act


def random_actor(stage: Stage, seed: int) -> Actor:
    """Every allowed action with the same chance, `done` among them."""
    key = key_of(seed, "evaluation/random")

    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        del observation, starting
        logp = log_probabilities(torch.zeros(masks.shape), torch.from_numpy(masks))
        return sample(logp, uniforms(key, stage.episode_numbers, stage.episode_steps)[:, 0])

    return act


def play(stage: Stage, actor: Actor, numbers: Sequence[int], report: Callable[[int], None] = lambda done: None) -> list[Record]:
    """Play until every one of these episodes has ended.

    Args:
        stage: its queue hands out these numbers first.
        report: receives how many episodes have ended so far.

    Returns:
        Records in the order of `numbers`.
    """
    wanted, found = set(numbers), dict[int, Record]()
    observation, starting = stage.observe(), np.ones(stage.num_envs, dtype=bool)
    while len(found) < len(wanted):
        actions = actor(observation, stage.masks(), starting)
        observation, _, terminated, truncated, info = stage.step(actions)
        starting = np.asarray(terminated | truncated)
        if starting.any():
            for record in records_of(info):
                if int(record["number"]) in wanted:
                    found[int(record["number"])] = record
            report(len(found))
    return [found[number] for number in numbers]


def records_of(info: dict[str, Any]) -> list[Record]:
    """Records of the episodes that ended in this step, one plain dict each."""
    record = info.get("episode")
    if record is None:
        return []
    rows = np.flatnonzero(info["_episode"])
    return [{name: value[row] for name, value in record.items()} for row in rows]
