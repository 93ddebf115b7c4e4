"""Arm and hand: worked by hand on the toy robot, whose telescope reaches to the right at 0.6 m.

Its wrist is 0.1 m + extension to the right of the axis and the hand sphere, of radius 0.06 m, 0.18 m beyond it: with
every joint at home the hand is at (0.38, 0.6, 0).
"""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.houses.house import HouseObject
from flare_core.simulators.embedded import arm as arms
from flare_core.simulators.embedded.handling import joints_for
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from tests.simulators.scenes import (
    ARM,
    EXTEND,
    FORWARD,
    GRASP,
    HAND_FORWARD,
    HAND_RIGHT,
    HAND_UP,
    LIFT,
    RELEASE,
    RIGHT,
    TURN_RIGHT,
    WRIST,
    act,
    at,
    body,
    eye,
    house,
    thing,
)

FOIL = "AluminumFoil"  # a plain box that can be picked up
SIDE = 0.08


def foil(x: float, y: float = 0.6, z: float = 0.0, side: float = SIDE, ident: str = "foil") -> HouseObject:
    return thing(FOIL, (x, y, z), (side, side, side), ident=ident)


def stage(*things: HouseObject, contact: str = "cancel", gripper: str = "parallel", batch: int = 1, **more: object) -> EmbeddedSimulator:
    simulator = EmbeddedSimulator([house(*things)], body(contact=contact, gripper=gripper, **more), batch, 0)  # type: ignore[arg-type]
    at(simulator, 0.0, 0.0)
    return simulator


def place(simulator: EmbeddedSimulator, objects: int = 0) -> npt.NDArray[np.float64]:
    return simulator.positions_of(np.array([[objects]] * simulator.batch))[0, 0]


def succeeded(simulator: EmbeddedSimulator) -> bool:
    return bool(simulator.world().action_succeeded[0])


def test_the_hand_is_where_lift_extension_wrist_and_base_put_it() -> None:
    simulator = stage()
    assert simulator.world().hand[0] == pytest.approx([0.38, 0.6, 0.0])
    act(simulator, EXTEND, LIFT)
    assert simulator.world().hand[0] == pytest.approx([0.48, 0.7, 0.0])
    act(simulator, TURN_RIGHT)  # what was to the right is now behind
    assert simulator.world().hand[0] == pytest.approx([0.0, 0.7, -0.48])
    act(simulator, WRIST)  # clockwise from above: from -z towards -x
    wrist = 0.1 + 0.2
    assert simulator.world().hand[0] == pytest.approx([-0.18 * math.sin(0.5), 0.7, -wrist - 0.18 * math.cos(0.5)])


def test_a_body_without_an_arm_has_no_hand() -> None:
    assert np.isnan(stage(arm=None, gripper="none").world().hand).all()


@pytest.mark.parametrize("contact", ["cancel", "stop"])
def test_objects_block_the_arm_as_they_block_the_base(contact: str) -> None:
    simulator = stage(thing("Block", (0.7, 0.6, 0.0), (0.2, 0.2, 0.2)), contact=contact)  # from x = 0.6
    act(simulator, EXTEND, EXTEND)  # finger tips at 0.58
    assert succeeded(simulator)
    act(simulator, EXTEND)
    world = simulator.world()
    assert not world.action_succeeded[0]
    assert world.collided[0]
    assert world.hand[0, 0] == pytest.approx(0.58 if contact == "cancel" else 0.6, abs=1e-5)


def test_an_arm_passes_over_what_is_lower() -> None:
    simulator = stage(thing("Block", (0.7, 0.25, 0.0), (0.2, 0.5, 0.2)))  # up to 0.5 m; the telescope's underside is at 0.575 m
    act(simulator, EXTEND, EXTEND, EXTEND)
    assert succeeded(simulator)


def test_an_arm_that_is_out_blocks_the_base_and_one_that_is_stowed_does_not() -> None:
    post = thing("Block", (0.55, 0.6, 0.25), (0.1, 1.2, 0.1))
    simulator = stage(post)
    act(simulator, FORWARD)
    assert succeeded(simulator), "the base alone passes"
    at(simulator, 0.0, 0.0)
    act(simulator, EXTEND, EXTEND, FORWARD)
    world = simulator.world()
    assert world.collided[0]
    assert world.position[0].tolist() == [0.0, 0.0, 0.0]
    at(simulator, 0.0, 0.0)
    act(simulator, EXTEND, EXTEND, TURN_RIGHT)  # away from the post
    assert succeeded(simulator)


