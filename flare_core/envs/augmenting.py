"""Changes pictures as `augmentation` has drawn it: crop, then blur, then colour.

Legend: B rows, H x W pixels. The three colours of a pixel lie side by side throughout: a line is 3 W numbers.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.envs.augmentation import WIDTH, Augmentation, draw, key
from flare_core.simulators.embedded.jit import fast_kernel, fast_part

Images = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]

_MOST_TAPS: Final = 12  # pixels to either side that a blur takes in
_REACH: Final = 2.5  # deviations after which it ends
ZERO: Final = np.float32(0.0)
LUMA: Final = (np.float32(0.299), np.float32(0.587), np.float32(0.114))  # ITU-R BT.601


class Augmenter:
    """Changes the pictures of one batch of rows; remembers what it drew for the episode that each row is in."""

    def __init__(self, augmentation: Augmentation, seed: int, cameras: Sequence[str], rows: int) -> None:
        """Args: cameras: the body's, in its order. rows: of the whole batch."""
        self.augmentation, self._key = augmentation, key(seed)
        self._cameras = {name: at for at, name in enumerate(cameras)}
        self._episode = np.full((len(cameras), rows), -1, dtype=np.int64)
        self._drawn = np.zeros((len(cameras), rows, WIDTH), dtype=np.float32)

    def change(self, camera: str, images: Images, episodes: Ints, rows: Ints | None = None) -> None:
        """Change one camera's pictures in place.

        Args:
            images: (B, H, W, 3) RGB.
            episodes: (B,) number of the episode that each of them is of.
            rows: (B,) their rows in the batch; all in order if not given.
        """
        at = self._cameras[camera]
        rows = np.arange(len(episodes)) if rows is None else rows
        stale = rows[self._episode[at, rows] != episodes]
        if len(stale):
            fresh = episodes[self._episode[at, rows] != episodes]
            self._drawn[at, stale] = draw(self.augmentation, self._key, at, fresh)
            self._episode[at, stale] = fresh
        change(images, self._drawn[at, rows])


def change(images: Images, drawn: Singles) -> None:
    """Change pictures in place.

    Args:
        images: (B, H, W, 3).
        drawn: (B, WIDTH) from `augmentation.draw`.
    """
    count, height, width = images.shape[:3]
    _change(images.reshape(count, height, 3 * width), drawn, np.empty((2, height, 3 * width), dtype=np.float32))


@fast_part
def _taps(sigma: float, out: Singles) -> int:
    """Weights of a blur from its middle outwards, zeros beyond; how far it reaches. sigma in pixels."""
    radius = min(out.size - 1, int(math.ceil(_REACH * sigma)))
    total = ZERO
    for k in range(out.size):
        out[k] = np.float32(math.exp(-0.5 * (k / sigma) ** 2)) if k <= radius else ZERO
        total += out[k] if k == 0 else out[k] + out[k]
    for k in range(out.size):
        out[k] /= total
    return radius


