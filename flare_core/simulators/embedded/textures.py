"""The few surface patterns that faces carry: brightness tables of 1 m x 1 m that repeat."""

from functools import cache

import numpy as np
import numpy.typing as npt

from flare_core.seeding import stream

PLAIN, TILE, PLANK, BRICK, GRAIN, STRIPE = range(6)
SIDE = 64  # a power of two: the rasteriser wraps with a mask


@cache
def textures() -> npt.NDArray[np.float32]:
    """(6, SIDE, SIDE) factors around 1; the first index is the v direction of a face. One array for all who ask."""
    random = stream(0, "textures")
    out = np.ones((6, SIDE, SIDE))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    half, eighth = SIDE // 2, SIDE // 8
    out[TILE] = np.where((x % half < 2) | (y % half < 2), 0.72, np.where((x // half + y // half) % 2, 0.94, 1.03))
    boards = 0.86 + 0.22 * random.random(8)
    out[PLANK] = boards[y // eighth] + 0.03 * np.sin(x * 0.8) - 0.25 * (y % eighth == 0)
    rows = y // (SIDE // 4)
    joint = (y % (SIDE // 4) < 2) | ((x + rows % 2 * (SIDE // 4)) % half < 2)
    out[BRICK] = np.where(joint, 0.74, 1.0 + 0.04 * random.standard_normal((SIDE, SIDE)))
    out[GRAIN] = 1 + 0.03 * random.standard_normal((SIDE // 4, SIDE // 4)).repeat(4, 0).repeat(4, 1)
    out[STRIPE] = np.where(x // eighth % 2, 0.93, 1.02)
    return out.clip(0.4, 1.1).astype(np.float32)
