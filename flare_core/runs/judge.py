"""Play fixed held-out episodes and say how it went: the policy, the expert that SEL is measured against, a random policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.episodes import Actor, Record, play, policy_actor, random_actor
from flare_core.evaluation.report import Episodes, gather
from flare_core.learning.processes import crew_of, shared_counts, to_be_forked
from flare_core.policies.interface import Observation, Policy
from flare_core.runs.carry import SensesMaker
from flare_core.runs.stages import Scene, held_out_stages, parts_of, rows_at_most
from flare_core.runs.takes import Takes
from flare_core.tasks.expert import guide_for

ROWS = 50
Report = Callable[[int], None]
Lengths = Mapping[int, float]
ActorMaker = Callable[[FlareVectorEnv], Actor]


def judge_policy(
    scene: Scene, policy: Policy, senses: SensesMaker, episodes: int, workers: int, seed: int, report: Report, greedy: bool = False,
    expert: Lengths | None = None, takes: Takes | None = None,
) -> Episodes:  # fmt: skip
    """Episodes 0 to N - 1 of the scene's houses, played by the policy, with the expert's number of actions beside each.

    Args:
        seed: of the sampled actions; the episodes are always the same.
        report: receives the number of episodes done so far.
        expert: what `expert_lengths` said of these episodes, where that is known already.
        takes: receives what people may want to see of the first episodes.
    """
    records = play_all(scene, lambda stage: policy_actor(stage, senses(policy), seed, greedy), episodes, workers, report, takes)
    return gather(with_expert(scene, records, workers, expert), scene.body.action_names)


def judge_random(scene: Scene, episodes: int, workers: int, seed: int, expert: Lengths | None = None) -> Episodes:
    """The same episodes, played by a policy that takes every allowed action with the same chance."""
    records = play_all(blind(scene), lambda stage: random_actor(stage, seed), episodes, workers, lambda done: None)
    return gather(with_expert(scene, records, workers, expert), scene.body.action_names)


def judge_expert(scene: Scene, episodes: int, workers: int) -> Episodes:
    """The same episodes, played by the shortest-path expert."""
    records = play_all(blind(scene), expert_actor, episodes, workers, lambda done: None)
    return gather([record | {"expert_length": record["length"]} for record in records], scene.body.action_names)


def with_expert(scene: Scene, records: Sequence[Record], workers: int, expert: Lengths | None = None) -> list[Record]:
    """Records of episodes 0 to N - 1 with `expert_length`."""
    lengths = expert_lengths(scene, len(records), workers) if expert is None else expert
    return [record | {"expert_length": lengths[int(record["number"])]} for record in records]


def expert_lengths(scene: Scene, episodes: int, workers: int) -> Lengths:
    """Number of actions that the expert needs in each of episodes 0 to N - 1."""
    records = play_all(blind(scene), expert_actor, episodes, workers, lambda done: None)
    return {int(record["number"]): float(record["length"]) for record in records}


def play_all(scene: Scene, actor: ActorMaker, episodes: int, workers: int, report: Report, takes: Takes | None = None) -> list[Record]:
    """Play episodes 0 to N - 1, shared out among the workers; records in order, each with its house and instruction."""
    shares = parts_of(episodes, workers)
    stages = held_out_stages(scene, shares, rows_at_most(scene, ROWS, len(shares)))
    apart = to_be_forked(len(shares))
    ended = shared_counts(len(shares))

    def tell() -> None:
        report(int(ended.sum()))

    parts = [
        _Part(stage, actor, share, ended[at : at + 1], tell if at == 0 or not apart else _nothing, None if takes is None else Takes())
        for at, (stage, share) in enumerate(zip(stages, shares, strict=True))
    ]
    crew = crew_of(parts, apart=apart, meanwhile=tell)
    try:
        found = crew.each(_Part.play)
    finally:
        crew.close()
        for stage in stages:
            stage.close()
    for _, taken in found:
        if takes is not None and taken is not None:
            takes.add(taken)
    return [record for records, _ in found for record in records]


class _Part:
    """What one worker plays."""

    def __init__(
        self, stage: FlareVectorEnv, actor: ActorMaker, numbers: Sequence[int], ended: npt.NDArray[np.int64], tell: Callable[[], None],
        takes: Takes | None,
    ) -> None:  # fmt: skip
        self.stage, self.actor, self.numbers, self.ended, self.tell, self.takes = stage, actor, numbers, ended, tell, takes

    def play(self) -> tuple[list[Record], Takes | None]:
        """Records in order, each with its house and instruction, and what was taken down of them."""
        one = self.actor(self.stage)
        if self.takes is not None:
            one = self.takes.around(self.stage, one, self.numbers)
        records = play(self.stage, one, self.numbers, self._count)
        if self.takes is not None:
            self.takes.develop()
        drawn = [self.stage.play.sampler.episode(int(record["number"])) for record in records]
        named = [
            record | {"house": episode.start.house, "instruction": episode.instruction}
            for record, episode in zip(records, drawn, strict=True)
        ]
        return named, self.takes

    def _count(self, ended: int) -> None:
        self.ended[0] = ended
        self.tell()


def _nothing() -> None:
    """Another process tells."""


def feasible_share(scene: Scene) -> float:
    """Share of the (house, type) pairs that the body can solve, over the first houses; episodes are drawn from these alone."""
    return held_out_stages(blind(scene), [range(1)], 1)[0].play.sampler.feasible_share


def feasible_line(name: str, share: float) -> str:
    """What that share says, for people."""
    rest = "Episodes are drawn from these alone: what is measured does not count what the robot can never see."
    return f"{name} can see a target from somewhere it can go to for {100 * share:.1f} % of houses and types. {rest}"


def blind(scene: Scene) -> Scene:
    """The same scene without pictures, in the embedded simulator, for those who do not look at them."""
    return replace(scene, renders={}, thor=None)


def expert_actor(stage: FlareVectorEnv) -> Actor:
    """The expert as an actor."""
    expert = guide_for(stage.play.simulator, stage.play.sampler)

    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        del observation, masks, starting
        return expert.actions(stage.episodes, None, stage.play.marked)

    return act
