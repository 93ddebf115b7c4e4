"""Floors, ceilings, walls, doors and windows of a house, as faces, boxes and portals.

Each edge of a room's floor is cut into pieces at every corner and wall end that lies on it, so that a piece has one
neighbour (a room or the outside) and either a wall or none. A wall is seen as a plane, one face for each side, and is
touched as a slab of two centimetres. A hole through which one can see is a portal, and so is an edge without a wall.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.houses.house import House, Opening, Point, Room, Wall
from flare_core.simulators.embedded.geometry import Floats, Ints, area, rectangles, rooms_of, triangles
from flare_core.simulators.embedded.palettes import CEILING, EXTERIOR, colour_of
from flare_core.simulators.embedded.scene import PLAIN, ROLE_CEILING, ROLE_OBJECT, ROLE_SURFACE, Builder, box_faces, slab

WALL_M: Final = 0.02
FRAME_M: Final = 0.045  # width of a post or lintel within its hole
FRAME_DEPTH_M: Final = 0.14
LEAF_M: Final = 0.05
ON_LINE_M: Final = 0.02
SHUT: Final = 0.1  # a leaf that stands open less than this is drawn shut and blocks
FLOOR_TEXTURES: Final = (1, 2, 2, 4)
WALL_TEXTURES: Final = (PLAIN, PLAIN, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of a room's edge. `inward` is the unit normal into the room; `other` is the room behind it."""

    room: int
    other: int
    a: Point
    b: Point
    inward: Point
    wall: Wall | None
    height_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hole:
    """An opening's stretch of one piece: its index in the house, its ends on the floor and its height range."""

    number: int
    a: Point
    b: Point
    low_m: float
    high_m: float


def build(house: House, points: Floats, starts: Ints, into: Builder) -> None:
    """Add the building of a house, whose rooms' corners are points[starts[r]:starts[r + 1]]."""
    _floors(house, into)
    materials = _wall_materials(house, into)
    frame = into.material(colour_of(house.id, "furniture"), ROLE_OBJECT)
    height = max((wall.height_m for wall in house.walls), default=2.7)
    for piece in _pieces(house, height):
        for hole in _piece(house, piece, materials, into):
            rooms = rooms_of(np.array(slab(hole.a, hole.b, hole.low_m, hole.high_m, FRAME_DEPTH_M)), points, starts)
            _hole(house, piece, hole, frame, rooms, into)
    _loose_walls(house, materials, into)


def _floors(house: House, into: Builder) -> None:
    """Floor and ceiling of every room, each room one group."""
    heights = _ceiling_heights(house)
    ceiling = into.material(CEILING, ROLE_CEILING)
    for at, room in enumerate(house.rooms):
        first, ids = into.face_count, len(house.objects) + 3 * at
        name = room.floor_material or room.id
        material = into.material(room.floor_colour or colour_of(name, "floor"), ROLE_SURFACE)
        texture = FLOOR_TEXTURES[sum(name.encode()) % len(FLOOR_TEXTURES)]
        tiles = rectangles(room.polygon)
        for x0, z0, x1, z1 in tiles or ():
            into.face((x0, 0, z0), (0, 0, z1 - z0), (x1 - x0, 0, 0), (material, texture, ids, 0))
            into.face((x0, heights[at], z0), (x1 - x0, 0, 0), (0, 0, z1 - z0), (ceiling, PLAIN, ids + 1, 0))
        for a, b, c in triangles(room.polygon) if tiles is None else ():
            ab, ac = (b[0] - a[0], 0.0, b[1] - a[1]), (c[0] - a[0], 0.0, c[1] - a[1])
            into.face((a[0], 0, a[1]), ac, ab, (material, texture, ids, 1))
            into.face((a[0], heights[at], a[1]), ab, ac, (ceiling, PLAIN, ids + 1, 1))
        into.group(first, (at,))


def _ceiling_heights(house: House) -> list[float]:
    """Height of each room's walls; of the highest wall of the house where a room has none."""
    highest = max((wall.height_m for wall in house.walls), default=2.7)
    return [max((wall.height_m for wall in house.walls if wall.room == room.id), default=highest) for room in house.rooms]


def _wall_materials(house: House, into: Builder) -> list[tuple[int, int]]:
    """Material and texture of each room's walls, then of the outside."""
    out: list[tuple[int, int]] = []
    for room in house.rooms:
        wall = next((wall for wall in house.walls if wall.room == room.id and not wall.is_open), None)
        name = (wall.material if wall else "") or room.id
        colour = wall.colour if wall and wall.colour else colour_of(name, "wall")
        out.append((into.material(colour, ROLE_SURFACE), WALL_TEXTURES[sum(name.encode()) % len(WALL_TEXTURES)]))
    return [*out, (into.material(EXTERIOR, ROLE_SURFACE), 3)]


