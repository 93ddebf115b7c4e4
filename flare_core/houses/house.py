"""The values of one house, whatever file or generator it came from.

Frame: x right, y up, z forward, metres, floor at y = 0. Rotations are degrees clockwise from above, as in house files.
"""

from dataclasses import dataclass, field

Point = tuple[float, float]  # (x, z)
Colour = tuple[float, float, float]  # r, g, b in 0..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room with a simple, possibly concave floor polygon (either winding)."""

    id: str
    type: str  # Kitchen | LivingRoom | Bedroom | Bathroom
    polygon: tuple[Point, ...]
    floor_material: str = ""
    floor_colour: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A hole in a wall: a door, an open frame or a window.

    Attributes:
        rooms: ids of the two rooms it joins; both the same when it leads outside.
        start, end: floor points (x, z) of the hole's two ends on the wall's line.
        low_m, high_m: height range of the hole.
        openness: 0 closed (blocks sight and way) to 1 open. A frame without a leaf has 1. A window never lets a body through.
    """

    id: str
    kind: str  # door | frame | window
    rooms: tuple[str, str]
    start: Point
    end: Point
    low_m: float
    high_m: float
    openness: float = 1.0
    asset_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A vertical wall seen from one room; an interior wall appears twice, once for each room."""

    id: str
    room: str  # a room's id, or "exterior"
    start: Point
    end: Point
    height_m: float
    is_open: bool = False  # "empty" in the file: no wall is there, the rooms flow into each other
    material: str = ""
    colour: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseObject:
    """A piece of furniture or a thing, as an upright box around its asset.

    Attributes:
        position: centre of the box (x, y, z).
        rotation: degrees about x, y, z; things that lie tilted keep x and z for completeness.
        size: extents (x, y, z) of the asset's own box before rotation.
        parent: id of the object it stands on or in, or None.
        room: id of the room it is in, or None if it lies in none.
    """

    id: str
    asset_id: str
    type: str
    position: tuple[float, float, float]
    rotation: tuple[float, float, float]
    size: tuple[float, float, float]
    parent: str | None = None
    room: str | None = None
    colour: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One house. `agent` is the start pose in its metadata: (x, z, yaw in degrees), if it has one."""

    id: str
    rooms: tuple[Room, ...]
    walls: tuple[Wall, ...]
    openings: tuple[Opening, ...]
    objects: tuple[HouseObject, ...]
    agent: tuple[float, float, float] | None = None
    split: str | None = None
    warnings: tuple[str, ...] = field(default=())
