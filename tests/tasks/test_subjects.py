"""What an episode is about, in houses made by hand."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.rehearsal import rehearse
from flare_core.errors import TaskError
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import TourExpert, WayExpert, guide_for
from flare_core.tasks.spec import load_task
from flare_core.tasks.subjects import Selection, Subject, Subjects
from flare_core.tasks.words import Vocabulary

TASKS = ("objectnav", "objectnav_room", "objectnav_relative", "objectnav_affordance", "roomnav", "roomvisit")


def home(*things: tuple[str, float, float, float, int], rooms: Sequence[str] = ("Kitchen", "Bedroom")) -> Any:
    """Things as (type, x, height, side, room)."""
    return SimpleNamespace(
        object_types=lambda house: [one[0] for one in things],
        object_positions=lambda house: np.array([[x, y, 0.0] for _, x, y, _, _ in things]).reshape(-1, 3),
        object_sizes=lambda house: np.array([[side] * 3 for *_, side, _ in things]).reshape(-1, 3),
        object_rooms=lambda house: np.array([one[4] for one in things], dtype=np.int64),
        room_types=lambda house: rooms,
    )


def of(rule: Subjects, house: Any) -> list[tuple[str, tuple[int, ...], str]]:
    return [(one.kind, one.objects or one.rooms, " ".join(one.gaps.values())) for one in rule.of(house, 0)]


def chosen(by: Any, house: Any) -> list[Subject]:
    references = {"Sofa": "sofa"} if by in ("closest_to", "furthest_from") else {}
    says = f"the {{target}} {by} the {{reference}}" if references else f"the {by} {{target}}"
    return Subjects(targets={"Mug": "mug"}, selections=(Selection(by=by, says=says, references=references),)).of(house, 0)


def test_all_objects_of_a_type_count_and_a_type_that_is_not_there_is_not_asked_for() -> None:
    house = home(("Mug", 0, 1, 0.1, 0), ("Apple", 1, 1, 0.1, 0), ("Mug", 2, 1, 0.1, 1))
    rule = Subjects(targets={"Apple": "apple", "Mug": "mug", "Vase": "vase"})
    assert of(rule, house) == [("Apple", (1,), "apple an"), ("Mug", (0, 2), "mug a")]


def test_with_rooms_only_the_objects_inside_count() -> None:
    house = home(("Mug", 0, 1, 0.1, 0), ("Mug", 2, 1, 0.1, 1), ("Mug", 3, 1, 0.1, -1), ("Mug", 4, 1, 0.1, 1))
    rule = Subjects(targets={"Mug": "mug"}, in_rooms={"Bedroom": "bedroom", "Bathroom": "bathroom"})
    assert of(rule, house) == [("Mug", (1, 3), "mug a bedroom")]


@pytest.mark.parametrize(
    ("by", "expected"), [("largest", 2), ("smallest", 0), ("highest", 1), ("lowest", 2), ("closest_to", 1), ("furthest_from", 2)]
)
def test_the_one_that_is_chosen_beats_the_others(by: str, expected: int) -> None:
    house = home(("Mug", 0, 1.0, 0.08, 0), ("Mug", 2, 1.2, 0.1, 0), ("Mug", 9, 0.5, 0.12, 0), ("Sofa", 3, 0.4, 2.0, 0))
    assert [one.objects for one in chosen(by, house)] == [(expected,)]


def test_an_instruction_that_could_mean_two_objects_is_not_given() -> None:
    alike = home(("Mug", 0, 1.00, 0.100, 0), ("Mug", 2, 1.05, 0.101, 0), ("Sofa", 1, 0.4, 2.0, 0))
    assert [chosen(by, alike) for by in ("largest", "highest", "closest_to")] == [[], [], []]
    assert chosen("largest", home(("Mug", 0, 1.0, 0.1, 0))) == [], "one alone is not the largest of several"
    assert chosen("closest_to", home(("Mug", 0, 1.0, 0.1, 0), ("Mug", 5, 1.0, 0.1, 0))) == [], "no sofa"


def test_purposes_rooms_and_houses_have_their_own_words() -> None:
    house = home(("Sofa", 0, 0, 1, 0), ("Chair", 1, 0, 1, 0), ("Bed", 2, 0, 1, 1), rooms=("Bedroom", "Kitchen", "Bedroom"))
    assert of(Subjects(purposes={"sitting": ("Chair", "Sofa"), "cooking": ("Pan",)}), house) == [("sitting", (0, 1), "sitting")]
    assert of(Subjects(rooms={"Bedroom": "bedroom", "Bathroom": "bathroom"}), house) == [("Bedroom", (0, 2), "bedroom")]
    assert of(Subjects(), house) == [("rooms", (0, 1, 2), "three")]
    assert of(Subjects(), home(rooms=("Bedroom",) * 11)) == [], "there is no word for so many"


@pytest.mark.parametrize("name", TASKS)
def test_every_instruction_of_a_shipped_task_has_its_words_and_fits(name: str) -> None:
    task, words = load_task(name)[0], Vocabulary.load()
    lengths = [len(words.encode(text)) for text in task.instructions()]
    assert lengths
    assert max(lengths) <= 24


@pytest.mark.parametrize("robot", ["stretch_re1", "locobot"])
@pytest.mark.parametrize("name", [name for name in TASKS if name != "objectnav"])
def test_the_expert_of_every_task_solves_it(houses: ScenePack, name: str, robot: str) -> None:
    task, simulator = load_task(name)[0], EmbeddedSimulator(houses, load_embodiment(robot)[0], 10, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    results = rehearse(simulator, task, sampler, range(30))
    assert results["success"].mean() > 0.9
    assert results["length"].max() < task.horizon
    ratio = results["path_m"][results["success"]] / results["shortest_m"][results["success"]]
    assert 0.6 < float(np.median(ratio)) < 1.5


def test_episodes_about_rooms_begin_outside_of_them(houses: ScenePack) -> None:
    task, simulator = load_task("roomnav")[0], EmbeddedSimulator(houses, load_embodiment("locobot")[0], 20, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 3)
    episodes = [sampler.episode(number) for number in range(20)]
    simulator.reset(np.arange(20), [episode.start for episode in episodes])
    inside = [room in episode.rooms for room, episode in zip(simulator.world().room.tolist(), episodes, strict=True)]
    assert not any(inside)
    for episode in episodes:
        types = simulator.room_types(episode.start.house)
        assert {types[room] for room in episode.rooms} == {episode.target_type}
        assert episode.rooms == tuple(at for at, name in enumerate(types) if name == episode.target_type)


def test_a_room_counts_once_however_often_it_is_marked(houses: ScenePack) -> None:
    task, simulator = load_task("roomvisit")[0], EmbeddedSimulator(houses, load_embodiment("locobot")[0], 1, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    play, guide = Play(simulator, task, sampler, {}), guide_for(simulator, sampler)
    mark, end = task.mark_action(simulator.body), play.end_action
    play.begin(np.array([0]), np.array([0]))
    told = []
    for _ in range(3):
        play.act(np.array([mark]))
        told.append(int(play.marked.sum()))
    assert told == [1, 1, 1]
    assert not play.act(np.array([end])).success[0]
    play.begin(np.array([0]), np.array([0]))
    assert not play.marked.any()
    for _ in range(task.horizon):
        action = guide.actions(play.episodes, None, play.marked)
        if action[0] == end:
            break
        kept = play.snapshot()
        play.act(action)
        if action[0] == mark:
            play.restore(kept)
            play.act(action)
    assert play.act(np.array([end])).success[0]


def test_each_kind_of_task_has_its_expert_and_a_tour_needs_to_know_what_was_marked(houses: ScenePack) -> None:
    simulator = EmbeddedSimulator(houses, load_embodiment("locobot")[0], 1, 0)
    guides = {name: guide_for(simulator, EpisodeSampler(load_task(name)[0], simulator, Vocabulary.load(), 0)) for name in TASKS}
    assert isinstance(guides["roomnav"], WayExpert)
    assert isinstance(guides["roomvisit"], TourExpert)
    with pytest.raises(TaskError, match="has to be told which rooms were marked"):
        guides["roomvisit"].actions([])
