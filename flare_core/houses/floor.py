"""The floor of one room while it is furnished: what is taken, what must stay free, and the ways to find a place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from flare_core.houses.assets import Asset
from flare_core.houses.doors import Edge
from flare_core.houses.draws import Draws
from flare_core.houses.floorplan import Rect
from flare_core.houses.geometry import turned_extent
from flare_core.houses.house import Point

WALL_GAP_M = 0.06  # between a wall's line and what stands against it
_TRIES = 12
INWARD = {0: (0.0, 1.0), 90: (1.0, 0.0), 180: (0.0, -1.0), 270: (-1.0, 0.0)}  # yaw -> direction (x, z)


@dataclass(slots=True, kw_only=True)
class Placed:
    """Something that has found its place; `y` is the centre's height.

    Attributes:
        essential: the room would not be what it is without it, so it is the last to be taken out again.
        children: what stands on it.
    """

    asset: Asset
    room: int
    x: float
    y: float
    z: float
    yaw: float
    essential: bool = False
    children: list["Placed"] = field(default_factory=list)

    @property
    def footprint_m2(self) -> float:
        return self.asset.size[0] * self.asset.size[2]

    @property
    def rect(self) -> Rect:
        """Axis-aligned rectangle around it on the floor."""
        wide, deep = turned_extent(self.asset.size, self.yaw)
        return self.x - wide / 2, self.z - deep / 2, self.x + wide / 2, self.z + deep / 2


def rect_around(x: float, z: float, wide: float, deep: float, yaw: float) -> Rect:
    """Rectangle of something `wide` by `deep` that is turned by a multiple of 90 degrees."""
    if round(yaw) % 180 == 90:
        wide, deep = deep, wide
    return x - wide / 2, z - deep / 2, x + wide / 2, z + deep / 2


class Floor:
    """One room's floor.

    Attributes:
        placed: what stands on it, in the order in which it was placed.
        kept: rectangles that must stay free: before doors, before drawers.
    """

    def __init__(self, room: int, kind: str, edges: Sequence[Edge], rects: Sequence[Rect]) -> None:
        self.room, self.kind, self.rects = room, kind, rects
        self.walls = [edge for edge in edges if not edge.is_open]
        self.placed: list[Placed] = []
        self.kept: list[Rect] = []
        for edge in edges:
            if edge.is_open:
                self.keep_free(edge, 0.0, edge.length_m, 0.5)

    def keep_free(self, edge: Edge, low_m: float, high_m: float, depth_m: float) -> None:
        """Keep a strip inside along a stretch of an edge free."""
        (ax, az), (bx, bz), length = edge.start, edge.end, edge.length_m
        ux, uz = (bx - ax) / length, (bz - az) / length
        nx, nz = INWARD[edge.yaw]
        xs = (ax + low_m * ux, ax + high_m * ux + depth_m * nx)
        zs = (az + low_m * uz, az + high_m * uz + depth_m * nz)
        self.kept.append((min(xs), min(zs), max(xs), max(zs)))

    def holds(self, rect: Rect) -> bool:
        """Whether a rectangle lies wholly in the room, a little off its walls."""
        x0, z0, x1, z1 = rect
        inside = 0.0
        for a, b, c, d in self.rects:
            wide, deep = min(x1, c) - max(x0, a), min(z1, d) - max(z0, b)
            if wide > 0.0 and deep > 0.0:
                inside += wide * deep
        return inside > (x1 - x0) * (z1 - z0) - 1e-6

    def fits(self, rect: Rect, gap_m: float = 0.03) -> bool:
        """Whether a rectangle lies in the room and clear of all that stands or must stay free."""
        x0, z0, x1, z1 = rect[0] - gap_m, rect[1] - gap_m, rect[2] + gap_m, rect[3] + gap_m
        for a, b, c, d in self.kept:
            if a < x1 and x0 < c and b < z1 and z0 < d:
                return False
        for other in self.placed:
            a, b, c, d = other.rect
            if a < x1 and x0 < c and b < z1 and z0 < d:
                return False
        return self.holds((x0, z0, x1, z1))

    def put(self, asset: Asset, x: float, z: float, yaw: float, *, essential: bool = False) -> Placed:
        """Place an asset on the floor, asked or not."""
        thing = Placed(asset=asset, room=self.room, x=x, y=asset.size[1] / 2, z=z, yaw=yaw % 360.0, essential=essential)
        self.placed.append(thing)
        return thing

    def against_wall(
        self, draws: Draws, asset: Asset, *, front_m: float = 0.0, corner: float = 0.35, essential: bool = False
    ) -> Placed | None:
        """Place an asset with its back to a wall, sometimes in a corner; None if no try finds room.

        Args:
            front_m: depth before it that must be free and stays so.
            corner: probability of a try in a corner.
        """
        wide, _, deep = asset.size
        walls = [edge for edge in self.walls if edge.length_m > wide + 2 * WALL_GAP_M]
        if not walls:
            return None
        weights = [edge.length_m for edge in walls]
        for _ in range(_TRIES):
            edge = draws.weighted(walls, weights)
            least = WALL_GAP_M + wide / 2
            most = edge.length_m - least
            along = draws.one((least, most)) if draws.chance(corner) else draws.between(least, most)
            x, z = _off(edge, along, WALL_GAP_M + deep / 2)
            rect = rect_around(x, z, wide, deep, edge.yaw)
            if not self.fits(rect):
                continue
            if front_m:
                fx, fz = _off(edge, along, WALL_GAP_M + deep + front_m / 2 + 0.01)
                front = rect_around(fx, fz, wide, front_m, edge.yaw)
                if any(_overlap(front, other.rect) for other in self.placed) or not self.holds(front):
                    continue
                self.kept.append(front)
            return self.put(asset, x, z, edge.yaw, essential=essential)
        return None

    def anywhere(self, draws: Draws, wide: float, deep: float, *, tries: int = _TRIES) -> tuple[float, float, float] | None:
        """A free place (x, z, yaw) for a rectangle, clear of the walls; None if no try finds one."""
        areas = [(c - a) * (d - b) for a, b, c, d in self.rects]
        for _ in range(tries):
            a, b, c, d = draws.weighted(self.rects, areas)
            x, z, yaw = draws.between(a, c), draws.between(b, d), draws.one((0.0, 90.0))
            if self.fits(rect_around(x, z, wide, deep, yaw), gap_m=0.08):
                return x, z, yaw
        return None


def ahead(thing: Placed, distance_m: float, right_m: float = 0.0, turned_deg: float = 0.0) -> Point:
    """Point before the centre of something, by the way it looks, or by a way turned clockwise from it."""
    yaw = math.radians(thing.yaw + turned_deg)
    c, s = math.cos(yaw), math.sin(yaw)
    return thing.x + s * distance_m + c * right_m, thing.z + c * distance_m - s * right_m


def _off(edge: Edge, along_m: float, inward_m: float) -> Point:
    (ax, az), (bx, bz), length = edge.start, edge.end, edge.length_m
    nx, nz = INWARD[edge.yaw]
    return ax + (bx - ax) / length * along_m + nx * inward_m, az + (bz - az) / length * along_m + nz * inward_m


def _overlap(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
