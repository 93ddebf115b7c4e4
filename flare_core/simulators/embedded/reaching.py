"""Where a body has to stand, and what its arm has to do there, to get an object into its hand sphere.

The wrist stays at home. The arm is lifted with the telescope in, then reaches out: both ways have to be free. The base turns so that
the telescope points at the object's middle; from there only lift and extension are searched.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded import arm as arms
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.motion import blocked, near_boxes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SPARE_M: Final = 0.015  # the hand is aimed so much deeper than its sphere asks for: joints move in steps, bases turn in steps
OFF_M: Final = 0.011  # a lift that moves in steps ends up to half of its finest step off: that has to be free as well
LIFT_STEP_M: Final = 0.03
EXTEND_STEP_M: Final = 0.02
ABOVE_M: Final = 0.03  # of a support that the fingers pass
LEVELS: Final = 12  # heights that are tried, from the object's foot upwards


@kernel
def heading_to(arm: Floats, x: float, z: float, px: float, pz: float) -> float:
    """Yaw at which the telescope points at (px, pz); not a number when the shoulder's offset forbids it."""
    dx, dz = px - x, pz - z
    away = math.hypot(dx, dz)
    # In the robot's frame the telescope is a line at `aside` from the axis, seen along its own direction.
    aside = arm[arms.RIGHT] * math.cos(arm[arms.REACH]) - arm[arms.FORWARD] * math.sin(arm[arms.REACH])
    if away <= abs(aside) + 1e-6:
        return math.nan
    return float(math.atan2(dx, dz) - arm[arms.REACH] - math.asin(aside / away))


@kernel
def _keep_beside(boxes: Floats, near: Ints, count: int, sx: float, sz: float, sin: float, cos: float, arm: Floats) -> int:
    """Keep the near boxes that come within a hand's breadth of the line from (sx, sz) along the telescope; how many those are."""
    kept, breadth = 0, arms.FINGER_M + arms.BEAM_M + arm[arms.RADIUS]
    for at in range(count):
        box = boxes[near[at]]
        if abs((box[0] - sx) * cos - (box[2] - sz) * sin) <= breadth + math.hypot(box[3], box[5]):
            near[kept] = near[at]
            kept += 1
    return kept


@kernel
def reach_from(
    boxes: Floats, owners: Ints, first: int, last: int, takes: Bools, thing: int, middle: Floats, arm: Floats, limits: Floats,
    home: Floats, x: float, z: float, yaw: float, near: Ints, out: Floats,
) -> bool:  # fmt: skip
    """Whether an arm that is stowed at a pose can get the object into its hand; writes the lift and extension.

    Args:
        boxes, owners, first, last: the house's, the object's own among them.
        takes: (N,) of the house's objects, whether a hand can take it: of several it takes the nearest.
        middle: (8,) box around the object.
        limits: (4,) lift low, high, extension low, high. home: (3,) lift, extension, wrist.
        near: scratch, at least last - first long.
        out: (2,) written.
    """
    state, before, hand = np.empty(6), np.empty(6), np.empty(3)
    state[0], state[1], state[2], state[5] = x, z, yaw, home[2]
    sin, cos = math.sin(yaw + arm[arms.REACH]), math.cos(yaw + arm[arms.REACH])
    # Extension at which the hand is above the object's middle; it need not come so far.
    sx = x + math.cos(yaw) * arm[arms.RIGHT] + math.sin(yaw) * arm[arms.FORWARD]
    sz = z + math.cos(yaw) * arm[arms.FORWARD] - math.sin(yaw) * arm[arms.RIGHT]
    bend = home[2] - arm[arms.HOME_WRIST]
    along = (middle[0] - sx) * sin + (middle[2] - sz) * cos - arms.FINGER_M * math.cos(bend)
    bulk = math.hypot(middle[3], middle[5]) + arm[arms.RADIUS]
    if along + bulk < limits[2] or along - bulk > limits[3]:
        return False
    count = _keep_beside(boxes, near, near_boxes(boxes, first, last, x, z, arm[arms.FARTHEST], near), sx, sz, sin, cos, arm)
    reach = arm[arms.RADIUS] - SPARE_M
    foot, top = middle[1] - middle[4], middle[1] + middle[4]
    step = max(LIFT_STEP_M, (top - foot) / LEVELS)
    # Only what is near the object can be nearer to a hand that has it within its sphere.
    close, rivals = np.empty(last - first, np.int64), 0
    for at in range(first, last):
        owner, box = owners[at], boxes[at]
        apart = math.hypot(box[0] - middle[0], box[2] - middle[2]) - math.hypot(box[3], box[5]) - math.hypot(middle[3], middle[5])
        if owner == thing or (owner >= 0 and takes[owner] and apart <= 2 * reach):
            close[rivals] = at
            rivals += 1
    for level in range(LEVELS + 2):
        lift = foot + ABOVE_M + level * step - arm[arms.UP]
        if lift > top + reach - arm[arms.UP]:
            break
        if lift < limits[0] or lift > limits[1]:
            continue
        state[3] = lift
        extend = max(limits[2], along - bulk)
        while extend <= min(limits[3], along + bulk):
            state[4] = extend
            arms.hand_of(arm, state, hand)
            nearest, other = np.inf, np.inf
            for at in close[:rivals]:
                if owners[at] == thing:
                    nearest = min(nearest, arms.distance_to(boxes[at], hand))
                else:
                    other = min(other, arms.distance_to(boxes[at], hand))
            if nearest < reach and nearest < other:
                is_free = True
                for side in range(-1, 2):
                    before[:] = state
                    before[3], before[4] = home[0], home[1]
                    raised, there = before.copy(), state.copy()
                    raised[3] = there[3] = min(max(lift + side * OFF_M, limits[0]), limits[1])
                    is_free = is_free and arms.is_free_way(boxes, near, count, arm, raised, there)
                    is_free = is_free and arms.is_free_way(boxes, near, count, arm, before, raised)
                if is_free:
                    out[0], out[1] = lift, extend
                    return True
                break  # further out something is in the way just as well
            extend += EXTEND_STEP_M
    return False


