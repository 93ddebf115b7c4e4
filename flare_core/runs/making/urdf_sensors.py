"""Cameras that a URDF declares for simulators: <gazebo><sensor> and URDF's own <sensor>, with lens and image size."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from flare_core.errors import UrdfError
from flare_core.runs.making.urdf_robot import Array, Robot
from flare_core.runs.making.urdf_xml import Element, numbers_of

_KINDS: Final = ("camera", "depth", "depth_camera", "rgbd", "rgbd_camera", "multicamera", "wideanglecamera", "wide_angle_camera")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One declared camera.

    Attributes:
        pose: in its link's frame, (4, 4), metres.
        horizontal_fov: radians, or None.
        size: (width, height) in pixels, or None.
        depth_only: it gives no colour.
    """

    name: str
    link: str
    pose: Array
    horizontal_fov: float | None
    size: tuple[int, int] | None
    depth_only: bool
    element: Element
    source: str


def sensors_of(robot: Robot) -> tuple[Sensor, ...]:
    """All cameras that are declared, in the order of the file.

    Raises:
        UrdfError: a field of view that is no angle in radians, an image that is none, or a link that is not there.
    """
    found = []
    for gazebo in robot.file.root.findall("gazebo"):
        for element in gazebo.findall("sensor"):
            if element.get("type") in _KINDS and gazebo.get("reference"):
                found.append(_gazebo(robot, gazebo.get("reference"), element))
    for element in robot.file.root.findall("sensor"):
        parent = element.find("parent")
        if element.find("camera") is not None and parent is not None:
            found.append(_plain(robot, parent.get("link"), element))
    for sensor in found:
        if sensor.link not in robot.links:
            raise UrdfError(f"{robot.at(sensor.element)}: sensor {sensor.name!r}: no link {sensor.link!r} to sit on. Name one of the links")
    return tuple(found)


def _gazebo(robot: Robot, link: str, element: Element) -> Sensor:
    camera = element.find("camera")
    pose = _pose(robot, element) @ (np.eye(4) if camera is None else _pose(robot, camera))
    fov = None if camera is None else _number(robot, camera.find("horizontal_fov"))
    image = None if camera is None else camera.find("image")
    size = None
    if image is not None:
        size = _size(robot, image, _number(robot, image.find("width")), _number(robot, image.find("height")))
    return _sensor(robot, element, link, pose, fov, size, "depth" in element.get("type"))


def _plain(robot: Robot, link: str, element: Element) -> Sensor:
    image, origin = element.find("camera/image"), element.find("origin")
    pose = np.eye(4)
    if origin is not None:
        pose = _matrix(_numbers(robot, origin, f"{origin.get('xyz', '0 0 0')} {origin.get('rpy', '0 0 0')}", 6), robot.scale)
    fov, size = None, None
    if image is not None:
        said = [None if image.get(key) is None else _numbers(robot, image, image.get(key), 1)[0] for key in ("hfov", "width", "height")]
        fov, size = said[0], _size(robot, image, said[1], said[2])
    return _sensor(robot, element, link, pose, fov, size, False)


def _sensor(
    robot: Robot, element: Element, link: str, pose: Array, fov: float | None, size: tuple[int, int] | None, depth_only: bool
) -> Sensor:
    name = element.get("name") or "camera"
    if fov is not None and "wide" in element.get("type", ""):
        fov = None  # of a fisheye lens, which is no pinhole camera
    if fov is not None and not 0 < fov <= math.pi:
        close = f" {fov:g} degrees are {math.radians(fov):.4f}" if math.pi < fov < 360 else ""
        raise UrdfError(
            f"{robot.at(element)}: sensor {name!r}: a horizontal field of view of {fov:g} rad is none. URDF is in radians:{close}"
        )
    return Sensor(
        name=name, link=link, pose=pose, horizontal_fov=fov, size=size, depth_only=depth_only, element=element,
        source=f"{robot.at(element)}, sensor {name}",
    )  # fmt: skip


def _number(robot: Robot, element: Element) -> float | None:
    return None if element is None or not (element.text or "").strip() else _numbers(robot, element, element.text, 1)[0]


def _numbers(robot: Robot, element: Element, text: str, count: int) -> list[float]:
    numbers = numbers_of(text)
    if numbers is None or len(numbers) != count:
        raise UrdfError(f"{robot.at(element)}: <{element.tag}>: {text.strip()!r} should be {count} number{'s' if count > 1 else ''}")
    return numbers


def _size(robot: Robot, image: Element, width: float | None, height: float | None) -> tuple[int, int] | None:
    if width is None or height is None:
        return None
    if not (1 <= width <= 16384 and 1 <= height <= 16384):
        raise UrdfError(f"{robot.at(image)}: an image of {width:g} x {height:g} is none. Give pixels from 1 to 16384")
    return int(width), int(height)


def _pose(robot: Robot, element: Element) -> Array:
    """Of a <pose>x y z roll pitch yaw</pose> within an element."""
    pose = element.find("pose")
    if pose is None or not (pose.text or "").strip():
        return np.eye(4)
    return _matrix(_numbers(robot, pose, pose.text, 6), robot.scale)


def _matrix(said: list[float], scale: float) -> Array:
    """(4, 4) of a place and of roll, pitch and yaw about fixed axes, as URDF and SDF have them."""
    import trimesh.transformations

    compose: Any = trimesh.transformations.compose_matrix
    return np.asarray(compose(translate=np.array(said[:3]) * scale, angles=said[3:]), dtype=np.float64)
