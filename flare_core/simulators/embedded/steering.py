"""One decision of a body that goes down a geodesic field: which of its turns and moves begins the shortest way.

Every direction that the body can face is tried with several straight steps, and counted in actions: the turns to get
there, the steps, and the distance left from where they end, in steps. Only the very next contact is tested exactly, with
the body's own shape; further ahead the grid, made for the circle that the body never leaves, is on the safe side. The choice
depends on the present state alone. It does not send the body back and forth: turning towards the best option makes it
cheaper by one action and every other by at most one, and a move always lowers the distance left.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.motion import blocked, reach_of, sweep

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AHEAD_M: Final = 2.5  # how far ahead straight lines are tried
# Metres nearer for every metre gone, the first of these that a line offers: the rest of the way is counted without its turns,
# so that a line askew would else always seem cheaper than to turn into the right one.
PROGRESS: Final = (0.85, 0.6, 0.3, 0.05)
OCTILE: Final = 1.09  # the octile distance is at most 1.0824 times the straight one


@kernel
def height_at(metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, x: float, z: float) -> float:
    """Distance left at a point: the least of its own and the adjoining cells' plus the way to their centres.

    Returns:
        Metres; negative (the amount is the distance) in the band beside obstacles; infinite beyond it.
    """
    u, v = (x - x0) / cell - 0.5, (z - z0) / cell - 0.5
    i, j = math.floor(u + 0.5), math.floor(v + 0.5)
    if i < 0 or j < 0 or i >= nx or j >= nz:
        return np.inf
    here = metres[j * nx + i]
    if here < 0.0 or math.isinf(here):
        return float(here)
    best = here + cell * math.hypot(u - i, v - j)
    i1 = i + (1 if u > i else -1)
    j1 = j + (1 if v > j else -1)
    for k in range(3):
        a, b = (j1 if k != 0 else j), (i1 if k != 1 else i)
        if a < 0 or b < 0 or a >= nz or b >= nx:
            continue
        there = metres[a * nx + b]
        if there >= 0.0:
            best = min(best, there + cell * math.hypot(u - b, v - a))
    return float(best)


@kernel
def is_free(metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, x: float, z: float) -> bool:
    """Whether a point lies in a cell where the body can stand and turn."""
    i, j = math.floor((x - x0) / cell), math.floor((z - z0) / cell)
    return i >= 0 and j >= 0 and i < nx and j < nz and 0.0 <= metres[j * nx + i] < np.inf


@kernel
def heights_at(
    metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, x: Floats, z: Floats, out: Floats
) -> None:
    """Write the distance left at every point, without sign."""
    for n in range(x.shape[0]):
        out[n] = abs(height_at(metres, nz, nx, x0, z0, cell, x[n], z[n]))


@kernel
def line_score(
    metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, x: float, z: float, dx: float, dz: float,
    start: float, least: float,
) -> float:  # fmt: skip
    """Actions to the goal by 1, 2, ... equal steps (dx, dz) in a line and then the rest of the way; infinite if none is possible.

    Args:
        start: distance left here, metres.
        least: metres that every metre of the line has to bring the body nearer.
    """
    step = math.hypot(dx, dz)
    parts = math.ceil(step / cell)
    best = np.inf
    for n in range(1, max(1, int(AHEAD_M / step)) + 1):
        for part in range(1, parts):
            share = n - 1 + part / parts
            if n > 1 and not is_free(metres, nz, nx, x0, z0, cell, x + dx * share, z + dz * share):
                return best
        height = height_at(metres, nz, nx, x0, z0, cell, x + dx * n, z + dz * n)
        if height < 0.0 and n > 1:
            return best
        if math.isinf(height):
            return best
        if start - abs(height) >= least * n * step:
            best = min(best, n + abs(height) / step)
        elif n >= 3:
            return best
        if height < 0.0:
            return best
    return best


@kernel
def open_turns(
    boxes: Floats, first: int, last: int, x: float, z: float, yaw: float, shape: Floats, near: Ints, turn_yaw: Floats, turn_via: Ints,
    is_open: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Write which directions can be faced without a contact on the way."""
    round_shape = np.array([reach_of(shape), 0.0, 0.0, 0.0, 0.0, shape[5]])
    roomy = not blocked(boxes, first, last, x, z, yaw, round_shape)
    is_open[0] = True
    for o in range(1, turn_yaw.shape[0]):
        via = turn_via[o]
        is_open[o] = roomy
        if not roomy and is_open[via]:
            turn = turn_yaw[o] - turn_yaw[via]
            is_open[o] = sweep(boxes, first, last, x, z, yaw + turn_yaw[via], 0.0, 0.0, turn, shape, near) == 1.0


