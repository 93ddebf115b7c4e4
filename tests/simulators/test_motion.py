"""Contact, moves and joints against numbers worked by hand."""

import math

import numpy as np
import pytest

from flare_core.embodiments.body import Embodiment, Footprint, Noise
from flare_core.errors import SimError
from flare_core.houses.house import House
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start
from tests.simulators.scenes import (
    DONE,
    EXTEND,
    FORWARD,
    GRASP,
    LIFT,
    PAN_RIGHT,
    RIGHT,
    TURN_RIGHT,
    WRIST,
    act,
    at,
    body,
    eye,
    house,
    thing,
    two_rooms,
)

BLOCK = house(thing("Crate", (0.0, 0.5, 1.0), (2.0, 1.0, 0.2)))  # its near face is at z = 0.9


def place(simulator: EmbeddedSimulator) -> tuple[float, float, float]:
    world = simulator.world()
    return float(world.position[0, 0]), float(world.position[0, 2]), float(world.yaw[0])


def test_forward_goes_along_z_and_after_a_right_turn_along_x() -> None:
    simulator = EmbeddedSimulator([house()], body(), 1, 0)
    at(simulator, 0.0, 0.0)
    act(simulator, FORWARD)
    assert place(simulator) == pytest.approx((0.0, 0.25, 0.0))
    act(simulator, TURN_RIGHT, FORWARD)
    assert place(simulator) == pytest.approx((0.25, 0.25, math.pi / 2))
    act(simulator, RIGHT)  # facing +x, the right hand points to -z
    assert place(simulator) == pytest.approx((0.25, 0.05, math.pi / 2))


def test_cancel_leaves_the_body_where_it_was() -> None:
    simulator = EmbeddedSimulator([BLOCK], body(contact="cancel"), 1, 0)
    at(simulator, 0.0, 0.4)
    act(simulator, FORWARD)  # 0.4 + 0.25 + radius 0.2 = 0.85 < 0.9
    assert simulator.world().action_succeeded[0]
    act(simulator, FORWARD)  # 0.65 + 0.25 + 0.2 = 1.10 > 0.9
    assert place(simulator) == pytest.approx((0.0, 0.65, 0.0))
    assert simulator.world().collided[0]
    assert not simulator.world().action_succeeded[0]


def test_stop_goes_as_far_as_it_can() -> None:
    simulator = EmbeddedSimulator([BLOCK], body(contact="stop"), 1, 0)
    at(simulator, 0.0, 0.65)
    act(simulator, FORWARD)
    assert place(simulator) == pytest.approx((0.0, 0.7, 0.0), abs=1e-6)  # 0.9 - radius
    assert simulator.world().collided[0]
    assert not simulator.world().action_succeeded[0]


def test_a_thin_post_is_not_jumped_over() -> None:
    post = house(thing("Post", (0.0, 0.5, 0.5), (0.01, 1.0, 0.01)))
    simulator = EmbeddedSimulator([post], body(footprint=Footprint(radius_m=0.03, height_m=1.0)), 1, 0)
    at(simulator, 0.0, 0.4)
    act(simulator, FORWARD)
    assert simulator.world().collided[0]


def test_a_rectangle_with_an_offset_axis_touches_where_its_corner_is() -> None:
    shape = Footprint(radius_m=None, half_width_m=0.2, half_length_m=0.3, forward_m=0.1, height_m=1.0)  # front 0.4 from the axis
    simulator = EmbeddedSimulator([BLOCK], body(footprint=shape), 1, 0)
    x, z, yaw = np.zeros(4), np.array([0.49, 0.51, 0.69, 0.71]), np.array([0.0, 0.0, math.pi, math.pi])  # its back is at 0.2
    assert simulator.free(np.zeros(4, np.int64), x, z, yaw).tolist() == [True, False, True, False]
    corner = 0.9 - math.hypot(0.2, 0.4)  # turned so that a front corner points at the block
    turned = np.full(2, -math.atan2(0.2, 0.4))
    assert simulator.free(np.zeros(2, np.int64), np.zeros(2), corner + np.array([-0.001, 0.001]), turned).tolist() == [True, False]


def test_a_turn_that_sweeps_into_something_does_not_happen() -> None:
    beside = house(thing("Crate", (0.5, 0.5, 0.0), (0.4, 1.0, 4.0)))  # face at x = 0.3
    long = Footprint(radius_m=None, half_width_m=0.2, half_length_m=0.4, height_m=1.0)
    round_ = Footprint(radius_m=0.2, height_m=1.0)
    for shape, turns in ((long, False), (round_, True)):
        simulator = EmbeddedSimulator([beside], body(footprint=shape), 1, 0)
        at(simulator, 0.0, 0.0)
        act(simulator, TURN_RIGHT)
        assert simulator.world().action_succeeded[0] == turns
        assert place(simulator)[2] == pytest.approx(math.pi / 2 if turns else 0.0)


def test_a_low_body_drives_under_a_table_and_a_tall_one_does_not() -> None:
    table = house(thing("DiningTable", (0.0, 0.375, 1.0), (1.6, 0.75, 1.0)))
    for height_m, passes in ((0.35, True), (1.4, False)):
        simulator = EmbeddedSimulator([table], body(footprint=Footprint(radius_m=0.2, height_m=height_m)), 1, 0)
        at(simulator, 0.0, 0.0)
        act(simulator, *[FORWARD] * 4)
        assert (place(simulator)[1] == pytest.approx(1.0)) == passes


