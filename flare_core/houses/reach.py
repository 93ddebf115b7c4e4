"""Whether an upright cylinder can go from room to room: the generator's own check, stricter than any simulator's.

Everything is a rectangle grown by the cylinder's radius with square corners, so that what is free here is free for the
cylinder itself.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from flare_core.houses.doors import Edge, Hole
from flare_core.houses.floorplan import FloorPlan, Rect

CELL_M = 0.1
_WALL_M = 0.06  # half the thickness that a wall is given
_LOWEST_M = 1.5  # things that begin above this are over every robot's head

Bools = npt.NDArray[np.bool_]


def wall_rects(plan: FloorPlan) -> list[Rect]:
    """Walls without the holes that can be walked through, as lines (rectangles without width)."""
    rects = []
    for outline in plan.edges:
        for edge in outline:
            if not edge.is_open and edge.other < edge.room:
                rects += _pieces(edge, plan.holes)
    return rects


def _pieces(edge: Edge, holes: Iterable[Hole]) -> list[Rect]:
    along_x = edge.start[1] == edge.end[1]
    fixed = edge.start[1] if along_x else edge.start[0]
    at = 0 if along_x else 1
    spans = []
    for hole in holes:
        if not hole.is_window and hole.openness > 0.0 and {hole.edge.room, hole.edge.other} == {edge.room, edge.other}:
            (a, b) = hole.ends
            if a[1 - at] == b[1 - at] == fixed:
                spans.append((min(a[at], b[at]), max(a[at], b[at])))
    low, last = sorted((edge.start[at], edge.end[at]))
    pieces = []
    for first, second in [*sorted(spans), (last, last)]:
        if first > low:
            pieces.append((low, fixed, first, fixed) if along_x else (fixed, low, fixed, first))
        low = max(low, second)
    return pieces


class ReachMap:
    """The free cells of a house for a cylinder, and which of them belong together."""

    def __init__(self, plan: FloorPlan, radius_m: float) -> None:
        self._plan, self._radius_m = plan, radius_m
        shape = (int(plan.depth_m / CELL_M) + 1, int(plan.width_m / CELL_M) + 1)
        self._bare = np.zeros(shape, dtype=np.bool_)
        for rects in plan.rects:
            for rect in rects:
                self._bare[self._window(rect, 0.0)] = True
        for rect in wall_rects(plan):
            self._bare[self._window(rect, radius_m + _WALL_M)] = False

    @staticmethod
    def _window(rect: Rect, grow_m: float) -> tuple[slice, slice]:
        """Cells whose centre lies in a rectangle grown on all sides."""
        x0, z0, x1, z1 = (
            (rect[0] - grow_m) / CELL_M - 0.5, (rect[1] - grow_m) / CELL_M - 0.5,
            (rect[2] + grow_m) / CELL_M - 0.5, (rect[3] + grow_m) / CELL_M - 0.5,
        )  # fmt: skip
        return slice(max(0, -int(-z0 // 1)), max(0, int(z1 // 1) + 1)), slice(max(0, -int(-x0 // 1)), max(0, int(x1 // 1) + 1))

    def main(self, things: Iterable[Rect]) -> tuple[Bools, Bools]:
        """Free cells and, of them, the largest piece that hangs together.

        Args:
            things: rectangles of all that stands on the floor.

        Returns:
            Both (depth, width) in cells; cell (j, i) has its centre at ((i + 0.5), (j + 0.5)) cells.
        """
        free = self._bare.copy()
        for rect in things:
            free[self._window(rect, self._radius_m)] = False
        return free, largest_piece(free)

    def shares(self, free: Bools, main: Bools) -> list[tuple[int, int]]:
        """For every room the number of its free cells and of those in the largest piece."""
        counts = []
        for rects in self._plan.rects:
            windows = [self._window(rect, 0.0) for rect in rects]
            counts.append((sum(int(free[w].sum()) for w in windows), sum(int(main[w].sum()) for w in windows)))
        return counts

    def lost(self, free: Bools, main: Bools, rooms: Iterable[int]) -> Bools:
        """Free cells of these rooms that the largest piece does not reach."""
        cells = np.zeros_like(free)
        for room in rooms:
            for rect in self._plan.rects[room]:
                cells[self._window(rect, 0.0)] = True
        return cells & free & ~main

    def divides(self, rect: Rect, main: Bools, lost: Bools) -> bool:
        """Whether the cells that something blocks border on the largest piece and on lost cells."""
        window = self._window(rect, self._radius_m + 2 * CELL_M)
        return bool(main[window].any() and lost[window].any())


def largest_piece(free: Bools) -> Bools:
    """The largest 4-connected piece of the free cells, found by joining runs of successive rows."""
    depth, width = free.shape
    padded = np.zeros((depth, width + 2), dtype=np.int8)
    padded[:, 1:-1] = free
    change = np.diff(padded, axis=1)
    rows, starts = np.nonzero(change == 1)
    ends = np.nonzero(change == -1)[1]
    if len(rows) == 0:
        return np.zeros_like(free)
    label = _join_runs(rows.tolist(), starts.tolist(), ends.tolist())
    lengths = ends - starts
    sizes = np.bincount(label, weights=lengths)
    keep = np.repeat(np.asarray(label) == int(np.argmax(sizes)), lengths)
    main = np.zeros_like(free)
    main[free] = keep  # free cells in row-major order are the runs one after the other
    return main


def _join_runs(rows: Sequence[int], starts: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Label of every run; runs of successive rows that overlap have the same one."""
    parent = list(range(len(rows)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    above = 0  # first run of the row above that may still overlap
    for at, row in enumerate(rows):
        while rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] <= starts[at]):
            above += 1
        other = above
        while other < at and rows[other] == row - 1 and starts[other] < ends[at]:
            a, b = root(other), root(at)
            parent[max(a, b)] = min(a, b)
            other += 1
    return [root(at) for at in range(len(rows))]
