"""Edges of rooms and the holes in them: which rooms are joined, by what, and where the windows are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flare_core.houses import assets
from flare_core.houses.draws import Draws
from flare_core.houses.house import Point

OUTSIDE = -1
_SIDE_M = 0.15  # of wall at each side of a hole
_WINDOW_CENTRE_M = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One straight stretch of a room's outline with one neighbour, in the clockwise order of the room.

    Attributes:
        room, other: indices of the room and of its neighbour (OUTSIDE for none).
        yaw: degrees clockwise of the direction into the room, the way that furniture against it looks.
        is_open: there is no wall.
    """

    room: int
    other: int
    start: Point
    end: Point
    yaw: int
    is_open: bool = False

    @property
    def length_m(self) -> float:
        return abs(self.end[0] - self.start[0]) + abs(self.end[1] - self.start[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A door, frame or window: `low_m` to `high_m` along `edge`, seen from its start."""

    edge: Edge
    low_m: float
    high_m: float
    y0_m: float
    y1_m: float
    asset_id: str
    openness: float
    is_window: bool = False

    @property
    def ends(self) -> tuple[Point, Point]:
        """World floor points of both ends."""
        (ax, az), (bx, bz), length = self.edge.start, self.edge.end, self.edge.length_m
        ux, uz = (bx - ax) / length, (bz - az) / length
        return (ax + self.low_m * ux, az + self.low_m * uz), (ax + self.high_m * ux, az + self.high_m * uz)


def join_rooms(
    draws: Draws, outlines: Sequence[Sequence[Edge]], types: Sequence[str], split: str
) -> tuple[list[list[Edge]], list[Hole]] | None:
    """Draw the doors between rooms so that all are joined.

    Doors form a random tree over neighbouring rooms that runs through bathrooms only where it must, and a few more.
    Between a kitchen and a living room the wall may be missing.

    Returns:
        The outlines with missing walls marked, and the holes; None if some room has no wall wide enough for a door.
    """
    widest = 1.08 + 2 * _SIDE_M
    shared: dict[tuple[int, int], list[Edge]] = {}
    for outline in outlines:
        for edge in outline:
            if edge.other > edge.room and edge.length_m >= widest:
                shared.setdefault((edge.room, edge.other), []).append(edge)
    weight = {pair: draws.unit() + sum(types[room] == "Bathroom" for room in pair) for pair in shared}
    joined = _tree(sorted(shared, key=lambda pair: weight[pair]), len(outlines))
    if len(joined) < len(outlines) - 1:
        return None
    extra = [pair for pair in shared if pair not in joined and weight[pair] < 1.0 and draws.chance(0.3)]
    open_pairs = {
        pair for pair in (*joined, *extra) if {types[pair[0]], types[pair[1]]} == {"Kitchen", "LivingRoom"} and draws.chance(0.35)
    }
    holes = [
        _interior_hole(draws, draws.one(shared[pair]), split, may_shut=pair in extra)
        for pair in (*joined, *extra)
        if pair not in open_pairs
    ]
    marked = [
        [replace(edge, is_open=(min(edge.room, edge.other), max(edge.room, edge.other)) in open_pairs) for edge in outline]
        for outline in outlines
    ]
    return marked, holes


def _tree(pairs: Sequence[tuple[int, int]], rooms: int) -> list[tuple[int, int]]:
    """The pairs, taken in turn, that join rooms not joined before."""
    group = list(range(rooms))
    joined: list[tuple[int, int]] = []
    for pair in pairs:
        a, b = group[pair[0]], group[pair[1]]
        if a != b:
            joined.append(pair)
            group = [a if label == b else label for label in group]
    return joined


def _interior_hole(draws: Draws, edge: Edge, split: str, *, may_shut: bool) -> Hole:
    """A door, standing open unless there is another way round, or a frame."""
    kind = "Doorframe" if draws.chance(0.4) else "Doorway"
    double = edge.length_m > 2.6 and draws.chance(0.25)
    asset_id = draws.one(_leaves(kind, split, double=double))
    openness = 0.0 if may_shut and kind == "Doorway" and draws.chance(0.3) else 1.0
    return _hole(draws, edge, asset_id, openness)


def _leaves(kind: str, split: str, *, double: bool) -> list[str]:
    """Doors or frames of one width in a split; where it has none of the kind, the other kind's, then doors of any split."""
    other = "Doorway" if kind == "Doorframe" else "Doorframe"
    for rows in (assets.by_type(kind, split), assets.by_type(other, split), assets.by_type("Doorway")):
        fit = [row.id for row in rows if ("Double" in row.id) == double]
        if fit:
            return fit
    raise AssertionError("the asset table has doors of both widths")


def _hole(draws: Draws, edge: Edge, asset_id: str, openness: float) -> Hole:
    width, height, _, _ = hole_size(asset_id)
    low = draws.between(_SIDE_M, edge.length_m - width - _SIDE_M)
    return Hole(edge=edge, low_m=low, high_m=low + width, y0_m=0.0, y1_m=height, asset_id=asset_id, openness=openness)


def hole_size(asset_id: str) -> tuple[float, float, float, float]:
    """Width, height and (right, up) offset of the centre of the hole for an asset; a frame has its door's."""
    return assets.placements().holes[asset_id.replace("Doorframe", "Doorway")]


def outer_holes(draws: Draws, outlines: Sequence[Sequence[Edge]], split: str) -> list[Hole]:
    """One shut front door where a wall is long enough, and windows."""
    walls = [edge for outline in outlines for edge in outline if edge.other == OUTSIDE]
    fit = [edge for edge in walls if edge.length_m >= 1.08 + 2 * _SIDE_M]
    holes: list[Hole] = []
    front = draws.one(fit) if fit else None
    if front is not None:
        holes.append(_hole(draws, front, draws.one(_leaves("Doorway", split, double=False)), 0.0))
    for edge in walls:
        window = draws.one(assets.by_type("Window", split)).id
        width, height, _, _ = hole_size(window)
        if edge is front or edge.length_m < width + 2 * _SIDE_M or not draws.chance(0.55):
            continue
        low = draws.between(_SIDE_M, edge.length_m - width - _SIDE_M)
        y0, y1 = _WINDOW_CENTRE_M - height / 2, _WINDOW_CENTRE_M + height / 2
        holes.append(Hole(edge=edge, low_m=low, high_m=low + width, y0_m=y0, y1_m=y1, asset_id=window, openness=0.0, is_window=True))
    return holes
