"""What a camera sees of an object, by AI2-THOR's rule, whatever the size of the image.

An object has 15 visibility points: the centre of its box, the six centres of its sides and its eight corners, drawn in
to 90 % of the half size. It is visible if one point is within range of the axis of rotation (horizontally), inside the
view frustum, and the segment from the optical centre to it meets no box of anything else.
"""

import math

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.solids import Solids, house_of, things_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

POINTS = 15
DRAWN_IN = 0.9
NEAR_M = 0.02
SHORT = 1.0 - 1e-6  # a box that only touches the point does not hide it


@kernel
def point_of(box: Floats, index: int, out: Floats) -> None:
    """Write visibility point `index` (0 to 14) of an object's box into out[:3]."""
    ax = ay = az = 0.0
    if index >= 7:
        bits = index - 7
        ax = DRAWN_IN if bits & 1 else -DRAWN_IN
        ay = DRAWN_IN if bits & 2 else -DRAWN_IN
        az = DRAWN_IN if bits & 4 else -DRAWN_IN
    elif index >= 1:
        sign = 1.0 if index % 2 == 1 else -1.0
        axis = (index - 1) // 2
        ax = sign if axis == 0 else 0.0
        ay = sign if axis == 1 else 0.0
        az = sign if axis == 2 else 0.0
    lx, ly, lz = ax * box[3], ay * box[4], az * box[5]
    out[0] = box[0] + box[6] * lx + box[7] * lz
    out[1] = box[1] + ly
    out[2] = box[2] + box[6] * lz - box[7] * lx


@kernel
def hits(box: Floats, ex: float, ey: float, ez: float, px: float, py: float, pz: float) -> bool:
    """Whether the segment from e to p meets a box before its end. A segment that starts inside a box is not hidden by it."""
    near, far = 0.0, SHORT
    dy = py - ey
    oy = ey - box[1]
    if abs(dy) < 1e-12:
        if abs(oy) >= box[4]:
            return False
    else:
        a, b = (-box[4] - oy) / dy, (box[4] - oy) / dy
        near, far = max(near, min(a, b)), min(far, max(a, b))
        if near >= far:
            return False
    c, s = box[6], box[7]
    wx, wz, vx, vz = ex - box[0], ez - box[2], px - ex, pz - ez
    o, d = c * wx - s * wz, c * vx - s * vz
    if abs(d) < 1e-12:
        if abs(o) >= box[3]:
            return False
    else:
        a, b = (-box[3] - o) / d, (box[3] - o) / d
        near, far = max(near, min(a, b)), min(far, max(a, b))
        if near >= far:
            return False
    o, d = s * wx + c * wz, s * vx + c * vz
    if abs(d) < 1e-12:
        if abs(o) >= box[5]:
            return False
    else:
        a, b = (-box[5] - o) / d, (box[5] - o) / d
        near, far = max(near, min(a, b)), min(far, max(a, b))
        if near >= far:
            return False
    return near > 0.0


@kernel
def clear(boxes: Floats, owners: Ints, first: int, last: int, own: int, ex: float, ey: float, ez: float, p: Floats) -> bool:
    """Whether the segment from e to p meets no box of boxes[first:last] that is not the object's own."""
    x0, x1 = min(ex, p[0]), max(ex, p[0])
    z0, z1 = min(ez, p[2]), max(ez, p[2])
    y0, y1 = min(ey, p[1]), max(ey, p[1])
    for at in range(first, last):
        if owners[at] == own:
            continue
        reach = boxes[at, 3] + boxes[at, 5]
        if boxes[at, 0] - reach > x1 or boxes[at, 0] + reach < x0 or boxes[at, 2] - reach > z1 or boxes[at, 2] + reach < z0:
            continue
        if boxes[at, 1] - boxes[at, 4] > y1 or boxes[at, 1] + boxes[at, 4] < y0:
            continue
        if hits(boxes[at], ex, ey, ez, p[0], p[1], p[2]):
            return False
    return True


@kernel
def sees(
    boxes: Floats,
    owners: Ints,
    first: int,
    last: int,
    target: Floats,
    own: int,
    eye: Floats,
    rotation: Floats,
    lens: Floats,
    axis_x: float,
    axis_z: float,
    within_m: float,
) -> bool:
    """Whether a camera sees an object.

    Args:
        boxes, owners, first, last: the house's boxes and their objects.
        target: (8,) box around the object; `own` its index.
        eye: (3,) optical centre. rotation: (3, 3) rows right, up, forward.
        lens: (4,) tangents of the half angles to the left, right, top and bottom edge of the image.
        axis_x, axis_z: axis of rotation that the distance is measured from.
    """
    # No point of the object is nearer than its centre less half its diagonal.
    reach = math.hypot(target[3], target[5])
    if math.hypot(target[0] - axis_x, target[2] - axis_z) - reach > within_m:
        return False
    point = np.empty(3)
    for index in range(POINTS):
        point_of(target, index, point)
        if math.hypot(point[0] - axis_x, point[2] - axis_z) > within_m:
            continue
        dx, dy, dz = point[0] - eye[0], point[1] - eye[1], point[2] - eye[2]
        depth = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
        if depth < NEAR_M:
            continue
        right = rotation[0, 0] * dx + rotation[0, 1] * dy + rotation[0, 2] * dz
        up = rotation[1, 0] * dx + rotation[1, 1] * dy + rotation[1, 2] * dz
        if right < -lens[0] * depth or right > lens[1] * depth or up > lens[2] * depth or up < -lens[3] * depth:
            continue
        if clear(boxes, owners, first, last, own, eye[0], eye[1], eye[2], point):
            return True
    return False


@kernel
def visible_all(
    shared: Solids, own: Solids, moved: Bools, house: Ints, objects: Ints, eye: Floats, rotation: Floats, lens: Floats, axis: Floats,
    within_m: float, out: Bools,
) -> None:  # fmt: skip
    """Write, for every row and object, whether the row's camera sees it.

    Args:
        shared, own, moved: as in `solids.house_of`.
        house: (B,). objects: (B, K), -1 pads. eye: (B, 3). rotation: (B, 3, 3). lens: (B, 4).
        axis: (B, 2) x, z of the axis of rotation.
        out: (B, K).
    """
    for row in range(objects.shape[0]):
        boxes, owners, first, last = house_of(shared, own, moved[row], house[row], row)
        things, base = things_of(shared, own, moved[row], house[row], row)
        for column in range(objects.shape[1]):
            thing = objects[row, column]
            out[row, column] = False
            if thing >= 0:
                target = things[base + thing]
                out[row, column] = sees(
                    boxes, owners, first, last, target, thing, eye[row], rotation[row], lens[row], axis[row, 0], axis[row, 1], within_m
                )