@pytest.mark.parametrize(("gap_m", "taken"), [(0.0599, True), (0.0601, False)])
def test_a_hand_takes_what_its_sphere_meets(gap_m: float, taken: bool) -> None:
    simulator = stage(foil(0.38 + gap_m + SIDE / 2))
    act(simulator, GRASP)
    world = simulator.world()
    assert world.action_succeeded[0] == taken
    assert world.held[0] == (0 if taken else -1)


def test_a_hand_takes_neither_furniture_nor_a_second_thing_and_takes_the_nearest() -> None:
    simulator = stage(thing("Block", (0.46, 0.6, 0.0), (0.1, 0.1, 0.1)))
    act(simulator, GRASP)
    assert not succeeded(simulator)
    simulator = stage(foil(0.38 + 0.05 + SIDE / 2, ident="far"), foil(0.38, 0.6 - 0.03 - SIDE / 2, ident="near"))
    act(simulator, GRASP)
    assert simulator.world().held[0] == 1
    act(simulator, GRASP)
    assert not succeeded(simulator)
    assert simulator.world().held[0] == 1


def test_without_a_gripper_nothing_is_taken() -> None:
    simulator = stage(foil(0.46), gripper="none")
    act(simulator, GRASP)
    assert not succeeded(simulator)
    assert simulator.world().held[0] == -1


def test_what_is_held_goes_where_the_hand_goes() -> None:
    simulator = stage(foil(0.46))
    act(simulator, GRASP, EXTEND, LIFT)
    assert place(simulator) == pytest.approx([0.56, 0.7, 0.0])
    act(simulator, TURN_RIGHT)
    assert place(simulator) == pytest.approx([0.0, 0.7, -0.56])
    act(simulator, FORWARD)  # it faces +x now
    assert place(simulator) == pytest.approx([0.25, 0.7, -0.56])
    act(simulator, WRIST)
    reach = 0.56 - 0.3  # from the wrist's axis
    assert place(simulator) == pytest.approx([0.25 - reach * math.sin(0.5), 0.7, -0.3 - reach * math.cos(0.5)])


def test_what_is_held_blocks_and_the_hand_that_let_it_go_does_not_hold_it() -> None:
    wall = thing("Block", (0.7, 0.6, 0.0), (0.2, 0.2, 0.2))  # from x = 0.6
    simulator = stage(foil(0.46), wall)  # reaches to 0.5
    act(simulator, GRASP, EXTEND)
    assert succeeded(simulator), "0.6: they touch exactly"
    act(simulator, EXTEND)
    assert simulator.world().collided[0]
    act(simulator, RELEASE, EXTEND)
    assert succeeded(simulator), "the fingers alone reach to 0.58"


def test_what_is_let_go_falls_onto_what_is_below() -> None:
    table = thing("Block", (0.56, 0.2, 0.0), (0.3, 0.4, 0.3), ident="table")
    simulator = stage(foil(0.46), table, foil(0.66, 0.4 + SIDE / 2, ident="on the table"))
    act(simulator, GRASP, RELEASE)
    assert simulator.world().held[0] == -1
    assert place(simulator) == pytest.approx([0.46, 0.4 + SIDE / 2, 0.0]), "on the table"
    at(simulator, 0.0, 0.0)
    act(simulator, GRASP, EXTEND, EXTEND, RELEASE)
    assert place(simulator) == pytest.approx([0.66, 0.4 + 1.5 * SIDE, 0.0]), "on the other one"
    at(simulator, 0.0, 0.0)
    act(simulator, GRASP, TURN_RIGHT, RELEASE)
    assert place(simulator) == pytest.approx([0.0, SIDE / 2, -0.46]), "on the floor"
    act(simulator, RELEASE)
    assert not succeeded(simulator), "nothing is held any more"


def test_what_stood_on_a_thing_that_is_taken_falls_and_its_neighbours_stay() -> None:
    table = thing("Block", (0.46, 0.25, 0.0), (0.3, 0.5, 0.5), ident="table")
    tray = thing(FOIL, (0.47, 0.54, 0.0), (0.1, 0.08, 0.3), ident="tray")
    stack = [foil(0.48, 0.58 + SIDE / 2, 0.1, ident="lower"), foil(0.48, 0.58 + 1.5 * SIDE, 0.1, ident="upper")]
    simulator = stage(table, tray, *stack, foil(0.58, 0.5 + SIDE / 2, -0.1, ident="beside"))
    before = [place(simulator, at) for at in range(5)]
    act(simulator, GRASP)
    assert simulator.world().held[0] == 1
    assert place(simulator, 2) == pytest.approx([0.48, 0.5 + SIDE / 2, 0.1])
    assert place(simulator, 3) == pytest.approx([0.48, 0.5 + 1.5 * SIDE, 0.1])
    assert place(simulator, 4) == pytest.approx(before[4])


