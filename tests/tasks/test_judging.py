"""Success rules at their boundaries, in small houses made by hand. The toy robot's hand is 0.38 m to its right."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flare_core.errors import TaskError
from flare_core.houses.house import HouseObject
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.judging import Asked, Judge
from flare_core.tasks.predicates import parse
from tests.simulators.scenes import EXTEND, FORWARD, GRASP, RELEASE, TURN_RIGHT, act, at, body, eye, house, thing, two_rooms

OBJECT = np.array([[0]])


def stage(*things: HouseObject) -> EmbeddedSimulator:
    return EmbeddedSimulator([house(*things)], body(replace(eye(), role="navigation"), gripper="parallel"), 1, 0)


def post(x: float, z: float, y: float = 1.0) -> HouseObject:
    """Its centre and its nearest visibility point are those of a box of 2 mm."""
    return thing("Post", (x, y, z), (0.002, 0.002, 0.002))


def foil(x: float, z: float = 0.0) -> HouseObject:
    return thing("AluminumFoil", (x, 0.6, z), (0.08, 0.08, 0.08))


def says(simulator: EmbeddedSimulator, text: str, asked: Asked | None = None) -> bool:
    judge = Judge(parse(text), simulator.body, 1)
    return bool(judge.holds(simulator, asked or Asked.of(OBJECT))[0])


def rooms(*which: int, marked: int = 0, count: int = 2) -> Asked:
    return replace(Asked.of(np.array([[-1]])), rooms=np.array([which]), marked=np.array([marked]), room_count=np.array([count]))


@pytest.mark.parametrize(("distance_m", "is_near"), [(1.99, True), (2.01, False)])
def test_a_target_counts_as_seen_and_as_near_up_to_two_metres(distance_m: float, is_near: bool) -> None:
    simulator = stage(post(0.0, distance_m))
    at(simulator, 0.0, 0.0)
    assert says(simulator, "visible(target, navigation, within_m: 2.0)") == is_near
    assert says(simulator, "near(target, within_m: 2.0)") == is_near


def test_what_stands_in_between_hides_and_does_not_make_farther() -> None:
    simulator = stage(post(0.0, 1.5), thing("Screen", (0.0, 1.0, 1.0), (0.6, 0.6, 0.02)))
    at(simulator, 0.0, 0.0)
    assert not says(simulator, "visible(target, navigation, within_m: 2.0)")
    assert says(simulator, "near(target, within_m: 2.0)")
    at(simulator, 1.0, 0.0, yaw=-0.55)
    assert says(simulator, "visible(target, navigation, within_m: 2.0)")


def test_height_does_not_count_as_distance() -> None:
    simulator = stage(post(0.0, 1.99, y=2.4))
    at(simulator, 0.0, 0.0)
    assert says(simulator, "near(target, within_m: 2.0)")


@pytest.mark.parametrize(("yaw_deg", "faces"), [(-14.9, True), (14.9, True), (-15.1, False), (15.1, False), (179.0, False), (359.0, True)])
def test_facing_is_an_angle_to_either_side(yaw_deg: float, faces: bool) -> None:
    simulator = stage(post(0.0, 3.0))
    at(simulator, 0.0, 0.0, yaw=math.radians(yaw_deg))
    assert says(simulator, "facing(target, within_deg: 15)") == faces


def test_holding_begins_with_the_grasp_and_ends_with_the_release() -> None:
    simulator = stage(foil(0.46), foil(0.0, 3.0))
    at(simulator, 0.0, 0.0)
    told = []
    for action in (EXTEND, GRASP, TURN_RIGHT, RELEASE):
        if action == EXTEND:
            told.append(says(simulator, "holding(target)"))
            continue
        act(simulator, action)
        told.append(says(simulator, "holding(target)"))
    assert told == [False, True, True, False]
    at(simulator, 0.0, 0.0)
    act(simulator, GRASP)
    assert not says(simulator, "holding(target)", Asked.of(np.array([[1]]))), "it holds another one"
    assert says(simulator, "holding(target)", Asked.of(np.array([[1, 0]])))
    assert not says(simulator, "holding(target)", Asked.of(np.array([[-1]])))


def test_a_carried_target_is_near_the_hand_and_a_dropped_one_is_where_it_fell() -> None:
    simulator = stage(foil(0.46))
    at(simulator, 0.0, 0.0)
    assert says(simulator, "hand_near(target, within_m: 0.0801)")
    assert not says(simulator, "hand_near(target, within_m: 0.0799)")
    act(simulator, GRASP, FORWARD, FORWARD, FORWARD, FORWARD)
    assert says(simulator, "all(hand_near(target, within_m: 0.0801), near(target, within_m: 0.4601))")
    act(simulator, RELEASE)
    assert not says(simulator, "hand_near(target, within_m: 0.1)")
    assert says(simulator, "near(target, within_m: 0.4601)")


def test_an_arm_is_stowed_only_at_home() -> None:
    simulator = stage()
    at(simulator, 0.0, 0.0)
    assert says(simulator, "stowed()")
    act(simulator, EXTEND)
    assert not says(simulator, "stowed()")


@pytest.mark.parametrize(("x", "z", "inside"), [(2.79, 3.79, True), (-2.79, 0.21, True), (0.0, 3.99, True), (0.0, 4.01, False)])
def test_a_room_reaches_into_its_corners_and_to_its_door(x: float, z: float, inside: bool) -> None:
    simulator = EmbeddedSimulator([two_rooms()], body(), 1, 0)
    at(simulator, x, z)
    assert says(simulator, "in_room(target)", rooms(0)) == inside
    assert says(simulator, "in_room(target)", rooms(1)) != inside
    assert says(simulator, "in_room(target)", rooms(0, 1))
    assert not says(simulator, "in_room(target)", rooms(-1))


def test_all_rooms_are_those_of_the_house() -> None:
    simulator = EmbeddedSimulator([two_rooms()], body(), 1, 0)
    at(simulator, 0.0, 1.0)
    assert [says(simulator, "rooms_marked(all)", rooms(-1, marked=marked)) for marked in range(3)] == [False, False, True]
    assert [says(simulator, "rooms_marked(at_least: 1)", rooms(-1, marked=marked)) for marked in range(3)] == [False, True, True]


def test_a_sequence_holds_only_in_its_order_and_not_within_one_step() -> None:
    simulator = stage(post(0.0, 1.0), foil(0.46))
    at(simulator, 0.0, 0.0)
    judge, asked = Judge(parse("then(near(target, within_m: 0.6), near(target, within_m: 1.2))"), simulator.body, 1), Asked.of(OBJECT)
    judge.begin(np.array([0]))
    told = []
    for action in (None, FORWARD, FORWARD, None):
        if action is not None:
            act(simulator, action)
        told.append(bool(judge.holds(simulator, asked)[0]))
        judge.step(simulator, asked)
    assert told == [False, False, False, True], "near to 0.5 m at the third look; it counts from the fourth on"
    kept = judge.snapshot()
    judge.begin(np.array([0]))
    assert not judge.holds(simulator, asked)[0], "an episode begins with nothing behind it"
    judge.restore(kept)
    assert judge.holds(simulator, asked)[0]


@pytest.mark.parametrize(
    ("text", "robot", "message"),
    [
        ("holding(target)", body(), "toy can hold nothing: it needs `arm:` and `gripper:`"),
        ("stowed()", body(arm=None), "toy has no arm"),
        ("visible(target, rear, within_m: 1)", body(), "toy has no camera with role 'rear'"),
    ],
)
def test_a_body_that_cannot_be_judged_is_refused(text: str, robot: object, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        Judge(parse(f"any({text}, near(target, within_m: 1))"), robot, 1)  # type: ignore[arg-type]


def looked(degrees: float) -> Asked:
    return replace(Asked.of(OBJECT), looked=np.radians([degrees]))


@pytest.mark.parametrize(("degrees", "is_enough"), [(355.0, False), (360.0, True)])
def test_looking_around_is_done_once_the_whole_circle_was_shown(degrees: float, is_enough: bool) -> None:
    simulator = stage(post(0.0, 1.0))
    at(simulator, 0.0, 0.0)
    assert says(simulator, "looked_around(at_least_deg: 360)", looked(degrees)) == is_enough
