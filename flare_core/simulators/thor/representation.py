"""Which agent mode stands for a robot, what of the robot it does not have, and which of THOR's cameras are the robot's.

A robot that no mode of the build can stand for is refused, with the difference. Small ones are accepted and told: THOR's capsules
are a few millimetres off the robots that they were made after.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from flare_core.embodiments.body import Arm, Camera, Embodiment, Footprint
from flare_core.errors import SimError
from flare_core.simulators.thor.modes import MODES, STRETCH_ARM, AgentMode, Build

RADIUS_SLACK_M: Final = 0.005  # also of where the capsule's middle is
HEIGHT_SLACK_M: Final = 0.025
ARM_SLACK: Final = 1e-3  # metres or radians
PIXEL_SLACK: Final = 0.02  # share by which pixels may be off square, or the middle of the image off its middle

RoundBase = Literal["refuse", "box"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """A robot as an AI2-THOR agent.

    Attributes:
        mode: the agent mode.
        body: the robot as that agent is: the mode's footprint in place of its own.
        initialize: arguments of `Initialize`.
        main: the camera that is THOR's main one; the others are third-party cameras, in the robot's order. None: all are.
        differences: what is not as the robot's file says, in words.
    """

    mode: AgentMode
    body: Embodiment
    initialize: dict[str, Any]
    main: str | None
    differences: tuple[str, ...]


def represent(body: Embodiment, build: Build, mode: str | None = None, round_base: RoundBase = "refuse") -> Representation:
    """Choose the agent mode for a robot.

    Args:
        mode: this one and no other.
        round_base: whether a round base may be a box, for fpin: the square around it.

    Raises:
        SimError: no mode can stand for it; with what is in the way in each.
    """
    _check_cameras(body)
    if body.on_contact != "cancel":
        raise SimError(
            f"{body.name}: on_contact is '{body.on_contact}'; AI2-THOR's moves do not happen at contact. Write on_contact: cancel"
        )
    names = [mode] if mode is not None else ["stretch", "locobot", "default", "fpin"]
    unknown = [name for name in names if name not in MODES]
    if unknown:
        raise SimError(f"no agent mode '{unknown[0]}'. Use one of {', '.join(MODES)}")
    refused = []
    for name in names:
        found = _as_mode(body, MODES[name], build, round_base)
        if isinstance(found, Representation):
            return found
        refused.append(f"{name}: {'; '.join(found)}")
    raise SimError(f"{body.name}: no agent mode of build {build} can stand for it.\n  " + "\n  ".join(refused))


def _as_mode(body: Embodiment, mode: AgentMode, build: Build, round_base: RoundBase) -> Representation | Sequence[str]:
    """The robot as this mode, or what is in the way."""
    if build not in mode.builds:
        return [f"build {build} does not have it"]
    faults, told = _arm_faults(body.arm, mode), list[str]()
    if not mode.sideways and any(action.effect.kind == "move_base" and action.effect.axis == "right" for action in body.actions):
        faults.append("it does not move sideways")
    footprint = mode.footprint
    if footprint is None:
        footprint = _box(body.footprint, round_base, faults, told)
    else:
        _compare(body.footprint, footprint, faults, told)
    if faults:
        return faults
    assert footprint is not None
    initialize: dict[str, Any] = {"agentMode": mode.name, "snapToGrid": False, "gridSize": 0.25}
    if mode.noise:
        initialize["applyActionNoise"] = False  # the robot's own noise is added to what is asked for
    if mode.footprint is None:
        initialize["agentInitializationParams"] = {
            "colliderScaleRatio": {"x": 2 * footprint.half_width_m, "y": footprint.height_m, "z": 2 * footprint.half_length_m},
            "originOffsetX": -footprint.right_m, "originOffsetZ": -footprint.forward_m, "useAbsoluteSize": True,
        }  # fmt: skip
    return Representation(
        mode=mode, body=replace(body, footprint=footprint), initialize=initialize, main=_main_camera(body, build), differences=tuple(told)
    )


def _arm_faults(arm: Arm | None, mode: AgentMode) -> list[str]:
    """An arm has to be the mode's; a mode's arm that the robot lacks stays stowed, where it touches nothing."""
    if arm is None:
        return ["it has an arm, and the robot has none"] if mode.has_arm else []
    if not mode.has_arm:
        return ["it has no arm"]
    own = STRETCH_ARM
    pairs = {
        "lift": (arm.lift.low, own.lift.low, arm.lift.high, own.lift.high),
        "extend": (arm.extend.low, own.extend.low, arm.extend.high, own.extend.high),
        "wrist": (arm.wrist.low, own.wrist.low, arm.wrist.high, own.wrist.high),
        "reach": (arm.reach_yaw, own.reach_yaw, 0.0, 0.0),
        "shoulder": (arm.shoulder_up_m, own.shoulder_up_m, math.hypot(arm.shoulder_right_m, arm.shoulder_forward_m), 0.0),
    }  # fmt: skip
    return [
        f"its arm's {name} is from {b:g} to {d:g}, the robot's from {a:g} to {c:g}"
        for name, (a, b, c, d) in pairs.items()
        if abs(a - b) > ARM_SLACK or abs(c - d) > ARM_SLACK
    ]


def _compare(own: Footprint, theirs: Footprint, faults: list[str], told: list[str]) -> None:
    """Compare a footprint with a mode's capsule."""
    assert theirs.radius_m is not None
    if own.radius_m is None:
        faults.append(f"it is a capsule of radius {theirs.radius_m:g} m, the robot is a box")
        return
    for what, mine, its, slack in (
        ("radius", own.radius_m, theirs.radius_m, RADIUS_SLACK_M), ("height", own.height_m, theirs.height_m, HEIGHT_SLACK_M),
        ("middle to the right", own.right_m, theirs.right_m, RADIUS_SLACK_M),
        ("middle ahead", own.forward_m, theirs.forward_m, RADIUS_SLACK_M),
    ):  # fmt: skip
        if abs(mine - its) > slack:
            faults.append(f"its {what} is {its:.3f} m, the robot's {mine:.3f} m")
        elif abs(mine - its) > 1e-6:
            told.append(f"{what}: {its:.4f} m in AI2-THOR, {mine:.4f} m in the robot's file")


