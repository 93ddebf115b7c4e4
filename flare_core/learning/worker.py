"""One worker of a fine-tuning run: its environments, its replica of the networks, and the rollout in hand.

What a worker is told and what it answers is small and can be sent to another process; rollouts and gradients stay with it.
Legend: T steps, B rows of this worker, b of them in a minibatch, A actions, L constraints that the learner keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from flare_core.learning.advantages import advantages
from flare_core.learning.checkpoint import part_of
from flare_core.learning.rollout import Collector, Exploration, Rollout, values_of
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.threads import clear_gradients
from flare_core.policies.distribution import chosen, divergence, entropy, log_probabilities
from flare_core.policies.interface import Actor, Network, SharedCritic
from flare_core.policies.memory import Memory, Recurrent


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Weights that change during training, as they stand at one update."""

    kl: float = 0.0
    epsilon: float = 0.0
    actor: bool = True  # False during the critic's warm-up
    rate: float = 1.0  # part of every learning rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One worker's rollout with everything that the loss needs, (T, B); `returns` (T, B, 1 + L) of the reward and of every cost."""

    rollout: Rollout
    advantages: Tensor
    returns: Tensor
    critic_memory: Memory
    reference: Tensor | None  # (T, B, A) log-probabilities of the source policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a run's records need of one worker's rollout: steps, episodes that ended or were lost, how often each action was taken (A,)."""

    steps: int
    episodes: list[dict[str, Any]]
    lost: int
    used: Tensor


