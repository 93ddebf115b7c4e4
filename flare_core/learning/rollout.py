"""One worker's share of experience: T steps of B rows, with what the update needs to see exactly what the policy saw.

Legend: T steps, B rows, A actions, S context of the policy, W width, L constraints that the learner keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flare_core.evaluation.episodes import Stage, records_of
from flare_core.policies.distribution import chosen, log_probabilities, sample
from flare_core.policies.interface import Actor, Network, Observation, PolicyInputs, PolicySenses, cat, stack
from flare_core.policies.memory import Memory, Recurrent, age_after
from flare_core.seeding import uniforms


class Environment(Stage, Protocol):
    """A vector environment that can be saved and gone back to. `limits` (L,): cost of an episode that each constraint allows."""

    @property
    def limits(self) -> tuple[float, ...]: ...

    def snapshot(self) -> dict[str, npt.NDArray[Any]]: ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """Which actions exploration is for, and its share now."""

    actions: Tensor  # bool (A,)
    epsilon: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """T steps of B rows.

    Attributes:
        inputs: (T, B, ...); after: (1, B, ...) the step that follows.
        starts: bool (T, B), True at the first step of an episode; starts_after: bool (B,).
        memory: the actor's memory before step 0, a constant in the update.
        actions, logp: (T, B); allowed: bool (T, B, A), the mask that the action was drawn under.
        rewards, terminated, truncated: (T, B); costs: (T, B, L).
        final: inputs (E, ...) of the last observation of the E episodes that a time limit cut; final_at: (E, 2) step and row.
        episodes: records of the episodes that ended.
        lost: how many episodes were cut off because their simulator was lost; they are in no record.
        trunk: (T + 1, B, W) what the actor's head was given, and would be given in the step that follows; kept for a critic that shares it.
    """

    inputs: PolicyInputs
    after: PolicyInputs
    starts: Tensor
    starts_after: Tensor
    memory: Memory
    actions: Tensor
    logp: Tensor
    allowed: Tensor
    rewards: Tensor
    costs: Tensor
    terminated: Tensor
    truncated: Tensor
    final: PolicyInputs | None
    final_at: Tensor
    episodes: list[dict[str, Any]]
    lost: int = 0
    trunk: Tensor | None = None


class Collector:
    """Steps one group of environments with the policy and remembers the last S inputs of every row."""

    def __init__(self, environment: Environment, senses: PolicySenses, observation: Observation, sample_key: int) -> None:
        self.environment, self.senses, self.key = environment, senses, sample_key
        self.context = senses.policy.spec.context
        self.now: PolicyInputs = senses.inputs(observation)  # (B, ...)
        rows = environment.num_envs
        self.starting = torch.ones(rows, dtype=torch.bool)
        self.history: PolicyInputs | None = None  # (S, B, ...), what came before the next rollout
        self.history_starts = torch.zeros(0, rows, dtype=torch.bool)
        self.carried: Recurrent | None = None  # a recurrent actor's state behind the last rollout

    @torch.no_grad()
    def memory(self, tower: Network, cold: bool = False) -> Memory:
        """Memory at the rollout boundary, rebuilt from the stored inputs with the tower's present weights."""
        memory = tower.empty_memory(self.environment.num_envs)
        if self.history is not None and not cold:
            _, memory = tower.sequence(self.history, self.history_starts, memory)
        return memory

    @torch.no_grad()
    def collect(self, actor: Actor, steps: int, exploration: Exploration, cold: bool = False, keep_trunk: bool = False) -> Rollout:
        """Play `steps` steps of every row with sampled actions."""
        before = memory = self.memory(actor, cold) if cold or self.carried is None else self.carried
        seen: list[PolicyInputs] = []
        trunks: list[Tensor] = []
        kept: dict[str, list[Tensor]] = {
            name: [] for name in ("starts", "actions", "logp", "allowed", "rewards", "costs", "terminated", "truncated")
        }
        final: list[PolicyInputs] = []
        final_at: list[list[int]] = []
        episodes: list[dict[str, Any]] = []
        lost = 0
        for t in range(steps):
            mask = torch.from_numpy(self.environment.masks())
            seen.append(self.now)
            trunk, memory = actor.step_trunk(self.now, memory.forget(self.starting))
            trunks.append(trunk)
            logp = log_probabilities(actor.head(trunk)[0], mask, exploration.actions, exploration.epsilon)
            draw = uniforms(self.key, self.environment.episode_numbers, self.environment.episode_steps)[:, 0]
            action = sample(logp, draw)
            observation, reward, term, trunc, info = self.environment.step(action)
            taken = torch.from_numpy(action)
            brought = (torch.from_numpy(np.asarray(a)) for a in (reward, info["costs"], term, trunc))
            values = (self.starting, taken, chosen(logp, taken), mask, *brought)
            for part, value in zip(kept.values(), values, strict=True):
                part.append(value)
            cut = np.flatnonzero(trunc & ~term)
            if len(cut):
                final.append(self._final_inputs(info["final_obs"], cut))
                final_at += [[t, int(row)] for row in cut]
            episodes += records_of(info)
            lost += int(np.sum(info.get("lost", 0)))
            self.now = self.senses.inputs(observation)
            self.starting = torch.from_numpy(np.asarray(term | trunc))
        self.carried = memory if isinstance(memory, Recurrent) else None
        if keep_trunk:
            trunks.append(actor.step_trunk(self.now, memory.forget(self.starting))[0])
        return Rollout(
            inputs=stack(seen),
            after=self.now.at(None),
            starts_after=self.starting,
            memory=before,
            final=cat(final, 0) if final else None,
            final_at=torch.tensor(final_at, dtype=torch.int64).reshape(-1, 2),
            episodes=episodes,
            lost=lost,
            trunk=torch.cat(trunks) if keep_trunk else None,
            **{name: torch.stack(part) for name, part in kept.items()},
        )

    def remember(self, rollout: Rollout) -> None:
        """Keep the last S inputs as the history of the next rollout; call it once the update is done with the old one."""
        past = [rollout.inputs] if self.history is None else [self.history, rollout.inputs]
        joined, starts = cat(past, 0), torch.cat([self.history_starts, rollout.starts])
        kept = self._needed(starts) if joined.is_large else self.context
        self.history, self.history_starts = joined.at(slice(-kept, None)), starts[-kept:]

    def _needed(self, starts: Tensor) -> int:
        """Steps back to the beginning of the longest present episode, at most the context; starts (T, B)."""
        age = age_after(starts, torch.zeros(starts.shape[1], dtype=torch.int64), self.context)
        return max(1, int(age.masked_fill(self.starting, 0).max()))

    def _final_inputs(self, final: Any, rows: npt.NDArray[np.int64]) -> PolicyInputs:
        """Inputs of the last observations of the rows whose episode was cut, (E, ...)."""
        observation = {name: np.stack([final[row][name] for row in rows]) for name in final[rows[0]]}
        inputs: PolicyInputs = self.senses.fresh().inputs(observation)
        return inputs


@torch.no_grad()
def values_of(
    critic: Network, memory: Memory, history: PolicyInputs | None, history_starts: Tensor, rollout: Rollout
) -> tuple[Tensor, Tensor]:
    """V of every step and of every state that a step led to, in one batched pass; both (T, B, 1 + L).

    The first value is that of the rewards, the others are those of the costs.

    Where an episode was cut by the time limit, the next state is its last observation, seen with the same past.
    """
    if rollout.trunk is not None:
        values = critic.head(rollout.trunk)  # (T + 1, B, 1 + L)
    else:
        inputs = cat([rollout.inputs, rollout.after], 0)
        starts = torch.cat([rollout.starts, rollout.starts_after.unsqueeze(0)])
        values, _ = critic.sequence(inputs, starts, memory)
    following = values[1:].clone()
    if rollout.final is not None:
        past = rollout.inputs if history is None else cat([history, rollout.inputs], 0)
        past_starts = torch.cat([history_starts, rollout.starts])
        step, row = rollout.final_at.unbind(1)
        following[step, row] = critic.value_after(past, past_starts, step + len(history_starts), row, rollout.final)
    return values[:-1], following