def test_a_dropped_thing_blocks_the_base_where_it_lies() -> None:
    simulator = stage(foil(0.46))
    act(simulator, TURN_RIGHT, RIGHT, RIGHT)  # to the right is -z now
    assert succeeded(simulator)
    at(simulator, 0.0, 0.0)
    act(simulator, GRASP, TURN_RIGHT, RELEASE, RIGHT)  # it lies from z = -0.42 on; the base reaches to -0.4
    assert succeeded(simulator)
    act(simulator, RIGHT)
    assert simulator.world().collided[0]


def test_a_held_thing_is_seen_where_it_is_and_hides_what_is_behind_it() -> None:
    camera = eye(up_m=0.8, pitch=0.2, yaw=math.pi / 2, width=160, height=120, focal=80.0)
    behind = thing("Vase", (2.0, 0.55, 0.0), (0.1, 0.1, 0.1), ident="behind")
    simulator = EmbeddedSimulator([house(foil(0.46, side=0.14), behind)], body(camera, gripper="parallel"), 1, 0)
    at(simulator, 0.0, 0.0)
    for actions in ((), (GRASP,), (EXTEND,), (LIFT,), (WRIST,), (WRIST,)):
        act(simulator, *actions)
        ids = simulator.frames("eye", 160, 120)[2][0]
        rows, columns = np.nonzero(ids == 0)
        x, y, z = place(simulator) - np.array([0.0, 0.8, 0.0])
        depth = math.cos(0.2) * x - math.sin(0.2) * y
        up = math.sin(0.2) * x + math.cos(0.2) * y
        middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        assert middle == pytest.approx((60 - 80 * up / depth, 80 - 80 * z / depth), abs=8), actions
    at(simulator, 0.0, 0.0)
    both = np.array([[0, 1]])
    act(simulator, GRASP)
    assert simulator.visible(both, "eye", 5.0)[0].tolist() == [True, True]
    act(simulator, LIFT)  # into the line from the eye, at 0.8 m, to the vase
    assert simulator.visible(both, "eye", 5.0)[0].tolist() == [True, False]
    act(simulator, WRIST, WRIST)
    assert simulator.visible(both, "eye", 5.0)[0].tolist() == [True, True]


def test_rows_do_not_see_each_others_things_and_an_episode_begins_with_everything_in_place() -> None:
    simulator = stage(foil(0.46), batch=2)
    simulator.apply(np.array([GRASP, FORWARD]))
    assert simulator.world().held.tolist() == [0, -1]
    act(simulator, LIFT)
    assert simulator.positions_of(np.array([[0], [0]]))[:, 0, 1] == pytest.approx([0.7, 0.6])
    at(simulator, 0.0, 0.0)
    assert simulator.world().held.tolist() == [-1, -1]
    assert simulator.positions_of(np.array([[0], [-1]]))[0, 0, 1] == pytest.approx(0.6)
    assert np.isnan(simulator.positions_of(np.array([[0], [-1]]))[1, 0]).all()


def test_a_snapshot_with_things_in_hand_and_on_the_floor_goes_on_bit_identically() -> None:
    def run(simulator: EmbeddedSimulator) -> list[npt.NDArray[np.generic]]:
        found: list[npt.NDArray[np.generic]] = []
        for action in (LIFT, TURN_RIGHT, WRIST, FORWARD, RELEASE, GRASP):
            act(simulator, action)
            found += [simulator.images("eye", 48, 36), simulator.positions_of(np.array([[0, 1]])), simulator.world().collided]
        return found

    def make() -> EmbeddedSimulator:
        camera = eye(up_m=1.2, pitch=0.9, yaw=math.pi / 2)
        simulator = EmbeddedSimulator([house(foil(0.46), foil(0.64, ident="other"))], body(camera, gripper="parallel"), 1, 0)
        at(simulator, 0.0, 0.0)
        return simulator

    simulator = make()
    act(simulator, GRASP, TURN_RIGHT, RELEASE, TURN_RIGHT, TURN_RIGHT, TURN_RIGHT, EXTEND, EXTEND, GRASP)
    assert simulator.world().held[0] == 1
    kept, first = simulator.snapshot(), run(simulator)
    fresh = make()
    fresh.restore(kept)
    for one, other in zip(first, run(fresh), strict=True):
        assert np.array_equal(one, other)


def test_hands_move_straight_along_the_robots_axes() -> None:
    simulator = stage()
    act(simulator, EXTEND)
    start = simulator.world().hand[0]
    for action, step in ((HAND_FORWARD, (0.0, 0.0, 0.05)), (HAND_UP, (0.0, 0.05, 0.0)), (HAND_RIGHT, (0.05, 0.0, 0.0))):
        act(simulator, action)
        assert succeeded(simulator)
        start = start + step
        assert simulator.world().hand[0] == pytest.approx(start, abs=1e-9)
    act(simulator, HAND_FORWARD, HAND_FORWARD)
    assert succeeded(simulator), "0.15 m forward of the wrist, which is 0.18 m away"
    joints = simulator.world().joints[0]
    act(simulator, HAND_FORWARD)
    assert not succeeded(simulator)
    assert simulator.world().joints[0].tolist() == joints.tolist()


