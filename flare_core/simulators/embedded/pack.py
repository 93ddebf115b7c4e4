"""Many scenes in flat arrays: what every kernel reads. House h owns rows start[h]:start[h + 1] of each array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flare_core.errors import SimError
from flare_core.simulators.embedded.scene import Floats, Ints, Scene, Singles, Smalls


class Faces(NamedTuple):
    """What the rasteriser reads; a named tuple because a kernel takes it as one argument."""

    p: Singles  # (F, 3) corner
    u: Singles  # (F, 3) edge
    v: Singles  # (F, 3) edge
    n: Singles  # (F, 3) cross(u, v)
    shade: Singles  # (F,)
    look: Smalls  # (F, 4) material, texture, instance id, is triangle
    sphere: Singles  # (G, 4)
    group: Smalls  # (G, 4) room, second room, first face, end of faces, all within the house
    portals: Singles  # (D, 8)
    room_points: Floats  # (P, 2)
    room_start: Ints  # (R + 1,) into room_points
    house_face: Ints  # (H + 1,)
    house_group: Ints  # (H + 1,)
    house_portal: Ints  # (H + 1,)
    house_room: Ints  # (H + 1,) into room_start


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePack:
    """Houses as flat arrays. H houses, N objects, K boxes, R rooms, M materials over all houses."""

    names: tuple[str, ...]
    object_ids: tuple[tuple[str, ...], ...]
    object_types: tuple[tuple[str, ...], ...]
    room_types: tuple[tuple[str, ...], ...]
    object_box: Floats  # (N, 8) cx, cy, cz, hx, hy, hz, cos yaw, sin yaw
    object_start: Ints  # (H + 1,)
    boxes: Floats  # (K, 8)
    box_object: Ints  # (K,) object within its house, -1 for the building
    box_start: Ints  # (H + 1,)
    bounds: Floats  # (H, 4) x0, z0, x1, z1
    room_points: Floats  # (P, 2)
    room_point_start: Ints  # (R + 1,)
    room_start: Ints  # (H + 1,) into room_point_start
    material_colour: Singles  # (M, 3)
    material_role: npt.NDArray[np.int8]  # (M,)
    material_start: Ints  # (H + 1,)
    faces: Faces

    @property
    def house_count(self) -> int:
        return len(self.names)

    def most(self, starts: Ints) -> int:
        """Greatest number of rows that one house owns; what scratch is sized by."""
        return int(np.diff(starts).max(initial=1))


def _starts(counts: Sequence[int]) -> Ints:
    return np.cumsum([0, *counts]).astype(np.int64)


def pack(scenes: Sequence[Scene]) -> ScenePack:
    """Join scenes.

    Raises:
        SimError: there is no scene.
    """
    if not scenes:
        raise SimError("no houses: the embedded simulator needs at least one")
    points = [scene.room_start for scene in scenes]
    offsets = _starts([len(scene.room_points) for scene in scenes])
    corner = np.concatenate([np.zeros(1, np.int64), *(start[1:] + offset for start, offset in zip(points, offsets[:-1], strict=True))])
    rooms = _starts([len(start) - 1 for start in points])
    room_points = np.concatenate([scene.room_points for scene in scenes])
    u, v = np.concatenate([scene.face_u for scene in scenes]), np.concatenate([scene.face_v for scene in scenes])
    faces = Faces(
        p=np.concatenate([scene.face_p for scene in scenes]),
        u=u,
        v=v,
        n=np.cross(u.astype(np.float64), v.astype(np.float64)).astype(np.float32),
        shade=np.concatenate([scene.face_shade for scene in scenes]),
        look=np.concatenate([scene.face_look for scene in scenes]),
        sphere=np.concatenate([scene.group_sphere for scene in scenes]),
        group=np.concatenate([scene.group_look for scene in scenes]),
        portals=np.concatenate([scene.portals for scene in scenes]),
        room_points=room_points,
        room_start=corner,
        house_face=_starts([len(scene.face_p) for scene in scenes]),
        house_group=_starts([len(scene.group_look) for scene in scenes]),
        house_portal=_starts([len(scene.portals) for scene in scenes]),
        house_room=rooms,
    )
    return ScenePack(
        names=tuple(scene.name for scene in scenes),
        object_ids=tuple(scene.object_ids for scene in scenes),
        object_types=tuple(scene.object_types for scene in scenes),
        room_types=tuple(scene.room_types for scene in scenes),
        object_box=np.concatenate([scene.object_box for scene in scenes]),
        object_start=_starts([len(scene.object_box) for scene in scenes]),
        boxes=np.concatenate([scene.boxes for scene in scenes]),
        box_object=np.concatenate([scene.box_object for scene in scenes]),
        box_start=_starts([len(scene.boxes) for scene in scenes]),
        bounds=np.stack([scene.bounds for scene in scenes]),
        room_points=room_points,
        room_point_start=corner,
        room_start=rooms,
        material_colour=np.concatenate([scene.material_colour for scene in scenes]),
        material_role=np.concatenate([scene.material_role for scene in scenes]),
        material_start=_starts([len(scene.material_colour) for scene in scenes]),
        faces=faces,
    )
