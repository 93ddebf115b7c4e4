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
from flare_core.learning.ppo import Learner
from flare_core.learning.rollout import Collector, Environment
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.worker import Coefficients, Played, Worker
from flare_core.policies.interface import Policy, PolicySenses
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
        processes: bool = False,
    ) -> None:
        """Set up networks, workers and their senses.

        Args:
            environments: one group for each worker, recipe.rows rows together.
            senses: makes one worker's senses.
            folder: receives log.jsonl and checkpoints/.
            new_rows, shared: rows of the head that the plan starts anew, and rows that source and target share.
            processes: every worker in a process of its own where the machine allows it, instead of threads: faster, and the
                weights come out the same. The environments are then played in those processes, and must not be touched here any more.
        """
        self.policy, self.recipe, self.folder, self.seed = policy, recipe, folder, seed
        policy.freeze_encoder()
        actions = len(policy.spec.actions)
        key = key_of(seed, "action")
        self.environments = list(environments)
        self.learner = Learner(
            policy, recipe, [Collector(env, senses(policy), env.observe(), key) for env in environments], _flags(new_rows, actions),
            _flags(shared, actions), seed, environments[0].limits, processes=processes,
        )  # fmt: skip
        self.progress = Progress()
        self.recent: deque[int] = deque(maxlen=RECENT)
        self.recent_costs: deque[list[float]] = deque(maxlen=RECENT_COSTS)
        self.is_between_updates = True  # then all of it can be saved
        self.kept_steps = 0  # in the last checkpoint

    @property
    def workers(self) -> list[Worker]:
        """Every worker; see `Learner.workers`."""
        return self.learner.workers

    def close(self) -> None:
        """End the workers' threads or processes; the environments stay the caller's."""
        self.learner.crew.close()

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
        self.is_between_updates = False
        now = self._coefficients()
        crew = self.learner.crew
        played = crew.each(Worker.collect, now)
        collected = time.perf_counter()
        if now.actor:
            self._weigh_costs(played)
        losses = self.learner.update(self.progress.updates, now)
        crew.each(Worker.remember)
        record = self._record(played, losses, now, collected - began, time.perf_counter() - began)
        self.is_between_updates = True
        return record

    def _weigh_costs(self, played: Sequence[Played]) -> None:
        """Let the multipliers follow what recent episodes cost."""
        if not len(self.learner.limits):
            return
        self.recent_costs.extend(episode["costs"].tolist() for one in played for episode in one.episodes)
        if self.recent_costs:
            self.learner.adapt_multipliers(np.mean(self.recent_costs, axis=0).tolist())

    def _coefficients(self) -> Coefficients:
        steps, recipe = self.progress.steps, self.recipe
        kl = recipe.kl.weight * max(0.0, 1 - steps / recipe.kl.decay_steps) if recipe.kl else 0.0
        epsilon = recipe.explore.epsilon * max(0.0, 1 - steps / recipe.explore.decay_steps) if recipe.explore else 0.0
        rate = 1 - (1 - recipe.final_rate) * min(1.0, steps / recipe.steps)
        return Coefficients(kl=kl, epsilon=epsilon, actor=steps >= recipe.critic_warmup_steps, rate=rate)

    def _record(
        self, played: Sequence[Played], losses: Mapping[str, float], now: Coefficients, collect_s: float, total_s: float
    ) -> dict[str, Any]:
        progress = self.progress
        steps = sum(one.steps for one in played)
        ended = [episode for one in played for episode in one.episodes]
        self.recent.extend(int(episode["success"]) for episode in ended)
        progress.updates += 1
        progress.steps += steps
        progress.episodes += len(ended)
        progress.successes += sum(int(episode["success"]) for episode in ended)
        progress.lost += sum(one.lost for one in played)
        progress.seconds += total_s
        used = torch.stack([one.used for one in played]).sum(0)
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
        for at, taken in enumerate(learner.crew.each(Worker.snapshot)):
            tensors |= {_numbered(name, at): tensor for name, tensor in taken.items()}
        facts = {
            "progress": {name: getattr(self.progress, name) for name in Progress.__slots__},
            "recent": list(self.recent),
            "recent_costs": list(self.recent_costs),
            "multipliers": learner.multipliers.tolist(),
            "recipe": self.recipe.model_dump(),
            "seed": self.seed,
            "workers": len(self.workers),
        }
        saved = save_checkpoint(self.folder / "checkpoints", self.progress.updates, tensors, facts)
        self.kept_steps = self.progress.steps
        return saved

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
        for name, mine in (("recipe", self.recipe.model_dump(mode="json")), ("seed", self.seed), ("workers", len(self.workers))):
            if facts[name] != mine:
                raise TrainError(f"{found[-1]}: was made with {name} {facts[name]}, not {mine}; resume with the same, or use another --out")
        learner = self.learner
        learner.actor.load_state_dict(part_of(tensors, "actor/"))
        learner.critic.load_state_dict(part_of(tensors, "critic/"))
        if learner.reference is not None:
            learner.reference.load_state_dict(part_of(tensors, "reference/"))
        load_optimiser(learner.actor_optimiser, part_of(tensors, "actor_optimiser/"))
        load_optimiser(learner.critic_optimiser, part_of(tensors, "critic_optimiser/"))
        parts = ("environment", "collector")
        learner.crew.deal(
            Worker.restore,
            [
                ({f"{part}/{name}": tensor for part in parts for name, tensor in part_of(tensors, f"{part}{at}/").items()},)
                for at in range(len(self.workers))
            ],
        )
        self.progress = Progress(**facts["progress"])
        self.kept_steps = self.progress.steps
        self.recent = deque(facts["recent"], maxlen=RECENT)
        self.recent_costs = deque(facts["recent_costs"], maxlen=RECENT_COSTS)
        learner.multipliers = torch.tensor(facts["multipliers"], dtype=torch.float32)
        _cut_log(self.folder / "log.jsonl", self.progress.updates)


def _flags(rows: Sequence[int], count: int) -> Tensor:
    flags = torch.zeros(count, dtype=torch.bool)
    flags[list(rows)] = True
    return flags


def _numbered(name: str, worker: int) -> str:
    """A tensor of a worker's snapshot as checkpoints call it: environment/x of worker 1 is environment1/x."""
    part, rest = name.split("/", 1)
    return f"{part}{worker}/{rest}"


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
