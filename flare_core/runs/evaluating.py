"""Measure a bundle on fixed episodes: held-out houses, houses of the user's own, and against another bundle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flare_core.adapters.spec import SimulatorSpec
from flare_core.embodiments.body import Embodiment
from flare_core.errors import BundleError, SpecError
from flare_core.evaluation.report import Comparison, Episodes, Summary, compare, summarise
from flare_core.houses.procthor import read_house
from flare_core.runs.candidate import Candidate
from flare_core.runs.finetune import Watcher
from flare_core.runs.judge import feasible_share, judge_policy
from flare_core.runs.pretraining import held_out_bodies
from flare_core.runs.randomness import declared
from flare_core.runs.stages import HELD_OUT_HOUSES, NOTHING, Ground, Randomisation, Scene, Split, Thor, ground_of, place_of
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.tasks.words import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found, by label; the first row is the headline.

    Attributes:
        simulator: what it calls itself.
        randomness: what was random, in words.
        feasible_share: of the (house, type) pairs, those that the body can solve; episodes are drawn from these alone.
        against: the other bundle compared with this one ("before" is the other), or None.
    """

    rows: dict[str, Summary]
    feasible_share: float
    simulator: str
    randomness: str
    against: Comparison | None = None

    def to_json(self) -> dict[str, Any]:
        """`rows`: summaries by label; `against` where there is one."""
        found: dict[str, Any] = {"rows": {label: summary.to_json() for label, summary in self.rows.items()}}
        found |= {"feasible_share": round(self.feasible_share, 4), "randomness": self.randomness}
        return found | ({} if self.against is None else {"against": self.against.to_json()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure.

    Attributes:
        greedy: measure the most probable actions as well.
        houses: files that make a row of their own.
        simulator: where to play.
        randomised: what differs from episode to episode beyond the body's own jitter and noise, the same for all who play.
    """

    episodes: int
    split: Split
    greedy: bool
    houses: tuple[Path, ...]
    workers: int
    seed: int
    simulator: SimulatorSpec
    randomised: Randomisation = NOTHING


def evaluate(candidate: Candidate, plan: Plan, watcher: Watcher, against: Candidate | None = None) -> Evaluation:
    """Judge a bundle, and another one on the same episodes.

    Raises:
        BundleError: the two do not play the same episodes.
        HouseError, TaskError: a house file cannot be read, or offers this body nothing to find.
    """
    held_out = ground_of(plan.simulator, plan.split, HELD_OUT_HOUSES, candidate.bundle.embodiment)
    given = _given_houses(plan.houses, plan.simulator, held_out.body)
    place, feasible = place_of(plan.simulator, candidate.bundle.embodiment), feasible_share(scene_of(candidate, held_out))
    randomness = declared(place.body, plan.randomised, held_out_bodies(candidate.bundle.embodiment_spec))
    sampled = _judge(candidate, held_out, plan, watcher, False)
    rows = {f"{plan.split} houses, sampled": summarise(sampled, plan.seed)}
    if plan.greedy:
        rows[f"{plan.split} houses, greedy"] = summarise(_judge(candidate, held_out, plan, watcher, True), plan.seed)
    if given is not None:
        label = plan.houses[0].stem if len(plan.houses) == 1 else f"{len(plan.houses)} given houses"
        rows[f"{label}, sampled"] = summarise(_judge(candidate, given, plan, watcher, False), plan.seed)
        if plan.greedy:
            rows[f"{label}, greedy"] = summarise(_judge(candidate, given, plan, watcher, True), plan.seed)
    if against is None:
        return Evaluation(rows=rows, feasible_share=feasible, simulator=place.name, randomness=randomness)
    other = _judge(against, held_out, plan, watcher, False)
    _same_episodes(candidate, sampled, against, other)
    rows[f"{against.bundle.name}, {plan.split} houses, sampled"] = summarise(other, plan.seed)
    return Evaluation(
        rows=rows, feasible_share=feasible, simulator=place.name, randomness=randomness, against=compare(other, sampled, plan.seed)
    )


def share_out(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Values laid over the robot, without `embodiment.`, and those of the simulator, as they are.

    Raises:
        SpecError: what would make another robot of it.
    """
    of_body = [(key.removeprefix("embodiment."), text) for key, text in pairs if key.startswith("embodiment.")]
    for key, _ in of_body:
        if key.partition(".")[0] not in ("jitter", "noise"):
            raise SpecError(
                f"-o embodiment.{key}: a bundle is evaluated on its own robot; only `jitter` and `noise` can be changed here, "
                "such as `-o embodiment.noise.move_m=0.02`. Carry the policy to another robot with `flare train`"
            )
    return tuple(of_body), tuple(pair for pair in pairs if not pair[0].startswith("embodiment."))


def scene_of(candidate: Candidate, ground: Ground, randomised: Randomisation = NOTHING) -> Scene:
    """What the candidate plays in on this ground."""
    return Scene(
        pack=ground.pack, body=_as_played(candidate, ground), task=candidate.task, renders=dict(candidate.senses.views.renders),
        vocabulary=Vocabulary.load(), thor=ground.thor, house_of=ground.house_of, randomised=randomised,
        bodies=held_out_bodies(candidate.bundle.embodiment_spec),
    )  # fmt: skip


def _judge(candidate: Candidate, ground: Ground, plan: Plan, watcher: Watcher, greedy: bool) -> Episodes:
    watcher.stage(f"evaluating {candidate.bundle.name}", plan.episodes)
    scene = scene_of(candidate, ground, plan.randomised)
    return judge_policy(scene, candidate.policy, candidate.senses, plan.episodes, plan.workers, plan.seed, watcher.advance, greedy)


def _as_played(candidate: Candidate, ground: Ground) -> Embodiment:
    """The candidate's robot with the footprint that the simulator has; another candidate may have another robot."""
    body = candidate.bundle.embodiment
    return body if ground.thor is None else place_of(ground.thor.spec, body).body


def _given_houses(paths: Sequence[Path], simulator: SimulatorSpec, body: Embodiment) -> Ground | None:
    if not paths:
        return None
    houses = pack([compile_scene(read_house(path)) for path in paths])
    is_thor = simulator.kind == "thor"
    thor = Thor(spec=simulator, document_of=lambda at: json.loads(paths[at].read_text("utf-8"))) if is_thor else None
    return Ground(houses, body, thor)


def _same_episodes(one: Candidate, first: Episodes, two: Candidate, second: Episodes) -> None:
    """Episodes are drawn for a body and a task: others give others, whatever their numbers."""
    same = first.houses is not None and second.houses is not None and np.array_equal(first.houses, second.houses)
    same &= replace(one.task, name="") == replace(two.task, name="")  # an equal start is not enough: the horizon counts too
    if not same or not np.array_equal(first.measures["shortest_m"], second.measures["shortest_m"]):
        ends = [f"{each.bundle.name} ({each.bundle.embodiment.name}, {each.task.name})" for each in (one, two)]
        raise BundleError(
            f"{ends[0]} and {ends[1]} do not play the same episodes, so there is no paired difference. Evaluate each on its own"
        )
