"""Occupancy, reachability and geodesic distance against cases worked by hand."""

import numpy as np
import pytest

from flare_core.simulators.embedded.grid import (
    BAND,
    BUCKETS,
    UNREACHED,
    attach_band,
    biggest_component,
    occupy,
    outside,
    rim_costs,
    spread,
)
from flare_core.simulators.embedded.motion import blocked


def box(x: float, z: float, half_x: float, half_z: float, *, low: float = 0.0, high: float = 2.0, yaw: float = 0.0) -> list[float]:
    return [x, (low + high) / 2, z, half_x, (high - low) / 2, half_z, float(np.cos(yaw)), float(np.sin(yaw))]


def distances(free: np.ndarray, goals: list[int], costs: list[int] | None = None) -> np.ndarray:
    out = np.empty(free.shape, np.int32)
    queue = np.empty((BUCKETS, free.size), np.int32)
    spread(free, np.array(goals, np.int32), np.array(costs or [0] * len(goals), np.int32), out, queue)
    return out


def test_a_cell_is_blocked_exactly_where_a_cylinder_would_touch() -> None:
    draws = np.random.Generator(np.random.Philox(7))
    boxes = np.array([box(*draws.uniform(0, 5, 2), *draws.uniform(0.05, 0.8, 2), yaw=draws.uniform(-3, 3)) for _ in range(12)])
    occupied = np.zeros((50, 50), np.bool_)
    occupy(boxes, 0.0, 0.0, 0.1, 0.3, 1.4, occupied)
    shape = np.array([0.3, 0.0, 0.0, 0.0, 0.0, 1.4])
    for j in range(50):
        for i in range(50):
            assert occupied[j, i] == blocked(boxes, 0, 12, (i + 0.5) * 0.1, (j + 0.5) * 0.1, 0.0, shape)
    assert 0.1 < occupied.mean() < 0.9


def test_a_low_body_fits_under_a_table_top_and_a_tall_one_does_not() -> None:
    top = np.array([box(1.0, 1.0, 0.5, 0.5, low=0.7, high=0.75)])
    low, tall = np.zeros((20, 20), np.bool_), np.zeros((20, 20), np.bool_)
    occupy(top, 0.0, 0.0, 0.1, 0.2, 0.35, low)
    occupy(top, 0.0, 0.0, 0.1, 0.2, 1.4, tall)
    assert not low.any()
    assert tall[10, 10]


def test_what_lies_outside_every_room_is_not_reachable() -> None:
    corners = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])
    occupied = np.zeros((10, 10), np.bool_)
    outside(corners, np.array([0, 4]), 0, 1, 0.0, 0.0, 0.1, occupied)
    assert not occupied[:, :5].any()
    assert occupied[:, 5:].all()


def test_the_biggest_component_wins_and_diagonal_contact_does_not_join() -> None:
    occupied = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]], np.bool_)
    assert biggest_component(occupied).tolist() == [[False, False, False], [False, True, True], [False, True, True]]
    assert not biggest_component(np.ones((2, 2), np.bool_)).any()


def test_distance_goes_around_a_wall_without_cutting_its_corner() -> None:
    free = np.ones((3, 5), np.bool_)
    free[0:2, 2] = False  # a wall with a gap in the last row
    got = distances(free, [0])
    # By hand from (0, 0) to (0, 3): diagonal to (1, 1), down to (2, 1), right (2, 2), right (2, 3), up, up.
    assert got[0, 3] == 14 + 10 + 10 + 10 + 10 + 10
    assert got[2, 2] == 14 + 10 + 10  # the diagonal from (1, 1) would cut the wall's corner
    assert got[0, 2] == UNREACHED


def test_distance_is_to_the_cheapest_of_many_goals_by_its_own_cost() -> None:
    assert distances(np.ones((1, 7), np.bool_), [0, 6], [0, 30])[0].tolist() == [0, 10, 20, 30, 40, 40, 30]


def test_distance_equals_a_plain_relaxation_on_random_grids() -> None:
    draws = np.random.Generator(np.random.Philox(3))
    free = draws.random((20, 24)) > 0.3
    free[3, 4] = True
    got = distances(free, [3 * 24 + 4])
    want = np.full(free.shape, int(UNREACHED))
    want[3, 4] = 0
    for _ in range(free.size):
        before = want.copy()
        for j, i in np.argwhere(free):
            for dj in (-1, 0, 1):
                for di in (-1, 0, 1):
                    a, b = j + dj, i + di
                    if 0 <= a < 20 and 0 <= b < 24 and free[a, b] and (dj == 0 or di == 0 or (free[a, i] and free[j, b])):
                        want[j, i] = min(want[j, i], want[a, b] + (14 if dj and di else 10 * (dj != 0 or di != 0)))
        if (before == want).all():
            break
    assert (got == want).all()


def test_a_blocked_cell_belongs_to_its_own_side_of_a_wall() -> None:
    free = np.zeros((1, 9), np.bool_)
    free[0, [0, 1, 7, 8]] = True
    near, gap = attach_band(free, BAND)
    assert near.tolist() == [0, 1, 1, 1, 1, 7, 7, 7, 8]
    assert gap.tolist() == [0, 0, 1, 2, 3, 2, 1, 0, 0]
    assert attach_band(np.zeros((2, 2), np.bool_), BAND)[0].tolist() == [-1] * 4


def test_the_rim_of_a_goal_costs_more_than_its_core() -> None:
    goal = np.zeros((5, 5), np.bool_)
    goal[1:4, 1:4] = True
    cells = np.flatnonzero(goal).astype(np.int32)
    assert rim_costs(goal, cells, 30).tolist() == pytest.approx([30, 30, 30, 30, 0, 30, 30, 30, 30])
