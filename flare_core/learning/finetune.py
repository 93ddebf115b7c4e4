"""The PPO run: collect, update, log, checkpoint, resume."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flare_core.errors import TrainError
from flare_core.learning.checkpoint import checkpoints, load_checkpoint, load_optimiser, optimiser_tensors, part_of, save_checkpoint
from flare_core.learning.ppo import Coefficients, Learner
from flare_core.learning.rollout import Collector, Environment, Exploration, Rollout
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.threads import Crew
from flare_core.policies.interface import Policy, PolicySenses
from flare_core.policies.memory import Recurrent
from flare_core.seeding import key_of

RECENT = 200  # episodes that the running success is taken over,
RECENT_COSTS = 50  # and their costs, which the multipliers follow


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counters of a run; everything that a resumed run must know besides tensors."""

    updates: int = 0
    steps: int = 0
    episodes: int = 0
    successes: int = 0
    lost: int = 0
    seconds: float = 0.0


class FineTuner:
    """One run of PPO from an adapted policy."""

    def __init__(
        self,
        policy: Policy,
        recipe: RecipeSpec,
        environments: Sequence[Environment],
        senses: Callable[[Policy], PolicySenses],
        folder: Path,
        *,
        new_rows: Sequence[int],
        shared: Sequence[int],
        seed: int,
    ) -> None:
        """Set up networks, workers and their senses.

        Args:
            environments: one group for each worker, recipe.rows rows together.
            senses: makes one worker's senses.
            folder: receives log.jsonl and checkpoints/.
            new_rows, shared: rows of the head that the plan starts anew, and rows that source and target share.
        """
        self.policy, self.recipe, self.folder, self.seed = policy, recipe, folder, seed
        policy.freeze_encoder()
        self.crew = Crew(len(environments))
        actions = len(policy.spec.actions)
        limits = environments[0].limits
        self.learner = Learner(policy, recipe, self.crew, _flags(new_rows, actions), _flags(shared, actions), seed, limits)
        key = key_of(seed, "action")
        self.environments = list(environments)
        self.collectors = [Collector(env, senses(policy), env.observe(), key) for env in environments]
        self.progress = Progress()
        self.recent: deque[int] = deque(maxlen=RECENT)
        self.recent_costs: deque[list[float]] = deque(maxlen=RECENT_COSTS)

    def run(self, report: Callable[[Mapping[str, Any]], None], checkpoint_every_s: float = 30.0) -> None:
        """Train until the recipe's steps are done; saves on every interruption.

        Args:
            report: receives each update's record, as it is written to the log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            while self.progress.steps < self.recipe.steps:
                record = self.update()
                log.write(json.dumps(record) + "\n")
                log.flush()
                report(record)
                if time.monotonic() - saved > checkpoint_every_s:
                    self.save()
                    saved = time.monotonic()
        self.save()

    def update(self) -> dict[str, Any]:
        """Collect one rollout with every worker and learn from it; the update's record."""
        began = time.perf_counter()
        now = self._coefficients()
        explore = Exploration(actions=self.learner.new_rows, epsilon=now.epsilon)
        recipe = self.recipe
        rollouts = self.crew.each(
            lambda worker: self.collectors[worker].collect(
                self.learner.actors[worker], recipe.rollout, explore, recipe.cold_memory, keep_trunk=not recipe.separate_critic
            )
        )
        collected = time.perf_counter()
        if now.actor:
            self._weigh_costs(rollouts)
        batches = self.crew.each(lambda worker: self.learner.prepare(worker, self.collectors[worker], rollouts[worker]))
        losses = self.learner.update(batches, self.progress.updates, now)
        if not recipe.cold_memory:
            for collector, rollout in zip(self.collectors, rollouts, strict=True):
                collector.remember(rollout)
        return self._record(rollouts, losses, now, collected - began, time.perf_counter() - began)

    def _weigh_costs(self, rollouts: Sequence[Rollout]) -> None:
        """Let the multipliers follow what recent episodes cost."""
        if not len(self.learner.limits):
            return
        self.recent_costs.extend(episode["costs"].tolist() for rollout in rollouts for episode in rollout.episodes)
        if self.recent_costs:
            self.learner.adapt_multipliers(np.mean(self.recent_costs, axis=0).tolist())

    def _coefficients(self) -> Coefficients:
        steps, recipe = self.progress.steps, self.recipe
        kl = recipe.kl.weight * max(0.0, 1 - steps / recipe.kl.decay_steps) if recipe.kl else 0.0
        epsilon = recipe.explore.epsilon * max(0.0, 1 - steps / recipe.explore.decay_steps) if recipe.explore else 0.0
        rate = 1 - (1 - recipe.final_rate) * min(1.0, steps / recipe.steps)
        return Coefficients(kl=kl, epsilon=epsilon, actor=steps >= recipe.critic_warmup_steps, rate=rate)

    def _record(
        self, rollouts: Sequence[Rollout], losses: Mapping[str, float], now: Coefficients, collect_s: float, total_s: float
    ) -> dict[str, Any]:
        progress = self.progress
        steps = sum(rollout.rewards.numel() for rollout in rollouts)
        ended = [episode for rollout in rollouts for episode in rollout.episodes]
        self.recent.extend(int(episode["success"]) for episode in ended)
        progress.updates += 1
        progress.steps += steps
        progress.episodes += len(ended)
        progress.successes += sum(int(episode["success"]) for episode in ended)
        progress.lost += sum(rollout.lost for rollout in rollouts)
        progress.seconds += total_s
        used = torch.cat([rollout.actions.flatten() for rollout in rollouts]).bincount(minlength=len(self.policy.spec.actions))
        share = (used / used.sum()).tolist()
        return {
            "update": progress.updates, "steps": progress.steps, "episodes": progress.episodes, "lost": progress.lost,
            "success": float(np.mean(self.recent)) if self.recent else None, "actor_learns": now.actor, "kl_weight": now.kl,
            "epsilon": now.epsilon, "steps_per_second": steps / total_s, "collect_s": collect_s, "seconds": progress.seconds,
            **self._cost_record(),
            "length": float(np.mean([episode["length"] for episode in ended])) if ended else None,
            "return": float(np.mean([episode["reward"] for episode in ended])) if ended else None, **losses,
            "use": dict(zip(self.policy.spec.actions, [round(s, 5) for s in share], strict=True)),
        }  # fmt: skip

    def _cost_record(self) -> dict[str, list[float]]:
        """Multipliers and costs of recent episodes, in the order of the task's constraints; nothing without any."""
        if not len(self.learner.limits):
            return {}
        recent = np.mean(self.recent_costs, axis=0).tolist() if self.recent_costs else []
        return {"multipliers": self.learner.multipliers.tolist(), "episode_costs": recent}

    def save(self) -> Path:
        """Write a checkpoint of everything the future depends on."""
        learner = self.learner
        tensors = {f"actor/{k}": v for k, v in learner.actor.state_dict().items()}
        tensors |= {f"critic/{k}": v for k, v in learner.critic.state_dict().items()}
        tensors |= optimiser_tensors("actor_optimiser", learner.actor_optimiser)
        tensors |= optimiser_tensors("critic_optimiser", learner.critic_optimiser)
        if learner.reference is not None:
            tensors |= {f"reference/{k}": v for k, v in learner.reference.state_dict().items()}
        for at, (environment, collector) in enumerate(zip(self.environments, self.collectors, strict=True)):
            tensors |= {f"environment{at}/{k}": torch.from_numpy(np.array(v)) for k, v in environment.snapshot().items()}
            tensors |= _collector_tensors(f"collector{at}", collector)
        facts = {
            "progress": {name: getattr(self.progress, name) for name in Progress.__slots__},
            "recent": list(self.recent),
            "recent_costs": list(self.recent_costs),
            "multipliers": learner.multipliers.tolist(),
            "recipe": self.recipe.model_dump(),
            "seed": self.seed,
            "workers": len(self.environments),
        }
        return save_checkpoint(self.folder / "checkpoints", self.progress.updates, tensors, facts)

    def resume(self) -> None:
        """Go back to the last checkpoint, or to the start if there is none yet, and cut the log there.

        Raises:
            TrainError: it belongs to another recipe, seed or number of workers.
        """
        found = checkpoints(self.folder / "checkpoints")
        if not found:  # stopped before the first: begin again
            _cut_log(self.folder / "log.jsonl", 0)
            return
        tensors, facts = load_checkpoint(found[-1])
        for name, mine in (("recipe", self.recipe.model_dump(mode="json")), ("seed", self.seed), ("workers", len(self.environments))):
            if facts[name] != mine:
                raise TrainError(f"{found[-1]}: was made with {name} {facts[name]}, not {mine}; resume with the same, or use another --out")
        learner = self.learner
        learner.actor.load_state_dict(part_of(tensors, "actor/"))
        learner.critic.load_state_dict(part_of(tensors, "critic/"))
        if learner.reference is not None:
            learner.reference.load_state_dict(part_of(tensors, "reference/"))
        load_optimiser(learner.actor_optimiser, part_of(tensors, "actor_optimiser/"))
        load_optimiser(learner.critic_optimiser, part_of(tensors, "critic_optimiser/"))
        for at, (environment, collector) in enumerate(zip(self.environments, self.collectors, strict=True)):
            environment.restore({k: v.numpy() for k, v in part_of(tensors, f"environment{at}/").items()})
            _load_collector(collector, part_of(tensors, f"collector{at}/"))
        self.progress = Progress(**facts["progress"])
        self.recent = deque(facts["recent"], maxlen=RECENT)
        self.recent_costs = deque(facts["recent_costs"], maxlen=RECENT_COSTS)
        learner.multipliers = torch.tensor(facts["multipliers"], dtype=torch.float32)
        _cut_log(self.folder / "log.jsonl", self.progress.updates)


