"""Draws a rectilinear floor plan: rooms on a grid of cells of about a metre, some concave, and the doors between them.

A plan begins as a rectangle that is split in two again and again; then corners of rooms are given to their neighbours or
taken from the house, which makes concave rooms. Polygons run clockwise seen from above, as in ProcTHOR's files.
"""

import math
from dataclasses import dataclass

from flare_core.houses.doors import OUTSIDE, Edge, Hole, join_rooms, outer_holes
from flare_core.houses.draws import Draws

Rect = tuple[float, float, float, float]  # x0, z0, x1, z1
_Cells = list[list[int]]  # [z][x] -> room, OUTSIDE
_Node = tuple[int, int]

# (room types, weight) of the houses that are drawn; the order is that of falling area.
_PROGRAMMES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("LivingRoom", "Kitchen"), 0.04),
    (("Bedroom", "Bathroom"), 0.02),
    (("LivingRoom", "Bedroom", "Bathroom"), 0.08),
    (("LivingRoom", "Kitchen", "Bedroom"), 0.06),
    (("LivingRoom", "Kitchen", "Bedroom", "Bathroom"), 0.40),
    (("LivingRoom", "Bedroom", "Kitchen", "Bedroom", "Bathroom"), 0.24),
    (("LivingRoom", "Bedroom", "Kitchen", "Bedroom", "Bathroom", "Bathroom"), 0.16),
)
_LEAST_M2, _MOST_M2 = 58.0, 150.0
_THINNEST = 2  # cells: no arm of a room is thinner


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """Rooms, walls and holes of a house.

    Attributes:
        types: of the rooms.
        edges: outline of each room.
        rects: each room as disjoint rectangles.
        holes: doors and frames, then windows.
    """

    types: tuple[str, ...]
    edges: tuple[tuple[Edge, ...], ...]
    rects: tuple[tuple[Rect, ...], ...]
    holes: tuple[Hole, ...]
    height_m: float
    width_m: float
    depth_m: float


def draw_floor_plan(draws: Draws, split: str) -> FloorPlan:
    """Draw rooms, then the holes in their walls; drawn again until the rooms can be joined by doors."""
    while True:
        types = list(draws.weighted([row[0] for row in _PROGRAMMES], [row[1] for row in _PROGRAMMES]))
        wide_m, deep_m = draws.between(0.95, 1.12), draws.between(0.95, 1.12)
        cells = _draw_cells(draws, len(types), wide_m * deep_m)
        if cells is None:
            continue
        if not _LEAST_M2 <= sum(len(row) - row.count(OUTSIDE) for row in cells) * wide_m * deep_m <= _MOST_M2:
            continue
        order = _by_area(cells, len(types))
        if len(types) > 2 and draws.chance(0.5):  # the two largest rooms are not always the same ones
            types[0], types[1] = types[1], types[0]
        room_types = [""] * len(types)
        for kind, room in zip(types, order, strict=True):
            room_types[room] = kind
        xs = [round(at * wide_m, 3) for at in range(len(cells[0]) + 1)]
        zs = [round(at * deep_m, 3) for at in range(len(cells) + 1)]
        outlines = [_outline(cells, room, xs, zs) for room in range(len(types))]
        if any(outline is None for outline in outlines):
            continue
        edges = [outline for outline in outlines if outline is not None]
        joined = join_rooms(draws, edges, room_types, split)
        if joined is None:
            continue
        edges, doors = joined
        return FloorPlan(
            types=tuple(room_types),
            edges=tuple(tuple(outline) for outline in edges),
            rects=tuple(_rects(cells, room, xs, zs) for room in range(len(types))),
            holes=(*doors, *outer_holes(draws, edges, split)),
            height_m=round(draws.between(2.5, 3.0), 3),
            width_m=xs[-1],
            depth_m=zs[-1],
        )


def _draw_cells(draws: Draws, rooms: int, cell_m2: float) -> _Cells | None:
    """Split a rectangle into rooms and bend some of their corners; None where it does not work out."""
    area = min(max(rooms * draws.between(15.0, 26.0), 62.0), 148.0) / cell_m2
    width = round(math.sqrt(area * draws.between(0.65, 1.55)))
    depth = round(area / width)
    parts = [(0, 0, width, depth)]
    while len(parts) < rooms:
        at = max(range(len(parts)), key=lambda i: (parts[i][2] - parts[i][0]) * (parts[i][3] - parts[i][1]))
        x0, z0, x1, z1 = parts.pop(at)
        along_x = x1 - x0 > z1 - z0 or (x1 - x0 == z1 - z0 and draws.chance(0.5))
        span = x1 - x0 if along_x else z1 - z0
        if span < 6:
            return None
        cut = min(max(round(span * draws.between(0.36, 0.64)), 3), span - 3)
        parts += [(x0, z0, x0 + cut, z1), (x0 + cut, z0, x1, z1)] if along_x else [(x0, z0, x1, z0 + cut), (x0, z0 + cut, x1, z1)]
    cells = [[OUTSIDE] * width for _ in range(depth)]
    for room, (x0, z0, x1, z1) in enumerate(parts):
        for z in range(z0, z1):
            cells[z][x0:x1] = [room] * (x1 - x0)
    for room in draws.shuffled(range(rooms))[: draws.whole(1, 3)]:
        _bend(draws, cells, parts[room], room)
    return cells


