"""Plane geometry of floor plans: point tests, footprints and the division of floors into faces.

Points are (x, z) in metres. A polygon is simple, in either winding, and may be concave.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flare_core.houses.house import Point
from flare_core.simulators.embedded.jit import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

INSET_M = 1e-4  # an object that is flush with a wall is not in the next room


@kernel
def inside(points: Floats, first: int, last: int, x: float, z: float) -> bool:
    """Whether (x, z) lies in the polygon points[first:last] (even-odd rule)."""
    odd = False
    before = last - 1
    for at in range(first, last):
        xa, za, xb, zb = points[at, 0], points[at, 1], points[before, 0], points[before, 1]
        if (za > z) != (zb > z) and x < (xb - xa) * (z - za) / (zb - za) + xa:
            odd = not odd
        before = at
    return odd


@kernel
def room_at(points: Floats, starts: Ints, first_room: int, last_room: int, x: float, z: float) -> int:
    """Index, counted from first_room, of the room that (x, z) lies in; -1 outside every room.

    Args:
        points: (P, 2) corners of all polygons.
        starts: (R + 1,) where each room's corners begin in `points`.
    """
    for room in range(first_room, last_room):
        if inside(points, starts[room], starts[room + 1], x, z):
            return room - first_room
    return -1


@kernel
def rooms_touched(points: Floats, starts: Ints, corners: Floats, out: Ints) -> int:
    """Write the rooms that a convex footprint meets into `out`; return how many, the outside included.

    Args:
        corners: (4, 2) of the footprint, in order.
        out: (rooms + 1,) filled with room indices; the number of rooms stands for the outside.
    """
    rooms = starts.shape[0] - 1
    found = 0
    corners_inside = 0
    for room in range(rooms):
        first, last = starts[room], starts[room + 1]
        meets = False
        for corner in range(4):
            if inside(points, first, last, corners[corner, 0], corners[corner, 1]):
                meets = True
                corners_inside += 1
        before = last - 1
        for at in range(first, last):
            if meets:
                break
            for corner in range(4):
                after = (corner + 1) % 4
                if _cross(points[before], points[at], corners[corner], corners[after]):
                    meets = True
                    break
            before = at
        if meets:
            out[found] = room
            found += 1
    if corners_inside < 4:
        out[found] = rooms
        found += 1
    return found


@kernel
def _cross(a: Floats, b: Floats, c: Floats, d: Floats) -> bool:
    """Whether segments a-b and c-d properly cross."""
    abx, abz, cdx, cdz = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    one = abx * (c[1] - a[1]) - abz * (c[0] - a[0])
    two = abx * (d[1] - a[1]) - abz * (d[0] - a[0])
    three = cdx * (a[1] - c[1]) - cdz * (a[0] - c[0])
    four = cdx * (b[1] - c[1]) - cdz * (b[0] - c[0])
    return bool(one * two < 0 and three * four < 0)


def footprint(box: Floats) -> Floats:
    """(4, 2) corners of an oriented box (see `scene`) from above, drawn in by a hair."""
    x, z, c, s = float(box[0]), float(box[2]), float(box[6]), float(box[7])
    hx, hz = max(float(box[3]) - INSET_M, 0.0), max(float(box[5]) - INSET_M, 0.0)
    ax, az, bx, bz = c * hx, -s * hx, s * hz, c * hz  # half edges along the box's x and z
    return np.array(((x - ax - bx, z - az - bz), (x + ax - bx, z + az - bz), (x + ax + bx, z + az + bz), (x - ax + bx, z - az + bz)))


def rooms_of(box: Floats, points: Floats, starts: Ints) -> list[int]:
    """Rooms that an oriented box stands in; the number of rooms for the outside."""
    touched = np.zeros(len(starts), dtype=np.int64)
    found = rooms_touched(points, starts, footprint(box), touched)
    return [int(room) for room in touched[:found]]


def area(polygon: Sequence[Point]) -> float:
    """Signed area in square metres; positive when the interior is on the left of every edge, seen with z up."""
    total = 0.0
    for (xa, za), (xb, zb) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        total += xa * zb - xb * za
    return total / 2


def rectangles(polygon: Sequence[Point]) -> list[tuple[float, float, float, float]] | None:
    """Rectangles (x0, z0, x1, z1) that tile an axis-aligned polygon; None if an edge is slanted."""
    edges = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    if any(abs(a[0] - b[0]) > 1e-6 and abs(a[1] - b[1]) > 1e-6 for a, b in edges):
        return None
    xs = sorted({round(x, 6) for x, _ in polygon})
    tiles: list[tuple[float, float, float, float]] = []
    for x0, x1 in pairwise(xs):
        middle = (x0 + x1) / 2
        cuts = sorted(a[1] for a, b in edges if min(a[0], b[0]) < middle < max(a[0], b[0]))
        for z0, z1 in zip(cuts[::2], cuts[1::2], strict=True):
            tiles.append((x0, z0, x1, z1))
    return _joined(tiles)


def _joined(tiles: list[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Join neighbours of equal depth, so that a room has as few faces as possible."""
    out: list[tuple[float, float, float, float]] = []
    for tile in tiles:
        for at, (x0, z0, x1, z1) in enumerate(out):
            if x1 == tile[0] and z0 == tile[1] and z1 == tile[3]:
                out[at] = (x0, z0, tile[2], z1)
                break
        else:
            out.append(tile)
    return out


def triangles(polygon: Sequence[Point]) -> list[tuple[Point, Point, Point]]:
    """Triangles that tile a simple polygon, by cutting ears; a corner on a straight line is dropped."""
    left = list(polygon) if area(polygon) > 0 else list(reversed(polygon))
    out: list[tuple[Point, Point, Point]] = []
    while len(left) > 3:
        for at in range(len(left)):
            a, b, c = left[at - 1], left[at], left[(at + 1) % len(left)]
            turn = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
            if abs(turn) < 1e-12:
                del left[at]
                break
            if turn > 0 and not any(_in_triangle(p, a, b, c) for p in left if p not in (a, b, c)):
                out.append((a, b, c))
                del left[at]
                break
        else:
            break  # a polygon that crosses itself: what is left has no ear
    return [*out, (left[0], left[1], left[2])] if len(left) == 3 else out


def _in_triangle(p: Point, a: Point, b: Point, c: Point) -> bool:
    """Whether p lies in the triangle a, b, c (interior on the left of its edges)."""
    return all((v[0] - u[0]) * (p[1] - u[1]) - (v[1] - u[1]) * (p[0] - u[0]) >= 0 for u, v in ((a, b), (b, c), (c, a)))


@kernel
def rooms_at(points: Floats, point_start: Ints, room_start: Ints, house: Ints, x: Floats, z: Floats, out: Ints) -> None:
    """Write the room of every position, -1 outside."""
    for row in range(house.shape[0]):
        out[row] = room_at(points, point_start, room_start[house[row]], room_start[house[row] + 1], x[row], z[row])
