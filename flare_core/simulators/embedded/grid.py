"""Occupancy of one house for one body, and geodesic distances over it.

A cell is a square of `CELL_M`; cell (j, i) has its centre at x0 + (i + 0.5) * CELL_M, z0 + (j + 0.5) * CELL_M.
Distances are octile: 10 for a straight step, 14 for a diagonal one, without cutting corners. They are 0 to 8 % longer
than the true shortest path.

Reference: Dial 1969, "Algorithm 360: shortest-path forest with topological ordering" (bucket queue).
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.geometry import room_at
from flare_core.simulators.embedded.jit import kernel

CELL_M: Final = 0.1
BUCKETS: Final = 64  # more than the longest edge (14) and the highest source cost (RIM)
RIM: Final = 30  # cost in tenths of a cell of a goal cell that has a neighbour which is none
BAND: Final = 15  # layers of blocked cells around the reachable ones that get a distance too
UNREACHED: Final = np.int32(1 << 30)


@kernel
def occupy(
    boxes: npt.NDArray[np.float64], x0: float, z0: float, cell: float, radius: float, height: float,
    occupied: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Mark every cell at whose centre an upright cylinder would touch a box.

    Args:
        boxes: (N, 8) centre, half sizes, cosine and sine of the yaw.
        radius, height: of the cylinder, metres; it stands on the floor.
        occupied: (nz, nx), set where blocked, left alone elsewhere.
    """
    nz, nx = occupied.shape
    for n in range(boxes.shape[0]):
        cx, cz, hx, hz, c, s = boxes[n, 0], boxes[n, 2], boxes[n, 3], boxes[n, 5], boxes[n, 6], boxes[n, 7]
        if boxes[n, 1] - boxes[n, 4] >= height or boxes[n, 1] + boxes[n, 4] <= 0.0:
            continue
        reach_x = abs(c) * hx + abs(s) * hz + radius
        reach_z = abs(s) * hx + abs(c) * hz + radius
        for j in range(max(0, int((cz - reach_z - z0) / cell)), min(nz - 1, int((cz + reach_z - z0) / cell)) + 1):
            for i in range(max(0, int((cx - reach_x - x0) / cell)), min(nx - 1, int((cx + reach_x - x0) / cell)) + 1):
                dx = x0 + (i + 0.5) * cell - cx
                dz = z0 + (j + 0.5) * cell - cz
                ex = max(abs(c * dx - s * dz) - hx, 0.0)
                ez = max(abs(s * dx + c * dz) - hz, 0.0)
                if ex * ex + ez * ez < radius * radius:
                    occupied[j, i] = True


