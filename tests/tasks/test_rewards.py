"""What a step is worth, worked by hand in small houses. The toy robot steps 0.25 m; its hand is 0.38 m to its right."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flare_core.envs.play import Play
from flare_core.houses.house import House
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.judging import Asked
from flare_core.tasks.predicates import parse
from flare_core.tasks.rewards import Purse, Reward, Term
from flare_core.tasks.spec import load_task
from tests.simulators.scenes import DONE, EXTEND, FORWARD, GRASP, RELEASE, TURN_RIGHT, act, at, body, eye, house, thing, two_rooms


def paid(reward: Reward, home: House, actions: list[int | None], start: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """Rewards of a sequence of actions about object 0; None marks the room."""
    simulator = EmbeddedSimulator([home], body(replace(eye(), role="navigation"), gripper="parallel"), 1, 0)
    at(simulator, *start)
    asked = Asked.of(np.array([[0 if home.objects else -1]]))
    purse, found, seen = Purse(reward, simulator.body, 1, 2), list[float](), set[int]()
    purse.begin(np.array([0]), simulator, simulator.world(), asked)
    for action in actions:
        marks, fresh = action is None, False
        if action is None:
            room = int(simulator.world().room[0])
            fresh = room not in seen
            seen.add(room)
        else:
            act(simulator, action)
        ended = np.array([action == DONE])
        step = purse.pay(simulator, simulator.world(), asked, ended, ended, np.array([marks]), np.array([fresh]))
        found.append(round(float(step[0]), 4))
    return found


POST = house(thing("Post", (0.0, 1.0, 2.0), (0.1, 0.1, 0.1)))


def test_sparse_pays_at_the_end_alone_and_a_step_costs_at_every_one() -> None:
    assert paid(Reward(), POST, [FORWARD, TURN_RIGHT, DONE]) == [0.0, 0.0, 10.0]
    assert paid(Reward(step=-0.01), POST, [FORWARD, TURN_RIGHT, DONE]) == [-0.01, -0.01, 9.99]


def test_a_collision_costs_when_it_happens() -> None:
    wall = house(thing("Block", (0.0, 0.5, 0.6), (1.0, 1.0, 0.2)))  # from z = 0.5; the base reaches 0.2 m ahead
    assert paid(Reward(collision=-0.5), wall, [FORWARD, FORWARD, FORWARD, TURN_RIGHT]) == [0.0, -0.5, -0.5, 0.0]


def test_progress_is_paid_once_for_every_metre() -> None:
    reward = Reward(nearer_per_m=2.0)
    away = [TURN_RIGHT, TURN_RIGHT]
    back = [*away, FORWARD, *away]
    assert paid(reward, POST, [FORWARD, *back, FORWARD, FORWARD]) == [0.5, 0, 0, 0, 0, 0, 0, 0.5]


def test_a_term_is_paid_once_or_at_every_step_at_which_it_holds() -> None:
    foil = house(thing("AluminumFoil", (0.46, 0.6, 0.0), (0.08, 0.08, 0.08)))
    for once, expected in ((True, [5, 0, 0, 0]), (False, [5, 5, 0, 5])):
        reward = Reward(terms=(Term(when=parse("holding(target)"), value=5.0, once=once),))
        assert paid(reward, foil, [GRASP, EXTEND, RELEASE]) == expected[:3]
    again = Reward(terms=(Term(when=parse("then(holding(target), not(holding(target)))"), value=1.0, once=True),))
    assert paid(again, foil, [GRASP, EXTEND, RELEASE, EXTEND]) == [0, 0, 1, 0]


def test_rooms_are_paid_when_entered_and_marks_when_right() -> None:
    reward = Reward(new_room=2.0, right_mark=3.0, wrong_mark=-0.2)
    turn = [TURN_RIGHT, TURN_RIGHT]
    steps: list[int | None] = [None, None, FORWARD, FORWARD, None, *turn, FORWARD, FORWARD]
    assert paid(reward, two_rooms(), steps, (0.0, 3.6)) == [3, -0.2, 0, 2, 3, 0, 0, 0, 0]


def test_a_square_of_the_floor_is_paid_for_once() -> None:
    # From z = 0 in steps of 0.25 m: 0.25 is in the second square of 0.15 m, 0.5 in the fourth; then back over both.
    back = [TURN_RIGHT, TURN_RIGHT, FORWARD, FORWARD]
    assert paid(Reward(new_square=1.0), POST, [FORWARD, FORWARD, *back]) == [1, 1, 0, 0, 0, 0]
    # Back from x = 0.25, and as far beyond the start.
    assert paid(Reward(new_square=1.0), POST, [FORWARD, TURN_RIGHT, FORWARD, *back]) == [1, 0, 1, 0, 0, 0, 1]


def test_the_next_episode_begins_with_nothing_paid() -> None:
    task = replace(
        load_task("objectnav")[0],
        reward=Reward(
            nearer_per_m=1.0, new_room=1.0, new_square=0.5, terms=(Term(when=parse("near(target, within_m: 100)"), value=4.0, once=True),)
        ),
    )
    simulator = EmbeddedSimulator([POST], body(replace(eye(), role="navigation"), gripper="parallel"), 2, 0)
    purse, asked, none = Purse(task.reward, simulator.body, 2, 1), Asked.of(np.array([[0], [0]])), np.zeros(2, np.bool_)
    at(simulator, 0.0, 0.0)

    def pay() -> list[float]:
        return [float(value) for value in purse.pay(simulator, simulator.world(), asked, none, none, none, none)]

    purse.begin(np.array([0, 1]), simulator, simulator.world(), asked)
    assert pay() == [4.0, 4.0]
    assert pay() == [0.0, 0.0]
    kept = purse.snapshot()
    act(simulator, FORWARD)
    assert pay() == [0.75, 0.75]
    purse.begin(np.array([1]), simulator, simulator.world(), asked)
    assert pay() == [0.0, 4.0]
    purse.restore(kept)
    assert pay() == [0.75, 0.75]


@pytest.mark.parametrize(
    ("name", "reward"),
    [
        ("objectnav_shorter", Reward(step=-0.01)),
        ("objectnav_gentle", Reward(collision=-0.5)),
        ("roomvisit_shaped", Reward(new_room=2.0, new_square=0.005, right_mark=2.0, wrong_mark=-0.2)),
    ],
)
def test_behaviours_are_their_task_with_another_reward(name: str, reward: Reward) -> None:
    task = load_task(name)[0]
    base = load_task("roomvisit" if "roomvisit" in name else "objectnav_short")[0]
    assert task.reward == reward
    assert replace(task, name=base.name, reward=base.reward) == base


def test_a_task_of_ones_own_pays_by_yaml_alone(tmp_path: Any, houses: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "kind: task\nextends: objectnav_short\nreward:\n  terms:\n"
        "    - {when: 'visible(target, navigation, within_m: 50)', value: 0.5}\n    - {when: 'stowed()', value: -1, once: false}\n"
    )
    from flare_core.embodiments.spec import load_embodiment
    from flare_core.tasks.episodes import EpisodeSampler
    from flare_core.tasks.words import Vocabulary

    task, simulator = load_task(path)[0], EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], 1, 0)
    play = Play(simulator, task, EpisodeSampler(task, simulator, Vocabulary.load(), 0), {})
    play.begin(np.array([0]), np.array([0]))
    turn = simulator.body.action_names.index("rotate_right")
    rewards = [float(play.act(np.array([turn])).reward[0]) for _ in range(12)]
    assert set(rewards) <= {-1.0, -0.5}
    assert rewards.count(-0.5) <= 1
