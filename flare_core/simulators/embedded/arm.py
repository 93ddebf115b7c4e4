"""An arm in the house: where its parts are, what they touch on their way, and what the hand can take hold of.

An arm is three boxes: the telescope from the shoulder to the wrist, and two fingers beyond the wrist. The hand sphere has
its centre between the finger tips. A held object is rigid in the wrist's frame: its origin is the wrist, its forward axis
the fingers', its up axis the world's. Boxes are as in `motion`.

With every joint at home and nothing in the hand an arm counts as stowed: it is taken to lie within the footprint and
touches nothing. In any other state its parts block the base as they block the arm.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Arm
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.motion import TOUCH_M, near_boxes, rectangles_touch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PARTS: Final = 3
BEAM_M: Final = 0.05  # the telescope is so wide and high
FINGER_M: Final = 0.18  # from the wrist's axis to the finger tips
FINGER_HALF_WIDTH_M: Final = 0.012
FINGER_HALF_HEIGHT_M: Final = 0.02
SPREAD: Final = 0.6  # of the hand's radius, from its middle to a finger
SUNK_M: Final = 0.02  # an object that is so far within what carries it still rests on it
STEP_M: Final = 0.025  # no part passes a sheet of wood between two tests
REACH, RIGHT, UP, FORWARD, HOME_WRIST, RADIUS, FARTHEST = range(7)  # entries of an arm's numbers
X, Z, YAW, LIFT, EXTEND, WRIST = range(6)  # entries of a state


def numbers_of(arm: Arm) -> Floats:
    """(7,) what the kernels read: reach yaw, shoulder (right, up, forward), home wrist, hand radius, farthest finger tip from the axis."""
    farthest = math.hypot(arm.shoulder_right_m, arm.shoulder_forward_m) + arm.extend.high + FINGER_M
    return np.array(
        [arm.reach_yaw, arm.shoulder_right_m, arm.shoulder_up_m, arm.shoulder_forward_m, arm.home_wrist, arm.hand_radius_m, farthest]
    )


@kernel
def wrist_of(arm: Floats, state: Floats, out: Floats) -> None:
    """Write the wrist's x, y, z and the yaw of the fingers, in the world.

    Args:
        state: (6,) x, z, yaw of the base, lift, extend, wrist.
    """
    sin, cos = math.sin(state[YAW]), math.cos(state[YAW])
    along = state[YAW] + arm[REACH]
    out[0] = state[X] + cos * arm[RIGHT] + sin * arm[FORWARD] + math.sin(along) * state[EXTEND]
    out[1] = arm[UP] + state[LIFT]
    out[2] = state[Z] + cos * arm[FORWARD] - sin * arm[RIGHT] + math.cos(along) * state[EXTEND]
    out[3] = along + state[WRIST] - arm[HOME_WRIST]


@kernel
def parts_of(arm: Floats, state: Floats, out: Floats) -> None:
    """Write the arm's boxes into out[:3], (3, 8)."""
    wrist = np.empty(4)
    wrist_of(arm, state, wrist)
    half = BEAM_M / 2
    along = state[YAW] + arm[REACH]
    sin, cos = math.sin(along), math.cos(along)
    back = state[EXTEND] / 2
    out[0, 0], out[0, 1], out[0, 2] = wrist[0] - sin * back, wrist[1], wrist[2] - cos * back
    out[0, 3], out[0, 4], out[0, 5], out[0, 6], out[0, 7] = half, half, max(back, half), cos, sin
    sin, cos = math.sin(wrist[3]), math.cos(wrist[3])
    for at in range(1, PARTS):
        aside = (SPREAD if at == 2 else -SPREAD) * arm[RADIUS]
        out[at, 0] = wrist[0] + sin * FINGER_M / 2 + cos * aside
        out[at, 1] = wrist[1]
        out[at, 2] = wrist[2] + cos * FINGER_M / 2 - sin * aside
        out[at, 3], out[at, 4], out[at, 5], out[at, 6], out[at, 7] = FINGER_HALF_WIDTH_M, FINGER_HALF_HEIGHT_M, FINGER_M / 2, cos, sin


