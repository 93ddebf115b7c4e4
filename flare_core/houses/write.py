"""Writes a furnished house in ProcTHOR's schema 1.0.0."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from flare_core.houses import assets
from flare_core.houses.doors import OUTSIDE, Edge, Hole, hole_size
from flare_core.houses.draws import Draws
from flare_core.houses.floor import INWARD, Floor, Placed
from flare_core.houses.floorplan import FloorPlan
from flare_core.houses.house import Point
from flare_core.houses.reach import CELL_M, Bools

_FIRST_ROOM = 2  # ProcTHOR's numbering: 0 and 1 stand for nothing and the outside
_AGENT_Y_M = 0.95
_TRIES = 60
_GRID_M = 0.25  # agent poses of ProcTHOR stand on this grid


def house_document(draws: Draws, plan: FloorPlan, floors: Sequence[Floor], main: Bools, *, seed: int, split: str) -> dict[str, Any]:
    """The JSON of a house.

    Args:
        main: (depth, width) cells of 0.1 m that the agent may start in.
        seed, split: kept in the metadata.
    """
    facts = assets.placements()
    walls = [draws.one(facts.walls) if draws.chance(0.5) else "PureWhite" for _ in plan.types]
    colours = [_colour(draws.one(facts.wall_colours)) for _ in plan.types]
    ceiling = {"name": "PureWhite", "color": colours[0]}
    return {
        "rooms": [_room(room, kind, plan, draws.one(facts.floors)) for room, kind in enumerate(plan.types)],
        "walls": _walls(plan, walls, colours, draws.one(facts.walls)),
        "doors": [_door(plan, hole) for hole in plan.holes if not hole.is_window],
        "windows": _windows(plan),
        "objects": [item for floor in floors for item in _objects(draws, floor, plan, split)],
        "proceduralParameters": _parameters(plan, ceiling),
        "metadata": _metadata(draws, plan, main, seed, split),
    }


def _room(room: int, kind: str, plan: FloorPlan, material: str) -> dict[str, Any]:
    return {
        "id": f"room|{room + _FIRST_ROOM}",
        "roomType": kind,
        "floorMaterial": {"name": material},
        "floorPolygon": [_point(edge.start, 0.0) for edge in plan.edges[room]],
        "ceilings": [],
        "children": [],
    }


def _wall_id(edge: Edge, *, exterior: bool = False) -> str:
    (ax, az), (bx, bz) = edge.start, edge.end
    owner = "exterior" if exterior else str(edge.room + _FIRST_ROOM)
    return f"wall|{owner}|{min(ax, bx):.2f}|{min(az, bz):.2f}|{max(ax, bx):.2f}|{max(az, bz):.2f}"


def _walls(plan: FloorPlan, names: Sequence[str], colours: Sequence[dict[str, float]], outer: str) -> list[dict[str, Any]]:
    """Every wall from inside its room, then the outer walls from outside."""
    walls = []
    outside = [edge for outline in plan.edges for edge in outline if edge.other == OUTSIDE]
    for edge in (edge for outline in plan.edges for edge in outline):
        material = {"name": names[edge.room]}
        if names[edge.room] == "PureWhite":
            material = {"name": "PureWhite", "color": colours[edge.room]}  # type: ignore[dict-item]
        wall = _wall(_wall_id(edge), f"room|{edge.room + _FIRST_ROOM}", edge.start, edge.end, plan.height_m, material)
        walls.append({**wall, "empty": True} if edge.is_open else wall)
    for edge in outside:
        # From outside the stretch runs the other way.
        walls.append(_wall(_wall_id(edge, exterior=True), "exterior", edge.end, edge.start, plan.height_m, {"name": outer}))
    return walls


def _wall(name: str, room: str, start: Point, end: Point, height_m: float, material: Any) -> dict[str, Any]:
    """Floor pair, then ceiling pair, in this order."""
    polygon = [_point(start, 0.0), _point(end, 0.0), _point(start, height_m), _point(end, height_m)]
    return {"id": name, "roomId": room, "polygon": polygon, "material": material}


def _twin(plan: FloorPlan, edge: Edge) -> str:
    """Id of the same stretch of wall seen from its other side."""
    if edge.other == OUTSIDE:
        return _wall_id(edge, exterior=True)
    twin = next(other for other in plan.edges[edge.other] if {other.start, other.end} == {edge.start, edge.end})
    return _wall_id(twin)


def _door(plan: FloorPlan, hole: Hole) -> dict[str, Any]:
    edge = hole.edge
    first, second = edge.room + _FIRST_ROOM, (edge.room if edge.other == OUTSIDE else edge.other) + _FIRST_ROOM
    outer = edge.other == OUTSIDE
    low, high = sorted((1 if outer else second, first))
    door = {"id": f"door|{low}|{high}", **_hole(plan, hole, first, second)}
    if "Doorframe" in hole.asset_id:
        return door
    return {**door, "openable": not outer, "openness": hole.openness}


def _windows(plan: FloorPlan) -> list[dict[str, Any]]:
    counts: dict[int, int] = {}
    windows = []
    for hole in plan.holes:
        if hole.is_window:
            room = hole.edge.room
            name = f"window|{room + _FIRST_ROOM}|{counts.get(room, 0)}"
            counts[room] = counts.get(room, 0) + 1
            windows.append({"id": name, **_hole(plan, hole, room + _FIRST_ROOM, room + _FIRST_ROOM)})
    return windows


def _hole(plan: FloorPlan, hole: Hole, first: int, second: int) -> dict[str, Any]:
    """What doors and windows share; x runs along wall0 from its first point."""
    _, _, right_m, up_m = hole_size(hole.asset_id)
    return {
        "assetId": hole.asset_id,
        "room0": f"room|{first}",
        "room1": f"room|{second}",
        "wall0": _wall_id(hole.edge),
        "wall1": _twin(plan, hole.edge),
        "holePolygon": [_xyz(hole.low_m, hole.y0_m, 0.0), _xyz(hole.high_m, hole.y1_m, 0.0)],
        "assetPosition": _xyz((hole.low_m + hole.high_m) / 2 + right_m, (hole.y0_m + hole.y1_m) / 2 + up_m, 0.0),
    }


def _objects(draws: Draws, floor: Floor, plan: FloorPlan, split: str) -> list[dict[str, Any]]:
    room = floor.room + _FIRST_ROOM
    kinematic = assets.placements().where["isKinematic"]
    items: list[dict[str, Any]] = []
    small = 0
    for at, thing in enumerate([*floor.placed, *_paintings(draws, floor, plan, split)]):
        children = []
        for child in thing.children:
            fixed = child.asset.type in kinematic
            children.append(_item(child, f"{child.asset.type}|surface|{room}|{small}", fixed))
            small += 1
        item = _item(thing, f"{thing.asset.type}|{room}|{at}", thing.asset.type in kinematic)
        items.append({**item, "children": children} if children else item)
    return items


def _item(thing: Placed, name: str, kinematic: bool) -> dict[str, Any]:
    return {
        "id": name,
        "assetId": thing.asset.id,
        "position": _xyz(thing.x, thing.y, thing.z),
        "rotation": {"x": 0.0, "y": round(thing.yaw, 3), "z": 0.0},
        "kinematic": kinematic,
    }


def _paintings(draws: Draws, floor: Floor, plan: FloorPlan, split: str) -> list[Placed]:
    """Up to two pictures on walls without holes."""
    pictures = assets.by_type("Painting", split)
    holed = {frozenset((hole.edge.start, hole.edge.end)) for hole in plan.holes}
    bare = [edge for edge in floor.walls if edge.length_m > 1.5 and frozenset((edge.start, edge.end)) not in holed]
    hung = []
    for edge in draws.shuffled(bare)[: draws.whole(0, 2)]:
        asset = draws.one(pictures)
        along, depth = draws.between(0.6, edge.length_m - 0.6), asset.size[2] / 2 + 0.005
        (ax, az), (bx, bz), length = edge.start, edge.end, edge.length_m
        nx, nz = INWARD[edge.yaw]
        hung.append(
            Placed(
                asset=asset, room=floor.room, yaw=float(edge.yaw), y=draws.between(1.5, 1.75),
                x=ax + (bx - ax) / length * along + nx * depth, z=az + (bz - az) / length * along + nz * depth,
            )
        )  # fmt: skip
    return hung


def _metadata(draws: Draws, plan: FloorPlan, main: Bools, seed: int, split: str) -> dict[str, Any]:
    x, z = _start(draws, main)
    pose = {
        "position": {"x": x, "y": _AGENT_Y_M, "z": z},
        "rotation": {"x": 0, "y": 90 * draws.whole(0, 3), "z": 0},
        "horizon": 30,
    }
    standing = {**pose, "standing": True}
    return {
        "agent": standing,
        "agentPoses": {"default": standing, "arm": standing, "stretch": standing, "locobot": pose},
        "roomSpecId": f"flare-{len(plan.types)}-room",
        "schema": "1.0.0",
        "warnings": {},
        "split": split,
        "seed": seed,
    }


def _start(draws: Draws, main: Bools) -> Point:
    """A point on the agent grid whose cells around it are all free; else the centre of any free cell.

    About one cell in six holds a grid point, so sixty tries practically always find one.
    """
    padded = np.pad(main, 1)
    depth, width = main.shape
    around = [padded[j : j + depth, i : i + width] for j in range(3) for i in range(3)]
    for cells in (np.logical_and.reduce(around), main):
        spots = np.flatnonzero(cells)
        for _ in range(_TRIES if len(spots) else 0):
            j, i = divmod(int(spots[draws.whole(0, len(spots) - 1)]), width)
            x, z = (round((at + 0.5) * CELL_M / _GRID_M) * _GRID_M for at in (i, j))
            if int(x / CELL_M) == i and int(z / CELL_M) == j:
                return x, z
    return round((i + 0.5) * CELL_M, 3), round((j + 0.5) * CELL_M, 3)


def _parameters(plan: FloorPlan, ceiling: dict[str, Any]) -> dict[str, Any]:
    shadow = {"type": "Soft", "strength": 1, "normalBias": 0, "bias": 0, "nearPlane": 0.2, "resolution": "FromQualitySettings"}
    lights: list[dict[str, Any]] = [
        {
            "id": "DirectionalLight", "type": "directional", "position": {"x": 0.84, "y": 0.1855, "z": -1.09},
            "rotation": {"x": 66, "y": 75, "z": 0}, "rgb": {"r": 1.0, "g": 1.0, "b": 1.0}, "intensity": 1,
            "indirectMultiplier": 1.0, "shadow": shadow,
        }
    ]  # fmt: skip
    for room, rects in enumerate(plan.rects):
        x0, z0, x1, z1 = max(rects, key=lambda rect: (rect[2] - rect[0]) * (rect[3] - rect[1]))
        lights.append(
            {
                "id": f"light_{room + _FIRST_ROOM}", "type": "point", "range": 15, "intensity": 0.45,
                "position": _xyz((x0 + x1) / 2, plan.height_m - 0.2, (z0 + z1) / 2),
                "rgb": {"r": 1.0, "g": 0.855, "b": 0.722}, "shadow": {**shadow, "bias": 0.05},
            }
        )  # fmt: skip
    return {
        "ceilingMaterial": ceiling, "ceilingColor": ceiling["color"], "floorColliderThickness": 1.0, "receptacleHeight": 0.7,
        "skyboxId": "SkyAlbany", "lights": lights, "reflections": [],
    }  # fmt: skip


def _point(point: Point, y: float) -> dict[str, float]:
    return {"x": point[0], "y": y, "z": point[1]}


def _xyz(x: float, y: float, z: float) -> dict[str, float]:
    return {"x": round(x, 4), "y": round(y, 4), "z": round(z, 4)}


def _colour(rgb: tuple[float, float, float]) -> dict[str, float]:
    return {"r": rgb[0], "g": rgb[1], "b": rgb[2]}
