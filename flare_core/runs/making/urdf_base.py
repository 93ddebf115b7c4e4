"""The base in a URDF: the floor, the axis of rotation, the outline and the height."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.errors import UrdfError
from flare_core.runs.making.findings import Finding, Part, Question, directed, metres
from flare_core.runs.making.urdf_robot import Array, Joint, Robot
from flare_core.runs.making.urdf_solids import Solid, Unread
from flare_core.yaml_tree import Value

LEVEL: Final = math.cos(math.radians(5))  # how far from level or upright still counts as such
NEAR_M: Final = 0.01
_ROUND: Final = 1.1  # an outline is round if a circle around it stands out no further than this beyond its sides
_STAND_IN: Final = 0.2  # metres, radius of a base of which nothing is known
_PASSIVE: Final = ("caster", "castor", "passive", "free")
_WHEELS: Final = ("wheel", "caster", "castor", "roller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The floor point under the axis of rotation: what every mount of a spec counts from.

    Attributes:
        point: in the base link's frame, (3,), metres.
        source: of x and y, or "" where it had to be assumed.
    """

    point: Array
    source: str
    part: Part

    def seen_from(self, position: Array) -> tuple[float, float, float]:
        """(forward, left, up) in metres of a point in the base link's frame."""
        forward, left, up = (metres(value) for value in position - self.point)
        return forward, left, up


def floor_of(robot: Robot, solids: tuple[Solid, ...]) -> Floor:
    """Where the floor is and where the robot turns.

    Raises:
        UrdfError: the wheels say that the robot does not drive along x.
    """
    height, height_source, height_part = _height_of_floor(robot, solids)
    pairs = wheel_pairs(robot)
    if len(pairs) == 1:
        one, other = pairs[0]
        _refuse_sideways(robot, one, other)
        middle = (robot.poses[one.child][:3, 3] + robot.poses[other.child][:3, 3]) / 2
        source = f"{robot.at(one.element)}, midpoint of the wheels {one.name} and {other.name}"
        return Floor(point=np.array([middle[0], middle[1], height]), source=f"{source}; {height_source}", part=height_part)
    if pairs:
        names = "; ".join(f"{one.name} and {other.name}" for one, other in pairs)
        text = f"there are several pairs of wheels ({names}). The origin of {robot.file.base} is taken for the axis of rotation: is it?"
    else:
        text = f"there is no pair of wheels. The origin of {robot.file.base} is taken for the axis of rotation: is it?"
    asked = Part(questions=(Question(loc=("base",), text=f"{text} If not, correct `centre` and every `mount`."),))
    return Floor(point=np.array([0.0, 0.0, height]), source=f"origin of {robot.file.base}; {height_source}", part=height_part + asked)


def wheel_pairs(robot: Robot) -> list[tuple[Joint, Joint]]:
    """Pairs of wheels on one line: turning without end about the same level axis, apart from each other along it."""
    turning = [joint for joint in robot.joints if joint.kind == "continuous" and abs(joint.axis[2]) < math.sqrt(1 - LEVEL**2)]
    wheels = [joint for joint in turning if rolls(joint)] or turning
    wheels = [joint for joint in wheels if not any(word in f"{joint.name} {joint.child}".lower() for word in _PASSIVE)]
    return [pair for pair in itertools.combinations(wheels, 2) if _on_one_line(robot, *pair)]


def rolls(joint: Joint) -> bool:
    """Whether a joint is a wheel's by its name, or carries one: it moves nothing of the body."""
    return any(word in f"{joint.name} {joint.child}".lower() for word in _WHEELS)


def _on_one_line(robot: Robot, one: Joint, other: Joint) -> bool:
    apart = robot.poses[other.child][:3, 3] - robot.poses[one.child][:3, 3]
    along = abs(float(apart @ one.axis))
    beside = float(np.linalg.norm(apart - (apart @ one.axis) * one.axis))
    return abs(float(one.axis @ other.axis)) > LEVEL and along > NEAR_M and beside < NEAR_M


def _refuse_sideways(robot: Robot, one: Joint, other: Joint) -> None:
    if abs(float(one.axis[1])) < math.sqrt(0.5):
        what = f"the wheels {one.name} and {other.name} turn about the x axis, so the robot drives along y; ROS has x forward (REP 103)"
        mend = 'Put a link above the base link with a fixed joint of rpy="0 0 1.5708" or rpy="0 0 -1.5708" between, so that x is forward'
        raise UrdfError(f"{robot.at(one.element)}: {what}. {mend}")


def _height_of_floor(robot: Robot, solids: tuple[Solid, ...]) -> tuple[float, str, Part]:
    """Height of the floor in the base link's frame, where it is from, and what is doubtful about it."""
    lowest = min(solids, key=lambda solid: float(solid.points[:, 2].min()), default=None)
    bottom = None if lowest is None else float(lowest.points[:, 2].min())
    footprint = next((link for link in robot.links if link.lower().endswith("footprint")), None)
    if footprint is not None:
        height = float(robot.poses[footprint][2, 3])
        part = Part()
        if lowest is not None and bottom is not None and abs(bottom - height) > NEAR_M:
            where = "below" if bottom < height else "above"
            ends = f"ends {abs(height - bottom):.3f} m {where} {footprint}"
            text = f"the lowest shape, {lowest.what}, {ends}, which is taken for the floor. Is it?"
            part = Part(questions=(Question(loc=("base", "height_m"), text=text),))
        return height, f"floor at {footprint}", part
    if lowest is not None and bottom is not None:
        part = Part()
        if not any(word in lowest.link.lower() for word in _WHEELS):
            text = f"the lowest shape, {lowest.what}, is taken to stand on the floor. Does it? If not, all heights are off by as much."
            part = Part(questions=(Question(loc=("base", "height_m"), text=text),))
        return bottom, f"floor under {lowest.what}, {robot.at(lowest.element)}", part
    text = f"no shape says where the floor is; the origin of {robot.file.base} is taken for it. How high is that origin above the floor?"
    return 0.0, f"floor at {robot.file.base}", Part(questions=(Question(loc=("base", "height_m"), text=text),))