def _bend(draws: Draws, cells: _Cells, part: tuple[int, int, int, int], room: int) -> None:
    """Give one corner of a room, still a full rectangle, to the neighbour beside it or to the outside."""
    x0, z0, x1, z1 = part
    if x1 - x0 < 2 * _THINNEST or z1 - z0 < 2 * _THINNEST:
        return
    if any(cells[z][x] != room for z in range(z0, z1) for x in range(x0, x1)):
        return
    wide, deep = draws.whole(_THINNEST, x1 - x0 - _THINNEST), draws.whole(_THINNEST, z1 - z0 - _THINNEST)
    if wide * deep > 0.45 * (x1 - x0) * (z1 - z0):
        return
    right, top = draws.chance(0.5), draws.chance(0.5)
    bx0, bz0 = (x1 - wide if right else x0), (z1 - deep if top else z0)
    # The block goes to whoever lies beyond its outer side; both sides outside make a notch in the house itself.
    beside = {_cell(cells, x1 if right else x0 - 1, z) for z in range(bz0, bz0 + deep)}
    beyond = {_cell(cells, x, z1 if top else z0 - 1) for x in range(bx0, bx0 + wide)}
    for givers, other in ((beside, beyond), (beyond, beside)):
        taker = next(iter(givers)) if len(givers) == 1 else None
        # A neighbour that also lies across the other side would touch itself round the corner; it stays simple all the same.
        if taker is not None and (taker != OUTSIDE or other == {OUTSIDE}):
            for z in range(bz0, bz0 + deep):
                cells[z][bx0 : bx0 + wide] = [taker] * wide
            return


def _cell(cells: _Cells, x: int, z: int) -> int:
    return cells[z][x] if 0 <= z < len(cells) and 0 <= x < len(cells[0]) else OUTSIDE


def _by_area(cells: _Cells, rooms: int) -> list[int]:
    counts = [sum(row.count(room) for row in cells) for room in range(rooms)]
    return sorted(range(rooms), key=lambda room: -counts[room])


def _rects(cells: _Cells, room: int, xs: list[float], zs: list[float]) -> tuple[Rect, ...]:
    """A room as disjoint rectangles: equal runs of cells in successive rows are joined."""
    done: list[Rect] = []
    growing: dict[tuple[int, int], int] = {}
    for z in range(len(cells) + 1):
        row = cells[z] if z < len(cells) else []
        runs: set[tuple[int, int]] = set()
        x = 0
        while x < len(row):
            if row[x] == room:
                first = x
                while x < len(row) and row[x] == room:
                    x += 1
                runs.add((first, x))
            x += 1
        for run in [run for run in growing if run not in runs]:
            done.append((xs[run[0]], zs[growing.pop(run)], xs[run[1]], zs[z]))
        for run in sorted(runs):
            growing.setdefault(run, z)
    return tuple(done)


def _outline(cells: _Cells, room: int, xs: list[float], zs: list[float]) -> list[Edge] | None:
    """A room's outline, clockwise from above; a corner stands also where the neighbour changes. None if it is not one loop."""
    steps: dict[_Node, tuple[_Node, int, int]] = {}
    for z, row in enumerate(cells):
        for x, owner in enumerate(row):
            if owner != room:
                continue
            sides = (
                ((x, z), (x, z + 1), _cell(cells, x - 1, z), 90),
                ((x, z + 1), (x + 1, z + 1), _cell(cells, x, z + 1), 180),
                ((x + 1, z + 1), (x + 1, z), _cell(cells, x + 1, z), 270),
                ((x + 1, z), (x, z), _cell(cells, x, z - 1), 0),
            )
            for start, end, other, yaw in sides:
                if other != room:
                    if start in steps:
                        return None  # the room touches itself at a corner
                    steps[start] = (end, other, yaw)
    first = at = min(steps)
    runs: list[tuple[_Node, _Node, int, int]] = []
    for _ in range(len(steps)):
        end, other, yaw = steps[at]
        if runs and runs[-1][2:] == (other, yaw):
            runs[-1] = (runs[-1][0], end, other, yaw)
        else:
            runs.append((at, end, other, yaw))
        at = end
        if at == first:
            break
    if len(steps) != sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b, _, _ in runs):
        return None  # a second loop: the room has a hole or is in two pieces
    if runs[0][2:] == runs[-1][2:]:
        runs[0] = (runs.pop()[0], *runs[0][1:])
    return [Edge(room=room, other=other, start=(xs[a[0]], zs[a[1]]), end=(xs[b[0]], zs[b[1]]), yaw=yaw) for a, b, other, yaw in runs]
