"""From a house to a scene, and from scenes to the flat arrays that kernels read."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flare_core.errors import HouseError
from flare_core.houses.geometry import upright_size
from flare_core.houses.house import House, HouseObject
from flare_core.simulators.embedded import building
from flare_core.simulators.embedded.catalogue import Template, look_of, plan_of, template
from flare_core.simulators.embedded.geometry import rooms_of
from flare_core.simulators.embedded.palettes import colour_of
from flare_core.simulators.embedded.scene import (
    PLAIN,
    ROLE_DARK,
    ROLE_OBJECT,
    Builder,
    Floats,
    Ints,
    Scene,
    box_faces,
    lit,
)

LEAST_M = 1e-3  # a flatter object would have no faces


def compile_scene(house: House) -> Scene:
    """Compile a house.

    Raises:
        HouseError: the house has no room and no object, or a number in it is not finite.
    """
    into = Builder()
    rooms = tuple(room.polygon for room in house.rooms)
    points = np.array([corner for polygon in rooms for corner in polygon], dtype=np.float64).reshape(-1, 2)
    starts = np.cumsum([0, *(len(polygon) for polygon in rooms)])
    building.build(house, points, starts, into)
    object_box = _objects(house, points, starts, into)
    if into.face_count == 0:
        raise HouseError(f"{house.id}: rooms, walls and objects are all empty; a house needs a room or an object")
    return _freeze(house, object_box, points, starts, into)


def _levels(house: House) -> dict[str, tuple[float, ...]]:
    """For each object that carries others: the heights they stand at, as shares of its own height, ascending.

    Heights within 6 % of each other are one board, at the lowest of them, so that nothing sinks into it.
    """
    carriers = {thing.id: thing for thing in house.objects}
    found: dict[str, list[float]] = defaultdict(list)
    for thing in house.objects:
        carrier = carriers.get(thing.parent or "")
        if carrier is None:
            continue
        height = max(_extents(carrier)[1], LEAST_M)
        level = (thing.position[1] - _extents(thing)[1] / 2 - carrier.position[1]) / height + 0.5
        found[carrier.id].append(min(1.0, math.floor(level * 100 + 1e-6) / 100))
    out: dict[str, tuple[float, ...]] = {}
    for ident, heights in found.items():
        boards: list[float] = []
        for level in sorted(level for level in heights if level > 0.05):
            if not boards or level - boards[-1] > 0.06:
                boards.append(level)
        if boards:
            out[ident] = tuple(boards)
    return out


def _extents(thing: HouseObject) -> tuple[float, float, float]:
    """Size in the frame that only turns with the object's yaw: things that lie tilted get the box around them."""
    return upright_size(thing.size, thing.rotation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """One object with its template: box (8,), and the materials of its slots."""

    box: Floats
    shape: Template
    materials: Ints


def _objects(house: House, points: Floats, starts: Ints, into: Builder) -> Floats:
    """Add every object; (N, 8) their boxes."""
    levels = _levels(house)
    placed = [_place(thing, levels.get(thing.id, ()), into) for thing in house.objects]
    if not placed:
        return np.zeros((0, 8))
    frames = np.array([one.box for one in placed])  # (N, 8)
    counts = np.array([len(one.shape.slot) for one in placed])
    owner = np.repeat(np.arange(len(placed)), counts)  # (K,)
    centre, half = np.concatenate([one.shape.centre for one in placed]), np.concatenate([one.shape.half for one in placed])
    boxes = _part_boxes(frames[owner], centre, half)
    into.boxes.append(boxes)
    into.box_object.append(owner)
    # What stands on a floor or a table has no underside that a camera could see.
    lies = [thing.parent is not None or one.box[1] - one.box[4] < 0.02 for one, thing in zip(placed, house.objects, strict=True)]
    kept = [~one.shape.face_bottom | (not on) for one, on in zip(placed, lies, strict=True)]
    offsets = np.cumsum(counts) - counts
    part = np.concatenate([one.shape.face_part[keep] + offset for one, keep, offset in zip(placed, kept, offsets, strict=True)])
    side = np.concatenate([one.shape.face_side[keep] for one, keep in zip(placed, kept, strict=True)])
    material = np.concatenate([one.materials[one.shape.slot] for one in placed])
    look = np.zeros((len(part), 4), dtype=np.int64)
    look[:, 0], look[:, 1], look[:, 2] = material[part], PLAIN, owner[part]
    start = into.face_count
    into.faces(*box_faces(boxes, part, side), look)
    for frame, keep in zip(frames, kept, strict=True):
        end = start + int(keep.sum())
        into.group(start, rooms_of(frame, points, starts), end)
        start = end
    return frames


def _place(thing: HouseObject, levels: tuple[float, ...], into: Builder) -> _Placed:
    """Template, materials and box of one object."""
    size = tuple(max(extent, LEAST_M) for extent in _extents(thing))
    yaw = math.radians(thing.rotation[1])
    box = np.array([*thing.position, *(extent / 2 for extent in size), math.cos(yaw), math.sin(yaw)])
    plan = plan_of(thing.type, thing.asset_id)
    look = look_of(plan)
    shape = template(plan, (round(size[0], 3), round(size[1], 3), round(size[2], 3)), levels)
    used = set(shape.slot.tolist())
    materials = np.zeros(4, dtype=np.int64)
    for slot in range(4):
        if slot in used:
            palette = look.palettes[slot]
            colour = thing.colour if slot == 0 and thing.colour else colour_of(thing.asset_id or thing.type, palette, slot)
            materials[slot] = into.material(colour, ROLE_DARK if palette == "dark" else ROLE_OBJECT)
    return _Placed(box=box, shape=shape, materials=materials)


def _part_boxes(frame: Floats, centre: Floats, half: Floats) -> Floats:
    """(K, 8) parts in the world, from their object's box and their place in the unit box."""
    size = 2 * frame[:, 3:6]
    local = centre * size
    local[:, 1] -= frame[:, 4]  # the unit box stands on y = 0, the frame is centred
    c, s = frame[:, 6], frame[:, 7]
    place = frame[:, :3] + np.stack([c * local[:, 0] + s * local[:, 2], local[:, 1], c * local[:, 2] - s * local[:, 0]], axis=1)
    return np.concatenate([place, half * size, frame[:, 6:8]], axis=1)


def _spheres(p: Floats, u: Floats, v: Floats, groups: Sequence[tuple[int, int, int, int]]) -> Floats:
    """(G, 4) a sphere around each group: the middle of its bounds, and the farthest corner from there."""
    corners = np.stack([p, p + u, p + v, p + u + v], axis=1)  # (F, 4, 3)
    firsts = np.array([group[2] for group in groups])
    low = np.minimum.reduceat(corners.min(axis=1), firsts)
    high = np.maximum.reduceat(corners.max(axis=1), firsts)
    centre = (low + high) / 2
    sizes = np.diff([*firsts, len(p)])
    distance = np.linalg.norm(corners - np.repeat(centre, sizes, axis=0)[:, None], axis=2).max(axis=1)
    return np.concatenate([centre, np.maximum.reduceat(distance, firsts)[:, None] + 1e-4], axis=1)


def _freeze(house: House, object_box: Floats, points: Floats, starts: Ints, into: Builder) -> Scene:
    """The arrays of a finished builder. Groups follow each other without a gap, in the order of their faces."""
    p, u, v = np.concatenate(into.p), np.concatenate(into.u), np.concatenate(into.v)
    boxes = np.concatenate(into.boxes) if into.boxes else np.zeros((0, 8))
    if not (np.isfinite(p).all() and np.isfinite(u).all() and np.isfinite(v).all() and np.isfinite(boxes).all()):
        raise HouseError(f"{house.id}: a position, size or rotation is not a finite number; mend the house file")
    low, high = np.minimum(p, p + u + v).min(axis=0), np.maximum(p, p + u + v).max(axis=0)
    if len(points):
        low2, high2 = points.min(axis=0), points.max(axis=0)
    else:
        low2, high2 = low[[0, 2]], high[[0, 2]]
    return Scene(
        name=house.id,
        object_ids=tuple(thing.id for thing in house.objects),
        object_types=tuple(thing.type for thing in house.objects),
        room_types=tuple(room.type for room in house.rooms),
        object_box=object_box,
        boxes=boxes,
        box_object=np.concatenate(into.box_object) if into.box_object else np.zeros(0, dtype=np.int64),
        bounds=np.concatenate([low2, high2]),
        room_points=points,
        room_start=starts.astype(np.int64),
        portals=np.array(into.portals, dtype=np.float32).reshape(-1, 8),
        face_p=p.astype(np.float32),
        face_u=u.astype(np.float32),
        face_v=v.astype(np.float32),
        face_shade=lit(u, v)[1].astype(np.float32),
        face_look=np.concatenate(into.look).astype(np.int32),
        group_sphere=_spheres(p, u, v, into.groups).astype(np.float32),
        group_look=np.array(into.groups, dtype=np.int32),
        material_colour=np.array(into.colours, dtype=np.float32).reshape(-1, 3),
        material_role=np.array(into.roles, dtype=np.int8),
    )
