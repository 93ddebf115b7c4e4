"""Which rooms a camera can see, and within which rectangle of the image: a flood through doors and windows.

Sound, not tight: a face in a room shows only within that room's rectangle, so what lies outside needs no drawing.
Reference: Luebke and Georges 1995, "Portals and mirrors: simple, fast evaluation of potentially visible sets".
"""

import math

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.geometry import room_at
from flare_core.simulators.embedded.jit import fast_part

Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR = np.float32(0.02)
STANDING_IN_M = 0.12  # nearer than this to a portal, all of it may be cut off by the near plane
SLACK_PX = np.float32(1.0)
ONE = np.float32(1.0)


@fast_part
def bounds(x: Singles, y: Singles, z: Singles, lens: Singles, width: int, height: int, out: Singles) -> bool:
    """Write the image rectangle (x0, y0, x1, y1) of a quadrilateral, cut at the near plane; False if all is behind it.

    Args:
        x, y, z: (4,) corners in the camera's frame (right, up, forward).
        lens: (4,) fx, fy, cx, cy in pixels.
    """
    x0, y0, x1, y1 = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
    if min(min(z[0], z[1]), min(z[2], z[3])) > NEAR:
        for i in range(4):
            w = ONE / z[i]
            px, py = x[i] * w, y[i] * w
            x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
    else:
        seen = False
        for i in range(4):
            j = (i + 1) & 3
            before = z[i] > NEAR
            if before:
                w = ONE / z[i]
                px, py = x[i] * w, y[i] * w
                x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
                seen = True
            if before != (z[j] > NEAR):
                t = (NEAR - z[i]) / (z[j] - z[i])
                w = ONE / NEAR
                px, py = (x[i] + t * (x[j] - x[i])) * w, (y[i] + t * (y[j] - y[i])) * w
                x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
                seen = True
        if not seen:
            return False
    out[0], out[2] = max(-ONE, lens[2] + lens[0] * x0), min(np.float32(width) + ONE, lens[2] + lens[0] * x1)
    out[1], out[3] = max(-ONE, lens[3] - lens[1] * y1), min(np.float32(height) + ONE, lens[3] - lens[1] * y0)
    return True


@fast_part
def _everything(shown: Singles, count: int, width: int, height: int) -> None:
    for room in range(count):
        shown[room, 0], shown[room, 1] = np.float32(0), np.float32(0)
        shown[room, 2], shown[room, 3] = np.float32(width), np.float32(height)


@fast_part
def _is_near(portal: Singles, eye: Singles) -> bool:
    """Whether the eye is within a step of the portal's upright rectangle, seen from above."""
    dx, dz = portal[4] - portal[2], portal[5] - portal[3]
    ex, ez = eye[0] - portal[2], eye[2] - portal[3]
    square = dx * dx + dz * dz
    share = min(max((ex * dx + ez * dz) / max(square, np.float32(1e-9)), np.float32(0)), ONE)
    return math.hypot(ex - share * dx, ez - share * dz) < STANDING_IN_M


@fast_part
def flood(
    portals: Singles,
    first: int,
    last: int,
    points: Floats,
    room_start: Ints,
    first_room: int,
    last_room: int,
    r: Singles,
    eye: Singles,
    lens: Singles,
    width: int,
    height: int,
    shown: Singles,
    stack: Singles,
) -> None:
    """Write the rectangle in which each room (and, last, the outside) may be seen; x0 > x1 where it cannot be.

    Args:
        r: (3, 3) from world to camera. eye: (3,).
        shown: (rooms + 1, 4) x0, y0, x1, y1, written.
        stack: (S, 5) scratch; if it is too short, everything counts as seen, which is slower but never wrong.
    """
    count = last_room - first_room + 1
    start = room_at(points, room_start, first_room, last_room, eye[0], eye[2])
    if start < 0:
        _everything(shown, count, width, height)
        return
    for room in range(count):
        shown[room, 0], shown[room, 1] = np.float32(1e9), np.float32(1e9)
        shown[room, 2], shown[room, 3] = np.float32(-1e9), np.float32(-1e9)
    x, y, z, box = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    stack[0, 0], stack[0, 1], stack[0, 2] = np.float32(start), np.float32(0), np.float32(0)
    stack[0, 3], stack[0, 4] = np.float32(width), np.float32(height)
    depth = 1
    while depth > 0:
        depth -= 1
        room = int(stack[depth, 0])
        a0, b0, a1, b1 = stack[depth, 1], stack[depth, 2], stack[depth, 3], stack[depth, 4]
        if a0 >= shown[room, 0] and b0 >= shown[room, 1] and a1 <= shown[room, 2] and b1 <= shown[room, 3]:
            continue
        shown[room, 0], shown[room, 1] = min(shown[room, 0], a0), min(shown[room, 1], b0)
        shown[room, 2], shown[room, 3] = max(shown[room, 2], a1), max(shown[room, 3], b1)
        for at in range(first, last):
            portal = portals[at]
            if int(portal[0]) == room:
                behind = int(portal[1])
            elif int(portal[1]) == room:
                behind = int(portal[0])
            else:
                continue
            if _is_near(portal, eye):
                box[0], box[1], box[2], box[3] = a0, b0, a1, b1
            else:
                for corner in range(4):
                    end = 0 if corner == 0 or corner == 3 else 2
                    px, pz = portal[2 + end] - eye[0], portal[3 + end] - eye[2]
                    py = portal[6 if corner < 2 else 7] - eye[1]
                    x[corner] = r[0, 0] * px + r[0, 1] * py + r[0, 2] * pz
                    y[corner] = r[1, 0] * px + r[1, 1] * py + r[1, 2] * pz
                    z[corner] = r[2, 0] * px + r[2, 1] * py + r[2, 2] * pz
                if not bounds(x, y, z, lens, width, height, box):
                    continue
                box[0], box[1] = max(a0, box[0] - SLACK_PX), max(b0, box[1] - SLACK_PX)
                box[2], box[3] = min(a1, box[2] + SLACK_PX), min(b1, box[3] + SLACK_PX)
            if box[0] < box[2] and box[1] < box[3]:
                if depth >= stack.shape[0]:
                    _everything(shown, count, width, height)
                    return
                stack[depth, 0] = np.float32(behind)
                stack[depth, 1], stack[depth, 2], stack[depth, 3], stack[depth, 4] = box[0], box[1], box[2], box[3]
                depth += 1