def _flags(rows: Sequence[int], count: int) -> Tensor:
    flags = torch.zeros(count, dtype=torch.bool)
    flags[list(rows)] = True
    return flags


def _collector_tensors(prefix: str, collector: Collector) -> dict[str, Tensor]:
    tensors = {f"{prefix}/now/{name}": tensor for name, tensor in collector.now.tensors().items()}
    tensors |= {f"{prefix}/starting": collector.starting, f"{prefix}/history_starts": collector.history_starts}
    if collector.history is not None:
        tensors |= {f"{prefix}/history/{name}": tensor for name, tensor in collector.history.tensors().items()}
    if collector.carried is not None:
        tensors[f"{prefix}/carried"] = collector.carried.state
    return tensors


def _load_collector(collector: Collector, tensors: Mapping[str, Tensor]) -> None:
    inputs = type(collector.now)
    collector.now = inputs(**part_of(tensors, "now/"))
    collector.starting, collector.history_starts = tensors["starting"], tensors["history_starts"]
    history = part_of(tensors, "history/")
    collector.history = inputs(**history) if history else None
    collector.carried = Recurrent.of(tensors["carried"]) if "carried" in tensors else None


def _cut_log(path: Path, updates: int) -> None:
    """Drop log lines of updates that the checkpoint does not contain, also a half-written last line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break
        if record["update"] > updates:
            break
        kept.append(line)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    os.replace(temporary, path)