@kernel
def mark_reach(
    boxes: Floats, owners: Ints, first: int, last: int, takes: Bools, thing: int, middle: Floats, arm: Floats, limits: Floats, home: Floats,
    shape: Floats, reachable: Bools, x0: float, z0: float, cell: float, near: Ints, goal: Bools,
) -> None:  # fmt: skip
    """Mark the reachable cells (nz, nx) from which the object can be taken."""
    out = np.empty(2)
    far = arm[arms.FARTHEST] + math.hypot(middle[3], middle[5]) + arm[arms.RADIUS]
    for j in range(max(0, int((middle[2] - far - z0) / cell)), min(goal.shape[0], int((middle[2] + far - z0) / cell) + 1)):
        for i in range(max(0, int((middle[0] - far - x0) / cell)), min(goal.shape[1], int((middle[0] + far - x0) / cell) + 1)):
            if not reachable[j, i] or goal[j, i]:
                continue
            x, z = x0 + (i + 0.5) * cell, z0 + (j + 0.5) * cell
            yaw = heading_to(arm, x, z, middle[0], middle[2])
            if math.isnan(yaw) or blocked(boxes, first, last, x, z, yaw, shape):
                continue
            goal[j, i] = reach_from(boxes, owners, first, last, takes, thing, middle, arm, limits, home, x, z, yaw, near, out)


@kernel
def reach_rows(
    boxes: Floats, owners: Ints, box_start: Ints, takes: Bools, things: Floats, thing_start: Ints, house: Ints, pose: Floats, objects: Ints,
    arm: Floats, limits: Floats, home: Floats, shape: Floats, turn_yaw: Floats, off: float, near: Ints, option: Ints, joints: Floats,
) -> None:  # fmt: skip
    """Write, for every row, the cheapest turn after which its arm can take one of its objects, and lift and extension there.

    Args:
        takes: of all houses' objects. house: (R,). pose: (R, 3) x, z, yaw. objects: (R, K), -1 pads.
        turn_yaw: (O,) turns of the base, cheapest first. off: how far the telescope may point past the object's middle, radians.
        option: (R,) index of the turn, -1 for none. joints: (R, 2).
    """
    for row in range(house.shape[0]):
        option[row] = -1
        first, last = box_start[house[row]], box_start[house[row] + 1]
        x, z, yaw = pose[row, 0], pose[row, 1], pose[row, 2]
        for o in range(turn_yaw.shape[0]):
            for k in range(objects.shape[1]):
                thing = objects[row, k]
                if option[row] >= 0 or thing < 0:
                    continue
                middle = things[thing_start[house[row]] + thing]
                wanted = heading_to(arm, x, z, middle[0], middle[2])
                if math.isnan(wanted):
                    continue
                turned = yaw + turn_yaw[o]
                gap = turned - wanted
                if abs(gap - 2 * math.pi * round(gap / (2 * math.pi))) > off or blocked(boxes, first, last, x, z, turned, shape):
                    continue
                own = takes[thing_start[house[row]] : thing_start[house[row] + 1]]
                if reach_from(boxes, owners, first, last, own, thing, middle, arm, limits, home, x, z, turned, near, joints[row]):
                    option[row] = o
            if option[row] >= 0:
                break
