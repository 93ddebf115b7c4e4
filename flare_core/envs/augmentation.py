"""How a camera's pictures are changed in training: colour, crop and blur, each drawn once an episode.

What is drawn depends on the seed, the episode and the camera alone. All of it comes to one affine map of colour, one part of the
picture and one width of blur for each row, which `augmenting` carries out.

Legend: B rows.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.seeding import key_of, uniforms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BLUR_WIDTH: Final = 384
"""Pixels from left to right of a picture whose blur is as its spec says; of others it is in proportion. FLaRe's pictures are as wide."""
MAP, PLACE, SIGMA, WIDTH = slice(0, 12), slice(12, 15), 15, 16
"""Columns of what is drawn: (3, 4) map of red, green, blue and the picture's mean grey to colours; left and top edge of the part and its
side, as parts of the picture's; standard deviation of the blur as a part of the picture's width."""
_DRAWS: Final = 6  # pairs of numbers for each camera and episode
_LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_TO_YIQ: Final = np.array([_LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourChange:
    """Each amount is the most that its factor differs from 1; `hue` the most that hues turn, in turns of the colour circle."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CropChange:
    """`scale`: least and most share of the picture's area that is kept, of the same aspect, anywhere in it."""

    scale: tuple[float, float]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurChange:
    """`sigma`: least and most standard deviation in pixels of a picture BLUR_WIDTH wide."""

    sigma: tuple[float, float]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What is done to pictures; `share` of each part is the share of episodes that have it."""

    colour: ColourChange | None = None
    crop: CropChange | None = None
    blur: BlurChange | None = None


def draw(augmentation: Augmentation, key: int, camera: int, episodes: Ints) -> npt.NDArray[np.float32]:
    """(B, WIDTH) what these episodes do to the pictures of one camera.

    Args:
        key: from `seeding.key_of`.
        camera: its place among the body's.
        episodes: (B,) numbers.
    """
    count = len(episodes)
    lanes = np.tile(camera * _DRAWS + np.arange(_DRAWS), count)
    u = uniforms(key, np.repeat(episodes, _DRAWS), lanes).reshape(count, 2 * _DRAWS)
    out = np.zeros((count, WIDTH))
    out[:, MAP] = np.eye(3, 4).ravel()
    out[:, 14] = 1.0
    if (colour := augmentation.colour) is not None:
        has = u[:, 0] < colour.share
        out[has, MAP] = _colour_maps(colour, u[has, 1:5]).reshape(-1, 12)
    if (crop := augmentation.crop) is not None:
        side = np.where(u[:, 5] < crop.share, np.sqrt(_between(crop.scale, u[:, 6])), 1.0)
        out[:, 12], out[:, 13], out[:, 14] = u[:, 7] * (1 - side), u[:, 8] * (1 - side), side
    if (blur := augmentation.blur) is not None:
        out[:, SIGMA] = np.where(u[:, 9] < blur.share, _between(blur.sigma, u[:, 10]), 0.0) / BLUR_WIDTH
    return out.astype(np.float32)


def key(seed: int) -> int:
    """Key of all that is drawn for pictures in a run."""
    return key_of(seed, "augment")


def _between(limits: tuple[float, float], u: Floats) -> Floats:
    return limits[0] + (limits[1] - limits[0]) * u


def _colour_maps(colour: ColourChange, u: Floats) -> Floats:
    """(B, 3, 4) brightness, then contrast about the picture's mean grey, then saturation, then hue, each one linear; u (B, 4).

    The hue is turned in YIQ, where it is a rotation, as in colour television: grey stays grey.
    """
    amounts = np.array([colour.brightness, colour.contrast, colour.saturation])
    bright, contrast, saturation = (1 + amounts * (2 * u[:, :3] - 1)).clip(min=0.0).T
    angle = 2 * math.pi * colour.hue * (2 * u[:, 3] - 1)
    turn = np.zeros((len(u), 3, 3))
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 2, 1], turn[:, 1, 2] = np.sin(angle), -np.sin(angle)
    hue = np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ
    fade = saturation[:, None, None] * np.eye(3) + (1 - saturation)[:, None, None] * np.tile(_LUMA, (3, 1))
    maps = np.empty((len(u), 3, 4))
    maps[:, :, :3] = (bright * contrast)[:, None, None] * (hue @ fade)
    maps[:, :, 3] = (bright * (1 - contrast))[:, None]
    return maps
