"""An independent float64 ray caster: every pixel against every face of a house, no culling."""

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.pack import Faces, ScenePack

Floats = npt.NDArray[np.float64]


def cast(
    pack: ScenePack, house: int, eye: Floats, rotation: Floats, lens: Floats, height: int, width: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Planar depth (H, W), 0 for the sky, and the index of the face that is hit, -1 for the sky.

    Args:
        eye: (3,). rotation: (3, 3) rows right, up, forward. lens: (4,) fx, fy, cx, cy.
    """
    faces: Faces = pack.faces
    y, x = np.mgrid[0:height, 0:width]
    local = np.stack([(x + 0.5 - lens[2]) / lens[0], (lens[3] - y - 0.5) / lens[1], np.ones((height, width))], axis=-1).reshape(-1, 3)
    rays = local @ rotation
    nearest, winner = np.full(height * width, np.inf), np.full(height * width, -1)
    for face in range(faces.house_face[house], faces.house_face[house + 1]):
        p, u, v = (array[face].astype(np.float64) for array in (faces.p, faces.u, faces.v))
        p = p - eye
        n = np.cross(u, v)
        k = p @ n
        if k >= 0:
            continue
        facing = rays @ n
        with np.errstate(all="ignore"):
            z = k / facing
            s, t = rays @ np.cross(v, p) / facing, rays @ np.cross(p, u) / facing
        end = s + t <= 1 if faces.look[face, 3] else (s <= 1) & (t <= 1)
        hit = (facing < 0) & (s >= 0) & (t >= 0) & end & (z > 0) & (z < nearest)
        nearest[hit], winner[hit] = z[hit], face
    depth = np.where(winner >= 0, nearest, 0.0)
    return depth.reshape(height, width), winner.reshape(height, width)
