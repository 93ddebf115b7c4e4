"""AI2-THOR's rule of visibility, by hand."""

import math

import numpy as np
import pytest

from flare_core.errors import SimError
from flare_core.houses.house import House, HouseObject
from flare_core.simulators.embedded.sight import POINTS, point_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from tests.simulators.scenes import TILT_DOWN, TURN_RIGHT, act, at, body, eye, house, thing, two_rooms

BALL = thing("BasketBall", (0.0, 1.0, 2.0), (0.2, 0.2, 0.2), ident="ball")


def sees(home: House, within_m: float, *actions: int, up_m: float = 1.0, x: float = 0.0) -> bool:
    simulator = EmbeddedSimulator([home], body(eye(up_m=up_m)), 1, 0)
    at(simulator, x, 0.0)
    act(simulator, *actions)
    return bool(simulator.visible(np.array([[0]]), "eye", within_m)[0, 0])


def test_the_fifteen_points_are_centre_sides_and_drawn_in_corners() -> None:
    box = np.array([1.0, 2.0, 3.0, 0.1, 0.2, 0.3, 0.0, 1.0])  # turned by 90 degrees: its x axis lies along -z
    out = np.empty((POINTS, 3))
    for index in range(POINTS):
        point_of(box, index, out[index])
    assert out[0].tolist() == [1.0, 2.0, 3.0]
    assert out[1].tolist() == pytest.approx([1.0, 2.0, 2.9])
    assert np.ptp(out[:7], axis=0).tolist() == pytest.approx([0.6, 0.4, 0.2])
    assert np.ptp(out[7:], axis=0).tolist() == pytest.approx([0.54, 0.36, 0.18])


def test_distance_is_horizontal_and_from_the_axis_of_rotation() -> None:
    assert not sees(house(BALL), 1.89)  # its nearest side is at 1.9 m
    assert sees(house(BALL), 1.91)
    high = thing("BasketBall", (0.0, 1.8, 2.0), (0.2, 0.2, 0.2))
    assert sees(house(high), 1.95)  # 2.1 m away in space


def test_what_is_outside_the_frustum_is_not_seen() -> None:
    assert sees(house(BALL), 5.0)
    assert not sees(house(BALL), 5.0, TURN_RIGHT)
    assert not sees(house(BALL), 5.0, *[TILT_DOWN] * 4)
    edge = 2.0 * 32 / 50  # half the width over the focal length
    assert sees(house(thing("Cube", (edge + 0.09, 1.0, 2.0), (0.2, 0.2, 0.2))), 5.0)
    assert not sees(house(thing("Cube", (edge + 0.25, 1.0, 2.0), (0.2, 0.2, 0.2))), 5.0)


def with_screen(screen: HouseObject) -> House:
    return house(BALL, screen)


def test_anything_in_between_hides_and_a_part_in_sight_is_enough() -> None:
    assert not sees(with_screen(thing("Crate", (0.0, 1.0, 1.0), (0.5, 0.5, 0.1))), 5.0)
    assert sees(with_screen(thing("Crate", (0.25, 1.0, 1.0), (0.4, 0.5, 0.1))), 5.0)  # it ends at x = 0.05
    assert sees(with_screen(thing("Crate", (0.0, 1.0, 3.0), (0.5, 0.5, 0.1))), 5.0)  # behind the ball


def test_one_looks_between_the_legs_of_a_table_but_not_through_its_top() -> None:
    table = thing("DiningTable", (0.0, 0.6, 1.0), (1.6, 1.2, 0.6))
    low = thing("BasketBall", (0.0, 0.5, 2.0), (0.2, 0.2, 0.2))
    assert sees(house(low, table), 5.0, up_m=0.5)
    level = thing("DiningTable", (0.0, 0.51, 1.0), (1.6, 1.02, 0.6))  # its top ends at 1.02 m and is 4 cm thick
    flat = thing("Cube", (0.0, 1.0, 2.0), (0.01, 0.01, 0.01))
    assert not sees(house(flat, level), 5.0, up_m=1.0)


def test_walls_hide_and_doorways_do_not() -> None:
    target = thing("BasketBall", (0.0, 1.0, 6.0), (0.2, 0.2, 0.2))
    for opening, seen in ((two_rooms("frame"), True), (two_rooms("door", openness=0.0), False)):
        home = House(id="t", rooms=opening.rooms, walls=opening.walls, openings=opening.openings, objects=(target,))
        simulator = EmbeddedSimulator([home], body(), 1, 0)
        at(simulator, 0.0, 2.0)
        assert simulator.visible(np.array([[0]]), "eye", 9.0)[0, 0] == seen
        at(simulator, 2.5, 2.0, math.atan2(-2.5, 4.0))  # the wall beside the door stands in between
        assert not simulator.visible(np.array([[0]]), "eye", 9.0)[0, 0]


def test_padding_is_false_and_an_object_that_is_not_there_is_refused() -> None:
    simulator = EmbeddedSimulator([house(BALL)], body(), 2, 0)
    at(simulator, 0.0, 0.0)
    assert simulator.visible(np.array([[0, -1], [-1, 0]]), "eye", 5.0).tolist() == [[True, False], [False, True]]
    with pytest.raises(SimError, match="below each house's number of objects"):
        simulator.visible(np.array([[0], [1]]), "eye", 5.0)
