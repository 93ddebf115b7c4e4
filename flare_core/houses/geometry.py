"""Plane and box geometry that houses need. Points are (x, z) in metres."""

import math
from collections.abc import Sequence

from flare_core.houses.house import Point

_Triple = tuple[float, float, float]


def signed_area(polygon: Sequence[Point]) -> float:
    """Area in square metres: positive if the points run counter-clockwise with x right and z up on the page."""
    return 0.5 * sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, (*polygon[1:], polygon[0]), strict=True))


def is_inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Whether a point lies in a simple polygon, concave or not, by the even-odd rule."""
    x, z = point
    inside = False
    for (ax, az), (bx, bz) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (az > z) != (bz > z) and x < ax + (z - az) * (bx - ax) / (bz - az):
            inside = not inside
    return inside


def is_simple(polygon: Sequence[Point]) -> bool:
    """Whether no two edges of a polygon cross in their interiors."""
    edges = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    return not any(_cross(*one, *two) for at, one in enumerate(edges) for two in edges[at + 1 :])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def upright_size(size: _Triple, rotation_deg: _Triple) -> _Triple:
    """Extents of the smallest upright box with the thing's own yaw that holds a thing lying tilted.

    Unity turns about z first, then x, then y, so in the frame of the yaw a box of half sizes h becomes one of
    half sizes |Rx Rz| h.

    Args:
        size: extents (x, y, z) of the unrotated box, metres.
        rotation_deg: degrees about x, y, z.

    Returns:
        Extents (x, y, z) in the frame of the yaw; equal to `size` where x and z rotations are 0.
    """
    cx, sx = abs(math.cos(math.radians(rotation_deg[0]))), abs(math.sin(math.radians(rotation_deg[0])))
    cz, sz = abs(math.cos(math.radians(rotation_deg[2]))), abs(math.sin(math.radians(rotation_deg[2])))
    if sx < 1e-9 and sz < 1e-9:
        return size
    x, y, z = size
    across, up = cz * x + sz * y, sz * x + cz * y
    return across, cx * up + sx * z, sx * up + cx * z


def turned_extent(size: _Triple, yaw_deg: float) -> Point:
    """Extents (x, z) of the axis-aligned rectangle around a box that is turned by a yaw."""
    c, s = abs(math.cos(math.radians(yaw_deg))), abs(math.sin(math.radians(yaw_deg)))
    return c * size[0] + s * size[2], s * size[0] + c * size[2]
