"""Checks of whole houses: who can stand and go where, and whether a document is one that CreateHouse takes.

The ways are worked out from the finished `House`, with turned boxes and a round body, and share nothing with the
generator's own check but the search for connected cells.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.houses import assets
from flare_core.houses.geometry import is_inside, upright_size
from flare_core.houses.house import House, HouseObject, Opening, Point, Wall
from flare_core.houses.reach import largest_piece
from flare_core.houses.surfaces import footprint

Bools = npt.NDArray[np.bool_]
_ON_LINE_M: Final = 0.02
_TOP_KEYS: Final = ("rooms", "walls", "doors", "windows", "objects", "proceduralParameters", "metadata")
_PARAMETERS: Final = ("ceilingMaterial", "floorColliderThickness", "lights", "receptacleHeight", "skyboxId")
_POSES: Final = ("default", "arm", "locobot", "stretch")
Box = tuple[float, float, float, float, float]  # x, z, half width, half depth, yaw in radians


def blocking_boxes(house: House, height_m: float) -> list[Box]:
    """Boxes of walls, shut doors and things that an upright body of a height can touch."""
    boxes = [_wall_box(a, b) for wall in house.walls if not wall.is_open for a, b in _solid_parts(wall, house.openings)]
    return boxes + [box for thing in house.objects if _bottom(thing) < height_m for box in _object_boxes(thing)]


def _bottom(thing: HouseObject) -> float:
    return thing.position[1] - upright_size(thing.size, thing.rotation)[1] / 2


def _object_boxes(thing: HouseObject) -> list[Box]:
    """The boxes of a thing on the floor; more than one where its plan is not convex."""
    yaw = math.radians(thing.rotation[1])
    c, s = math.cos(yaw), math.sin(yaw)
    boxes = []
    for x0, z0, x1, z1 in footprint(thing.type, thing.asset_id, upright_size(thing.size, thing.rotation)):
        x, z = (x0 + x1) / 2, (z0 + z1) / 2
        at = (thing.position[0] + c * x + s * z, thing.position[2] - s * x + c * z)
        boxes.append((*at, (x1 - x0) / 2, (z1 - z0) / 2, yaw))
    return boxes


def _wall_box(a: Point, b: Point) -> Box:
    """A wall as a box without width, long in its own x."""
    yaw = math.atan2(-(b[1] - a[1]), b[0] - a[0])  # clockwise: x of the box along the wall
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, math.dist(a, b) / 2, 0.0, yaw


def _solid_parts(wall: Wall, openings: Iterable[Opening]) -> list[tuple[Point, Point]]:
    """The stretches of a wall between the holes that can be walked through."""
    length = math.dist(wall.start, wall.end)
    ux, uz = (wall.end[0] - wall.start[0]) / length, (wall.end[1] - wall.start[1]) / length
    spans = []
    for opening in openings:
        if opening.kind == "window" or opening.openness == 0.0:
            continue
        ends = []
        for x, z in (opening.start, opening.end):
            dx, dz = x - wall.start[0], z - wall.start[1]
            if abs(dx * uz - dz * ux) < _ON_LINE_M:
                ends.append(dx * ux + dz * uz)
        if len(ends) == 2 and max(ends) > 0.0 and min(ends) < length:
            spans.append((min(ends), max(ends)))
    parts, low = [], 0.0
    for first, last in [*sorted(spans), (length, length)]:
        if first > low + 1e-6:
            parts.append((low, min(first, length)))
        low = max(low, last)
    at = wall.start
    return [((at[0] + a * ux, at[1] + a * uz), (at[0] + b * ux, at[1] + b * uz)) for a, b in parts]


def is_free(house: House, x: float, z: float, radius_m: float, height_m: float = 1.5) -> bool:
    """Whether an upright cylinder can stand at a point: in a room, clear of walls, shut doors and things."""
    if not any(is_inside((x, z), room.polygon) for room in house.rooms):
        return False
    for cx, cz, wide, deep, yaw in blocking_boxes(house, height_m):
        c, s, dx, dz = math.cos(yaw), math.sin(yaw), x - cx, z - cz
        if math.hypot(max(abs(c * dx - s * dz) - wide, 0.0), max(abs(s * dx + c * dz) - deep, 0.0)) < radius_m:
            return False
    return True


def room_reach(house: House, radius_m: float, height_m: float = 1.5, cell_m: float = 0.05) -> Mapping[str, tuple[float, float]]:
    """How much of every room's floor a cylinder can stand on, and how much of that hangs together through the house.

    Args:
        radius_m, height_m: of the upright cylinder.
        cell_m: of the grid on which it is worked out.

    Returns:
        Room id -> (free, reached) in square metres; `reached` counts the largest connected piece of the whole house.
    """
    xs = [x for room in house.rooms for x, _ in room.polygon]
    zs = [z for room in house.rooms for _, z in room.polygon]
    x, z = np.meshgrid(np.arange(min(xs), max(xs), cell_m) + cell_m / 2, np.arange(min(zs), max(zs), cell_m) + cell_m / 2)
    inside = {room.id: _inside_cells(x, z, room.polygon) for room in house.rooms}
    free = np.logical_or.reduce(list(inside.values()))
    for cx, cz, wide, deep, yaw in blocking_boxes(house, height_m):
        reach = math.hypot(wide, deep) + radius_m
        near = (
            slice(*np.searchsorted(z[:, 0], (cz - reach, cz + reach)).tolist()),
            slice(*np.searchsorted(x[0], (cx - reach, cx + reach)).tolist()),
        )
        c, s, dx, dz = math.cos(yaw), math.sin(yaw), x[near] - cx, z[near] - cz
        off = np.hypot(np.maximum(np.abs(c * dx - s * dz) - wide, 0.0), np.maximum(np.abs(s * dx + c * dz) - deep, 0.0))
        free[near] &= off >= radius_m
    main = largest_piece(free)
    area = cell_m * cell_m
    return {name: (float((free & cells).sum()) * area, float((main & cells).sum()) * area) for name, cells in inside.items()}


def _inside_cells(x: npt.NDArray[np.float64], z: npt.NDArray[np.float64], polygon: tuple[Point, ...]) -> Bools:
    inside = np.zeros(x.shape, dtype=np.bool_)
    for (ax, az), (bx, bz) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if az != bz:
            inside ^= ((az > z) != (bz > z)) & (x < ax + (z - az) * (bx - ax) / (bz - az))
    return inside


def document_faults(data: Mapping[str, Any]) -> tuple[str, ...]:
    """What keeps a document from being a house of schema 1.0.0 as CreateHouse reads it; empty if nothing does.

    Names and key paths are checked here; values and references are `parse_house`'s to check.
    """
    faults = [f"{key}: is missing" for key in _TOP_KEYS if key not in data]
    if faults:
        return tuple(faults)
    faults += [f"walls[{at}]: {fault}" for at, wall in enumerate(data["walls"]) for fault in _wall_faults(wall)]
    walls = {wall["id"]: wall["polygon"] for wall in data["walls"]}
    for key, word in (("doors", "door"), ("windows", "window")):
        for at, hole in enumerate(data[key]):
            faults += [f"{key}[{at}]: {fault}" for fault in _hole_faults(hole, word, walls)]
    rooms = [room["id"] for room in data["rooms"]]
    faults += [f"rooms[{at}].id: '{name}' is not 'room|N'" for at, name in enumerate(rooms) if not _is_room_id(name)]
    known = {*assets.placements().floors, *assets.placements().walls}
    surfaces = [room["floorMaterial"] for room in data["rooms"]] + [wall["material"] for wall in data["walls"]]
    faults += [f"material '{surface['name']}' is not in the material table" for surface in surfaces if surface["name"] not in known]
    parameters = data["proceduralParameters"]
    faults += [f"proceduralParameters.{key}: is missing" for key in _PARAMETERS if key not in parameters]
    if data["metadata"].get("schema") != "1.0.0":
        faults.append("metadata.schema: is not '1.0.0'")
    poses = data["metadata"].get("agentPoses", {})
    return tuple(faults + [f"metadata.agentPoses.{name}: is missing" for name in _POSES if name not in poses])


def _is_room_id(name: str) -> bool:
    return name.startswith("room|") and name[5:].isdigit()


def _wall_faults(wall: Mapping[str, Any]) -> list[str]:
    polygon = wall["polygon"]
    if len(polygon) != 4:
        return [f"polygon has {len(polygon)} points instead of 4"]
    a, b, c, d = polygon
    faults = []
    if not (a["y"] == b["y"] == 0 and c["y"] == d["y"] > 0 and (a["x"], a["z"], b["x"], b["z"]) == (c["x"], c["z"], d["x"], d["z"])):
        faults.append("polygon is not the floor pair and then the ceiling pair above it")
    low, high = (min(a["x"], b["x"]), min(a["z"], b["z"])), (max(a["x"], b["x"]), max(a["z"], b["z"]))
    name = f"wall|{wall['roomId'].removeprefix('room|')}|{low[0]:.2f}|{low[1]:.2f}|{high[0]:.2f}|{high[1]:.2f}"
    return faults if wall["id"] == name else [*faults, f"id '{wall['id']}' is not '{name}'"]


def _hole_faults(hole: Mapping[str, Any], word: str, walls: Mapping[str, Any]) -> list[str]:
    faults = [] if hole["id"].startswith(f"{word}|") else [f"id '{hole['id']}' does not begin with '{word}|'"]
    sides = [walls.get(hole[key]) for key in ("wall0", "wall1")]
    if sides[0] is None or sides[1] is None:
        return [*faults, "wall0 or wall1 is no wall of this house"]
    # CreateHouse mirrors the hole on wall1, so the two must be the same stretch in opposite order.
    if (sides[0][0]["x"], sides[0][0]["z"], sides[0][1]["x"], sides[0][1]["z"]) != (
        sides[1][1]["x"], sides[1][1]["z"], sides[1][0]["x"], sides[1][0]["z"],
    ):  # fmt: skip
        faults.append("wall0 and wall1 are not the same stretch in opposite order")
    low, high = hole["holePolygon"]
    return faults if low["x"] < high["x"] and low["y"] < high["y"] else [*faults, "holePolygon is not [least, greatest]"]
