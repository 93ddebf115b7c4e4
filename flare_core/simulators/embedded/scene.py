"""The compiled form of one house, and the builder that collects it.

A scene has two descriptions of the same things. `boxes` (float64) are what bodies touch and what blocks sight. Faces
(float32) are what cameras see: parallelograms, or triangles for slanted floors, grouped for culling. Frame as in
`embodiments.body`. A face shows on the side that cross(u, v) points to.

Instance ids in images: -1 sky, then the objects by index, then floor, ceiling and walls of each room (`objects + 3 * room`
+ 0, 1, 2), then each opening (`objects + 3 * rooms + opening`). The robot's own arm is `OWN_ID` in every house.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.houses.house import Colour, Point
from flare_core.simulators.embedded.jit import kernel

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Smalls = npt.NDArray[np.int32]

ROLE_OBJECT: Final = 0
ROLE_SURFACE: Final = 1
ROLE_CEILING: Final = 2
ROLE_DARK: Final = 3
PLAIN: Final = 0
OWN_ID: Final = 1_000_000
EVERYWHERE: Final = -1  # a group that is drawn whatever rooms are in view


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One house as arrays. N objects, K boxes, R rooms, D portals, F faces, G groups, M materials."""

    name: str
    object_ids: tuple[str, ...]
    object_types: tuple[str, ...]
    room_types: tuple[str, ...]
    object_box: Floats  # (N, 8) as boxes: the oriented box around each object
    boxes: Floats  # (K, 8) cx, cy, cz, hx, hy, hz, cos yaw, sin yaw
    box_object: Ints  # (K,) object of each box, -1 for the building
    bounds: Floats  # (4,) x0, z0, x1, z1
    room_points: Floats  # (P, 2)
    room_start: Ints  # (R + 1,)
    portals: Singles  # (D, 8) room, room, x0, z0, x1, z1, low, high; room R is the outside
    face_p: Singles  # (F, 3) corner
    face_u: Singles  # (F, 3) edge
    face_v: Singles  # (F, 3) edge
    face_shade: Singles  # (F,) brightness from the direction it faces
    face_look: Smalls  # (F, 4) material, texture, instance id, 1 for a triangle
    group_sphere: Singles  # (G, 4) x, y, z, radius
    group_look: Smalls  # (G, 4) room, second room or -1, first face, end of faces; room -1 = everywhere
    material_colour: Singles  # (M, 3)
    material_role: npt.NDArray[np.int8]  # (M,)


@dataclass(slots=True, kw_only=True)
class Builder:
    """What a scene is collected in; `compile_scene` makes the frozen arrays of it."""

    boxes: list[Floats] = field(default_factory=list)  # (k, 8)
    box_object: list[Ints] = field(default_factory=list)
    p: list[Floats] = field(default_factory=list)  # (f, 3)
    u: list[Floats] = field(default_factory=list)
    v: list[Floats] = field(default_factory=list)
    look: list[Ints] = field(default_factory=list)  # (f, 4)
    face_count: int = 0
    groups: list[tuple[int, int, int, int]] = field(default_factory=list)
    portals: list[tuple[float, ...]] = field(default_factory=list)
    colours: list[Colour] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)

    def material(self, colour: Colour, role: int) -> int:
        """Add a material; its index."""
        self.colours.append(colour)
        self.roles.append(role)
        return len(self.colours) - 1

    def face(self, p: Sequence[float], u: Sequence[float], v: Sequence[float], look: tuple[int, int, int, int]) -> None:
        """Add one face; `look` is (material, texture, instance id, is triangle)."""
        self.faces(np.array([p], dtype=np.float64), np.array([u], dtype=np.float64), np.array([v], dtype=np.float64), np.array([look]))

    def faces(self, p: Floats, u: Floats, v: Floats, look: Ints) -> None:
        """Add (f, 3) corners and edges and (f, 4) looks."""
        self.p.append(p)
        self.u.append(u)
        self.v.append(v)
        self.look.append(look)
        self.face_count += len(p)

    def group(self, first_face: int, rooms: Sequence[int], end: int | None = None) -> None:
        """Close a group: the faces from `first_face` (to `end`), seen only in these rooms (none or over two: anywhere)."""
        end = self.face_count if end is None else end
        if end == first_face:
            return
        room, second = EVERYWHERE, -1
        if 1 <= len(rooms) <= 2:
            room, second = rooms[0], rooms[-1] if len(rooms) == 2 else -1
        self.groups.append((room, second, first_face, end))

    def upright(self, a: Point, b: Point, low: float, high: float, normal: Point, look: tuple[int, int, int, int]) -> None:
        """Add an upright rectangle over a-b that shows on the side of `normal`."""
        if normal[0] * -(b[1] - a[1]) + normal[1] * (b[0] - a[0]) > 0:  # cross((dx, 0, dz), up) = (-dz, 0, dx)
            self.face((a[0], low, a[1]), (b[0] - a[0], 0.0, b[1] - a[1]), (0.0, high - low, 0.0), look)
        else:
            self.face((b[0], low, b[1]), (a[0] - b[0], 0.0, a[1] - b[1]), (0.0, high - low, 0.0), look)

    def solid(self, box: Sequence[float], owner: int = -1) -> None:
        """Add one solid box."""
        self.boxes.append(np.array([box], dtype=np.float64))
        self.box_object.append(np.array([owner], dtype=np.int64))


