"""Colours: of an asset from its id, of a house's surfaces, and the random ones of an episode in training.

The palettes of categories overlap on purpose, so that no colour names a category. Colours are r, g, b in 0..1.
"""

import colorsys
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.houses.house import Colour

WOOD: Final = ((0.55, 0.38, 0.22), (0.40, 0.26, 0.15), (0.72, 0.56, 0.38), (0.85, 0.77, 0.64), (0.30, 0.22, 0.18))
PAINT: Final = ((0.90, 0.89, 0.85), (0.55, 0.58, 0.62), (0.20, 0.21, 0.23), (0.36, 0.46, 0.55), (0.62, 0.34, 0.28))
CLOTH: Final = ((0.62, 0.60, 0.56), (0.28, 0.34, 0.46), (0.52, 0.30, 0.28), (0.36, 0.44, 0.34), (0.80, 0.74, 0.62), (0.30, 0.28, 0.28))
METAL: Final = ((0.70, 0.71, 0.72), (0.48, 0.49, 0.51), (0.25, 0.26, 0.28), (0.66, 0.55, 0.34))
CERAMIC: Final = ((0.92, 0.91, 0.88), (0.36, 0.48, 0.60), (0.70, 0.42, 0.30), (0.45, 0.55, 0.42), (0.24, 0.25, 0.30), (0.82, 0.70, 0.40))
FOOD: Final = ((0.72, 0.22, 0.16), (0.52, 0.62, 0.22), (0.80, 0.62, 0.26), (0.62, 0.42, 0.24))
PLASTIC: Final = ((0.86, 0.86, 0.86), (0.22, 0.22, 0.24), (0.70, 0.26, 0.22), (0.26, 0.42, 0.62), (0.40, 0.58, 0.40), (0.85, 0.62, 0.24))
LEAF: Final = ((0.24, 0.42, 0.20), (0.36, 0.52, 0.26), (0.46, 0.50, 0.30), (0.20, 0.34, 0.24))
DARK: Final = ((0.07, 0.07, 0.08), (0.10, 0.11, 0.13), (0.13, 0.12, 0.12))
WHITE: Final = ((0.93, 0.93, 0.92), (0.88, 0.87, 0.83), (0.84, 0.87, 0.90))
CARDBOARD: Final = ((0.70, 0.55, 0.36), (0.62, 0.48, 0.32), (0.80, 0.68, 0.50))
BALL: Final = ((0.76, 0.42, 0.20), (0.62, 0.32, 0.18), (0.50, 0.30, 0.24))
FLOOR: Final = ((0.62, 0.50, 0.36), (0.48, 0.36, 0.26), (0.72, 0.68, 0.62), (0.55, 0.55, 0.54), (0.78, 0.72, 0.62), (0.42, 0.42, 0.44))
WALL: Final = ((0.86, 0.84, 0.78), (0.78, 0.82, 0.84), (0.82, 0.78, 0.70), (0.72, 0.78, 0.70), (0.88, 0.80, 0.76), (0.74, 0.72, 0.70))

PALETTES: Final[Mapping[str, tuple[Colour, ...]]] = MappingProxyType(
    {
        "wood": WOOD, "paint": PAINT, "cloth": CLOTH, "metal": METAL, "ceramic": CERAMIC, "food": FOOD, "plastic": PLASTIC,
        "leaf": LEAF, "dark": DARK, "white": WHITE, "cardboard": CARDBOARD, "ball": BALL, "floor": FLOOR, "wall": WALL,
        "furniture": WOOD + PAINT, "soft": CLOTH + PAINT, "case": PLASTIC + METAL,
    }
)  # fmt: skip
DIMMEST, BRIGHTEST = 0.5, 1.3  # of the light, against the light that houses have
WARMEST: Final = (1.12, 1.0, 0.75)  # red, green, blue of a lamp to a camera that is set for daylight, green as it is,
COOLEST: Final = (0.90, 1.0, 1.15)  # and of an overcast sky
SKY: Final[Colour] = (0.60, 0.78, 0.94)
CEILING: Final[Colour] = (0.94, 0.93, 0.91)
EXTERIOR: Final[Colour] = (0.66, 0.60, 0.54)


@lru_cache(maxsize=65536)
def colour_of(name: str, palette: str, slot: int = 0) -> Colour:
    """The colour that an asset or a surface always has, wherever it stands.

    Args:
        name: asset id or material name; its hash chooses within the palette and shifts hue and brightness a little.
        palette: a name in `PALETTES`.
        slot: tells apart the parts of one asset.
    """
    digest = hashlib.blake2b(f"{name}/{slot}".encode(), digest_size=8).digest()
    choices = PALETTES[palette]
    hue, saturation, value = colorsys.rgb_to_hsv(*choices[digest[0] % len(choices)])
    hue += (digest[1] / 255 - 0.5) * 0.06
    saturation = min(1.0, saturation * (0.8 + 0.4 * digest[2] / 255))
    value = min(0.97, max(0.05, value * (0.82 + 0.36 * digest[3] / 255)))
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def randomised(roles: npt.NDArray[np.int8], generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Colours of one episode with random materials.

    Args:
        roles: (M,) 0 object, 1 wall or floor, 2 ceiling, 3 dark part, from the scene.
        generator: from `seeding.stream`, keyed by the episode.

    Returns:
        (M, 3). Objects take any hue; ceilings stay light and dark parts (screens) dark, as in any real house.
    """
    count = len(roles)
    draws = generator.random((count, 3))
    low = np.array([0.15, 0.35, 0.80, 0.03])[roles]
    high = np.array([0.97, 0.97, 1.00, 0.22])[roles]
    strongest = np.array([0.85, 0.55, 0.08, 0.40])[roles]
    saturation = strongest * draws[:, 1] ** 1.5
    value = low + (high - low) * draws[:, 2]
    angle = (draws[:, :1] * 6 + np.array([5.0, 3.0, 1.0])) % 6  # the usual closed form of HSV to RGB
    ramp = np.clip(np.minimum(angle, 4 - angle), 0, 1)
    colours: npt.NDArray[np.float32] = (value[:, None] * (1 - saturation[:, None] * ramp)).astype(np.float32)
    return colours


def light(generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """(3,) by what the light of one episode multiplies every colour: its brightness, evenly in ratio, and its warmth.

    Args:
        generator: from `seeding.stream`, keyed by the episode.
    """
    bright, warmth = generator.random(2)
    brightness = DIMMEST * (BRIGHTEST / DIMMEST) ** bright
    tint = np.array(COOLEST) * (1 - warmth) + np.array(WARMEST) * warmth
    gain: npt.NDArray[np.float32] = (brightness * tint).astype(np.float32)
    return gain
