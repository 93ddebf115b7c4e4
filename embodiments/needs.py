"""What has to be known of a robot's state to act on it: the fields that its masks and body inputs are computed from."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from flare_core.embodiments.body import Arm, Camera, Embodiment, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One field of the state.

    Attributes:
        kind: "number" or "boolean".
        about: what it means, for the reader.
        low, high, home: limits and home position of a joint, in the unit that the name ends with; None for a boolean.
    """

    name: str
    kind: Literal["number", "boolean"]
    about: str
    low: float | None = None
    high: float | None = None
    home: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Every attribute that is not None."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def needs_of(body: Embodiment) -> Mapping[str, Need]:
    """Fields of the state that this body's masks and inputs are computed from, by name.

    `lift_m`, `extend_m`, `wrist_right_deg`; `CAMERA.pan_right_deg` and `CAMERA.tilt_down_deg` of every camera that turns; `holding`;
    `contact`. Right is clockwise, seen from above.
    """
    found = [] if body.arm is None else _arm_needs(body.arm)
    for camera in body.cameras:
        found += _camera_needs(camera)
    if body.gripper != "none" or any(action.needs for action in body.actions):
        found.append(Need(name="holding", kind="boolean", about="whether something is in the gripper"))
    if "contact" in body.senses:
        about = "whether something stopped the last action, as a bumper, a stalled motor or short odometry tell; false at first"
        found.append(Need(name="contact", kind="boolean", about=about))
    return MappingProxyType({need.name: need for need in found})


def _arm_needs(arm: Arm) -> list[Need]:
    return [
        _joint("lift_m", "height of the arm's lift", arm.lift, arm.home_lift),
        _joint("extend_m", "how far the arm's telescope is out", arm.extend, arm.home_extend),
        _joint("wrist_right_deg", "turn of the wrist, clockwise seen from above", _degrees(arm.wrist), math.degrees(arm.home_wrist)),
    ]


def _camera_needs(camera: Camera) -> list[Need]:
    found = []
    if camera.pan is not None:
        found.append(_joint(f"{camera.name}.pan_right_deg", "pan, clockwise seen from above", _degrees(camera.pan), 0.0))
    if camera.tilt is not None:
        found.append(_joint(f"{camera.name}.tilt_down_deg", "tilt, from where the mount looks", _degrees(camera.tilt), 0.0))
    return found


def _joint(name: str, about: str, limits: Range, home: float) -> Need:
    return Need(name=name, kind="number", about=about, low=round(limits.low, 9), high=round(limits.high, 9), home=round(home, 9))


def _degrees(limits: Range) -> Range:
    return Range(low=math.degrees(limits.low), high=math.degrees(limits.high))


def described(need: Need) -> str:
    """What a field means, its kind and its limits."""
    return f"{need.about} ({need.kind})" if need.low is None else f"{need.about} (number, {need.low:g} to {need.high:g})"
