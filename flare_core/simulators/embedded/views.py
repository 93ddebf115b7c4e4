"""From where, and facing where, a body would see an object: the questions that wayfinding asks beyond `sight`."""

import math

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.motion import sweep
from flare_core.simulators.embedded.sight import NEAR_M, POINTS, clear, point_of, sees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel
def around(boxes: Floats, owners: Ints, first: int, last: int, x: float, z: float, reach: float, near: Floats, near_owners: Ints) -> int:
    """Copy the boxes that may come within `reach` of (x, z); how many there are."""
    count = 0
    for at in range(first, last):
        bound = reach + boxes[at, 3] + boxes[at, 5]
        if abs(boxes[at, 0] - x) < bound and abs(boxes[at, 2] - z) < bound:
            near[count] = boxes[at]
            near_owners[count] = owners[at]
            count += 1
    return count


@kernel
def rotation_of(yaw: float, pitch: float, out: Floats) -> None:
    """Write the (3, 3) rotation from world to camera: rows right, up, forward."""
    sy, cy, sp, cp = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    out[0, 0], out[0, 1], out[0, 2] = cy, 0.0, -sy
    out[1, 0], out[1, 1], out[1, 2] = sy * sp, cp, cy * sp
    out[2, 0], out[2, 1], out[2, 2] = sy * cp, -sp, cy * cp


@kernel
def eye_at(x: float, z: float, yaw: float, mount: Floats, out: Floats) -> None:
    """Write the optical centre of a camera at mount (right, up, forward, ...) on a base at this pose."""
    sin, cos = math.sin(yaw), math.cos(yaw)
    out[0] = x + cos * mount[0] + sin * mount[2]
    out[1] = mount[1]
    out[2] = z + cos * mount[2] - sin * mount[0]


@kernel
def mark_goals(
    boxes: Floats, owners: Ints, near: Floats, near_owners: Ints, target: Floats, own: int, mount: Floats, lens: Floats, low: float,
    high: float, within_m: float, reachable: Bools, x0: float, z0: float, cell: float, goal: Bools, most: int,
) -> int:  # fmt: skip
    """Mark the cells from which a camera, turned towards a point of the target, sees it, at most so many; how many were marked.

    Args:
        boxes, owners: of one house. near, near_owners: scratch of the same length.
        target: (8,) box around the object `own`.
        mount: (4,) right, up, forward (m) and yaw of the camera in the robot's frame.
        lens: (4,) tangents of the half angles to the left, right, top and bottom edge of the image.
        low, high: least and greatest pitch that the camera can be given, radians, down positive.
        reachable: (nz, nx); goal: (nz, nx), set where a cell is one.
    """
    nz, nx = reachable.shape
    reach = within_m + math.hypot(target[3], target[5])
    count = around(boxes, owners, 0, boxes.shape[0], target[0], target[2], reach + math.hypot(mount[0], mount[2]), near, near_owners)
    points = np.empty((POINTS, 3))
    for index in range(POINTS):
        point_of(target, index, points[index])
    top, bottom = low - math.atan(lens[2]), high + math.atan(lens[3])
    eye, marked = np.empty(3), 0
    for j in range(max(0, int((target[2] - reach - z0) / cell)), min(nz - 1, int((target[2] + reach - z0) / cell)) + 1):
        for i in range(max(0, int((target[0] - reach - x0) / cell)), min(nx - 1, int((target[0] + reach - x0) / cell)) + 1):
            if goal[j, i] or not reachable[j, i]:
                continue
            x, z = x0 + (i + 0.5) * cell, z0 + (j + 0.5) * cell
            for index in range(POINTS):
                point = points[index]
                if math.hypot(point[0] - x, point[2] - z) > within_m:
                    continue
                eye_at(x, z, math.atan2(point[0] - x, point[2] - z) - mount[3], mount, eye)
                flat = math.hypot(point[0] - eye[0], point[2] - eye[2])
                down = math.atan2(eye[1] - point[1], flat)
                if flat < NEAR_M or down < top or down > bottom:
                    continue
                if clear(near, near_owners, 0, count, own, eye[0], eye[1], eye[2], point):
                    goal[j, i] = True
                    marked += 1
                    break
            if marked == most:
                return marked
    return marked


@kernel
def pose_sees(
    boxes: Floats, owners: Ints, first: int, last: int, targets: Floats, objects: Ints, x: float, z: float, yaw: float, mount: Floats,
    pitch: float, lens: Floats, within_m: float,
) -> bool:  # fmt: skip
    """Whether a camera of a body at this pose sees one of the objects; `targets` (K, 8) their boxes, `objects` (K,) their indices."""
    eye, rotation = np.empty(3), np.empty((3, 3))
    eye_at(x, z, yaw, mount, eye)
    rotation_of(yaw + mount[3], pitch, rotation)
    for k in range(objects.shape[0]):
        if sees(boxes, owners, first, last, targets[k], objects[k], eye, rotation, lens, x, z, within_m):
            return True
    return False