def _pieces(house: House, height: float) -> list[_Piece]:
    """Cut every room's edges into pieces."""
    corners = [corner for room in house.rooms for corner in room.polygon]
    corners += [end for wall in house.walls for end in (wall.start, wall.end)]
    marks = np.array(corners, dtype=np.float64).reshape(-1, 2)
    ends = np.array([(*wall.start, *wall.end) for wall in house.walls], dtype=np.float64).reshape(-1, 4)
    out: list[_Piece] = []
    for at, room in enumerate(house.rooms):
        left = 1.0 if area(room.polygon) > 0 else -1.0
        for a, b in zip(room.polygon, (*room.polygon[1:], room.polygon[0]), strict=True):
            length = math.hypot(b[0] - a[0], b[1] - a[1])
            if length < ON_LINE_M:
                continue
            along = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
            inward = (-along[1] * left, along[0] * left)
            for p, q in _cuts(a, along, length, marks):
                middle = ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)
                behind = (middle[0] - 0.03 * inward[0], middle[1] - 0.03 * inward[1])
                wall = _wall_at(house.walls, ends, middle, room.id)
                tall = wall.height_m if wall is not None else height
                other = _room_of(house.rooms, behind)
                out.append(_Piece(room=at, other=other, a=p, b=q, inward=inward, wall=wall, height_m=tall))
    return out


def _cuts(a: Point, along: Point, length: float, marks: npt.NDArray[np.float64]) -> list[tuple[Point, Point]]:
    """Divide an edge at every mark that lies on it."""
    dx, dz = marks[:, 0] - a[0], marks[:, 1] - a[1]
    at = dx * along[0] + dz * along[1]
    on = (np.abs(dz * along[0] - dx * along[1]) < ON_LINE_M) & (at > ON_LINE_M) & (at < length - ON_LINE_M)
    stops = [0.0]
    for stop in sorted(float(s) for s in at[on]):
        if stop - stops[-1] > 1e-3:
            stops.append(stop)
    stops.append(length)
    points = [(a[0] + along[0] * s, a[1] + along[1] * s) for s in stops]
    return list(pairwise(points))


def _room_of(rooms: Sequence[Room], point: Point) -> int:
    """Room that a point lies in; the number of rooms for the outside."""
    for at, room in enumerate(rooms):
        odd = False
        for (xa, za), (xb, zb) in zip(room.polygon, (*room.polygon[1:], room.polygon[0]), strict=True):
            if (za > point[1]) != (zb > point[1]) and point[0] < (xb - xa) * (point[1] - za) / (zb - za) + xa:
                odd = not odd
        if odd:
            return at
    return len(rooms)


def _distance(point: Point, a: Point, b: Point) -> float:
    """Distance from a point to a segment."""
    dx, dz = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dz * dz
    share = 0.0 if square == 0 else min(1.0, max(0.0, ((point[0] - a[0]) * dx + (point[1] - a[1]) * dz) / square))
    return math.hypot(point[0] - a[0] - share * dx, point[1] - a[1] - share * dz)


def _wall_at(walls: Sequence[Wall], ends: Floats, point: Point, room: str) -> Wall | None:
    """The wall that stands at a point, this room's own before another's; None where nothing or an open wall is.

    Args:
        ends: (W, 4) x, z of start and end of each wall.
    """
    dx, dz = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    px, pz = point[0] - ends[:, 0], point[1] - ends[:, 1]
    share = np.clip((px * dx + pz * dz) / np.maximum(dx * dx + dz * dz, 1e-12), 0.0, 1.0)
    near = np.flatnonzero(np.hypot(px - share * dx, pz - share * dz) < ON_LINE_M).tolist()
    found = [wall for wall in (walls[at] for at in near) if not wall.is_open]
    found.sort(key=lambda wall: wall.room != room)
    return found[0] if found else None


def _piece(house: House, piece: _Piece, materials: list[tuple[int, int]], into: Builder) -> list[_Hole]:
    """Add the wall of one piece, or a portal where none is.

    The faces of this room's side are added, and, once for both rooms, the boxes and a portal.

    Returns:
        The piece's holes, once for both rooms.
    """
    outside = len(house.rooms)
    is_first = piece.room < piece.other
    if piece.wall is None:
        if is_first:
            into.portals.append((piece.room, piece.other, *piece.a, *piece.b, 0.0, piece.height_m))
        return []
    length = math.hypot(piece.b[0] - piece.a[0], piece.b[1] - piece.a[1])
    holes = _holes(house.openings, piece, length)
    sides = [(piece.room, piece.inward)]
    if piece.other == outside:
        sides.append((outside, (-piece.inward[0], -piece.inward[1])))
    solid = _around(holes, length, piece.height_m)
    for room, normal in sides:
        first = into.face_count
        wall_id = len(house.objects) + 3 * piece.room + 2
        for s0, s1, low, high in solid:
            into.upright(_on(piece, s0, length), _on(piece, s1, length), low, high, normal, (*materials[room], wall_id, 0))
        into.group(first, (room,))
    if not is_first:
        return []
    for s0, s1, low, high in solid:
        into.solid(slab(_on(piece, s0, length), _on(piece, s1, length), low, high, WALL_M))
    return [
        _Hole(number=number, a=_on(piece, s0, length), b=_on(piece, s1, length), low_m=low, high_m=high)
        for number, s0, s1, low, high in holes
    ]


