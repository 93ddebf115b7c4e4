"""Draws what cameras see: the scratch that the rasteriser needs, kept by image size."""

import numpy as np
import numpy.typing as npt

from flare_core.errors import SimError
from flare_core.simulators.embedded.buffers import Own, Scratch, scratch_for
from flare_core.simulators.embedded.cameras import Eyes
from flare_core.simulators.embedded.pack import Faces
from flare_core.simulators.embedded.palettes import SKY
from flare_core.simulators.embedded.raster import draw_batch, draw_batch_threads
from flare_core.simulators.embedded.textures import textures
from flare_core.world import Images, Ints


class Renderer:
    """Draws the houses of one pack."""

    def __init__(self, faces: Faces, threads: int) -> None:
        """Take the pack's faces; the images do not depend on the number of threads."""
        self._faces, self._threads = faces, threads
        self._textures = textures()
        self._sky = (np.array(SKY) * 255).astype(np.uint8)
        self._scratch: dict[tuple[int, int], Scratch] = {}

    def draw(
        self, houses: Ints, moved: Faces, own_houses: Ints, eyes: Eyes, palette: npt.NDArray[np.float32], own: Own, width: int,
        height: int, full: bool,
    ) -> tuple[Images, npt.NDArray[np.float32], npt.NDArray[np.int32]]:  # fmt: skip
        """One image for each of R eyes.

        Args:
            houses: (R,) house of each.
            moved, own_houses: faces of houses in which things have moved, and (R,) which of them, -1 for the pack's own.
            palette: (R, M, 3). own: faces of each row's own arm.
            full: depth and instance ids too.

        Returns:
            RGB (R, H, W, 3), planar depth in metres (R, H, W; 0 for the sky) and instance ids (R, H, W; see `scene`).
            The last two are (R, 1, 1) and mean nothing where they were not asked for.

        Raises:
            SimError: an image without pixels.
        """
        if width < 1 or height < 1:
            raise SimError(f"images: {width} x {height} pixels; both sides must be at least 1")
        scratch = self._scratch.get((width, height))
        if scratch is None:
            scratch = scratch_for(self._faces, own, height, width, self._threads)
            self._scratch[width, height] = scratch
        count = len(houses)
        rgb = np.empty((count, height, width, 3), dtype=np.uint8)
        extra = (count, height, width) if full else (count, 1, 1)
        depth, ids = np.empty(extra, dtype=np.float32), np.empty(extra, dtype=np.int32)
        draw = draw_batch if self._threads == 1 else draw_batch_threads
        draw(
            self._faces, houses, moved, own_houses, eyes.rotation.astype(np.float32), eyes.position.astype(np.float32),
            eyes.lens.astype(np.float32), palette, own, self._textures, self._sky, scratch, rgb, depth, ids, full,
        )  # fmt: skip
        return rgb, depth, ids
