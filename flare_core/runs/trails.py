"""The ways of a few fixed test episodes, for the picture from above."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flare_core.evaluation.episodes import play, policy_actor
from flare_core.evaluation.pictures import Panel, Trail
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house
from flare_core.policies.interface import Observation, Policy
from flare_core.runs.carry import SensesMaker
from flare_core.runs.judge import ActorMaker, blind
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, held_out_stages, rows_at_most
from flare_core.runs.takes import target_places

EPISODES = 4  # the first ones; not chosen by how they went


def trails(scene: Scene, policy: Policy, senses: SensesMaker, seed: int, label: str, episodes: int = EPISODES) -> list[Trail]:
    """Play episodes 0 to N - 1 with sampled actions, as they are played when the policy is judged."""
    return trails_of(scene, lambda stage: policy_actor(stage, senses(policy), seed), label, episodes)


def trails_of(scene: Scene, make: ActorMaker, label: str, episodes: int) -> list[Trail]:
    """The ways of whoever plays episodes 0 to N - 1.

    The last step of an episode that runs out of time is not in its way: the row begins the next episode in that step.
    """
    numbers = range(episodes)
    (stage,) = held_out_stages(scene, [numbers], rows_at_most(scene, episodes, 1))
    actor = make(stage)
    first = {number: stage.play.sampler.episode(number) for number in numbers}
    ways: dict[int, list[tuple[float, float]]] = {number: [] for number in numbers}

    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        position = stage.play.simulator.world().position
        for row, number in enumerate(stage.episode_numbers.tolist()):
            if number in ways and starting[row]:  # begun again, where its simulator was lost
                ways[number].clear()
            if number in ways:
                ways[number].append((float(position[row, 0]), float(position[row, 2])))
        return actor(observation, masks, starting)

    try:
        records = play(stage, act, numbers)
    finally:
        stage.close()
    places = {number: stage.play.simulator.object_positions(episode.start.house) for number, episode in first.items()}
    return [
        Trail(
            label=trail_label(label, bool(record["success"]), int(record["length"])),
            points=np.array(ways[number]),
            yaw=first[number].start.yaw,
            targets=target_places(first[number], places[number]),
            succeeded=bool(record["success"]),
        )
        for number, record in zip(numbers, records, strict=True)
    ]


def trail_label(label: str, succeeded: bool, length: int) -> str:
    """Whose way it is and how it went."""
    return f"{label}: {'success' if succeeded else 'no success'} in {length} steps"


def panels(scene: Scene, *ways: Sequence[Trail]) -> list[Panel]:
    """One house for each episode, with everybody's way in it."""
    (stage,) = held_out_stages(blind(scene), [range(len(ways[0]))], len(ways[0]))
    house_of = scene.house_of or held_out_house
    return [
        Panel(house=house_of(episode.start.house), trails=tuple(each), title=f"held-out episode {episode.number}: {episode.instruction}")
        for episode, *each in zip(stage.episodes, *ways, strict=True)
    ]


def held_out_house(index: int) -> House:
    """The held-out test house of that index, which the compiled pack no longer has in a form that can be drawn."""
    seed = house_seeds("test", HELD_OUT_HOUSES)[index]
    return parse_house(generate_house(seed, "test"), f"test {seed}")
