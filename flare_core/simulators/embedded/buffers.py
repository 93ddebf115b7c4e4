"""What the rasteriser needs besides a house: its buffers, and the faces of the robot itself."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.pack import Faces

Singles = npt.NDArray[np.float32]
Smalls = npt.NDArray[np.int32]

RECORD: Final = 11  # A and B as (x, y, 1) each, then r, g, b, texture scale along u and v
PORTALS_DEEP: Final = 8


class Scratch(NamedTuple):
    """Buffers of each thread, sized by the largest house. T threads."""

    inverse: Singles  # (T, H, W) 1/z
    winner: Smalls  # (T, H, W) drawn face of each pixel, -1 none
    record: Singles  # (T, faces, RECORD)
    ident: Smalls  # (T, faces, 2) texture, instance id
    shown: Singles  # (T, rooms + 1, 4)
    stack: Singles  # (T, S, 5)
    part: Smalls  # (T, groups, 2)
    scissor: Singles  # (T, groups, 4)
    buffer: Singles  # (T, 2, W)


class Own(NamedTuple):
    """Faces of each row's own robot that its cameras can see. E faces."""

    p: Singles  # (B, E, 3)
    u: Singles
    v: Singles
    n: Singles
    shade: Singles  # (B, E)
    look: Smalls  # (E, 4)


def scratch_for(faces: Faces, own: Own, height: int, width: int, threads: int) -> Scratch:
    """Buffers that no house of the pack can overflow."""
    most = int(np.diff(faces.house_face).max()) + own.look.shape[0]
    rooms = int(np.diff(faces.house_room).max()) + 1
    groups = int(np.diff(faces.house_group).max()) + 1
    deep = PORTALS_DEEP * int(np.diff(faces.house_portal).max()) + 8
    return Scratch(
        inverse=np.zeros((threads, height, width), np.float32),
        winner=np.zeros((threads, height, width), np.int32),
        record=np.zeros((threads, most, RECORD), np.float32),
        ident=np.zeros((threads, most, 2), np.int32),
        shown=np.zeros((threads, rooms, 4), np.float32),
        stack=np.zeros((threads, deep, 5), np.float32),
        part=np.zeros((threads, groups, 2), np.int32),
        scissor=np.zeros((threads, groups, 4), np.float32),
        buffer=np.zeros((threads, 2, width), np.float32),
    )