@kernel
def outside(
    corners: npt.NDArray[np.float64], starts: npt.NDArray[np.int64], first: int, last: int, x0: float, z0: float, cell: float,
    occupied: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Mark every cell whose centre lies in none of the rooms first:last: the garden of an L-shaped house is not reachable.

    Args:
        corners: (P, 2) x, z of the rooms' corners; `starts` (R + 1,) where each room begins in it.
    """
    nz, nx = occupied.shape
    for j in range(nz):
        for i in range(nx):
            if not occupied[j, i] and room_at(corners, starts, first, last, x0 + (i + 0.5) * cell, z0 + (j + 0.5) * cell) < 0:
                occupied[j, i] = True


@kernel
def biggest_component(occupied: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(nz, nx) the largest set of free cells joined by straight steps; all False when nothing is free."""
    nz, nx = occupied.shape
    label = np.zeros((nz, nx), np.int32)
    stack = np.empty(nz * nx, np.int32)
    best, best_size, labels = 0, 0, 0
    for start in range(nz * nx):
        if occupied[start // nx, start % nx] or label[start // nx, start % nx] != 0:
            continue
        labels += 1
        label[start // nx, start % nx] = labels
        stack[0] = start
        top, size = 1, 0
        while top > 0:
            top -= 1
            u = stack[top]
            size += 1
            j, i = u // nx, u % nx
            for k in range(4):
                a, b = j + (k == 0) - (k == 1), i + (k == 2) - (k == 3)
                if a >= 0 and b >= 0 and a < nz and b < nx and not occupied[a, b] and label[a, b] == 0:
                    label[a, b] = labels
                    stack[top] = a * nx + b
                    top += 1
        if size > best_size:
            best, best_size = labels, size
    return np.asarray((label == best) & (label > 0))


@kernel
def attach_band(reachable: npt.NDArray[np.bool_], layers: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Tie every cell close to the reachable ones to the nearest of them.

    A body that was driven against a wall stands on a cell that the grid calls blocked. It gets the distance of the
    reachable cell nearest to it, never that of the room behind the wall.

    Returns:
        (nz * nx,) index of the nearest reachable cell (its own where reachable, -1 beyond the band), and the distance to
        it in cells.
    """
    nz, nx = reachable.shape
    near = np.full(nz * nx, -1, np.int32)
    gap = np.zeros(nz * nx, np.float32)
    frontier = np.empty(nz * nx, np.int32)
    count = 0
    for u in range(nz * nx):
        if reachable[u // nx, u % nx]:
            near[u] = u
            frontier[count] = u
            count += 1
    begin = 0
    for _ in range(layers):
        end = count
        for at in range(begin, end):
            u = frontier[at]
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    a, b = u // nx + dj, u % nx + di
                    if a < 0 or b < 0 or a >= nz or b >= nx:
                        continue
                    v = a * nx + b
                    home = near[u]
                    away = np.float32(math.hypot(a - home // nx, b - home % nx))
                    if near[v] == -1:
                        frontier[count] = v
                        count += 1
                    elif gap[v] <= away:
                        continue
                    near[v] = home
                    gap[v] = away
        begin = end
    return near, gap


@kernel
def spread(
    reachable: npt.NDArray[np.bool_], goals: npt.NDArray[np.int32], costs: npt.NDArray[np.int32],
    distance: npt.NDArray[np.int32], queue: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    """Octile distance of every reachable cell to the cheapest goal cell, in tenths of a cell.

    Args:
        goals: (G,) flat cell indices; `costs` (G,) what each begins with, less than BUCKETS.
        distance: (nz, nx), written; UNREACHED where no goal can be reached from.
        queue: (BUCKETS, nz * nx) scratch.
    """
    nz, nx = reachable.shape
    filled = np.zeros(BUCKETS, np.int64)
    distance[:] = UNREACHED
    left = 0
    for g in range(goals.shape[0]):
        j, i = goals[g] // nx, goals[g] % nx
        if costs[g] < distance[j, i]:
            distance[j, i] = costs[g]
            queue[costs[g], filled[costs[g]]] = goals[g]
            filled[costs[g]] += 1
            left += 1
    d = 0
    while left > 0:
        bucket = d % BUCKETS
        at = 0
        while at < filled[bucket]:
            u = queue[bucket, at]
            at += 1
            j, i = u // nx, u % nx
            if distance[j, i] != d:
                continue
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    a, b = j + dj, i + di
                    if a < 0 or b < 0 or a >= nz or b >= nx or not reachable[a, b]:
                        continue
                    if dj != 0 and di != 0:
                        if not reachable[a, i] or not reachable[j, b]:
                            continue
                        far = d + 14
                    else:
                        far = d + 10
                    if far < distance[a, b]:
                        distance[a, b] = far
                        slot = far % BUCKETS
                        queue[slot, filled[slot]] = a * nx + b
                        filled[slot] += 1
                        left += 1
        left -= filled[bucket]
        filled[bucket] = 0
        d += 1


@kernel
def rim_costs(goal: npt.NDArray[np.bool_], goals: npt.NDArray[np.int32], rim: int) -> npt.NDArray[np.int32]:
    """(G,) 0 for a goal cell amid goal cells, `rim` for one at the edge, where the view hangs on a few centimetres."""
    nz, nx = goal.shape
    costs = np.zeros(goals.shape[0], np.int32)
    for g in range(goals.shape[0]):
        j, i = goals[g] // nx, goals[g] % nx
        for k in range(4):
            a, b = j + (k == 0) - (k == 1), i + (k == 2) - (k == 3)
            if a < 0 or b < 0 or a >= nz or b >= nx or not goal[a, b]:
                costs[g] = rim
    return costs


@kernel
def fill_field(
    near: npt.NDArray[np.int32], nz: int, nx: int, goals: npt.NDArray[np.int32], queue: npt.NDArray[np.int32], cell: float,
    weight: float, metres: npt.NDArray[np.float32],
) -> None:  # fmt: skip
    """Write the field of `world.Field` from goal cells.

    Args:
        near: (nz * nx,) from `attach_band`.
        goals: (G,) reachable cells. A goal cell at the rim costs RIM, so that a body goes on into the core where there is one.
        queue: (BUCKETS, at least nz * nx) scratch.
        weight: metres that a metre in the band counts as.
        metres: (nz * nx,) written.
    """
    reachable, goal = np.zeros((nz, nx), np.bool_), np.zeros((nz, nx), np.bool_)
    for u in range(nz * nx):
        reachable[u // nx, u % nx] = near[u] == u
    for g in range(goals.shape[0]):
        goal[goals[g] // nx, goals[g] % nx] = True
    distance = np.empty((nz, nx), np.int32)
    spread(reachable, goals, rim_costs(goal, goals, RIM), distance, queue)
    for u in range(nz * nx):
        home = near[u]
        metres[u] = np.inf
        if home < 0 or distance[home // nx, home % nx] == UNREACHED:
            continue
        way = distance[home // nx, home % nx] * cell / 10.0
        if home == u:
            metres[u] = way
        else:
            metres[u] = -(way + weight * cell * math.hypot(u // nx - home // nx, u % nx - home % nx))
