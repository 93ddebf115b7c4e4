"""The PPO update: clipped policy loss, value loss, and the switches of a recipe.

Where a task has constraints `by: lagrange`, the critic has a value for each cost beside that of the reward, and the policy
follows (A - sum of l_c A_c) / (1 + sum of l_c), where the multipliers l_c rise while episodes cost too much.

References: Schulman et al. 2017, arXiv:1707.06347, equation 7; FLaRe (arXiv 2409.16578) for the setting; Ray et al. 2019,
"Benchmarking safe exploration in deep reinforcement learning", and SafeVLA (arXiv 2503.03480) for the multipliers.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from flare_core.learning.processes import crew_of, replicas_for, share_gradients, share_parameters, to_be_forked
from flare_core.learning.rollout import Collector
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.threads import gather_gradients
from flare_core.learning.worker import Coefficients, Worker
from flare_core.policies.interface import Network, Policy, SharedCritic
from flare_core.seeding import stream


class Learner:
    """Networks, the workers with their replicas of them, optimisers and the update.

    Attributes:
        actor, critic: the first replicas, which own the parameters.
        new_rows: bool (A,), actions whose rows the plan starts anew.
        shared: bool (A,), actions that source and target policy both know.
        limits: (L,) cost of an episode that each constraint allows. multipliers: (L,) what each costs the policy now.
        crew: the workers, as threads or as processes.
        workers: the same as objects; of processes, only the first of them is the one that plays.
        processes: how many of them the workers are, this one included.
    """

    def __init__(
        self, policy: Policy, recipe: RecipeSpec, collectors: Sequence[Collector], new_rows: Tensor, shared: Tensor, seed: int,
        limits: Sequence[float] = (), *, processes: bool = False,
    ) -> None:  # fmt: skip
        """Set up networks and workers.

        Args:
            collectors: one for each worker.
            processes: workers are forked processes if there are several and the machine allows it, else threads. Both learn the same.
        """
        self.limits = torch.tensor(limits, dtype=torch.float32)
        self.multipliers = torch.full_like(self.limits, recipe.lagrange.start)
        self.recipe, self.seed, self._apart = recipe, seed, processes and to_be_forked(len(collectors))
        self.new_rows, self.shared = new_rows, shared
        self.reference = policy.make_reference() if recipe.kl is not None else None
        self.actor = policy.actor
        self.critic: Network = policy.make_critic(1 + len(limits)) if recipe.separate_critic else SharedCritic(self.actor, 1 + len(limits))
        if self._apart and self.reference is not None:
            share_parameters([self.reference])
        self._actors = replicas_for(self.actor, len(collectors), apart=self._apart)
        self._critics = self._replicas_of_the_critic()
        self.workers = [
            Worker(collector, actor, critic, self.reference, recipe, new_rows, shared)
            for collector, actor, critic in zip(collectors, self._actors, self._critics, strict=True)
        ]
        self.actor_optimiser, self.critic_optimiser = self._optimisers()
        self._rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in (self.actor_optimiser, self.critic_optimiser)]
        self.processes = len(self.workers) if self._apart else 1
        self.crew = crew_of(self.workers, apart=self._apart)

    def _replicas_of_the_critic(self) -> list[Network]:
        if self.recipe.separate_critic:
            return replicas_for(self.critic, len(self._actors), apart=self._apart)
        critics = [self.critic, *(SharedCritic(actor, len(self.critic.head.bias)) for actor in self._actors[1:])]
        if self._apart:
            share_parameters(critics[:1])
            share_gradients(critics[1:])
        for twin in critics[1:]:
            twin.head.weight.data, twin.head.bias.data = self.critic.head.weight.data, self.critic.head.bias.data
        return critics

    def _optimisers(self) -> tuple[torch.optim.Adam, torch.optim.Adam]:
        fast = {id(self.actor.head.weight), id(self.actor.head.bias), id(self.actor.previous.weight)}
        slow = [p for p in self.actor.parameters() if id(p) not in fast]
        rate = self.recipe.learning_rate
        new = self.recipe.new_rows_learning_rate or rate
        groups = [{"params": slow, "lr": rate}, {"params": [p for p in self.actor.parameters() if id(p) in fast], "lr": new}]
        critic_rate = self.recipe.critic_learning_rate or rate
        return torch.optim.Adam(groups, fused=True), torch.optim.Adam(self.critic.parameters(), lr=critic_rate, fused=True)

    def adapt_multipliers(self, costs: Sequence[float]) -> None:
        """Raise the multipliers of costs (L,) of recent episodes above their limit, and lower the others."""
        lagrange = self.recipe.lagrange
        beyond = (torch.tensor(costs, dtype=torch.float32) - self.limits) / self.limits.clamp(min=1.0)
        self.multipliers = (self.multipliers + lagrange.rate * beyond).clamp(0.0, lagrange.most)

    def update(self, number: int, now: Coefficients) -> dict[str, float]:
        """Learn from the rollout of every worker.

        Args:
            number: of this update, keys the order of minibatches.

        Returns:
            Means over all minibatches of the losses, the clip fraction, KL and entropy.
        """
        every = self.crew.each(Worker.prepare, self.multipliers)
        if self.recipe.centre_advantages or self.recipe.normalise_advantages:
            self.crew.each(Worker.centre, *_spread(every, scaled=self.recipe.normalise_advantages))
        return self.learn(every[0].shape[1], number, now)

    def learn(self, rows: int, number: int, now: Coefficients) -> dict[str, float]:
        """As `update`, from batches of so many rows that all workers have prepared."""
        for optimiser, full in zip((self.actor_optimiser, self.critic_optimiser), self._rates, strict=True):
            for group, rate in zip(optimiser.param_groups, full, strict=True):
                group["lr"] = rate * now.rate
        share = len(self.workers)
        sums: dict[str, float] = {}
        count = 0
        for epoch in range(self.recipe.epochs):
            order = stream(self.seed, "minibatch", number, epoch).permutation(rows)
            for part in np.array_split(order, min(self.recipe.minibatches, rows)):
                results = self.crew.each(Worker.find_gradients, torch.from_numpy(np.sort(part)), now, share)
                self._step(now)
                count += 1
                for result in results:
                    for name, value in result.items():
                        sums[name] = sums.get(name, 0.0) + value / share
        return {name: value / count for name, value in sums.items()}

    def _step(self, now: Coefficients) -> None:
        limit = self.recipe.max_gradient_norm
        gather_gradients(self._critics, keep=self._apart)
        gather_gradients(self._actors, keep=self._apart)
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


def _spread(every: Sequence[Tensor], *, scaled: bool) -> tuple[Tensor, Tensor | float]:
    """Mean of all workers' advantages (T, B), and what to divide them by: their deviation if `scaled`, else 1.

    A critic that expects too much makes every advantage negative. Whatever was done is then made less likely, all else more:
    the policy flattens although nothing was learned. The mean carries no knowledge of which action was better.
    """
    joined = torch.cat([one.flatten() for one in every])
    return joined.mean(), joined.std() + 1e-8 if scaled else 1.0