@kernel
def fill_scores(
    metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, x: float, z: float, yaw: float, start: float,
    least: float, thorough: bool, is_open: npt.NDArray[np.bool_], turn_yaw: Floats, turn_cost: Floats, move_right: Floats,
    move_forward: Floats, move_reserve: npt.NDArray[np.bool_], reserve: bool, score: Floats,
) -> None:  # fmt: skip
    """Write the actions that each direction and move takes in all, (O, M).

    Args:
        thorough: judge every option; else leave out those that cannot be the best, as the cheapest turns come first.
    """
    best = np.inf
    for o in range(score.shape[0]):
        if not is_open[o]:
            continue
        sin, cos = math.sin(yaw + turn_yaw[o]), math.cos(yaw + turn_yaw[o])
        for m in range(score.shape[1]):
            if move_reserve[m] != reserve:
                continue
            step = math.hypot(move_right[m], move_forward[m])
            # A line brings the octile distance down by at most OCTILE of its length.
            if not thorough and turn_cost[o] + (start - (OCTILE - 1.0) * AHEAD_M) / step > best:
                continue
            dx, dz = cos * move_right[m] + sin * move_forward[m], cos * move_forward[m] - sin * move_right[m]
            score[o, m] = turn_cost[o] + line_score(metres, nz, nx, x0, z0, cell, x, z, dx, dz, start, least)
            best = min(best, score[o, m])


@kernel
def best_open(
    boxes: Floats, first: int, last: int, x: float, z: float, yaw: float, shape: Floats, near: Ints, turn_yaw: Floats, move_right: Floats,
    move_forward: Floats, score: Floats, thorough: bool,
) -> int:  # fmt: skip
    """Flat index of the best option whose first step touches nothing; -1 when none is left, -2 when there was none at all."""
    tried = 0
    while True:
        o, m, best = -1, -1, np.inf
        for a in range(score.shape[0]):
            for b in range(score.shape[1]):
                if score[a, b] < best - 1e-9:
                    o, m, best = a, b, score[a, b]
        if o < 0:
            return -1 if tried > 0 else -2
        if sweep(boxes, first, last, x, z, yaw + turn_yaw[o], move_forward[m], move_right[m], 0.0, shape, near) == 1.0:
            return int(o * score.shape[1] + m)
        if not thorough:
            return -1
        tried += 1
        score[o, m] = np.inf


@kernel
def descend(
    boxes: Floats, first: int, last: int, x: float, z: float, yaw: float, shape: Floats, near: Ints,
    metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float,
    turn_yaw: Floats, turn_cost: Floats, turn_first: Ints, turn_via: Ints,
    move_right: Floats, move_forward: Floats, move_action: Ints, move_reserve: npt.NDArray[np.bool_],
) -> int:  # fmt: skip
    """Action that begins the shortest way; -1 when every way is blocked.

    Args:
        boxes, first, last, shape, near: as in `motion.sweep`.
        metres: field, flat (nz * nx,), as in `world.Field`.
        turn_*: (O,) as in `world.Turns`; move_*: (M,) as in `world.Moves`.
    """
    is_open = np.empty(turn_yaw.shape[0], np.bool_)
    open_turns(boxes, first, last, x, z, yaw, shape, near, turn_yaw, turn_via, is_open)
    start = abs(height_at(metres, nz, nx, x0, z0, cell, x, z))
    score = np.empty((turn_yaw.shape[0], move_right.shape[0]))
    for reserve in range(2):
        for least in PROGRESS:
            for thorough in range(2):
                score[:] = np.inf
                fill_scores(
                    metres, nz, nx, x0, z0, cell, x, z, yaw, start, least, thorough == 1, is_open, turn_yaw, turn_cost, move_right,
                    move_forward, move_reserve, reserve == 1, score,
                )  # fmt: skip
                found = best_open(boxes, first, last, x, z, yaw, shape, near, turn_yaw, move_right, move_forward, score, thorough == 1)
                if found >= 0:
                    o, m = found // score.shape[1], found % score.shape[1]
                    return int(turn_first[o]) if o > 0 else int(move_action[m])
                if found == -2:
                    break
    return -1
