"""The PPO update: clipped policy loss, value loss, and the switches of a recipe.

Where a task has constraints `by: lagrange`, the critic has a value for each cost beside that of the reward, and the policy
follows (A - sum of l_c A_c) / (1 + sum of l_c), where the multipliers l_c rise while episodes cost too much.

References: Schulman et al. 2017, arXiv:1707.06347, equation 7; FLaRe (arXiv 2409.16578) for the setting; Ray et al. 2019,
"Benchmarking safe exploration in deep reinforcement learning", and SafeVLA (arXiv 2503.03480) for the multipliers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from flare_core.learning.advantages import advantages
from flare_core.learning.rollout import Collector, Exploration, Rollout, values_of
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.threads import Crew, gather_gradients, replicas
from flare_core.policies.distribution import chosen, divergence, entropy, log_probabilities
from flare_core.policies.interface import Network, Policy, SharedCritic
from flare_core.policies.memory import Memory
from flare_core.seeding import stream


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


class Learner:
    """Networks, their replicas, optimisers and the update.

    Attributes:
        actor, critic: the first replicas, which own the parameters.
        new_rows: bool (A,), actions whose rows the plan starts anew.
        shared: bool (A,), actions that source and target policy both know.
        limits: (L,) cost of an episode that each constraint allows. multipliers: (L,) what each costs the policy now.
    """

    def __init__(
        self, policy: Policy, recipe: RecipeSpec, crew: Crew, new_rows: Tensor, shared: Tensor, seed: int,
        limits: Sequence[float] = (),
    ) -> None:  # fmt: skip
        self.limits = torch.tensor(limits, dtype=torch.float32)
        self.multipliers = torch.full_like(self.limits, recipe.lagrange.start)
        self.recipe, self.crew, self.seed = recipe, crew, seed
        self.new_rows, self.shared = new_rows, shared
        self.reference = policy.make_reference() if recipe.kl is not None else None
        self.actors = replicas(policy.actor, crew.workers)
        self.actor = policy.actor
        self.critics: list[Network]
        if recipe.separate_critic:
            self.critics = replicas(policy.make_critic(1 + len(limits)), crew.workers)
        else:
            self.critics = [SharedCritic(actor, 1 + len(limits)) for actor in self.actors]
            for twin in self.critics[1:]:
                twin.head.weight.data, twin.head.bias.data = self.critics[0].head.weight.data, self.critics[0].head.bias.data
        self.critic = self.critics[0]
        self.actor_optimiser, self.critic_optimiser = self._optimisers()
        self._rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in (self.actor_optimiser, self.critic_optimiser)]

    def _optimisers(self) -> tuple[torch.optim.Adam, torch.optim.Adam]:
        fast = {id(self.actor.head.weight), id(self.actor.head.bias), id(self.actor.previous.weight)}
        slow = [p for p in self.actor.parameters() if id(p) not in fast]
        rate = self.recipe.learning_rate
        new = self.recipe.new_rows_learning_rate or rate
        groups = [{"params": slow, "lr": rate}, {"params": [p for p in self.actor.parameters() if id(p) in fast], "lr": new}]
        critic_rate = self.recipe.critic_learning_rate or rate
        return torch.optim.Adam(groups, fused=True), torch.optim.Adam(self.critic.parameters(), lr=critic_rate, fused=True)

    def prepare(self, worker: int, collector: Collector, rollout: Rollout) -> Batch:
        """Values, advantages and reference log-probabilities of one worker's rollout."""
        recipe, critic = self.recipe, self.critics[worker]
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
        return Batch(rollout=rollout, advantages=self._weighed(every), returns=returns, critic_memory=memory, reference=reference)

    def _weighed(self, every: Sequence[Tensor]) -> Tensor:
        """The reward's advantages less those of the costs, each times its multiplier; divided, so that steps stay as long as before."""
        gains = every[0]
        for weight, cost in zip(self.multipliers, every[1:], strict=True):
            gains = gains - weight * cost
        return gains / (1 + self.multipliers.sum()) if len(every) > 1 else gains

    def adapt_multipliers(self, costs: Sequence[float]) -> None:
        """Raise the multipliers of costs (L,) of recent episodes above their limit, and lower the others."""
        lagrange = self.recipe.lagrange
        beyond = (torch.tensor(costs, dtype=torch.float32) - self.limits) / self.limits.clamp(min=1.0)
        self.multipliers = (self.multipliers + lagrange.rate * beyond).clamp(0.0, lagrange.most)

    def update(self, batches: Sequence[Batch], number: int, now: Coefficients) -> dict[str, float]:
        """Learn from one rollout of every worker.

        Args:
            batches: one for each worker.
            number: of this update, keys the order of minibatches.

        Returns:
            Means over all minibatches of the losses, the clip fraction, KL and entropy.
        """
        if self.recipe.centre_advantages or self.recipe.normalise_advantages:
            batches = _centred(batches, scaled=self.recipe.normalise_advantages)
        for optimiser, full in zip((self.actor_optimiser, self.critic_optimiser), self._rates, strict=True):
            for group, rate in zip(optimiser.param_groups, full, strict=True):
                group["lr"] = rate * now.rate
        rows, share = batches[0].rollout.rewards.shape[1], len(batches)
        sums: dict[str, float] = {}
        count = 0
        for epoch in range(self.recipe.epochs):
            order = stream(self.seed, "minibatch", number, epoch).permutation(rows)
            for part in np.array_split(order, min(self.recipe.minibatches, rows)):
                at = torch.from_numpy(np.sort(part))
                results = self.crew.each(lambda worker, at=at, share=share: self._gradients(worker, batches[worker], at, now, share))  # type: ignore[misc]
                self._step(now)
                count += 1
                for result in results:
                    for name, value in result.items():
                        sums[name] = sums.get(name, 0.0) + value / share
        return {name: value / count for name, value in sums.items()}

    def _gradients(self, worker: int, batch: Batch, rows: Tensor, now: Coefficients, share: int) -> dict[str, float]:
        out, logits = self._outputs(worker, batch, rows, now.actor)
        wrong = out.float() - batch.returns[:, rows]  # (T, b, 1 + L)
        value_loss = torch.stack([0.5 * one.square().mean() for one in wrong.unbind(-1)]).sum()
        found = {"value_loss": float(value_loss.detach())}
        loss = self.recipe.value_weight * value_loss
        if logits is not None:
            policy_loss, report = self._policy_loss(logits.float(), batch, rows, now)
            loss = loss + policy_loss
            found |= report
        torch.autograd.backward(loss / share)
        return found

    def _outputs(self, worker: int, batch: Batch, rows: Tensor, with_actor: bool) -> tuple[Tensor, Tensor | None]:
        """Values (T, b, 1 + L) and, if asked for, logits (T, b, A) of some rows; a tower that both share is gone through once."""
        rollout, actor, critic = batch.rollout, self.actors[worker], self.critics[worker]
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

    def _step(self, now: Coefficients) -> None:
        limit = self.recipe.max_gradient_norm
        gather_gradients(self.critics)
        gather_gradients(self.actors)
        critic = list(self.critic.parameters())
        actor = list(self.actor.parameters()) if now.actor else []
        if self.recipe.joint_gradient_norm:
            nn.utils.clip_grad_norm_(actor + critic, limit)
        else:
            nn.utils.clip_grad_norm_(critic, limit)
            nn.utils.clip_grad_norm_(actor, limit)
        self.critic_optimiser.step()
        self.critic_optimiser.zero_grad(set_to_none=True)
        if now.actor:
            self._step_actor()
        self.actor_optimiser.zero_grad(set_to_none=True)

    def _step_actor(self) -> None:
        """Adam's step, in which rows of carried actions go at the slow rate although they share a tensor with new rows.

        Adam moves every element on its own and in proportion to the rate, so scaling a row's move is the same as
        giving the row another rate.
        """
        rows = torch.cat([self.new_rows, torch.zeros(1, dtype=torch.bool)])
        tensors = [(self.actor.head.weight, self.new_rows), (self.actor.head.bias, self.new_rows), (self.actor.previous.weight, rows)]
        before = [tensor.detach().clone() for tensor, _ in tensors]
        self.actor_optimiser.step()
        scale = self.recipe.learning_rate / (self.recipe.new_rows_learning_rate or self.recipe.learning_rate)
        for (tensor, new), old in zip(tensors, before, strict=True):
            with torch.no_grad():
                tensor[~new] = old[~new] + scale * (tensor[~new] - old[~new])


def exploration(learner: Learner, epsilon: float) -> Exploration:
    """Exploration as the sampler takes it."""
    return Exploration(actions=learner.new_rows, epsilon=epsilon)


def _centred(batches: Sequence[Batch], scaled: bool) -> list[Batch]:
    """Batches whose advantages have mean 0, and deviation 1 if `scaled`, over all workers.

    A critic that expects too much makes every advantage negative. Whatever was done is then made less likely, all else more:
    the policy flattens although nothing was learned. The mean carries no knowledge of which action was better.
    """
    every = torch.cat([batch.advantages.flatten() for batch in batches])
    mean, unit = every.mean(), every.std() + 1e-8 if scaled else 1.0
    return [replace(batch, advantages=(batch.advantages - mean) / unit) for batch in batches]