class Worker:
    """Plays with its replica of the networks and finds the gradients of what it played.

    Attributes:
        actor, critic: replicas; their parameters are those of all workers, their gradients this one's.
        reference: the source policy that the actor is kept near to, if the recipe asks for that.
        new_rows, shared: bool (A,), see `Learner`.
        rollout, batch: what was played last, and the same with what the loss needs.
    """

    def __init__(
        self, collector: Collector, actor: Actor, critic: Network, reference: Actor | None, recipe: RecipeSpec,
        new_rows: Tensor, shared: Tensor,
    ) -> None:  # fmt: skip
        self.collector, self.actor, self.critic, self.reference = collector, actor, critic, reference
        self.recipe, self.new_rows, self.shared = recipe, new_rows, shared
        self.rollout: Rollout | None = None
        self.batch: Batch | None = None

    def collect(self, now: Coefficients) -> Played:
        """Play one rollout."""
        explore = Exploration(actions=self.new_rows, epsilon=now.epsilon)
        recipe = self.recipe
        self.rollout = rollout = self.collector.collect(
            self.actor, recipe.rollout, explore, recipe.cold_memory, keep_trunk=not recipe.separate_critic
        )
        used = rollout.actions.flatten().bincount(minlength=len(self.new_rows))
        return Played(steps=rollout.rewards.numel(), episodes=rollout.episodes, lost=rollout.lost, used=used)

    def prepare(self, multipliers: Tensor) -> Tensor:
        """Values, advantages and reference log-probabilities of the rollout; the advantages (T, B)."""
        rollout, recipe, critic, collector = self.rollout, self.recipe, self.critic, self.collector
        assert rollout is not None
        shared = isinstance(critic, SharedCritic)  # its memory is the actor's, which is at hand
        memory = rollout.memory if shared else collector.memory(critic, recipe.cold_memory)
        history = None if recipe.cold_memory else collector.history
        starts = collector.history_starts if history is not None else collector.history_starts[:0]
        values, following = values_of(critic, memory, history, starts, rollout)
        ended = rollout.terminated | rollout.truncated
        paid = torch.cat([rollout.rewards.unsqueeze(-1), rollout.costs], dim=-1).unbind(-1)
        every = [
            advantages(one, values[..., at], following[..., at], rollout.terminated, ended, gamma=recipe.gamma, lam=recipe.lam)
            for at, one in enumerate(paid)
        ]
        returns = torch.stack([one + values[..., at] for at, one in enumerate(every)], dim=-1)
        reference = None
        if self.reference is not None:
            with torch.no_grad():
                logits, _ = self.reference.sequence(rollout.inputs, rollout.starts, collector.memory(self.reference, recipe.cold_memory))
                reference = log_probabilities(logits, rollout.allowed)
        gains = weighed(every, multipliers)
        self.batch = Batch(rollout=rollout, advantages=gains, returns=returns, critic_memory=memory, reference=reference)
        return gains

    def centre(self, mean: Tensor, unit: Tensor | float) -> None:
        """Take the mean of all workers' advantages from this one's, and divide them."""
        assert self.batch is not None
        self.batch = replace(self.batch, advantages=(self.batch.advantages - mean) / unit)

    def find_gradients(self, rows: Tensor, now: Coefficients, share: int) -> dict[str, float]:
        """Gradients of the loss of some rows (b,), left in the replicas' parameters; the loss's parts.

        Args:
            share: number of workers, whose losses are averaged.
        """
        assert self.batch is not None
        clear_gradients((*self.actor.parameters(), *self.critic.parameters()))
        out, logits = self._outputs(self.batch, rows, now.actor)
        wrong = out.float() - self.batch.returns[:, rows]  # (T, b, 1 + L)
        value_loss = torch.stack([0.5 * one.square().mean() for one in wrong.unbind(-1)]).sum()
        found = {"value_loss": float(value_loss.detach())}
        loss = self.recipe.value_weight * value_loss
        if logits is not None:
            policy_loss, report = self._policy_loss(logits.float(), self.batch, rows, now)
            loss = loss + policy_loss
            found |= report
        torch.autograd.backward(loss / share)
        return found

    def remember(self) -> None:
        """Let go of the rollout but for what the next one needs of its past; call it once the update is done."""
        assert self.rollout is not None
        if not self.recipe.cold_memory:
            self.collector.remember(self.rollout)

    def snapshot(self) -> dict[str, Tensor]:
        """Everything that this worker's future depends on, but for the networks."""
        tensors = {f"environment/{k}": torch.from_numpy(v.copy()) for k, v in self.collector.environment.snapshot().items()}
        return tensors | {f"collector/{k}": v for k, v in _collector_tensors(self.collector).items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to a snapshot."""
        self.collector.environment.restore({k: v.numpy() for k, v in part_of(tensors, "environment/").items()})
        _load_collector(self.collector, part_of(tensors, "collector/"))

    def _outputs(self, batch: Batch, rows: Tensor, with_actor: bool) -> tuple[Tensor, Tensor | None]:
        """Values (T, b, 1 + L) and, if asked for, logits (T, b, A) of some rows; a tower that both share is gone through once."""
        rollout, actor, critic = batch.rollout, self.actor, self.critic
        inputs, starts = rollout.inputs.at((slice(None), rows)), rollout.starts[:, rows]
        with self._arithmetic():
            if isinstance(critic, SharedCritic):
                trunk, _ = actor.trunk(inputs, starts, rollout.memory.at(rows))
                return critic.head(trunk), actor.head(trunk) if with_actor else None
            values, _ = critic.sequence(inputs, starts, batch.critic_memory.at(rows))
            return values, actor.sequence(inputs, starts, rollout.memory.at(rows))[0] if with_actor else None

    def _arithmetic(self) -> torch.autocast:
        """The recipe's arithmetic of matrix products, for the forward pass and with it for the backward one."""
        # One cache of cast weights serves all threads: whoever leaves first empties it, and sums of gradients round in another way.
        return torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.arithmetic == "bfloat16", cache_enabled=False)

    def _policy_loss(self, logits: Tensor, batch: Batch, rows: Tensor, now: Coefficients) -> tuple[Tensor, dict[str, float]]:
        rollout, some, clip = batch.rollout, (slice(None), rows), self.recipe.clip
        allowed = rollout.allowed[some]
        logp = log_probabilities(logits, allowed, self.new_rows, now.epsilon)
        ratio = (chosen(logp, rollout.actions[some]) - rollout.logp[some]).exp()
        gains = batch.advantages[some]
        loss = -torch.min(ratio * gains, ratio.clamp(1 - clip, 1 + clip) * gains).mean()
        spread = entropy(logp).mean()
        detached = ratio.detach()
        report = {
            "policy_loss": float(loss.detach()),
            "entropy": float(spread.detach()),
            "clip_fraction": float(((detached - 1).abs() > clip).float().mean()),
            "ratio_spread": float((detached - 1).abs().max()),
        }
        if self.recipe.entropy > 0:
            loss = loss - self.recipe.entropy * spread
        if batch.reference is not None and now.kl > 0:
            gap = divergence(batch.reference[some], log_probabilities(logits, allowed), allowed & self.shared).mean()
            report["source_kl"] = float(gap.detach())
            loss = loss + now.kl * gap
        return loss, report


def weighed(every: Sequence[Tensor], multipliers: Tensor) -> Tensor:
    """The reward's advantages less those of the costs, each times its multiplier; divided, so that steps stay as long as before."""
    gains = every[0]
    for weight, cost in zip(multipliers, every[1:], strict=True):
        gains = gains - weight * cost
    return gains / (1 + multipliers.sum()) if len(every) > 1 else gains


def _collector_tensors(collector: Collector) -> dict[str, Tensor]:
    tensors = {f"now/{name}": tensor for name, tensor in collector.now.tensors().items()}
    tensors |= {"starting": collector.starting, "history_starts": collector.history_starts}
    if collector.history is not None:
        tensors |= {f"history/{name}": tensor for name, tensor in collector.history.tensors().items()}
    if collector.carried is not None:
        tensors["carried"] = collector.carried.state
    return tensors


def _load_collector(collector: Collector, tensors: Mapping[str, Tensor]) -> None:
    inputs = type(collector.now)
    collector.now = inputs(**part_of(tensors, "now/"))
    collector.starting, collector.history_starts = tensors["starting"], tensors["history_starts"]
    history = part_of(tensors, "history/")
    collector.history = inputs(**history) if history else None
    collector.carried = Recurrent.of(tensors["carried"]) if "carried" in tensors else None