@kernel
def parts_of_rows(arm: Floats, states: Floats, out: Floats) -> None:
    """Write (B, 3, 8) from states (B, 6)."""
    for row in range(states.shape[0]):
        parts_of(arm, states[row], out[row])


@kernel
def hand_of(arm: Floats, state: Floats, out: Floats) -> None:
    """Write the centre of the hand sphere, x, y, z."""
    wrist = np.empty(4)
    wrist_of(arm, state, wrist)
    out[0], out[1], out[2] = wrist[0] + math.sin(wrist[3]) * FINGER_M, wrist[1], wrist[2] + math.cos(wrist[3]) * FINGER_M


@kernel
def hands_of(arm: Floats, states: Floats, out: Floats) -> None:
    """Write (B, 3) from states (B, 6)."""
    for row in range(states.shape[0]):
        hand_of(arm, states[row], out[row])


@kernel
def moved_box(box: Floats, origin: Floats, x: float, y: float, z: float, yaw: float, out: Floats) -> None:
    """Write where a box comes to lie when the frame that it is fixed to moves.

    Args:
        origin: (4,) x, y, z, yaw of the frame before; then come its new x, y, z, yaw.
    """
    turn = yaw - origin[3]
    sin, cos = math.sin(turn), math.cos(turn)
    dx, dz = box[0] - origin[0], box[2] - origin[2]
    out[0], out[1], out[2] = x + cos * dx + sin * dz, y + box[1] - origin[1], z + cos * dz - sin * dx
    out[3], out[4], out[5] = box[3], box[4], box[5]
    out[6], out[7] = box[6] * cos - box[7] * sin, box[7] * cos + box[6] * sin


@kernel
def boxes_touch(one: Floats, other: Floats) -> bool:
    """Whether two upright boxes overlap; touching exactly is not contact."""
    if abs(one[1] - other[1]) >= one[4] + other[4] - TOUCH_M:
        return False
    return rectangles_touch(one, other[0] - one[0], other[2] - one[2], other[6], other[7], other[3], other[5])


@kernel
def _is_clear(
    boxes: Floats, near: Ints, count: int, arm: Floats, state: Floats, with_parts: bool, load: Floats, origin: Floats, parts: Floats
) -> bool:
    """Whether the arm's parts, if they count, and what the hand holds touch none of the near boxes."""
    if with_parts:
        parts_of(arm, state, parts)
        for part in range(PARTS):
            for at in range(count):
                if boxes_touch(boxes[near[at]], parts[part]):
                    return False
    if load.shape[0] > 0:
        wrist = np.empty(4)
        wrist_of(arm, state, wrist)
        for part in range(load.shape[0]):
            moved_box(load[part], origin, wrist[0], wrist[1], wrist[2], wrist[3], parts[0])
            for at in range(count):
                if boxes_touch(boxes[near[at]], parts[0]):
                    return False
    return True


@kernel
def sweep_arm(
    boxes: Floats, first: int, last: int, arm: Floats, before: Floats, after: Floats, with_parts: bool, load: Floats, near: Ints
) -> float:
    """Share of a motion, 0 to 1, that the arm and what it holds make before they touch a box.

    Args:
        before, after: (6,) states; all entries change at the same rate.
        with_parts: whether the arm's own parts count, or only what it holds.
        load: (L, 8) boxes of what it holds, at `before`.
        near: scratch, at least last - first long.

    Returns:
        1.0 if nothing is touched; else the last free share, to within a millionth. An arm that touches something at its
        start can leave by states that are free.
    """
    origin, state, parts = np.empty(4), np.empty(6), np.empty((PARTS, 8))
    wrist_of(arm, before, origin)
    bulk = 0.0
    for part in range(load.shape[0]):
        far = math.hypot(load[part, 0] - origin[0], load[part, 2] - origin[2]) + load[part, 3] + load[part, 5]
        bulk = max(bulk, far - FINGER_M)
    length = math.hypot(after[X] - before[X], after[Z] - before[Z])
    reach = arm[FARTHEST] + bulk
    count = near_boxes(boxes, first, last, before[X], before[Z], reach + length, near)
    way = length + abs(after[YAW] - before[YAW]) * reach + abs(after[LIFT] - before[LIFT]) + abs(after[EXTEND] - before[EXTEND])
    way += abs(after[WRIST] - before[WRIST]) * (FINGER_M + bulk)
    steps = max(1, math.ceil(way / STEP_M - 1e-9))
    for step in range(1, steps + 1):
        share = step / steps
        state[:] = before + (after - before) * share
        if not _is_clear(boxes, near, count, arm, state, with_parts, load, origin, parts):
            low, high = (step - 1) / steps, share
            while high - low > 1e-6:
                share = (low + high) / 2
                state[:] = before + (after - before) * share
                if _is_clear(boxes, near, count, arm, state, with_parts, load, origin, parts):
                    low = share
                else:
                    high = share
            return float(low)
    return 1.0


