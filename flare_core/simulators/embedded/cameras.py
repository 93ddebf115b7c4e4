"""Where a body's cameras and hand are, from its base pose and joints.

Frame as in `embodiments.body`. A head camera turns about its own optical centre; a wrist camera moves with lift and
extension and turns with the wrist about the vertical axis through the hand.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Arm, Camera, Embodiment

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPoses:
    """(B, C, 3) optical centres, (B, C) yaw and pitch in the world."""

    position: Floats
    yaw: Floats
    pitch: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """(R, 3) optical centres, (R, 3, 3) rotations from world to camera and (R, 4) fx, fy, cx, cy in pixels."""

    position: Floats
    rotation: Floats
    lens: Floats


def hand_offset(arm: Arm, lift: Floats, extend: Floats) -> Floats:
    """(B, 3) hand in the robot's frame (right, up, forward), metres."""
    out = np.empty((len(lift), 3))
    out[:, 0] = arm.shoulder_right_m + math.sin(arm.reach_yaw) * extend
    out[:, 1] = arm.shoulder_up_m + lift
    out[:, 2] = arm.shoulder_forward_m + math.cos(arm.reach_yaw) * extend
    return out


def mount_of(camera: Camera) -> tuple[float, float, float, float, float]:
    """Right, up, forward (m), yaw and pitch (rad) with every joint at home."""
    return camera.right_m, camera.up_m, camera.forward_m, camera.yaw, camera.pitch


def optics_of(camera: Camera) -> tuple[float, ...]:
    """fx, fy, cx, cy, width and height (px), half the vertical field of view (rad) and its tangent."""
    half = camera.vertical_fov / 2
    return camera.fx, camera.fy, camera.cx, camera.cy, camera.width_px, camera.height_px, half, math.tan(half)


def _in_robot(body: Embodiment, camera: Camera, home: Floats, joints: Floats) -> Floats:
    """(B, 3) optical centre in the robot's frame; `home` (B, 3) with every joint at home."""
    if camera.on != "wrist" or body.arm is None:
        return home
    arm = body.arm
    hand = hand_offset(arm, joints[:, 0], joints[:, 1])
    reach = home - hand_offset(arm, np.array([arm.home_lift]), np.array([arm.home_extend]))[0]
    turn = joints[:, 2] - arm.home_wrist
    sin, cos = np.sin(turn), np.cos(turn)
    hand[:, 0] += cos * reach[:, 0] + sin * reach[:, 2]
    hand[:, 1] += reach[:, 1]
    hand[:, 2] += cos * reach[:, 2] - sin * reach[:, 0]
    return hand


def camera_poses(body: Embodiment, mount: Floats, pose: Floats, joints: Floats, camera_joints: Floats, jitter: Floats) -> CameraPoses:
    """Poses of all cameras.

    Args:
        body: what carries which camera, and the arm.
        mount: (B, C, 5) as `mount_of`.
        pose: (B, 3) x, z, yaw of the base.
        joints: (B, 3) lift, extend, wrist.
        camera_joints: (B, C, 2) pan, tilt.
        jitter: (B, C, 6) right, up, forward (m), yaw, pitch (rad), field of view (rad).
    """
    batch, count = len(pose), len(body.cameras)
    out = CameraPoses(position=np.empty((batch, count, 3)), yaw=np.empty((batch, count)), pitch=np.empty((batch, count)))
    sin, cos = np.sin(pose[:, 2]), np.cos(pose[:, 2])
    for at, camera in enumerate(body.cameras):
        local = _in_robot(body, camera, mount[:, at, :3], joints) + jitter[:, at, :3]
        out.position[:, at, 0] = pose[:, 0] + cos * local[:, 0] + sin * local[:, 2]
        out.position[:, at, 1] = local[:, 1]
        out.position[:, at, 2] = pose[:, 1] + cos * local[:, 2] - sin * local[:, 0]
        turned = joints[:, 2] - body.arm.home_wrist if camera.on == "wrist" and body.arm is not None else 0.0
        out.yaw[:, at] = pose[:, 2] + mount[:, at, 3] + camera_joints[:, at, 0] + jitter[:, at, 3] + turned
        out.pitch[:, at] = mount[:, at, 4] + camera_joints[:, at, 1] + jitter[:, at, 4]
    return out


def rotations(yaw: Floats, pitch: Floats) -> Floats:
    """(B, 3, 3) from world to camera: rows are the camera's right, up and forward."""
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    out = np.empty((len(yaw), 3, 3))
    out[:, 0, 0], out[:, 0, 1], out[:, 0, 2] = cy, 0.0, -sy
    out[:, 1, 0], out[:, 1, 1], out[:, 1, 2] = sy * sp, cp, cy * sp
    out[:, 2, 0], out[:, 2, 1], out[:, 2, 2] = sy * cp, -sp, cy * cp
    return out


def intrinsics(optics: Floats, fov_jitter: Floats, width: int, height: int) -> Floats:
    """(B, 4) fx, fy, cx, cy of a width x height image, principal point from the top left corner.

    Args:
        optics: (B, 8) as `optics_of`.
        fov_jitter: (B,) change of the vertical field of view, radians; both focal lengths scale alike.
    """
    fx, fy, cx, cy, width_px, height_px, half, tangent = optics.T
    scale = tangent / np.tan(np.maximum(half + fov_jitter / 2, 0.02))
    wide, high = width / width_px, height / height_px
    out = np.empty((len(fov_jitter), 4))
    out[:, 0], out[:, 1] = fx * wide * scale, fy * high * scale
    out[:, 2], out[:, 3] = cx * wide, cy * high
    return out
