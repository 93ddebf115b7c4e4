"""What a robot is made of, as clouds of points on its surface: enough for outlines, heights and the floor.

Points of boxes, cylinders and spheres include the outermost along the robot's axes, so that a bounding box of them is
exact for boxes, spheres and upright or lying cylinders, and within 0.004 % of the radius for others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from flare_core.errors import UrdfError
from flare_core.runs.making.urdf_robot import Array, Robot
from flare_core.runs.making.urdf_xml import Element, shape_tag, shapes_of

_RIM: Final = 360  # points on a circle
MAX_MESH_BYTES: Final = 64 * 1024 * 1024
LARGEST_M: Final = 5.0  # no robot of this toolkit is larger
SMALLEST_M: Final = 0.05
_MESHES: Final = (".stl", ".obj", ".dae", ".ply", ".glb", ".off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """One shape of a link.

    Attributes:
        points: on its surface, in the base link's frame with all joints at home, (P, 3), metres.
    """

    link: str
    points: Array
    element: Element
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A shape of a link that could not be read, and why."""

    link: str
    what: str
    text: str


def solids_of(robot: Robot) -> tuple[tuple[Solid, ...], tuple[Unread, ...]]:
    """Shapes of all links, collisions where a link has some that can be read, visuals elsewhere; and what could not be read.

    Raises:
        UrdfError: the robot is larger or smaller than any robot, so that its unit is not the metre.
    """
    solids: list[Solid] = []
    unread: dict[Unread, None] = {}
    for link in robot.links:
        element, shapes = robot.link_element(link), robot.shapes[link]
        elements = shapes_of(element)
        for odd in (*element.findall("collision"), *element.findall("visual")):
            if odd not in elements:
                unread[_unread(robot, odd, f"<{shape_tag(odd) or 'geometry'}> is no shape of URDF")] = None
        found: list[Solid] = []
        for tag, parsed in (("collision", shapes.collisions), ("visual", shapes.visuals)):
            if found:
                break
            for shape, written in zip(parsed, [one for one in elements if one.tag == tag], strict=True):
                points = _points(robot, shape, written, unread)
                if points is not None and len(points):
                    pose = robot.poses[link] @ (np.eye(4) if shape.origin is None else shape.origin)
                    placed = _rounded(shape.geometry, points, pose, robot.scale)
                    found.append(Solid(link=link, points=placed, element=written, what=f"{tag} {shape_tag(written)} of {link}"))
        solids += found
    _refuse_odd_sizes(robot, solids)
    return tuple(solids), tuple(unread)


def _points(robot: Robot, shape: Any, element: Element, unread: dict[Unread, None]) -> Array | None:
    """Points of a shape in its own frame, (P, 3), metres; None for a mesh that cannot be read."""
    geometry = shape.geometry
    if geometry.box is not None:
        half = np.asarray(geometry.box.size, dtype=np.float64) / 2 * robot.scale
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
        return np.asarray(signs * half)
    if geometry.cylinder is not None:
        rim = _circle() * geometry.cylinder.radius * robot.scale
        half_length = geometry.cylinder.length / 2 * robot.scale
        return np.concatenate([np.column_stack([rim, np.full(_RIM, side)]) for side in (-half_length, half_length)])
    if geometry.sphere is not None:
        return np.zeros((1, 3))
    points, fault = _mesh(robot, geometry.mesh)
    if fault:
        unread[_unread(robot, element, fault)] = None
    return points


def _unread(robot: Robot, element: Element, fault: str) -> Unread:
    link = str(element.getparent().get("name"))
    what = f"{element.tag} of {link}"
    return Unread(link=link, what=what, text=f"{robot.at(element)}: {what}: {fault}")


def _rounded(geometry: Any, points: Array, pose: Array, scale: float) -> Array:
    """Points in the base link's frame; a sphere gets those that are outermost in this frame."""
    if geometry.sphere is not None:
        rim = np.column_stack([_circle(), np.zeros(_RIM)])
        ball = np.concatenate([rim, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]]) * geometry.sphere.radius * scale
        return np.asarray(pose[:3, 3] + ball)
    return np.asarray(points @ pose[:3, :3].T + pose[:3, 3])


def _circle() -> Array:
    angles = np.arange(_RIM) * (2 * math.pi / _RIM)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _mesh(robot: Robot, mesh: Any) -> tuple[Array | None, str]:
    """Vertices of a mesh, (P, 3), metres, or why there are none."""
    path = _mesh_path(robot.file.path, mesh.filename)
    if path is None:
        return None, f"the mesh {mesh.filename} is not on this computer"
    if path.suffix.lower() not in _MESHES:
        return None, f"the mesh {mesh.filename} has a format that is not read ({', '.join(_MESHES)} are)"
    if path.stat().st_size > MAX_MESH_BYTES:
        return None, f"the mesh {mesh.filename} has more than {MAX_MESH_BYTES:,} bytes"
    import trimesh

    try:
        loaded: Any = trimesh.load(path, force="mesh", process=False)
        points = np.asarray(loaded.vertices, dtype=np.float64)
    except Exception as bad:  # noqa: BLE001  trimesh's readers raise whatever their format's parser raises
        return None, f"the mesh {mesh.filename} cannot be read ({type(bad).__name__})"
    if not len(points) or not np.isfinite(points).all():
        return None, f"the mesh {mesh.filename} has no surface"
    return points * (1.0 if mesh.scale is None else np.asarray(mesh.scale)) * robot.scale, ""


def _mesh_path(urdf: Path, name: str) -> Path | None:
    """The file that a mesh's name means: beside the URDF, or in a ROS package around it."""
    if name.startswith("file://"):
        path = Path(name.removeprefix("file://"))
        return path if path.is_file() else None
    if name.startswith(("package://", "model://")):
        within = Path(name.partition("://")[2])
        for folder in urdf.resolve().parents:
            inside = folder.joinpath(*within.parts[1:]) if folder.name == within.parts[0] else folder / within
            if inside.is_file():
                return inside
        return None
    path = urdf.parent / name
    return path if path.is_file() else None


def _refuse_odd_sizes(robot: Robot, solids: list[Solid]) -> None:
    """Units are wrong where a robot is larger than a room, or a mesh larger than its robot."""
    frames = np.array([pose[:3, 3] for pose in robot.poses.values()])
    reach = float(np.ptp(frames, axis=0).max())
    for solid in solids:
        size = float(np.ptp(solid.points, axis=0).max())
        if reach <= LARGEST_M < size and solid.what.split()[1] == "mesh":
            what = f"the {solid.what} measures {size:,.1f} m, the robot's joints {reach:.2f} m"
            raise UrdfError(f'{robot.at(solid.element)}: {what}. Is the mesh in millimetres? Add scale="0.001 0.001 0.001" to its <mesh>')
    corners: Iterator[Array] = iter([frames, *(solid.points for solid in solids)])
    extent = float(np.ptp(np.concatenate(list(corners)), axis=0).max())
    path = robot.file.path
    if extent > LARGEST_M:
        what = f"the robot measures {extent:,.1f} m from end to end"
        better = "0.001 if the file is in millimetres, 0.01 if in centimetres, 0.0254 if in inches"
        raise UrdfError(f"{path}: {what}; a URDF is in metres. Give --scale: {better}")
    if 0 < extent < SMALLEST_M:
        mend = "Leave --scale out" if robot.scale < 1 else "Is it in kilometres? Give --scale 1000"
        raise UrdfError(f"{path}: the robot measures {extent * 1000:.2f} mm from end to end; a URDF is in metres. {mend}")