@fast_part
def _mean_grey(lines: Singles) -> np.float32:
    """Mean luma of a picture (H, 3 W)."""
    total = ZERO
    for y in range(lines.shape[0]):
        line, red, green, blue = lines[y], ZERO, ZERO, ZERO
        for x in range(lines.shape[1] // 3):
            red += line[3 * x]
            green += line[3 * x + 1]
            blue += line[3 * x + 2]
        total += LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    mean: np.float32 = total / np.float32(lines.size // 3)
    return mean


@fast_part
def _colour(lines: Singles, values: Singles, out: Images) -> None:
    """Map (H, 3 W) colours 0..255 and their mean grey by values[:12], (3, 4), and round them into out."""
    grey = _mean_grey(lines) if values[3] != ZERO else ZERO
    half = np.float32(0.5)
    a0, a1, a2, a3 = values[0], values[1], values[2], values[3] * grey + half
    b0, b1, b2, b3 = values[4], values[5], values[6], values[7] * grey + half
    c0, c1, c2, c3 = values[8], values[9], values[10], values[11] * grey + half
    low, high = np.float32(0.0), np.float32(255.0)
    for y in range(lines.shape[0]):
        line, target = lines[y], out[y]
        for x in range(lines.shape[1] // 3):
            red, green, blue = line[3 * x], line[3 * x + 1], line[3 * x + 2]
            target[3 * x] = np.uint8(np.int32(min(max(a0 * red + a1 * green + a2 * blue + a3, low), high)))
            target[3 * x + 1] = np.uint8(np.int32(min(max(b0 * red + b1 * green + b2 * blue + b3, low), high)))
            target[3 * x + 2] = np.uint8(np.int32(min(max(c0 * red + c1 * green + c2 * blue + c3, low), high)))


@fast_part
def _crop(image: Images, left: float, top: float, side: float, out: Singles) -> None:
    """A part of a picture stretched over all of it, every pixel between the four that it falls among."""
    height, width = image.shape[0], image.shape[1] // 3
    mixed, between, at = np.empty(3 * width, np.float32), np.empty(width, np.float32), np.empty(width, np.uint32)
    for x in range(width):
        place = min(max((x + 0.5) * side + left * width - 0.5, 0.0), width - 1.0)
        column = min(int(place), width - 2)
        at[x], between[x] = 3 * column, np.float32(place - column)
    for y in range(height):
        place = min(max((y + 0.5) * side + top * height - 0.5, 0.0), height - 1.0)
        row = min(int(place), height - 2)
        part = np.float32(place - row)
        upper, lower, target = image[row], image[row + 1], out[y]
        for i in range(3 * width):
            above = np.float32(upper[i])
            mixed[i] = above + part * (np.float32(lower[i]) - above)
        for x in range(width):
            first, share = at[x], between[x]
            for c in range(3):
                here = mixed[first + np.uint32(c)]
                target[3 * x + c] = here + share * (mixed[first + np.uint32(c + 3)] - here)


@fast_part
def _blur(lines: Singles, taps: Singles, radius: int, scratch: Singles) -> None:
    """Blur (H, 3 W) in place along lines and columns; beyond the edge is more of the edge."""
    height, length = lines.shape
    reach = 3 * max(radius, 2)
    wide = np.empty(length + 2 * reach, np.float32)
    t0, t1, t2 = taps[0], taps[1], taps[2]  # most blurs reach no further than two pixels: one pass over a line
    for y in range(height):
        line, out = lines[y], scratch[y]
        for i in range(reach):
            wide[i], wide[reach + length + i] = line[i % 3], line[length - 3 + i % 3]
        middle = wide[reach : reach + length]
        for i in range(length):
            middle[i] = line[i]
        b2, b1, a1, a2 = wide[reach - 6 :], wide[reach - 3 :], wide[reach + 3 :], wide[reach + 6 :]
        for i in range(length):
            out[i] = t0 * middle[i] + t1 * (b1[i] + a1[i]) + t2 * (b2[i] + a2[i])
        for k in range(3, radius + 1):
            weight, before, after = taps[k], wide[reach - 3 * k :], wide[reach + 3 * k :]
            for i in range(length):
                out[i] += weight * (before[i] + after[i])
    for y in range(height):
        out, middle = lines[y], scratch[y]
        b1, b2 = scratch[max(y - 1, 0)], scratch[max(y - 2, 0)]
        a1, a2 = scratch[min(y + 1, height - 1)], scratch[min(y + 2, height - 1)]
        for i in range(length):
            out[i] = t0 * middle[i] + t1 * (b1[i] + a1[i]) + t2 * (b2[i] + a2[i])
        for k in range(3, radius + 1):
            weight, before, after = taps[k], scratch[max(y - k, 0)], scratch[min(y + k, height - 1)]
            for i in range(length):
                out[i] += weight * (before[i] + after[i])


@fast_kernel
def _change(images: Images, drawn: Singles, scratch: Singles) -> None:
    """Change pictures (B, H, 3 W) in place; scratch (2, H, 3 W)."""
    height, length = images.shape[1:]
    one, two, taps = scratch[0], scratch[1], np.empty(_MOST_TAPS + 1, np.float32)
    for b in range(images.shape[0]):
        image, values = images[b], drawn[b]
        sigma, side = values[15] * np.float32(length // 3), values[14]
        alters = sigma > ZERO or side < np.float32(1.0)
        for i in range(12):
            alters |= values[i] != np.float32(1.0 if i % 5 == 0 else 0.0)
        if not alters:
            continue  # the picture stays, to the bit
        if side < np.float32(1.0):
            _crop(image, values[12], values[13], side, one)
        else:
            for y in range(height):
                for i in range(length):
                    one[y, i] = np.float32(image[y, i])
        if sigma > ZERO:
            _blur(one, taps, _taps(sigma, taps), two)
        _colour(one, values, image)
