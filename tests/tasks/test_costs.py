"""What an episode costs, worked by hand in small houses. The toy robot steps 0.25 m; its hand is 0.38 m to its right."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import TaskError
from flare_core.houses.house import House
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.costs import Constraint, Ledger
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.judging import Asked
from flare_core.tasks.predicates import parse
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from tests.simulators.scenes import EXTEND, FORWARD, GRASP, LIFT, RELEASE, TURN_RIGHT, act, at, body, eye, house, thing

WALL = house(thing("Block", (0.0, 0.5, 0.6), (1.0, 1.0, 0.2)))  # from z = 0.5; the base reaches 0.2 m ahead
FOIL = house(thing("AluminumFoil", (0.46, 0.6, 0.0), (0.08, 0.08, 0.08)))
HIT = FORWARD


def charged(one: Constraint, home: House, actions: list[int], target: int = 0) -> tuple[list[float], list[float], float]:
    """Penalty and learned cost of every step, and the total of the episode."""
    simulator = EmbeddedSimulator([home], body(replace(eye(), role="navigation"), gripper="parallel"), 1, 0)
    at(simulator, 0.0, 0.0)
    ledger, asked = Ledger((one,), simulator.body, 1), Asked.of(np.array([[target]]))
    ledger.begin(np.array([0]), simulator, simulator.world(), asked)
    penalties, costs = list[float](), list[float]()
    for action in actions:
        act(simulator, action)
        penalty, cost = ledger.charge(simulator, simulator.world(), asked)
        penalties.append(float(penalty[0]))
        costs.append(float(cost.sum()))
    return penalties, costs, float(ledger.totals[0, 0])


def limit(name: str, at_most: float = 0.0, when: str | None = None, by: Any = "lagrange", weight: float = 0.0) -> Constraint:
    return Constraint(name=name, at_most=at_most, by=by, weight=weight, when=None if when is None else parse(when))


@pytest.mark.parametrize(
    ("name", "home", "actions", "expected"),
    [
        ("collisions_per_episode", WALL, [FORWARD, HIT, TURN_RIGHT, TURN_RIGHT], [0, 1, 0, 0]),
        ("repeated_collisions_per_episode", WALL, [FORWARD, HIT, HIT, HIT, TURN_RIGHT], [0, 0, 1, 1, 0]),
        ("moves_with_arm_out_per_episode", house(), [FORWARD, EXTEND, EXTEND, FORWARD, TURN_RIGHT, LIFT], [0, 0, 0, 1, 1, 0]),
        ("wrong_grasps_per_episode", FOIL, [GRASP, EXTEND], [0, 0]),
        ("drops_per_episode", FOIL, [GRASP, EXTEND, RELEASE, RELEASE], [0, 0, 1, 0]),
    ],
)
def test_what_costs(name: str, home: House, actions: list[int], expected: list[float]) -> None:
    penalties, costs, total = charged(limit(name), home, actions, target=0 if home.objects else -1)
    assert costs == expected
    assert total == sum(expected)
    assert not any(penalties)  # the learner weighs it, the reward does not


def test_a_wrong_grasp_is_of_another_thing_than_was_asked_for() -> None:
    assert charged(limit("wrong_grasps_per_episode"), FOIL, [GRASP, EXTEND, RELEASE], target=-1)[1] == [1, 0, 0]


def test_a_cost_of_ones_own_is_an_expression() -> None:
    far = house(thing("Post", (0.0, 1.0, 2.0), (0.1, 0.1, 0.1)))
    assert charged(limit("lingering", when="near(target, within_m: 1.6)"), far, [FORWARD, FORWARD, TURN_RIGHT])[1] == [0, 1, 1]


def test_a_penalty_is_for_what_goes_beyond_the_limit() -> None:
    hits = [FORWARD, HIT, HIT, HIT, TURN_RIGHT]
    assert charged(limit("collisions_per_episode", 0.0, by="penalty", weight=0.5), WALL, hits)[0] == [0, 0.5, 0.5, 0.5, 0]
    assert charged(limit("collisions_per_episode", 2.0, by="penalty", weight=0.5), WALL, hits)[0] == [0, 0, 0, 0.5, 0]
    assert charged(limit("collisions_per_episode", 1.5, by="penalty", weight=0.5), WALL, hits)[:2] == ([0, 0, 0.25, 0.5, 0], [0] * 5)


def test_the_next_episode_begins_at_nothing_and_a_snapshot_goes_on_where_it_was() -> None:
    simulator = EmbeddedSimulator([WALL], body(replace(eye(), role="navigation"), gripper="parallel"), 2, 0)
    at(simulator, 0.0, 0.0)
    ledger = Ledger((limit("collisions_per_episode", when=None),), simulator.body, 2)
    asked = Asked.of(np.array([[0], [0]]))
    ledger.begin(np.array([0, 1]), simulator, simulator.world(), asked)
    for _ in range(3):
        act(simulator, FORWARD)
        ledger.charge(simulator, simulator.world(), asked)
    first = ledger.totals.copy()
    assert first[0, 0] == 2.0
    kept = ledger.snapshot()
    ledger.begin(np.array([0]), simulator, simulator.world(), asked)
    assert ledger.totals[0, 0] == 0.0
    assert ledger.totals[1, 0] == first[1, 0]
    ledger.restore(kept)
    assert np.array_equal(ledger.totals, first)


MINE = """kind: task
extends: objectnav_short
constraints:
  collisions_per_episode: {at_most: 3, by: lagrange}
  moves_with_arm_out_per_episode: {at_most: 0, by: penalty, weight: 0.5}
  lingering: {at_most: 10, by: lagrange, when: "near(target, within_m: 1.0)"}
"""


def test_constraints_by_yaml_reach_the_learner_and_the_record(tmp_path: Path, houses: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    task, simulator = load_task(path)[0], EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], 4, 0)
    env = FlareVectorEnv(simulator, replace(task, horizon=30), EpisodeSampler(task, simulator, Vocabulary.load(), 0), {})
    env.reset()
    assert env.limits == (3.0, 10.0)
    forward, spent = np.full(4, simulator.body.action_names.index("move_ahead")), np.zeros((4, 2))
    for _ in range(30):
        _, _, _, truncated, info = env.step(forward)
        assert info["costs"].shape == (4, 2)
        spent += info["costs"]
    assert truncated.all()
    record = info["episode"]
    assert np.array_equal(record["costs"], spent)
    assert np.array_equal(record["cost/collisions_per_episode"], record["collisions"])
    assert spent[:, 0].sum() > 0
    assert not record["cost/moves_with_arm_out_per_episode"].any()


def test_a_body_without_an_arm_has_no_cost_of_one() -> None:
    task = replace(load_task("objectnav")[0], constraints=(limit("drops_per_episode"),))
    with pytest.raises(TaskError, match="turtlebot4 has no arm, so it has no drops_per_episode"):
        task.check(load_embodiment("turtlebot4")[0])
