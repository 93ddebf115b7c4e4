"""The cameras in a URDF, in the words of a spec: mount, lens, and the joints that turn them."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.errors import UrdfError
from flare_core.runs.making.findings import Finding, Part, Question, degrees, directed
from flare_core.runs.making.urdf_base import LEVEL, Floor
from flare_core.runs.making.urdf_frames import Eye
from flare_core.runs.making.urdf_robot import MOST_TURNS, Array, Joint, Robot
from flare_core.yaml_tree import Loc, Value

_STRAIGHT_DEG: Final = 2.0  # a roll below this is taken for none
_WIDEST: Final = math.radians(175)  # of a pinhole camera's picture, as the spec has it
_KNOWN: Final = {"d435": "realsense_d435", "d435i": "realsense_d435"}
_STAND_IN: Final[dict[str, Value]] = {"horizontal_fov_deg": 69, "width_px": 640, "height_px": 480}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """The joints on the way to a camera, sorted by what they do to it."""

    pan: Joint | None
    tilt: Joint | None
    others: tuple[Joint, ...]


def turning_of(robot: Robot, eye: Eye) -> Turning:
    """Which joint pans and which one tilts; a pan has an upright axis, a tilt a level one across the direction of view."""
    pan, tilt, others = None, None, []
    for joint in robot.moving_way(eye.link):
        upright = abs(float(joint.axis[2])) > LEVEL
        across = abs(float(joint.axis[2])) < math.sqrt(1 - LEVEL**2) and abs(float(joint.axis @ _level(eye.forward))) < math.sqrt(
            1 - LEVEL**2
        )
        if joint.turns and upright and pan is None and tilt is None:
            pan = joint
        elif joint.turns and across and tilt is None:
            tilt = joint
        else:
            others.append(joint)
    return Turning(pan=pan, tilt=tilt, others=tuple(others))


def _level(direction: Array) -> Array:
    flat = np.array([direction[0], direction[1], 0.0])
    size = float(np.linalg.norm(flat))
    return flat / size if size > 1e-9 else np.array([1.0, 0.0, 0.0])


def camera_of(robot: Robot, eye: Eye, floor: Floor, *, carried_by: str = "", role: str = "") -> Part:
    """All of one camera.

    Args:
        carried_by: "wrist" for a camera on the hand.
        role: which of a policy's views it is, if that is certain.

    Raises:
        UrdfError: a joint whose limits are degrees, a camera below the floor.
    """
    loc: Loc = ("cameras", eye.name)
    part = Part(values=(Finding(loc=(*loc, "role"), value=role, source="the only camera that no arm carries"),)) if role else Part()
    if carried_by:
        part += Part(values=(Finding(loc=(*loc, "carried_by"), value=carried_by, source="moves with lift and extension"),))
    part += _mount(robot, eye, floor, loc)
    roll = round(roll_deg(eye))
    sideways = abs(abs(roll) - 90) <= _STRAIGHT_DEG
    part += _lens(eye, loc, sideways=sideways)
    if abs(roll) > _STRAIGHT_DEG:
        part += Part(questions=(Question(loc=loc, text=_rolled(roll)),))
    if eye.others:
        text = f"the frame {eye.link} is taken for the picture that you feed; is it, and not that of {', '.join(eye.others[:4])}?"
        part += Part(questions=(Question(loc=loc, text=text),))
    if not carried_by:
        turning = turning_of(robot, eye)
        part += _joints(robot, eye, turning, loc)
    return part


def roll_deg(eye: Eye) -> float:
    """How far the camera is turned clockwise about its direction of view, seen from behind it; 0 where it looks straight up or down."""
    right = np.cross(eye.forward, np.array([0.0, 0.0, 1.0]))
    size = float(np.linalg.norm(right))
    if size < 1e-3:
        return 0.0
    right = right / size
    upright = np.cross(right, eye.forward)
    return math.degrees(math.atan2(float(eye.up @ right), float(eye.up @ upright)))


def _rolled(roll: int) -> str:
    if abs(abs(roll) - 180) <= _STRAIGHT_DEG:
        return "it hangs upside down: turn its pictures by 180 degrees before a policy gets them."
    way = "clockwise" if roll > 0 else "counter-clockwise"
    if abs(abs(roll) - 90) <= _STRAIGHT_DEG:
        turn = f"turn its pictures {way} by 90 degrees before a policy gets them"
        return f"it is mounted on its side: {turn}. Sizes and angles here are after that."
    turn = f"turn its pictures {way} by that before a policy gets them"
    return f"it is rolled by {abs(roll)} degrees {way}, which a spec cannot say: {turn}."


def _mount(robot: Robot, eye: Eye, floor: Floor, loc: Loc) -> Part:
    forward, left, up = floor.seen_from(eye.pose[:3, 3])
    joint = robot.joint_to(eye.link)
    source = f"{robot.source(joint)}" if joint is not None else f"{robot.at(robot.link_element(eye.link))}, link {eye.link}"
    if up < 0:
        raise UrdfError(
            f"{source}: the camera {eye.link} is {-up:.3f} m below the floor. Is an origin, or the floor ({floor.source}), wrong?"
        )
    value: dict[str, Value] = {**directed(forward, "forward_m", "back_m"), **directed(left, "left_m", "right_m"), "up_m": up}
    ahead = eye.forward
    pitch = degrees(-math.degrees(math.asin(max(-1.0, min(1.0, float(ahead[2]))))))
    # Straight down or up has no heading of its own; the picture's upper edge says where ahead is.
    level = ahead if abs(pitch) < 89.99 else eye.up * (1.0 if pitch > 0 else -1.0)
    yaw = degrees(math.degrees(math.atan2(float(level[1]), float(level[0]))))
    value |= directed(pitch, "pitch_down_deg", "pitch_up_deg") | directed(yaw, "yaw_left_deg", "yaw_right_deg")
    way = "optical frame" if eye.optical else "x forward"
    part = Part(values=(Finding(loc=(*loc, "mount"), value=value, source=f"{source}: frame {eye.link}, {way}"),))
    turned = [f"{joint.name} at {joint.home:g}" for joint in robot.moving_way(eye.link) if joint.home]
    if turned:
        text = f"0 is outside of the limits of a joint, so this is with {', '.join(turned)} (rad or m). Is that the pose you drive in?"
        part += Part(questions=(Question(loc=(*loc, "mount"), text=text),))
    return part


def _lens(eye: Eye, loc: Loc, *, sideways: bool) -> Part:
    sensor = eye.sensor
    if sensor is not None and sensor.horizontal_fov is not None and sensor.size is not None and sensor.horizontal_fov < _WIDEST:
        name = "vertical_fov_deg" if sideways else "horizontal_fov_deg"
        width, height = sensor.size[::-1] if sideways else sensor.size
        said: dict[str, Value] = {name: degrees(math.degrees(sensor.horizontal_fov)), "width_px": width, "height_px": height}
        text = f"{said[name]} degrees are what the simulator's sensor has. Does the real camera have them, in the picture that you feed?"
        values = tuple(Finding(loc=(*loc, key), value=value, source=sensor.source) for key, value in said.items())
        return Part(values=values, questions=(Question(loc=(*loc, name), text=text),))
    known = next((_KNOWN[word] for word in sorted(eye.words) if word in _KNOWN), None)
    if known is not None and not sideways:
        text = f"the name says that it is a {known}; its colour camera's lens is taken. Is it, and is the picture not cropped?"
        values = (Finding(loc=(*loc, "preset"), value=known, source=f"the name of {eye.link}"),)
        return Part(values=values, questions=(Question(loc=(*loc, "preset"), text=text),))
    text = "what are the field of view and the size of the picture? The URDF does not say; 69 degrees and 640 x 480 stand in."
    values = tuple(Finding(loc=(*loc, key), value=value, source="") for key, value in _STAND_IN.items())
    return Part(values=values, questions=(Question(loc=(*loc, "horizontal_fov_deg"), text=text),))


def _joints(robot: Robot, eye: Eye, turning: Turning, loc: Loc) -> Part:
    part = Part()
    if turning.pan is not None:
        low, high, asked = _range(robot, turning.pan, 180.0)
        # About an axis that points up, a positive angle is to the left.
        left, right = (high, -low) if turning.pan.axis[2] > 0 else (-low, high)
        limits: dict[str, Value] = {"left_deg": degrees(left), "right_deg": degrees(right)}
        part += Part(
            values=(Finding(loc=(*loc, "pan"), value=limits, source=robot.source(turning.pan)),), questions=_asked(asked, loc, "pan")
        )
    if turning.tilt is not None:
        low, high, asked = _range(robot, turning.tilt, 90.0)
        rises = float(np.cross(turning.tilt.axis, eye.forward)[2]) > 0
        up, down = (high, -low) if rises else (-low, high)
        limits = {"up_deg": degrees(min(up, 180.0)), "down_deg": degrees(min(down, 180.0))}
        part += Part(
            values=(Finding(loc=(*loc, "tilt"), value=limits, source=robot.source(turning.tilt)),), questions=_asked(asked, loc, "tilt")
        )
    if turning.others:
        names = ", ".join(f"{joint.name} ({joint.kind})" for joint in turning.others)
        text = f"{names} moves this camera too, which a spec cannot say. The mount is with it at home: do you drive with it there?"
        part += Part(questions=(Question(loc=(*loc, "mount"), text=text),))
    return part


def _asked(text: str, loc: Loc, key: str) -> tuple[Question, ...]:
    return (Question(loc=(*loc, key), text=text),) if text else ()


def _range(robot: Robot, joint: Joint, without: float) -> tuple[float, float, str]:
    """(low, high) in degrees from home, with a question where the file has no limits.

    Raises:
        UrdfError: the limits are degrees, or low is above high.
    """
    low, high = turning_limits(robot, joint)
    if low is None or high is None:
        return -without, without, f"{joint.name} has no limits; {without:g} degrees each way stand in. What are they?"
    return math.degrees(low - joint.home), math.degrees(high - joint.home), ""


def turning_limits(robot: Robot, joint: Joint) -> tuple[float | None, float | None]:
    """Limits in radians, None where there are none.

    Raises:
        UrdfError: they are degrees, or the lower is above the upper.
    """
    if joint.low is None or joint.high is None:
        return None, None
    limit = joint.element.find("limit")
    where = f"{robot.at(limit)}: joint {joint.name!r}"
    if joint.low > joint.high:
        raise UrdfError(f"{where}: lower {joint.low:g} is above upper {joint.high:g}. Swap them")
    most = max(abs(joint.low), abs(joint.high))
    if most >= 1000:
        return None, None
    if most > MOST_TURNS:
        right = f'lower="{math.radians(joint.low):.4f}" upper="{math.radians(joint.high):.4f}"'
        raise UrdfError(f"{where}: limits of {joint.low:g} and {joint.high:g} rad look like degrees; a URDF is in radians. Write {right}")
    return joint.low, joint.high