def base_of(
    robot: Robot, solids: tuple[Solid, ...], floor: Floor, *, arm: tuple[str, ...], eyes: Array, unread: tuple[Unread, ...] = ()
) -> Part:
    """Outline, height and centre of the base.

    Args:
        arm: links that an arm moves; they are no part of outline and height.
        eyes: heights of the optical centres above the floor, (N,), metres.
        unread: shapes that are missing among `solids`.
    """
    wheels = {joint.name for pair in wheel_pairs(robot) for joint in pair}

    def is_carried(link: str) -> bool:
        return all(joint.name in wheels or rolls(joint) for joint in robot.moving_way(link))

    rigid = [solid for solid in solids if is_carried(solid.link)]
    body = [solid for solid in solids if solid.link not in arm]
    outline = _outline(robot, rigid, floor)
    tops = {float(solid.points[:, 2].max() - floor.point[2]): f"{robot.at(solid.element)}, top of {solid.what}" for solid in body}
    height = _height(tops, float(eyes.max()) if len(eyes) else None)
    missing = _missing(robot, rigid, [one for one in unread if is_carried(one.link)])
    values = outline.values[:-1] + height.values + outline.values[-1:]
    return Part(values=values, questions=missing + outline.questions + height.questions) + floor.part


def _missing(robot: Robot, rigid: list[Solid], unread: list[Unread]) -> tuple[Question, ...]:
    """What the outline was drawn without, if it was drawn at all."""
    wheels_alone = all(robot.moving_way(solid.link) for solid in rigid)
    if not rigid or not (unread or wheels_alone):
        return ()
    lost = _listed(dict.fromkeys(one.what for one in unread))
    why = f"{lost} could not be read" if unread else f"{robot.file.base} itself has no shape"
    what = f"the outline is that of {_named(rigid)}{' alone' if wheels_alone else ''}: {why}. How large is the base?"
    mend = "Measure it and correct its sizes, `height_m` and `centre`"
    again = ", or mend what is listed above as not read and begin again" if unread else ""
    return (Question(loc=("base",), text=f"{what} {mend}{again}."),)


def _height(tops: dict[float, str], eye: float | None) -> Part:
    """Of the highest shape or camera; a camera's housing stands out above its centre."""
    loc = ("base", "height_m")
    top = max(tops, default=None)
    if top is not None and (eye is None or top >= eye):
        return Part(values=(Finding(loc=loc, value=metres(top), source=tops[top]),))
    if eye is not None:
        text = "the highest thing that could be read is a camera's centre. How high is the robot, with the camera's housing?"
        values = (Finding(loc=loc, value=metres(eye), source="height of the highest camera"),)
        return Part(values=values, questions=(Question(loc=loc, text=text),))
    text = "how high is the robot, from the floor to its highest point? 0.5 m stands in."
    return Part(values=(Finding(loc=loc, value=0.5, source=""),), questions=(Question(loc=loc, text=text),))


def _outline(robot: Robot, rigid: list[Solid], floor: Floor) -> Part:
    """A circle or a box around everything that the base carries rigidly, and where its centre is."""
    centre_loc = ("base", "centre")
    if not rigid:
        text = "what is the base's radius, or its width and length? No shape of it could be read; 0.2 m stands in."
        values = (Finding(loc=("base", "radius_m"), value=_STAND_IN, source=""), _centre(np.zeros(2), floor, centre_loc))
        return Part(values=values, questions=(Question(loc=("base", "radius_m"), text=text),))
    flat = np.concatenate([solid.points[:, :2] for solid in rigid]) - floor.point[:2]
    low, high = flat.min(axis=0), flat.max(axis=0)
    (length, width), middle = high - low, (low + high) / 2
    radius = float(np.linalg.norm(flat - middle, axis=1).max())
    source = f"{robot.at(_widest(rigid).element)}, around {_named(rigid)}"
    centre = _centre(middle, floor, centre_loc)
    if radius <= _ROUND * max(width, length) / 2:
        return Part(values=(Finding(loc=("base", "radius_m"), value=metres(radius), source=source), centre))
    box = (("width_m", width), ("length_m", length))
    return Part(values=(*(Finding(loc=("base", key), value=metres(size), source=source) for key, size in box), centre))


def _centre(middle: Array, floor: Floor, loc: tuple[str, ...]) -> Finding:
    forward, left = metres(middle[0]), metres(middle[1])
    value: dict[str, Value] = {**directed(forward, "forward_m", "back_m"), **directed(left, "left_m", "right_m")}
    return Finding(loc=loc, value=value, source=f"axis of rotation: {floor.source}")


def _widest(solids: list[Solid]) -> Solid:
    return max(solids, key=lambda solid: float(np.ptp(solid.points[:, :2], axis=0).max()))


def _named(solids: list[Solid]) -> str:
    return _listed(dict.fromkeys(solid.link for solid in solids))


def _listed(found: Iterable[str]) -> str:
    names = list(found)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
