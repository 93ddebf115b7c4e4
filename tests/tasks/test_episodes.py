"""Which episodes are played."""

from dataclasses import replace

import numpy as np
import pytest

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import TaskError
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import START_M, EpisodeSampler
from flare_core.tasks.judging import Asked, Judge, holds
from flare_core.tasks.spec import load_task
from flare_core.tasks.subjects import NUMBERS
from flare_core.tasks.task import Task


class Letters:
    """Word ids without a table: the length of each word."""

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(len(word) for word in text.split())


@pytest.fixture(scope="module")
def body() -> Embodiment:
    return load_embodiment("locobot")[0]


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("objectnav")[0]


@pytest.fixture(scope="module")
def simulator(houses: ScenePack, body: Embodiment) -> EmbeddedSimulator:
    return EmbeddedSimulator(houses, body, 40, 0)


def test_an_episode_depends_on_seed_and_number_alone(houses: ScenePack, simulator: EmbeddedSimulator, body: Embodiment, task: Task) -> None:
    forward = [EpisodeSampler(task, simulator, Letters(), 5).episode(number) for number in range(20)]
    sampler = EpisodeSampler(task, EmbeddedSimulator(houses, body, 3, 9), Letters(), 5)
    assert [sampler.episode(number) for number in reversed(range(20))] == forward[::-1]
    other = EpisodeSampler(task, simulator, Letters(), 6)
    assert [other.episode(number) for number in range(20)] != forward


