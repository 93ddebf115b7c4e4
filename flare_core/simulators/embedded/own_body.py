"""The part of the robot that its own cameras see: the arm, as three boxes that follow lift, extension and wrist.

The base is not drawn: it is a footprint in the specs, and cameras look out over it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.houses.house import Colour
from flare_core.simulators.embedded.arm import PARTS, numbers_of, parts_of_rows
from flare_core.simulators.embedded.buffers import Own
from flare_core.simulators.embedded.scene import PLAIN, box_faces, lit

Floats = npt.NDArray[np.float64]

ARM_COLOURS: Final[tuple[Colour, Colour]] = ((0.34, 0.35, 0.37), (0.16, 0.16, 0.17))  # telescope, gripper


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
    parts = np.empty((batch, PARTS, 8))
    parts_of_rows(numbers_of(body.arm), np.concatenate([pose, joints], axis=1), parts)
    boxes = parts.reshape(-1, 8)
    part, side = np.repeat(np.arange(len(boxes)), 6), np.tile(np.arange(6), len(boxes))
    p, u, v = box_faces(boxes, part, side)
    normal, shade = lit(u, v)
    count = len(p) // batch
    look = np.zeros((count, 4), np.int32)
    look[:, 0] = first_material + np.array([0] * 6 + [1] * (count - 6))
    look[:, 1], look[:, 2] = PLAIN, ident
    split = (batch, count, 3)
    return Own(
        p=p.reshape(split).astype(np.float32),
        u=u.reshape(split).astype(np.float32),
        v=v.reshape(split).astype(np.float32),
        n=normal.reshape(split).astype(np.float32),
        shade=shade.reshape(batch, count).astype(np.float32),
        look=look,
    )