@given(st.tuples(*[st.floats(-0.1, 0.1)] * 3), st.floats(-1.4, 1.4), st.floats(-3.0, 3.0))
def test_joints_of_a_hand_move_agree_with_where_the_hand_is(move: tuple[float, float, float], wrist: float, reach_yaw: float) -> None:
    arm = ARM.__class__(**{name: getattr(ARM, name) for name in ARM.__slots__} | {"reach_yaw": reach_yaw})
    joints = np.array([[0.1, 0.3, wrist]])
    after, possible = joints_for(arm, joints, np.array([move]))
    if not possible[0]:
        return
    numbers, hands = arms.numbers_of(arm), np.empty((2, 3))
    arms.hands_of(numbers, np.concatenate([np.zeros((2, 3)), np.concatenate([joints, after])], axis=1), hands)
    assert hands[1] - hands[0] == pytest.approx([move[0], move[1], move[2]], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.8, 0.8), st.floats(0.3, 1.0), st.floats(-0.8, 0.8), st.floats(0.01, 0.2), st.floats(0.0, 3.1)), max_size=3
    ),
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-1.5, 1.5), st.floats(0, 0.25), st.floats(0.1, 0.5), st.floats(-1, 1)),
)
def test_a_way_that_is_free_leads_through_no_box(blocks: list[tuple[float, ...]], after: tuple[float, ...]) -> None:
    """Points inside of the arm's boxes, all along a way that is said to be free, lie in no box."""
    boxes = np.array([[x, y, z, half, half, half, math.cos(yaw), math.sin(yaw)] for x, y, z, half, yaw in blocks]).reshape(-1, 8)
    numbers, before, target = arms.numbers_of(ARM), np.array([0.0, 0.0, 0.0, 0.0, 0.1, 0.0]), np.array(after)
    near, none = np.zeros(max(1, len(boxes)), np.int64), np.zeros((0, 8))
    if arms.sweep_arm(boxes, 0, len(boxes), numbers, before, before, True, none, near) < 1.0:
        return  # an arm that begins inside of a box may leave it
    share = arms.sweep_arm(boxes, 0, len(boxes), numbers, before, target, True, none, near)
    unit = np.stack(np.meshgrid(*[np.linspace(-0.95, 0.95, 5)] * 3), axis=-1).reshape(-1, 3)
    parts = np.empty((3, 8))
    for at_share in np.linspace(0.05, 1.0, 20) * share:
        arms.parts_of(numbers, before + (target - before) * at_share, parts)
        for part in parts:
            c, s = part[6], part[7]
            local = unit * part[3:6]
            points = part[:3] + np.stack([c * local[:, 0] + s * local[:, 2], local[:, 1], c * local[:, 2] - s * local[:, 0]], axis=1)
            for box in boxes:
                d = points - box[:3]
                inside = (np.abs(box[6] * d[:, 0] - box[7] * d[:, 2]) < box[3] - 0.013) & (np.abs(d[:, 1]) < box[4] - 0.013)
                assert not (inside & (np.abs(box[7] * d[:, 0] + box[6] * d[:, 2]) < box[5] - 0.013)).any()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.8, 0.8), st.floats(0.3, 1.0), st.floats(0.2, 0.8), st.floats(0.01, 0.2), st.floats(0.0, 3.1)),
        min_size=1, max_size=3,
    ),
    st.tuples(st.floats(0, 0.25), st.floats(0.1, 0.5), st.floats(-1, 1)),
)  # fmt: skip
def test_a_free_way_of_the_arm_is_a_sweep_that_nothing_stops(blocks: list[tuple[float, ...]], joints: tuple[float, ...]) -> None:
    boxes = np.array([[x, y, z, half, half, half, math.cos(yaw), math.sin(yaw)] for x, y, z, half, yaw in blocks])
    numbers, before, after = arms.numbers_of(ARM), np.array([0.0, 0.0, 0.0, 0.0, 0.1, 0.0]), np.array([0.0, 0.0, 0.0, *joints])
    near, every = np.zeros(len(boxes), np.int64), np.arange(len(boxes))
    free = arms.sweep_arm(boxes, 0, len(boxes), numbers, before, after, True, np.zeros((0, 8)), near) == 1.0
    assert arms.is_free_way(boxes, every, len(boxes), numbers, before, after) == free
