"""Contact of an upright body with oriented boxes, in the plane, with a test of height ranges.

A box is (cx, cy, cz, hx, hy, hz, cos yaw, sin yaw): a point seen from it is lx = cos*dx - sin*dz, lz = sin*dx + cos*dz.
A shape is (radius, half width, half length, right, forward, height): radius < 0 means a rectangle; right and forward
are the shape's centre seen from the axis of rotation. Touching exactly is not contact.
"""

import math

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Footprint
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.solids import Solids, house_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STEP_M = 0.05  # no shape of a few centimetres can pass a box between two tests
STEP_RAD = 0.1
TOUCH_M = 1e-9  # a body flush with a wall is not in it, whatever the rounding


def shape_of(footprint: Footprint) -> Floats:
    """(6,) shape for the kernels."""
    radius = -1.0 if footprint.radius_m is None else footprint.radius_m
    return np.array([radius, footprint.half_width_m, footprint.half_length_m, footprint.right_m, footprint.forward_m, footprint.height_m])


@kernel
def touches(box: Floats, x: float, z: float, yaw: float, shape: Floats) -> bool:
    """Whether a body with its axis at (x, z) overlaps one box. `yaw` in radians, clockwise."""
    if box[1] - box[4] >= shape[5] - TOUCH_M or box[1] + box[4] <= TOUCH_M:
        return False
    sin, cos = math.sin(yaw), math.cos(yaw)
    dx = x + cos * shape[3] + sin * shape[4] - box[0]
    dz = z - sin * shape[3] + cos * shape[4] - box[2]
    if shape[0] >= 0:
        c, s = box[6], box[7]
        lx, lz = c * dx - s * dz, s * dx + c * dz
        ex, ez = max(abs(lx) - box[3], 0.0), max(abs(lz) - box[5], 0.0)
        reach = shape[0] - TOUCH_M
        return bool(reach > 0 and ex * ex + ez * ez < reach * reach)
    return rectangles_touch(box, dx, dz, cos, sin, shape[1], shape[2])


@kernel
def rectangles_touch(box: Floats, dx: float, dz: float, cos: float, sin: float, half_width: float, half_length: float) -> bool:
    """Whether a rectangle overlaps a box in the plane.

    Args:
        dx, dz: centre of the rectangle, seen from the box's.
        cos, sin: of the rectangle's yaw.
    """
    # Separating axes of two rectangles; `near` and `far` are cosine and sine of the angle between them.
    c, s = box[6], box[7]
    near, far = abs(cos * c + sin * s), abs(sin * c - cos * s)
    if abs(c * dx - s * dz) >= box[3] + near * half_width + far * half_length - TOUCH_M:
        return False
    if abs(s * dx + c * dz) >= box[5] + far * half_width + near * half_length - TOUCH_M:
        return False
    if abs(cos * dx - sin * dz) >= half_width + near * box[3] + far * box[5] - TOUCH_M:
        return False
    return bool(abs(sin * dx + cos * dz) < half_length + far * box[3] + near * box[5] - TOUCH_M)


@kernel
def reach_of(shape: Floats) -> float:
    """Radius around the axis of rotation that the body never leaves."""
    if shape[0] >= 0:
        return float(math.hypot(shape[3], shape[4]) + shape[0])
    return math.hypot(abs(shape[3]) + shape[1], abs(shape[4]) + shape[2])


@kernel
def blocked(boxes: Floats, first: int, last: int, x: float, z: float, yaw: float, shape: Floats) -> bool:
    """Whether a body at this pose overlaps any of boxes[first:last]."""
    reach = reach_of(shape)
    for at in range(first, last):
        bound = boxes[at, 3] + boxes[at, 5] + reach
        if abs(boxes[at, 0] - x) < bound and abs(boxes[at, 2] - z) < bound and touches(boxes[at], x, z, yaw, shape):
            return True
    return False


@kernel
def near_boxes(boxes: Floats, first: int, last: int, x: float, z: float, reach: float, out: Ints) -> int:
    """Indices of the boxes within `reach` of (x, z), as far as their bounding rectangles tell; how many there are."""
    count = 0
    for at in range(first, last):
        c, s = abs(boxes[at, 6]), abs(boxes[at, 7])
        if abs(boxes[at, 0] - x) > c * boxes[at, 3] + s * boxes[at, 5] + reach:
            continue
        if abs(boxes[at, 2] - z) > s * boxes[at, 3] + c * boxes[at, 5] + reach:
            continue
        out[count] = at
        count += 1
    return count