def slab(a: Point, b: Point, low: float, high: float, thick: float) -> list[float]:
    """The oriented box over the segment a-b, `thick` metres deep: its x axis lies along the segment."""
    dx, dz = b[0] - a[0], b[1] - a[1]
    length = float(np.hypot(dx, dz))
    # lx = cos*dx - sin*dz is the whole length when (cos, sin) = (dx, -dz) / length.
    return [(a[0] + b[0]) / 2, (low + high) / 2, (a[1] + b[1]) / 2, length / 2, (high - low) / 2, thick / 2, dx / length, -dz / length]


def box_faces(boxes: Floats, part: Ints, side: Ints) -> tuple[Floats, Floats, Floats]:
    """Corner and edges of chosen sides of oriented boxes.

    Args:
        boxes: (K, 8).
        part: (F,) which box.
        side: (F,) axis * 2 + (1 for the low side).

    Returns:
        p, u, v: (F, 3) each, facing outward.
    """
    p, u, v = np.empty((len(part), 3)), np.empty((len(part), 3)), np.empty((len(part), 3))
    _sides(boxes, part, side, p, u, v)
    return p, u, v


@kernel
def _sides(boxes: Floats, part: Ints, side: Ints, p: Floats, u: Floats, v: Floats) -> None:
    half = np.zeros((3, 3))  # row a: half edge along the box's axis a, in the world
    for at in range(part.shape[0]):
        box = boxes[part[at]]
        half[0, 0], half[0, 2] = box[6] * box[3], -box[7] * box[3]
        half[1, 1] = box[4]
        half[2, 0], half[2, 2] = box[7] * box[5], box[6] * box[5]
        axis, is_low = side[at] // 2, side[at] % 2 == 1
        one, two = half[(axis + 1) % 3], half[(axis + 2) % 3]
        if is_low:
            one, two = two, one
        for i in range(3):
            normal = -half[axis, i] if is_low else half[axis, i]
            p[at, i] = box[i] + normal - one[i] - two[i]
            u[at, i], v[at, i] = 2 * one[i], 2 * two[i]


SUN: Final = (0.11, 0.22, 0.07)  # what light from above and one side adds to a face that looks there
AMBIENT: Final = 0.70
SIDEWAYS: Final = 0.05  # added to faces that look along x, so that opposite sides of a box are not alike
UNDERSIDE: Final = 0.80


@kernel
def shade_at(nx: float, ny: float, nz: float) -> float:
    """Brightness of a face by its normal (of any length): neighbouring sides of a box differ."""
    length = max(math.sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    nx, ny, nz = nx / length, ny / length, nz / length
    if ny < -0.9:
        return UNDERSIDE
    return min(1.0, AMBIENT + SUN[0] * nx + SUN[1] * ny + SUN[2] * nz + SIDEWAYS * abs(nx))


@kernel
def _lit(u: Floats, v: Floats, normal: Floats, shade: Floats) -> None:
    for at in range(u.shape[0]):
        normal[at, 0] = u[at, 1] * v[at, 2] - u[at, 2] * v[at, 1]
        normal[at, 1] = u[at, 2] * v[at, 0] - u[at, 0] * v[at, 2]
        normal[at, 2] = u[at, 0] * v[at, 1] - u[at, 1] * v[at, 0]
        shade[at] = shade_at(normal[at, 0], normal[at, 1], normal[at, 2])


def lit(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Normals (F, 3), cross(u, v), and brightness (F,) of faces with these edges."""
    normal, shade = np.empty(u.shape), np.empty(len(u))
    _lit(u, v, normal, shade)
    return normal, shade