@kernel
def is_free_way(boxes: Floats, near: Ints, count: int, arm: Floats, before: Floats, after: Floats) -> bool:
    """Whether `sweep_arm` of an empty hand is 1 while the base stands still; the end is looked at first, where most ways fail.

    Args:
        near, count: the boxes that the arm can come near.
    """
    origin, state, parts, none = np.empty(4), np.empty(6), np.empty((PARTS, 8)), np.empty((0, 8))
    way = abs(after[LIFT] - before[LIFT]) + abs(after[EXTEND] - before[EXTEND]) + abs(after[WRIST] - before[WRIST]) * FINGER_M
    steps = max(1, math.ceil(way / STEP_M - 1e-9))
    for step in range(steps, 0, -1):
        share = step / steps
        for at in range(6):
            state[at] = before[at] + (after[at] - before[at]) * share
        if not _is_clear(boxes, near, count, arm, state, True, none, origin, parts):
            return False
    return True


@kernel
def distance_to(box: Floats, point: Floats) -> float:
    """Metres from a point to the nearest point of a box, 0 inside."""
    dx, dz = point[0] - box[0], point[2] - box[2]
    ex = max(abs(box[6] * dx - box[7] * dz) - box[3], 0.0)
    ez = max(abs(box[7] * dx + box[6] * dz) - box[5], 0.0)
    ey = max(abs(point[1] - box[1]) - box[4], 0.0)
    return float(math.sqrt(ex * ex + ey * ey + ez * ez))


@kernel
def in_hand(boxes: Floats, owners: Ints, first: int, last: int, graspable: Bools, hand: Floats, radius: float) -> int:
    """The graspable object that is nearest to the centre of the hand, of those that its sphere meets; -1 for none.

    Args:
        graspable: (N,) of the house's objects. hand: (3,).
    """
    found, least = -1, radius
    for at in range(first, last):
        own = owners[at]
        if own < 0 or not graspable[own]:
            continue
        distance = distance_to(boxes[at], hand)
        if distance < least:
            found, least = own, distance
    return found


@kernel
def rest_below(boxes: Floats, first: int, last: int, load: Floats, own: int, owners: Ints) -> float:
    """Metres that an object falls straight down until one of its boxes meets the floor or a box of something else.

    Args:
        load: (L, 8) its boxes; `own` its index, whose boxes are passed over.
    """
    fall = np.inf
    for part in range(load.shape[0]):
        bottom = load[part, 1] - load[part, 4]
        fall = min(fall, max(bottom, 0.0))
        for at in range(first, last):
            top = boxes[at, 1] + boxes[at, 4]
            if owners[at] == own or top > bottom + SUNK_M or bottom - top >= fall:
                continue
            if rectangles_touch(boxes[at], load[part, 0] - boxes[at, 0], load[part, 2] - boxes[at, 2], load[part, 6], load[part, 7],
                                load[part, 3], load[part, 5]):  # fmt: skip
                fall = max(bottom - top, 0.0)
    return fall