def _on(piece: _Piece, s: float, length: float) -> Point:
    share = s / length
    return (piece.a[0] + share * (piece.b[0] - piece.a[0]), piece.a[1] + share * (piece.b[1] - piece.a[1]))


def _holes(openings: Sequence[Opening], piece: _Piece, length: float) -> list[tuple[int, float, float, float, float]]:
    """(opening, start, end, low, high) of every hole in a piece, along it in metres."""
    ux, uz = (piece.b[0] - piece.a[0]) / length, (piece.b[1] - piece.a[1]) / length
    out: list[tuple[int, float, float, float, float]] = []
    for number, opening in enumerate(openings):
        ends = [(x - piece.a[0], z - piece.a[1]) for x, z in (opening.start, opening.end)]
        if any(abs(dz * ux - dx * uz) > 0.05 for dx, dz in ends):
            continue
        s0, s1 = sorted(dx * ux + dz * uz for dx, dz in ends)
        s0, s1 = max(s0, 0.0), min(s1, length)
        if s1 - s0 > 1e-3:
            out.append((number, s0, s1, max(opening.low_m, 0.0), min(opening.high_m, piece.height_m)))
    return sorted(out, key=lambda hole: hole[1])


def _around(holes: list[tuple[int, float, float, float, float]], length: float, height: float) -> list[tuple[float, float, float, float]]:
    """Rectangles (start, end, low, high) of the wall that its holes leave."""
    stops = sorted({0.0, length, *(s for hole in holes for s in hole[1:3])})
    out: list[tuple[float, float, float, float]] = []
    for s0, s1 in pairwise(stops):
        if s1 - s0 < 1e-6:
            continue
        low = 0.0
        for *_, hole_low, hole_high in sorted((h for h in holes if h[1] < (s0 + s1) / 2 < h[2]), key=lambda h: h[3]):
            if hole_low - low > 1e-6:
                out.append((s0, s1, low, hole_low))
            low = max(low, hole_high)
        if height - low > 1e-6:
            out.append((s0, s1, low, height))
    return out


def _hole(house: House, piece: _Piece, hole: _Hole, frame: int, rooms: Sequence[int], into: Builder) -> None:
    """Add what stands in a hole: its frame, a shut leaf, a window's bars; and the portal if one can see through.

    A leaf that is open is not modelled: the file does not say to which side it swings. A door that leads outside is
    always shut, since there is no floor behind it.
    """
    opening, outside = house.openings[hole.number], len(house.rooms)
    a, b, low, high = hole.a, hole.b, hole.low_m, hole.high_m
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    is_window = opening.kind == "window"
    is_shut = not is_window and (piece.other == outside or (opening.kind == "door" and opening.openness < SHUT))
    ident = len(house.objects) + 3 * len(house.rooms) + hole.number
    width = min(FRAME_M, length / 6)
    bars = [(0.0, width, low, high), (length - width, length, low, high), (width, length - width, high - width, high)]
    if is_window:
        middle, half = length / 2, width / 2
        bars += [(width, length - width, low, low + width), (middle - half, middle + half, low + width, high - width)]
    boxes = [slab(_between(a, b, s0 / length), _between(a, b, s1 / length), y0, y1, FRAME_DEPTH_M) for s0, s1, y0, y1 in bars]
    looks = [(frame, PLAIN, ident, 0)] * len(boxes)
    if is_shut:
        boxes.append(slab(a, b, low, high, LEAF_M))
        leaf = into.material(colour_of(opening.asset_id or opening.id, "furniture"), ROLE_OBJECT)
        looks.append((leaf, PLAIN, ident, 0))
    else:
        into.portals.append((piece.room, piece.other, *a, *b, low, high))
    for box in boxes:
        into.solid(box)
    if is_window:
        into.solid(slab(a, b, low, high, WALL_M))
    first, stack = into.face_count, np.array(boxes)
    part, side = np.repeat(np.arange(len(stack)), 6), np.tile(np.arange(6), len(stack))
    into.faces(*box_faces(stack, part, side), np.array(looks)[part])
    into.group(first, rooms)


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))


def _loose_walls(house: House, materials: list[tuple[int, int]], into: Builder) -> None:
    """Walls that stand on no room's edge: seen from both sides, from anywhere."""
    edges = [(a, b) for room in house.rooms for a, b in zip(room.polygon, (*room.polygon[1:], room.polygon[0]), strict=True)]
    for wall in house.walls:
        middle = _between(wall.start, wall.end, 0.5)
        if wall.is_open or any(_distance(middle, a, b) < ON_LINE_M for a, b in edges):
            continue
        room = next((at for at, room in enumerate(house.rooms) if room.id == wall.room), len(house.rooms))
        box = slab(wall.start, wall.end, 0.0, wall.height_m, WALL_M)
        into.solid(box)
        first = into.face_count
        part, side = np.zeros(6, dtype=np.int64), np.arange(6)
        look = (*materials[room], len(house.objects) + 3 * min(room, max(len(house.rooms) - 1, 0)) + 2, 0)
        into.faces(*box_faces(np.array([box]), part, side), np.array([look] * 6))
        into.group(first, ())
