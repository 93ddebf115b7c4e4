"""Whether a body's pan and tilt actions earn anything: one searcher with and without them, on the same held-out episodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.envs.rehearsal import rehearse
from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.belief import SearchMap
from flare_core.evaluation.episodes import Record, play
from flare_core.evaluation.oracle import Oracle
from flare_core.evaluation.report import Comparison, compare, gather
from flare_core.policies.interface import Observation
from flare_core.runs.stages import EPISODE_SEED
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Encoder, Episode, EpisodeSampler
from flare_core.tasks.task import Task

ROWS: Final = 50
NEITHER: Final = "neither"
# Name of a variant -> the camera axes that are masked in it.
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"pan and tilt": (), "tilt": ("pan",), "pan": ("tilt",), NEITHER: ("pan", "tilt")}
)
Report = Callable[[str, int], None]


class LentEpisodes(EpisodeSampler):
    """The episodes that another body was given, for a body that may not be able to solve all of them."""

    def __init__(self, task: Task, simulator: EmbeddedSimulator, vocabulary: Encoder, lender: EpisodeSampler) -> None:
        super().__init__(task, simulator, vocabulary, EPISODE_SEED)
        self._lender = lender

    def episode(self, number: int) -> Episode:
        """The lender's episode of that number."""
        return self._lender.episode(number)

    def is_feasible(self, number: int) -> bool:
        """Whether this body, too, can see a target from a place that it can reach."""
        episode = self.episode(number)
        return self.way(episode.start.house, episode.targets, episode.rooms) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What one body's variants did.

    Attributes:
        records: for each variant, one record for each episode, in the order of their numbers.
        feasible: for each variant, (N,) whether the episode can be solved by it at all.
    """

    body: Embodiment
    records: Mapping[str, Sequence[Record]]
    feasible: Mapping[str, npt.NDArray[np.bool_]]

    def compare(self, variant: str, among: npt.NDArray[np.bool_] | None = None) -> Comparison:
        """A variant with camera actions against the one with neither, over all episodes or some (N,)."""
        kept = [record for at, record in enumerate(self.records[NEITHER]) if among is None or among[at]]
        others = [record for at, record in enumerate(self.records[variant]) if among is None or among[at]]
        return compare(gather(kept, self.body.action_names), gather(others, self.body.action_names))

    def to_json(self) -> dict[str, Any]:
        """Summaries of every variant, and differences of each to `neither`: over all episodes and over those both can solve."""
        without = self.feasible[NEITHER]
        return {
            "feasible": {name: int(able.sum()) for name, able in self.feasible.items()},
            "all": self._account(None),
            "feasible_with_neither": self._account(without) if without.any() else None,
        }

    def _account(self, among: npt.NDArray[np.bool_] | None) -> dict[str, Any]:
        compared = {name: self.compare(name, among) for name in self.records if name != NEITHER}
        summaries = {name: comparison.after.to_json() for name, comparison in compared.items()}
        differences = {
            name: {"success": comparison.difference.to_json(), "sel": comparison.measures["sel"].to_json()}
            for name, comparison in compared.items()
        }
        neither = next(iter(compared.values())).before.to_json()
        return {"variants": summaries | {NEITHER: neither}, "minus_neither": differences}


def masked(body: Embodiment, axes: Sequence[str]) -> Embodiment:
    """The body with its camera's actions along these axes ("pan", "tilt") masked."""
    actions = tuple(
        replace(action, masked="left out in a study") if action.effect.kind == "turn_camera" and action.effect.axis in axes else action
        for action in body.actions
    )
    return replace(body, actions=actions)


def study(
    body: Embodiment, task: Task, houses: ScenePack, vocabulary: Encoder, episodes: int, *, within_m: float, with_spots: bool,
    variants: Sequence[str] = tuple(VARIANTS), report: Report = lambda name, done: None,
) -> Study:  # fmt: skip
    """Play episodes 0 to N - 1 of the body with all its actions, with each variant of the body.

    Args:
        within_m, with_spots: what the searcher recognises and where it looks; see `SearchMap`.
        variants: names from `VARIANTS`; `neither` is among them.
        report: receives the variant and how many of its episodes have ended.
    """
    simulator = EmbeddedSimulator(houses, body, min(ROWS, episodes), EPISODE_SEED)
    lender = EpisodeSampler(task, simulator, vocabulary, EPISODE_SEED)
    expert_lengths = rehearse(simulator, task, lender, range(episodes))["length"].tolist()
    search_map = SearchMap(simulator, body.camera(lender.camera), within_m, with_spots)
    records: dict[str, list[Record]] = {}
    feasible: dict[str, npt.NDArray[np.bool_]] = {}
    for name in variants:
        own = EmbeddedSimulator(houses, masked(body, VARIANTS[name]), min(ROWS, episodes), EPISODE_SEED)
        sampler = LentEpisodes(task, own, vocabulary, lender)
        feasible[name] = np.array([sampler.is_feasible(number) for number in range(episodes)])
        played = _play(own, task, sampler, search_map, episodes, lambda done, name=name: report(name, done))  # type: ignore[misc]
        records[name] = [
            record | {"expert_length": best, "house": lender.episode(int(record["number"])).start.house}
            for record, best in zip(played, expert_lengths, strict=True)
        ]
    return Study(body=body, records=records, feasible=feasible)


def _play(
    simulator: EmbeddedSimulator, task: Task, sampler: EpisodeSampler, search_map: SearchMap, episodes: int, report: Callable[[int], None]
) -> list[Record]:
    stage = FlareVectorEnv(simulator, task, sampler, {}, "queue")
    stage.reset(options={"first": 0})
    oracle = Oracle(simulator, sampler, search_map)

    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        del observation, masks
        return oracle.actions(stage.episodes, starting)

    return play(stage, act, range(episodes), report)
