"""Effects of a body's actions as numbers: what the simulator looks up by action index in every step."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import SimError

JOINT_AXES: Final = ("lift", "extend")
HAND_AXES: Final = ("right", "up", "forward")
WRIST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectTable:
    """One row for each action; A actions, J joints (lift, extend, wrist, then pan and tilt of each camera).

    Attributes:
        motion: (A, 3) forward, right (m), turn (rad) of the base.
        joint: (A,) joint that moves, -1 for none.
        amount: (A,) by how much.
        hand: (A, 3) right, up, forward (m) of the hand.
        grasp, release: (A,) what the gripper does.
        impossible: (A,) actions that always fail here: they move a joint or a hand, or use a gripper, that the body lacks.
        low, high: (J,) limits of the joints; equal where there is no joint.
    """

    motion: npt.NDArray[np.float64]
    joint: npt.NDArray[np.int64]
    amount: npt.NDArray[np.float64]
    hand: npt.NDArray[np.float64]
    grasp: npt.NDArray[np.bool_]
    release: npt.NDArray[np.bool_]
    impossible: npt.NDArray[np.bool_]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    home: npt.NDArray[np.float64]


def effect_table(body: Embodiment) -> EffectTable:
    """Table of a body's actions.

    Raises:
        SimError: an action turns a camera that the body does not have.
    """
    count = len(body.actions)
    motion, joint = np.zeros((count, 3)), np.full(count, -1)
    amount, hand = np.zeros(count), np.zeros((count, 3))
    grasp, release, impossible = (np.zeros(count, dtype=np.bool_) for _ in range(3))
    grips = body.arm is not None and body.gripper != "none"
    low, high, home = _limits(body)
    for at, action in enumerate(body.actions):
        effect = action.effect
        amount[at] = effect.amount
        if effect.kind == "move_base":
            motion[at, 0 if effect.axis == "forward" else 1] = effect.amount
        elif effect.kind == "turn_base":
            motion[at, 2] = effect.amount
        elif effect.kind == "move_arm":
            joint[at] = JOINT_AXES.index(effect.axis)
        elif effect.kind == "turn_wrist":
            joint[at] = WRIST
        elif effect.kind == "turn_camera":
            joint[at] = _camera_joint(body, action.name, effect.camera, effect.axis)
        elif effect.kind == "move_hand":
            hand[at, HAND_AXES.index(effect.axis)] = effect.amount
            impossible[at] = body.arm is None
        elif effect.kind in ("grasp", "release"):
            (grasp if effect.kind == "grasp" else release)[at] = grips
            impossible[at] = not grips
        if joint[at] >= 0 and low[joint[at]] == high[joint[at]]:
            impossible[at] = True
    return EffectTable(
        motion=motion, joint=joint, amount=amount, hand=hand, grasp=grasp, release=release, impossible=impossible, low=low, high=high,
        home=home,
    )  # fmt: skip


def _camera_joint(body: Embodiment, action: str, camera: str | None, axis: str) -> int:
    names = [one.name for one in body.cameras]
    if camera not in names:
        raise SimError(f"{body.name}: action {action!r} turns camera {camera!r}, which is none of {names}; name one of these")
    return 3 + 2 * names.index(camera) + (0 if axis == "pan" else 1)


def _limits(body: Embodiment) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(J,) low, high and home of every joint."""
    low, high, home = np.zeros(3 + 2 * len(body.cameras)), np.zeros(3 + 2 * len(body.cameras)), np.zeros(3 + 2 * len(body.cameras))
    if body.arm is not None:
        arm = body.arm
        for at, joint in enumerate((arm.lift, arm.extend, arm.wrist)):
            low[at], high[at] = joint.low, joint.high
        home[:3] = arm.home_lift, arm.home_extend, arm.home_wrist
    for at, camera in enumerate(body.cameras):
        for step, turn in enumerate((camera.pan, camera.tilt)):
            if turn is not None:
                low[3 + 2 * at + step], high[3 + 2 * at + step] = turn.low, turn.high
    return low, high, home