def test_every_house_has_its_turn_and_the_order_changes(simulator: EmbeddedSimulator, task: Task) -> None:
    sampler = EpisodeSampler(task, simulator, Letters(), 0)
    rounds = [[sampler.episode(6 * turn + at).start.house for at in range(6)] for turn in range(5)]
    assert all(sorted(turn) == list(range(6)) for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1


def test_starts_are_free_far_from_the_goal_and_do_not_show_the_target(simulator: EmbeddedSimulator, task: Task) -> None:
    sampler = EpisodeSampler(task, simulator, Letters(), 1)
    episodes = [sampler.episode(number) for number in range(40)]
    rows = np.arange(40)
    simulator.reset(rows, [episode.start for episode in episodes])
    x, z, yaw = (np.array([getattr(episode.start, name) for episode in episodes]) for name in ("x", "z", "yaw"))
    assert simulator.free(rows, x, z, yaw).all()
    targets = np.full((40, max(len(episode.targets) for episode in episodes)), -1)
    for row, episode in enumerate(episodes):
        targets[row, : len(episode.targets)] = episode.targets
    assert not holds(task.success, simulator, targets).any()
    assert simulator.visible(targets, "head", 50.0).any(axis=1).mean() < 0.1
    assert all(episode.shortest_m >= START_M for episode in episodes)
    assert max(episode.shortest_m for episode in episodes) > 5.0


def test_an_episode_says_what_it_means(simulator: EmbeddedSimulator, task: Task) -> None:
    sampler = EpisodeSampler(task, simulator, Letters(), 2)
    kinds, wordings = set(), set()
    for number in range(60):
        episode = sampler.episode(number)
        types = simulator.object_types(episode.start.house)
        assert [types[at] for at in episode.targets] == [episode.target_type] * types.count(episode.target_type)
        assert episode.instruction in {task.instruction(episode.target_type, at) for at in range(len(task.templates))}
        assert episode.goal == Letters().encode(episode.instruction)
        kinds.add(episode.target_type)
        wordings.add(episode.instruction.split()[0])
    assert len(kinds) >= 8
    assert len(wordings) == 5


def test_only_what_the_body_can_see_is_asked_for(houses: ScenePack, body: Embodiment, task: Task) -> None:
    crawler = replace(body, cameras=(replace(body.cameras[0], up_m=0.05, pitch=0.5, tilt=None),))
    low, high = (EpisodeSampler(task, EmbeddedSimulator(houses, one, 1, 0), Letters(), 0) for one in (crawler, body))
    assert low.feasible_share < 0.8 * high.feasible_share
    assert high.feasible_share > 0.9
    for number in range(30):
        episode = low.episode(number)
        assert len(low.field(episode).goals) > 0


def test_what_is_shown_is_what_there_is_a_way_to_also_when_it_was_asked_before(houses: ScenePack, body: Embodiment) -> None:
    low = replace(body, cameras=(replace(body.cameras[0], up_m=0.4, pitch=0.3, tilt=None),))
    asked = [
        (house, (target,), low.cameras[0].name, within_m)
        for house in range(houses.house_count)
        for target in range(len(houses.object_types[house]))
        for within_m in (1.0, 3.0)
    ]
    simulators = [EmbeddedSimulator(houses, low, 1, 0) for _ in range(2)]
    shown = [simulators[0].navigation.shows(*one) for one in asked]
    led = [simulators[1].navigation.field(*one) is not None for one in asked]
    assert shown == led == [simulators[1].navigation.shows(*one) for one in asked]
    assert 0.1 < np.mean(shown) < 0.9


def test_a_body_that_sees_nothing_is_refused_with_a_remedy(houses: ScenePack, body: Embodiment, task: Task) -> None:
    blind = replace(body, cameras=(replace(body.cameras[0], up_m=0.02, pitch=1.4, tilt=None),))
    sampler = EpisodeSampler(task, EmbeddedSimulator(houses, blind, 1, 0), Letters(), 0)
    with pytest.raises(TaskError, match="locobot can see no target from any place it can reach in 6 houses"):
        sampler.episode(0)
    assert sampler.feasible_share == 0.0


def test_training_episodes_have_materials_of_their_own(simulator: EmbeddedSimulator, task: Task) -> None:
    assert EpisodeSampler(task, simulator, Letters(), 0, randomise_materials=True).episode(3).start.randomise_materials
    assert not EpisodeSampler(task, simulator, Letters(), 0).episode(3).start.randomise_materials


def test_a_point_lies_where_the_instruction_says_seen_from_the_start(simulator: EmbeddedSimulator) -> None:
    task = load_task("gotopoint")[0]
    sampler, numbers = EpisodeSampler(task, simulator, Letters(), 3), {word: at for at, word in enumerate(NUMBERS)}
    for number in range(30):
        episode = sampler.episode(number)
        assert episode.point is not None
        east, north = episode.point[0] - episode.start.x, episode.point[1] - episode.start.z
        sin, cos = np.sin(episode.start.yaw), np.cos(episode.start.yaw)
        forward, right = east * sin + north * cos, east * cos - north * sin  # yaw 0 looks along +z, clockwise
        said = {"in front": 0, "behind": 0, "to the right": 0, "to the left": 0}
        for part in episode.instruction.split("point ")[1].split(" and "):
            count, way = part.split(" ", 1)
            said[way] = numbers[count]
        assert forward == pytest.approx(said["in front"] - said["behind"], abs=1e-6)
        assert right == pytest.approx(said["to the right"] - said["to the left"], abs=1e-6)
        assert 2.0 - 1e-6 <= np.hypot(forward, right) <= 6.0 + 1e-6
        assert episode.shortest_m >= np.hypot(forward, right) - 0.5 - 0.05  # the way ends half a metre before it
    assert sampler.feasible_share == 1.0


@pytest.mark.parametrize(("distance_m", "is_there"), [(0.49, True), (0.51, False)])
def test_being_at_a_point_is_being_within_half_a_metre(simulator: EmbeddedSimulator, distance_m: float, is_there: bool) -> None:
    task = load_task("gotopoint")[0]
    world, judge = simulator.world(), Judge(task.success, simulator.body, simulator.batch)
    asked = Asked.of(np.full((simulator.batch, 1), -1))
    assert not judge.holds(simulator, asked).any()
    points = world.position[:, [0, 2]] + np.array([0.0, distance_m])
    assert (judge.holds(simulator, replace(asked, points=points)) == is_there).all()