def walks_through(home: House, robot: Embodiment) -> bool:
    simulator = EmbeddedSimulator([home], robot, 1, 0)
    at(simulator, 0.0, 3.0)
    act(simulator, *[FORWARD] * 8)
    return bool(simulator.world().room[0] == 1)


def test_openings_let_through_what_fits_and_is_open() -> None:
    robot, giant = body(), body(footprint=Footprint(radius_m=0.2, height_m=2.3))
    assert walks_through(two_rooms("frame"), robot)
    assert walks_through(two_rooms("door", openness=1.0), robot)
    assert not walks_through(two_rooms("door", openness=0.0), robot)
    assert not walks_through(two_rooms("window", low_m=0.0), robot)
    assert not walks_through(two_rooms("frame"), giant)  # the wall above the door is at 2.1 m


def test_free_asks_for_a_floor_and_room_names_it() -> None:
    simulator = EmbeddedSimulator([two_rooms()], body(), 1, 0)
    x, z = np.array([0.0, 0.0, 0.0, 2.9]), np.array([2.0, 6.0, 9.0, 2.0])
    assert simulator.free(np.zeros(4, np.int64), x, z, np.zeros(4)).tolist() == [True, True, False, False]
    at(simulator, 0.0, 6.0)
    assert simulator.world().room[0] == 1


def test_moves_answers_what_a_move_would_do() -> None:
    simulator = EmbeddedSimulator([BLOCK], body(), 1, 0)
    z, distance = np.array([0.4, 0.65, 0.65]), np.array([0.25, 0.25, -0.25])
    assert simulator.moves(np.zeros(3, np.int64), np.zeros(3), z, np.zeros(3), distance).tolist() == [True, False, True]


def test_joints_move_to_their_limit_and_fail_only_there() -> None:
    simulator = EmbeddedSimulator([house()], body(), 1, 0)
    at(simulator, 0.0, 0.0)
    succeeded, lifts = [], []
    for _ in range(4):  # 0.1, 0.2, then the limit of 0.25
        act(simulator, LIFT)
        succeeded.append(bool(simulator.world().action_succeeded[0]))
        lifts.append(float(simulator.world().joints[0, 0]))
    assert succeeded == [True, True, True, False]
    assert lifts == pytest.approx([0.1, 0.2, 0.25, 0.25])
    act(simulator, EXTEND, WRIST, PAN_RIGHT)
    assert simulator.world().joints[0].tolist() == pytest.approx([0.25, 0.2, 0.5])
    assert simulator.world().camera_joints[0, 0].tolist() == pytest.approx([0.2, 0.0])


def test_done_succeeds_and_a_grasp_without_a_gripper_fails() -> None:
    simulator = EmbeddedSimulator([house()], body(), 1, 0)
    at(simulator, 0.0, 0.0)
    act(simulator, DONE)
    assert simulator.world().action_succeeded[0]
    act(simulator, GRASP)
    assert not simulator.world().action_succeeded[0]
    assert place(simulator) == (0.0, 0.0, 0.0)


def test_noise_has_the_spread_asked_for_and_is_keyed_by_episode() -> None:
    noisy = body(noise=Noise(move_m=0.01, turn=0.02))
    simulator = EmbeddedSimulator([house()], noisy, 1000, 3)
    at(simulator, 0.0, 0.0)
    act(simulator, FORWARD)
    moved = simulator.world().position[:, 2] - 0.25
    assert abs(moved.mean()) < 0.0015
    assert moved.std() == pytest.approx(0.01, rel=0.08)
    act(simulator, TURN_RIGHT)
    assert (simulator.world().yaw - math.pi / 2).std() == pytest.approx(0.02, rel=0.08)
    alone = EmbeddedSimulator([house()], noisy, 1, 3)
    at(alone, 0.0, 0.0, episode=123)
    act(alone, FORWARD, TURN_RIGHT)
    assert alone.world().position[0].tolist() == simulator.world().position[123].tolist()
    assert alone.world().yaw[0] == simulator.world().yaw[123]


def test_calls_that_make_no_sense_are_refused() -> None:
    simulator = EmbeddedSimulator([house()], body(eye()), 2, 0)
    with pytest.raises(SimError, match="needs 2 indices from 0 to 13"):
        simulator.apply(np.array([0, 14]))
    with pytest.raises(SimError, match="house 1 of 1"):
        simulator.reset(np.array([0]), [Start(house=1, x=0.0, z=0.0, yaw=0.0, episode=0)])
    with pytest.raises(SimError, match="give finite numbers"):
        simulator.reset(np.array([0]), [Start(house=0, x=math.nan, z=0.0, yaw=0.0, episode=0)])
    with pytest.raises(SimError, match="toy has no camera 'nose'; it has \\['eye'\\]"):
        simulator.images("nose", 8, 8)
    with pytest.raises(SimError, match="the snapshot is of another simulator"):
        simulator.restore({})
