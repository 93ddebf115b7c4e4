"""Reads ProcTHOR house files, schema 1.0.0 and the older 0.0.1, into a `House`.

What differs between the two: 0.0.1 has holes as `boundingBox` instead of `holePolygon`, materials as plain strings, and
exterior walls that carry a real room's id. Which of both a hole or a material follows is seen field by field, because
files that were upgraded by hand mix them.

Reference: AI2-THOR, unity/Assets/Scripts/ProceduralData.cs and ProceduralTools.cs.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flare_core.errors import HouseError
from flare_core.houses import assets
from flare_core.houses.fields import Fields, flat
from flare_core.houses.geometry import is_inside, is_simple, signed_area
from flare_core.houses.house import House, HouseObject, Opening, Point, Room, Wall

SCHEMAS = ("1.0.0", "0.0.1")
EXTERIOR = "exterior"
_LARGEST_FILE = 64 * 1024 * 1024
_DEEPEST = 16  # children within children; real houses have 2
_SLACK_M = 0.05  # a hole may stick out of its wall by the width of its frame


def read_house(path: Path) -> House:
    """Read a house file.

    Raises:
        HouseError: the file cannot be read, is not JSON, or is not a house; every fault with its key path.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise HouseError(f"{path}: {path.stat().st_size / 2**20:.0f} MB is no single house. Give a file of one house")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HouseError(f"{path}: cannot be read ({error.strerror}). Check the path") from error
    except UnicodeDecodeError as error:
        raise HouseError(f"{path}: is not UTF-8 text (byte {error.start}). Save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise HouseError(f"{path}:{error.lineno}: is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise HouseError(f"{path}: is nested too deeply to be a house") from error
    return parse_house(data, str(path))


def parse_house(data: Any, name: str) -> House:
    """Turn the decoded JSON of a house into values.

    Args:
        data: the decoded JSON.
        name: what the file is called in messages and in `House.id`.

    Raises:
        HouseError: every fault, each with its key path.
    """
    fields = Fields(name)
    top = fields.mapping(data, "top level")
    fields.raise_faults()
    metadata = fields.mapping(top.get("metadata") or {}, "metadata")
    schema = metadata.get("schema", "1.0.0")
    if schema not in SCHEMAS:
        fields.fault("metadata.schema", f"'{schema}' is not known. Use '1.0.0' or '0.0.1'")
    rooms = _rooms(top, fields)
    walls = _walls(top, {room.id for room in rooms}, fields)
    openings = _openings(top, walls, {room.id for room in rooms}, fields)
    objects = _objects(top, rooms, fields)
    agent = _agent(metadata, fields)
    fields.raise_faults()
    split = metadata.get("split")
    warnings = metadata.get("warnings")
    return House(
        id=str(top.get("id") or Path(name).stem),
        rooms=tuple(rooms),
        walls=tuple(walls.values()),
        openings=tuple(openings),
        objects=tuple(objects),
        agent=agent,
        split=split if isinstance(split, str) else None,
        warnings=tuple(f"{key}: {value}" for key, value in warnings.items()) if isinstance(warnings, dict) else (),
    )


def hole_points(wall_start: Point, wall_end: Point, low_m: float, high_m: float, *, mirrored: bool) -> tuple[Point, Point]:
    """World floor points of the two ends of a hole.

    A hole counts along the wall that the file calls `wall0`, from the first floor point of that wall's polygon. Seen
    from `wall1` - the same stretch from the other side, its points in the other order - it counts from the second one.

    Args:
        wall_start, wall_end: the floor points of the wall's polygon, in the file's order.
        low_m, high_m: range along the wall, metres.
        mirrored: the wall is the hole's `wall1`.

    Returns:
        The points of `low_m` and of `high_m`.
    """
    if mirrored:
        wall_start, wall_end = wall_end, wall_start
    length = math.dist(wall_start, wall_end)
    ux, uz = (wall_end[0] - wall_start[0]) / length, (wall_end[1] - wall_start[1]) / length
    return (
        (wall_start[0] + low_m * ux, wall_start[1] + low_m * uz),
        (wall_start[0] + high_m * ux, wall_start[1] + high_m * uz),
    )


def _rooms(top: dict[str, Any], fields: Fields) -> list[Room]:
    rooms: list[Room] = []
    for at, raw in enumerate(fields.items(top, "rooms", "", required=True)):
        path = f"rooms[{at}]"
        room = fields.mapping(raw, path)
        points = fields.points(room, "floorPolygon", path, least=3)
        polygon = tuple(flat(point) for point in points)
        if len(polygon) >= 3 and abs(signed_area(polygon)) < 1e-6:
            fields.fault(f"{path}.floorPolygon", "has no area")
        elif not is_simple(polygon):
            fields.fault(f"{path}.floorPolygon", "crosses itself")
        material = room.get("floorMaterial")
        rooms.append(
            Room(
                id=fields.text(room, "id", path),
                type=fields.text(room, "roomType", path),
                polygon=polygon,
                floor_material=fields.material(material),
                floor_colour=fields.colour({}, material, f"{path}.floorMaterial"),
            )
        )
    _refuse_repeats([room.id for room in rooms], "rooms", fields)
    if not rooms:
        fields.fault("rooms", "there is no room")
    return rooms


def _walls(top: dict[str, Any], rooms: set[str], fields: Fields) -> dict[str, Wall]:
    walls: list[Wall] = []
    for at, raw in enumerate(fields.items(top, "walls", "", required=True)):
        path = f"walls[{at}]"
        wall = fields.mapping(raw, path)
        name, room = fields.text(wall, "id", path), fields.text(wall, "roomId", path)
        if name.startswith("wall|exterior"):
            room = EXTERIOR  # schema 0.0.1 writes the room that it closes
        elif room and room != EXTERIOR and room not in rooms:
            fields.fault(f"{path}.roomId", f"there is no room '{room}'")
        points = fields.points(wall, "polygon", path, least=4)
        if len(points) < 4:
            continue
        # Exterior walls list the ceiling pair first, so the floor pair is found by height; the order within it is kept.
        low = min(point[1] for point in points)
        floor = [flat(point) for point in points if point[1] - low < 1e-3]
        if len(floor) != 2 or math.dist(floor[0], floor[1]) < 1e-6:
            fields.fault(f"{path}.polygon", "needs two different floor points and two ceiling points")
            continue
        material = wall.get("material")
        walls.append(
            Wall(
                id=name,
                room=room,
                start=floor[0],
                end=floor[1],
                height_m=max(point[1] for point in points) - low,
                is_open=bool(wall.get("empty", False)),
                material=fields.material(material),
                colour=fields.colour(wall, material, path),
            )
        )
    _refuse_repeats([wall.id for wall in walls], "walls", fields)
    return {wall.id: wall for wall in walls}


def _openings(top: dict[str, Any], walls: Mapping[str, Wall], rooms: set[str], fields: Fields) -> list[Opening]:
    openings = []
    for key in ("doors", "windows"):
        for at, raw in enumerate(fields.items(top, key, "")):
            path = f"{key}[{at}]"
            opening = _opening(fields.mapping(raw, path), path, key == "windows", walls, rooms, fields)
            openings += [opening] if opening is not None else []
    _refuse_repeats([opening.id for opening in openings], "doors and windows", fields)
    return openings


def _opening(
    hole: dict[str, Any], path: str, is_window: bool, walls: Mapping[str, Wall], rooms: set[str], fields: Fields
) -> Opening | None:
    name, asset_id = fields.text(hole, "id", path), fields.text(hole, "assetId", path)
    joined = (fields.text(hole, "room0", path), fields.text(hole, "room1", path))
    for side, room in enumerate(joined):
        if room and room not in rooms:
            fields.fault(f"{path}.room{side}", f"there is no room '{room}'")
    wall_id = fields.text(hole, "wall0", path)
    wall = walls.get(wall_id)
    if wall is None:
        if wall_id:
            fields.fault(f"{path}.wall0", f"there is no wall '{wall_id}'")
        return None
    low, high = _hole_range(hole, path, fields)
    length = math.dist(wall.start, wall.end)
    if not (-_SLACK_M <= low[0] < high[0] <= length + _SLACK_M):
        fields.fault(path, f"its hole runs from {low[0]:.2f} to {high[0]:.2f} m along '{wall_id}', which is {length:.2f} m long")
        return None
    start, end = hole_points(wall.start, wall.end, low[0], high[0], mirrored=False)
    kind = "window" if is_window else "frame" if asset_id.lower().startswith("doorframe") else "door"
    # A leaf that says nothing is shut, as in the engine; a frame has no leaf.
    openness = 1.0 if kind == "frame" else 0.0 if kind == "window" else fields.number(hole, "openness", path, default=0.0)
    if not 0.0 <= openness <= 1.0:
        fields.fault(f"{path}.openness", f"{openness} is not between 0 and 1")
    return Opening(
        id=name, kind=kind, rooms=joined, start=start, end=end, low_m=low[1], high_m=high[1], openness=openness, asset_id=asset_id
    )


def _hole_range(hole: dict[str, Any], path: str, fields: Fields) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Least and greatest corner of a hole in wall coordinates: x along the wall, y up."""
    if hole.get("holePolygon") is not None:
        corners = fields.points(hole, "holePolygon", path, least=2)
    else:
        box = fields.mapping(hole.get("boundingBox"), f"{path}.holePolygon")
        corners = [fields.triple(box, "min", f"{path}.boundingBox"), fields.triple(box, "max", f"{path}.boundingBox")] if box else []
    if len(corners) < 2:
        return (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    return (
        (min(c[0] for c in corners), min(c[1] for c in corners), 0.0),
        (max(c[0] for c in corners), max(c[1] for c in corners), 0.0),
    )


def _objects(top: dict[str, Any], rooms: Sequence[Room], fields: Fields) -> list[HouseObject]:
    objects: list[HouseObject] = []
    raw = fields.items(top, "objects", "")
    # A stack instead of recursion keeps a hostile file from ending in a traceback; it is filled backwards to keep the order.
    stack: list[tuple[Any, str, HouseObject | None, int]] = [
        (item, f"objects[{at}]", None, 0) for at, item in reversed(list(enumerate(raw)))
    ]
    while stack:
        item, path, parent, depth = stack.pop()
        thing = fields.mapping(item, path)
        if not thing:
            continue
        made = _object(thing, path, parent, rooms, fields)
        objects.append(made)
        children = fields.items(thing, "children", path)
        if children and depth >= _DEEPEST:
            fields.fault(f"{path}.children", f"children are nested more than {_DEEPEST} deep")
            continue
        stack += [(child, f"{path}.children[{at}]", made, depth + 1) for at, child in reversed(list(enumerate(children)))]
    _refuse_repeats([thing.id for thing in objects], "objects", fields)
    return objects


def _object(thing: dict[str, Any], path: str, parent: HouseObject | None, rooms: Sequence[Room], fields: Fields) -> HouseObject:
    asset_id = fields.text(thing, "assetId", path)
    found = assets.find(asset_id)
    if found is None and asset_id:
        fields.fault(f"{path}.assetId", f"'{asset_id}' is not in the asset table, so its size is not known")
    position = fields.triple(thing, "position", path)
    home = next((room.id for room in rooms if len(room.polygon) >= 3 and is_inside(flat(position), room.polygon)), None)
    return HouseObject(
        id=fields.text(thing, "id", path),
        asset_id=asset_id,
        type=found.type if found is not None else "",
        position=position,
        rotation=fields.triple(thing, "rotation", path, required=False),
        size=found.size if found is not None else (0.0, 0.0, 0.0),
        parent=parent.id if parent is not None else None,
        room=home if home is not None or parent is None else parent.room,
        colour=fields.colour(thing, thing.get("material"), path),
    )


def _agent(metadata: dict[str, Any], fields: Fields) -> tuple[float, float, float] | None:
    """Start pose (x, z, yaw in degrees): `agent`, else the default of `agentPoses`."""
    poses = metadata.get("agentPoses")
    raw = metadata.get("agent") or (poses.get("default") if isinstance(poses, dict) else None)
    if raw is None:
        return None
    path = "metadata.agent"
    agent = fields.mapping(raw, path)
    position = fields.triple(agent, "position", path)
    return position[0], position[2], fields.triple(agent, "rotation", path, required=False)[1]


def _refuse_repeats(names: Sequence[str], path: str, fields: Fields) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            fields.fault(path, f"the id '{name}' stands twice")
        seen.add(name)