@kernel
def _open_points(
    boxes: Floats, owners: Ints, count: int, targets: Floats, objects: Ints, x: float, z: float, mount: Floats, within_m: float,
    points: Floats, own: Ints,
) -> int:  # fmt: skip
    """Collect the visibility points in range that nothing hides from a camera turned towards them; how many there are."""
    found = 0
    eye, point = np.empty(3), np.empty(3)
    for k in range(objects.shape[0]):
        if objects[k] < 0 or math.hypot(targets[k, 0] - x, targets[k, 2] - z) - math.hypot(targets[k, 3], targets[k, 5]) > within_m:
            continue
        for index in range(POINTS):
            point_of(targets[k], index, point)
            if math.hypot(point[0] - x, point[2] - z) > within_m:
                continue
            eye_at(x, z, math.atan2(point[0] - x, point[2] - z) - mount[3], mount, eye)
            if clear(boxes, owners, 0, count, objects[k], eye[0], eye[1], eye[2], point):
                points[found] = point
                own[found] = objects[k]
                found += 1
    return found


@kernel
def _turn_is_open(
    boxes: Floats, first: int, last: int, x: float, z: float, yaw: float, shape: Floats, near: Ints, turn_yaw: Floats, via: Ints,
    option: int,
) -> bool:  # fmt: skip
    """Whether the base can make all the turns of an option."""
    while option >= 0 and via[option] >= 0:
        before = via[option]
        turn = turn_yaw[option] - turn_yaw[before]
        if sweep(boxes, first, last, x, z, yaw + turn_yaw[before], 0.0, 0.0, turn, shape, near) < 1.0:
            return False
        option = before
    return True


@kernel
def first_look(
    boxes: Floats, owners: Ints, first: int, last: int, near_boxes: Floats, near_owners: Ints, near: Ints, shape: Floats,
    targets: Floats, objects: Ints, pose: Floats, mount: Floats, pitch: float, lens: Floats, within_m: float,
    joints: Floats, limits: Floats, turn_yaw: Floats, turn_pan: Floats, turn_tilt: Floats, via: Ints,
) -> int:  # fmt: skip
    """First option that shows one of the objects; -1 when none does.

    Args:
        targets: (K, 8) boxes of the `objects` (K,), -1 pads.
        pose: (3,) x, z, yaw. mount: (4,) right, up, forward and yaw of the camera as it stands now; `pitch` its pitch.
        lens: (4,) tangents, less the margin.
        joints: (2,) pan and tilt now. limits: (2, 2) low and high of each.
        turn_*: (O,) as in `world.Turns`.
    """
    x, z, yaw = pose[0], pose[1], pose[2]
    points, own = np.empty((POINTS * objects.shape[0], 3)), np.empty(POINTS * objects.shape[0], np.int64)
    count = around(boxes, owners, first, last, x, z, within_m + math.hypot(mount[0], mount[2]), near_boxes, near_owners)
    found = _open_points(near_boxes, near_owners, count, targets, objects, x, z, mount, within_m, points, own)
    if found == 0:
        return -1
    eye, rotation = np.empty(3), np.empty((3, 3))
    for option in range(turn_yaw.shape[0]):
        pan, tilt = joints[0] + turn_pan[option], joints[1] + turn_tilt[option]
        if pan < limits[0, 0] - 1e-6 or pan > limits[0, 1] + 1e-6 or tilt < limits[1, 0] - 1e-6 or tilt > limits[1, 1] + 1e-6:
            continue
        there = yaw + turn_yaw[option]
        eye_at(x, z, there, mount, eye)
        rotation_of(there + mount[3] + turn_pan[option], pitch + turn_tilt[option], rotation)
        for n in range(found):
            dx, dy, dz = points[n, 0] - eye[0], points[n, 1] - eye[1], points[n, 2] - eye[2]
            depth = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
            right = rotation[0, 0] * dx + rotation[0, 2] * dz
            up = rotation[1, 0] * dx + rotation[1, 1] * dy + rotation[1, 2] * dz
            if depth < NEAR_M or right < -lens[0] * depth or right > lens[1] * depth or up > lens[2] * depth or up < -lens[3] * depth:
                continue
            if not clear(near_boxes, near_owners, 0, count, own[n], eye[0], eye[1], eye[2], points[n]):
                continue
            if _turn_is_open(boxes, first, last, x, z, yaw, shape, near, turn_yaw, via, option):
                return option
            break
    return -1


@kernel
def first_looks(
    boxes: Floats, owners: Ints, box_start: Ints, object_box: Floats, object_start: Ints, near: Ints, shapes: Floats, house: Ints,
    objects: Ints, pose: Floats, mount: Floats, pitch: Floats, lens: Floats, within_m: float, joints: Floats, limits: Floats,
    turn_yaw: Floats, turn_pan: Floats, turn_tilt: Floats, via: Ints, out: Ints,
) -> None:  # fmt: skip
    """`first_look` for every row.

    Shapes (R, 6), house (R,), objects (R, K), pose (R, 3), mount (R, 4), pitch (R,), lens (R, 4), joints (R, 2), limits (R, 2, 2).
    """
    near_boxes, near_owners = np.empty((near.shape[0], 8)), np.empty(near.shape[0], np.int64)
    targets = np.empty((objects.shape[1], 8))
    for row in range(house.shape[0]):
        h = house[row]
        for k in range(objects.shape[1]):
            if objects[row, k] >= 0:
                targets[k] = object_box[object_start[h] + objects[row, k]]
        out[row] = first_look(
            boxes, owners, box_start[h], box_start[h + 1], near_boxes, near_owners, near, shapes[row], targets, objects[row], pose[row],
            mount[row], pitch[row], lens[row], within_m, joints[row], limits[row], turn_yaw, turn_pan, turn_tilt, via,
        )  # fmt: skip
