"""From a body's actions to calls of AI2-THOR. Degrees and metres, as on the wire."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from flare_core.embodiments.body import Arm, Effect
from flare_core.simulators.embedded.handling import JOINT_SLACK, joints_for
from flare_core.simulators.thor.modes import AgentMode
from flare_core.world import Floats

Call = dict[str, Any]
PASS: Final[Call] = {"action": "Pass"}
LIFT, EXTEND, WRIST = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one action comes to.

    Attributes:
        calls: of THOR, one after the other; the action succeeds if all do.
        joints: joints that the body has then, from the lift on; None if none moves.
        turns: camera that turns, by its place in the body, -1 for none.
        touches: something can be in the way of it.
        grips: it takes or lets go.
        possible: whether there is anything that it could do; a joint at its limit has not.
    """

    calls: tuple[Call, ...] = ()
    joints: Floats | None = None
    turns: int = -1
    touches: bool = False
    grips: bool = False
    possible: bool = True


def base_calls(mode: AgentMode, forward_m: float, right_m: float, turn: float) -> tuple[Call, ...]:
    """Calls that move and turn the base; none for no motion."""
    calls: list[Call] = []
    if mode.has_arm and (forward_m or right_m):
        calls.append({"action": "MoveAgent", "ahead": forward_m, "right": right_m})
    elif forward_m or right_m:
        for amount, ahead, back in ((forward_m, "MoveAhead", "MoveBack"), (right_m, "MoveRight", "MoveLeft")):
            if amount:
                calls.append({"action": ahead if amount > 0 else back, "moveMagnitude": abs(amount)})
    if turn:
        calls.append({"action": "RotateRight" if turn > 0 else "RotateLeft", "degrees": math.degrees(abs(turn))})
    return tuple(calls)


def arm_order(arm: Arm, joints: Floats, effect: Effect) -> Order:
    """What an effect on arm or wrist comes to: no further than the limits, and nothing where one is reached already.

    Args:
        joints: (3,) lift, extension, wrist now.
    """
    low = np.array([arm.lift.low, arm.extend.low, arm.wrist.low])
    high = np.array([arm.lift.high, arm.extend.high, arm.wrist.high])
    if effect.kind == "move_hand":
        move = np.zeros((1, 3))
        move[0, ("right", "up", "forward").index(effect.axis)] = effect.amount
        wanted, there_is_one = joints_for(arm, joints[None], move)
        inside = bool(((wanted >= low - JOINT_SLACK) & (wanted <= high + JOINT_SLACK)).all() and there_is_one.all())
        return _to(joints, np.clip(wanted[0], low, high)) if inside else Order(possible=False)
    joint = WRIST if effect.kind == "turn_wrist" else ("lift", "extend").index(effect.axis)
    target = joints.copy()
    target[joint] = np.clip(joints[joint] + effect.amount, low[joint], high[joint])
    return _to(joints, target) if abs(target[joint] - joints[joint]) > JOINT_SLACK else Order(possible=False)


def _to(joints: Floats, target: Floats) -> Order:
    calls: list[Call] = []
    if abs(target[LIFT] - joints[LIFT]) > 0 or abs(target[EXTEND] - joints[EXTEND]) > 0:
        calls.append(arm_call(float(target[LIFT]), float(target[EXTEND])))
    if abs(target[WRIST] - joints[WRIST]) > 0:
        calls.append({"action": "RotateWristRelative", "yaw": math.degrees(float(target[WRIST] - joints[WRIST]))})
    return Order(calls=tuple(calls), joints=target, touches=True)


def arm_call(lift_m: float, extend_m: float) -> Call:
    """The call that moves the wrist; in the arm's base, y is the lift and z the extension (FLaRe, stretch_controller.py)."""
    place = {"x": 0.0, "y": lift_m, "z": extend_m}
    return {"action": "MoveArm", "position": place, "coordinateSpace": "armBase", "restrictMovement": False}


def start_call(mode: AgentMode, x: float, z: float, yaw: float) -> Call:
    """The call that puts the agent at the start of an episode, which is known to be free."""
    place, turn = {"x": x, "y": mode.origin_m, "z": z}, {"x": 0.0, "y": math.degrees(yaw), "z": 0.0}
    return {"action": "Teleport", "position": place, "rotation": turn, "forceAction": True}


def camera_call(number: int | None, position: Sequence[float], yaw: float, pitch: float, fov: float) -> Call:
    """The call that puts a camera somewhere. `number`: of a third-party camera, in the world; None: the main one, on the agent."""
    call: Call = {
        "position": dict(zip("xyz", (float(value) for value in position), strict=True)),
        "rotation": {"x": math.degrees(pitch), "y": math.degrees(yaw), "z": 0.0}, "fieldOfView": fov,
    }  # fmt: skip
    return (
        {"action": "UpdateMainCamera", **call}
        if number is None
        else {"action": "UpdateThirdPartyCamera", "thirdPartyCameraId": number, **call}
    )
