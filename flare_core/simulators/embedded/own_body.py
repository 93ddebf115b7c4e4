"""The part of the robot that its own cameras see: the arm, as three boxes that follow lift, extension and wrist.

The base is not drawn: it is a footprint in the specs, and cameras look out over it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.houses.house import Colour
from flare_core.simulators.embedded.buffers import Own
from flare_core.simulators.embedded.cameras import hand_offset
from flare_core.simulators.embedded.scene import PLAIN, box_faces, shade_of

Floats = npt.NDArray[np.float64]

ARM_COLOURS: Final[tuple[Colour, Colour]] = ((0.34, 0.35, 0.37), (0.16, 0.16, 0.17))  # telescope, gripper
BEAM_M: Final = 0.05
FINGER_M: Final = 0.18


def own_faces(body: Embodiment, pose: Floats, joints: Floats, first_material: int, ident: int) -> Own:
    """Faces of every row's arm; none for a body without one.

    Args:
        pose: (B, 3) x, z, yaw.
        joints: (B, 3) lift, extend, wrist.
        first_material: where `ARM_COLOURS` stand in the palettes.
        ident: instance id of the arm.
    """
    batch = len(pose)
    if body.arm is None:
        empty = np.zeros((batch, 0, 3), np.float32)
        return Own(p=empty, u=empty, v=empty, n=empty, shade=np.zeros((batch, 0), np.float32), look=np.zeros((0, 4), np.int32))
    boxes = _arm_boxes(body, pose, joints).reshape(-1, 8)
    part, side = np.repeat(np.arange(len(boxes)), 6), np.tile(np.arange(6), len(boxes))
    p, u, v = box_faces(boxes, part, side)
    count = len(p) // batch
    look = np.zeros((count, 4), np.int32)
    look[:, 0] = first_material + np.array([0] * 6 + [1] * (count - 6))
    look[:, 1], look[:, 2] = PLAIN, ident
    split = (batch, count, 3)
    return Own(
        p=p.reshape(split).astype(np.float32),
        u=u.reshape(split).astype(np.float32),
        v=v.reshape(split).astype(np.float32),
        n=np.cross(u, v).reshape(split).astype(np.float32),
        shade=shade_of(u, v).reshape(batch, count).astype(np.float32),
        look=look,
    )


def _arm_boxes(body: Embodiment, pose: Floats, joints: Floats) -> Floats:
    """(B, 3, 8) boxes: the telescope from the shoulder to the hand, and two fingers beyond it."""
    arm = body.arm
    assert arm is not None
    hand = hand_offset(arm, joints[:, 0], joints[:, 1])
    reach = joints[:, 1]
    out = np.zeros((len(pose), 3, 8))
    half = BEAM_M / 2
    beam_yaw = arm.reach_yaw
    _put(out[:, 0], hand, beam_yaw, -reach / 2, 0.0, (half, half, np.maximum(reach / 2, half)))
    finger_yaw = beam_yaw + joints[:, 2] - arm.home_wrist
    spread = 0.6 * arm.hand_radius_m
    for at, right in ((1, -spread), (2, spread)):
        _put(out[:, at], hand, finger_yaw, FINGER_M / 2, right, (0.012, 0.02, FINGER_M / 2))
    local = out[:, :, [0, 2]].copy()  # robot frame to world
    turned = np.arctan2(out[:, :, 7], out[:, :, 6]) + pose[:, None, 2]
    sin, cos = np.sin(pose[:, 2])[:, None], np.cos(pose[:, 2])[:, None]
    out[:, :, 0] = pose[:, None, 0] + cos * local[:, :, 0] + sin * local[:, :, 1]
    out[:, :, 2] = pose[:, None, 1] + cos * local[:, :, 1] - sin * local[:, :, 0]
    out[:, :, 6], out[:, :, 7] = np.cos(turned), np.sin(turned)
    return out


def _put(out: Floats, origin: Floats, yaw: float | Floats, forward: float | Floats, right: float, half: tuple[float | Floats, ...]) -> None:
    """Write (B, 8) boxes that stand `forward` and `right` of an origin, turned by yaw."""
    sin, cos = np.sin(yaw), np.cos(yaw)
    out[:, 0] = origin[:, 0] + sin * forward + cos * right
    out[:, 1] = origin[:, 1]
    out[:, 2] = origin[:, 2] + cos * forward - sin * right
    for axis in range(3):
        out[:, 3 + axis] = half[axis]
    out[:, 6], out[:, 7] = cos, sin