def _box(own: Footprint, round_base: RoundBase, faults: list[str], told: list[str]) -> Footprint | None:
    """The box that fpin is given."""
    if own.radius_m is None:
        return own
    if round_base == "refuse":
        faults.append("it is a box, the robot is round. Write `round_base: box` under `simulator:` to use the square around it")
        return None
    told.append(f"base: the square of {2 * own.radius_m:g} m around a circle; its corners stick out by {0.4142 * own.radius_m:.3f} m")
    return replace(own, radius_m=None, half_width_m=own.radius_m, half_length_m=own.radius_m)


def _main_camera(body: Embodiment, build: Build) -> str | None:
    """The main camera can be put and turned anywhere with UpdateMainCamera; without it every camera is a third-party one."""
    camera = body.camera_for("navigation")
    return camera.name if camera is not None and build == "nanna" else None


def _check_cameras(body: Embodiment) -> None:
    for camera in body.cameras:
        off = max(abs(camera.cx / camera.width_px - 0.5), abs(camera.cy / camera.height_px - 0.5), abs(camera.fx / camera.fy - 1.0))
        if off > PIXEL_SLACK:
            raise SimError(
                f"{body.name}: camera {camera.name}: AI2-THOR's cameras have square pixels and their middle in the middle; this one is "
                f"off by {100 * off:.1f} %. Give cx, cy and equal fx, fy, or use the embedded simulator"
            )


def check_window(body: Embodiment, width: int, height: int) -> None:
    """Refuse a window of another shape than the robot's pictures: AI2-THOR's pixels are square, in all its cameras.

    Raises:
        SimError: a camera's pictures are wider or narrower.
    """
    for camera in body.cameras:
        wanted = camera.width_px / camera.height_px
        if abs(width / height / wanted - 1.0) > PIXEL_SLACK:
            raise SimError(
                f"{body.name}: camera {camera.name} takes pictures of {camera.width_px} x {camera.height_px}, and AI2-THOR's window is "
                f"{width} x {height}: what is seen would be cut or stretched. Use {round(height * wanted)} x {height}"
            )


def fov_deg(camera: Camera, jitter: float) -> float:
    """Vertical field of view, degrees, with a change of it in radians; as `embedded.cameras.intrinsics` has it."""
    return math.degrees(2 * max(camera.vertical_fov / 2 + jitter / 2, 0.02))