@kernel
def _any_touch(boxes: Floats, near: Ints, count: int, x: float, z: float, yaw: float, shape: Floats) -> bool:
    for at in range(count):  # noqa: SIM110, Numba has no any()
        if touches(boxes[near[at]], x, z, yaw, shape):
            return True
    return False


@kernel
def sweep(
    boxes: Floats,
    first: int,
    last: int,
    x: float,
    z: float,
    yaw: float,
    forward: float,
    right: float,
    turn: float,
    shape: Floats,
    near: Ints,
) -> float:
    """Share of a straight move or a turn, 0 to 1, that a body makes before it touches a box.

    Args:
        forward, right: move in the body's frame, metres.
        turn: rotation, radians; a move and a turn together are made at the same rate.
        near: scratch, at least last - first long.

    Returns:
        1.0 if nothing is touched; else the last free share, to within a millionth.
        A body that overlaps something at its start is free to leave it only by poses that are free: 0.0.
    """
    length = math.hypot(forward, right)
    count = near_boxes(boxes, first, last, x, z, reach_of(shape) + length, near)
    sin, cos = math.sin(yaw), math.cos(yaw)
    dx, dz = cos * right + sin * forward, cos * forward - sin * right
    steps = max(1, math.ceil(length / STEP_M - 1e-9), math.ceil(abs(turn) / STEP_RAD - 1e-9))
    for step in range(1, steps + 1):
        share = step / steps
        if _any_touch(boxes, near, count, x + dx * share, z + dz * share, yaw + turn * share, shape):
            low, high = (step - 1) / steps, share
            while high - low > 1e-6:
                share = (low + high) / 2
                if _any_touch(boxes, near, count, x + dx * share, z + dz * share, yaw + turn * share, shape):
                    high = share
                else:
                    low = share
            return low
    return 1.0


@kernel
def move_all(
    shared: Solids, own: Solids, moved: Bools, house: Ints, pose: Floats, motion: Floats, shapes: Floats, limit: Floats, stop: bool,
    near: Ints, collided: Bools,
) -> None:  # fmt: skip
    """Carry out one base motion in every row, in place.

    Args:
        shared, own, moved: as in `house_of`.
        pose: (B, 3) x, z, yaw; updated.
        motion: (B, 3) forward, right, turn; a row of zeros does not move.
        shapes: (B, 6).
        limit: (B,) share of the motion that something else than the base allows.
        stop: go as far as possible at contact, instead of not at all.
        collided: (B,) written.
    """
    for row in range(house.shape[0]):
        forward, right, turn = motion[row, 0], motion[row, 1], motion[row, 2]
        collided[row] = False
        if forward == 0.0 and right == 0.0 and turn == 0.0:
            continue
        x, z, yaw = pose[row, 0], pose[row, 1], pose[row, 2]
        boxes, _, first, last = house_of(shared, own, moved[row], house[row], row)
        share = min(limit[row], sweep(boxes, first, last, x, z, yaw, forward, right, turn, shapes[row], near))
        collided[row] = share < 1.0
        if collided[row] and not stop:
            continue
        sin, cos = math.sin(yaw), math.cos(yaw)
        pose[row, 0] = x + (cos * right + sin * forward) * share
        pose[row, 1] = z + (cos * forward - sin * right) * share
        pose[row, 2] = yaw + turn * share


@kernel
def free_all(boxes: Floats, starts: Ints, house: Ints, x: Floats, z: Floats, yaw: Floats, shapes: Floats, out: Bools) -> None:
    """Write whether a body of each shape (N, 6) could stand at each pose of a house where nothing has moved."""
    for at in range(house.shape[0]):
        first, last = starts[house[at]], starts[house[at] + 1]
        out[at] = not blocked(boxes, first, last, x[at], z[at], yaw[at], shapes[at])


@kernel
def moves_all(
    boxes: Floats, starts: Ints, house: Ints, x: Floats, z: Floats, yaw: Floats, forward: Floats, shapes: Floats, near: Ints, out: Bools
) -> None:
    """Write whether a straight move of `forward` metres from each pose would touch nothing, in a house where nothing has moved."""
    for at in range(house.shape[0]):
        first, last = starts[house[at]], starts[house[at] + 1]
        out[at] = sweep(boxes, first, last, x[at], z[at], yaw[at], forward[at], 0.0, 0.0, shapes[at], near) == 1.0
