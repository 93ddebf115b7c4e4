"""Make the images that a policy expects out of the images of another body's cameras, by a fixed map from pixel to pixel.

A view never shows more than the target's camera sees: a pixel that it does not cover gets the view's fill colour. The
maps hold for joints at home; a camera that pans or tilts moves its whole view along.

Legend: B rows, h x w pixels of a view, H x W pixels of a rendered image.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from numba import njit

from flare_core.adapters.plan import ViewEntry, ViewPlan
from flare_core.embodiments.body import Camera, Embodiment

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

_FINEST = 4
"""A wide camera is rendered at most this many times larger than the view, each way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gather:
    """Where the pixels of one view come from.

    Attributes:
        index: (h * w,) pixel of the rendered image (row * W + column), -1 where it shows nothing.
        whole: the view is the rendered image itself.
    """

    camera: str
    height: int
    width: int
    index: npt.NDArray[np.int32]
    fill: npt.NDArray[np.uint8]
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMap:
    """A view plan made ready for images.

    Attributes:
        renders: width and height that each camera has to be rendered at.
        present: for each view of the policy whether a camera feeds it.
        covered: share of each view's pixels that show something; 0 for an absent one.
    """

    renders: Mapping[str, tuple[int, int]]
    present: Mapping[str, bool]
    covered: Mapping[str, float]
    gathers: Mapping[str, _Gather]

    def apply(self, images: Mapping[str, Images]) -> dict[str, Images]:
        """Views out of rendered images.

        Args:
            images: (B, H, W, 3) of every camera in `renders`, of the size given there.

        Returns:
            (B, h, w, 3) of every view that is present. A view that takes its camera's whole image is that array, not a copy.
        """
        return {view: _gathered(gather, images[gather.camera]) for view, gather in self.gathers.items()}


def make_view_map(plan: ViewPlan, source: Embodiment, target: Embodiment, fill: Mapping[str, Colour]) -> ViewMap:
    """Prepare a view plan for use.

    Args:
        plan: between the two bodies; it knows the size of every view.
        source: the body that the policy was trained on.
        target: the body whose cameras feed it.
        fill: mean colour of the training images by view.
    """
    fed = [entry for entry in plan.entries if entry.camera is not None]
    renders: dict[str, tuple[int, int]] = {}
    for entry in fed:
        camera = target.camera(str(entry.camera))
        width, height = _render_size(entry, _source_camera(source, entry), camera)
        old = renders.get(camera.name, (0, 0))
        renders[camera.name] = (max(width, old[0]), max(height, old[1]))  # two views may share one camera
    gathers = {entry.view: _gather(entry, source, target, renders[str(entry.camera)], fill[entry.view]) for entry in fed}
    covered = {view: float((gather.index >= 0).mean()) for view, gather in gathers.items()}
    return ViewMap(
        renders=MappingProxyType(renders),
        present=MappingProxyType({entry.view: entry.camera is not None for entry in plan.entries}),
        covered=MappingProxyType({entry.view: covered.get(entry.view, 0.0) for entry in plan.entries}),
        gathers=MappingProxyType(gathers),
    )


def rays(camera: Camera, columns: Floats, rows: Floats) -> Floats:
    """Directions in the robot's frame that points of an image look along, joints at home.

    Args:
        columns, rows: (...) in pixels of the camera's own image, from its top left corner; the first pixel's centre is 0.5.

    Returns:
        (..., 3) x right, y up, z forward; not normalised, 1 along the optical axis.
    """
    right, up = (columns - camera.cx) / camera.fx, -(rows - camera.cy) / camera.fy
    sin, cos = math.sin(camera.pitch), math.cos(camera.pitch)
    y, z = up * cos - sin, up * sin + cos  # pitched about x, positive down
    sin, cos = math.sin(camera.yaw), math.cos(camera.yaw)
    return np.stack([right * cos + z * sin, y, z * cos - right * sin], axis=-1)  # turned about y, clockwise from above


def points(camera: Camera, directions: Floats) -> tuple[Floats, Floats]:
    """Columns and rows that directions in the robot's frame fall on, the inverse of `rays`; NaN behind the camera."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    sin, cos = math.sin(camera.yaw), math.cos(camera.yaw)
    right, level = x * cos - z * sin, x * sin + z * cos
    sin, cos = math.sin(camera.pitch), math.cos(camera.pitch)
    up, ahead = y * cos + level * sin, level * cos - y * sin
    ahead = np.where(ahead > 1e-9, ahead, np.nan)
    return camera.cx + camera.fx * right / ahead, camera.cy - camera.fy * up / ahead


def coverage(trained: Camera, camera: Camera, width: int, height: int) -> float:
    """Share of a view of this size, taken by `trained`, whose directions `camera` sees too."""
    across, down = _onto(camera, trained, *_centres(width, height))
    return float(((across >= 0.0) & (across < 1.0) & (down >= 0.0) & (down < 1.0)).mean())


def _centres(width: int, height: int) -> tuple[Floats, Floats]:
    """Centres of pixels as parts of the width and height, (h, w) each."""
    across, down = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return across, down


def _onto(camera: Camera, trained: Camera, across: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Where in one camera's image the directions of another's fall, as parts of the width and height."""
    columns, rows = points(camera, rays(trained, across * trained.width_px, down * trained.height_px))
    return columns / camera.width_px, rows / camera.height_px


def _source_camera(source: Embodiment, entry: ViewEntry) -> Camera | None:
    return source.camera(entry.source_camera) if entry.source_camera is not None else None


def _render_size(entry: ViewEntry, trained: Camera | None, camera: Camera) -> tuple[int, int]:
    """Width and height at which one pixel of the rendered image is about one pixel of the view."""
    if entry.fit == "reproject":
        assert trained is not None  # the plan refuses it
        wide = camera.width_px * (trained.fx * entry.width / trained.width_px) / camera.fx
        high = camera.height_px * (trained.fy * entry.height / trained.height_px) / camera.fy
        return min(max(round(wide), 8), _FINEST * entry.width), min(max(round(high), 8), _FINEST * entry.height)
    if entry.fit == "crop":
        aspect = camera.width_px / camera.height_px
        if aspect * entry.height >= entry.width:
            return max(round(aspect * entry.height), entry.width), entry.height
        return entry.width, max(round(entry.width / aspect), entry.height)
    return entry.width, entry.height


def _gather(entry: ViewEntry, source: Embodiment, target: Embodiment, render: tuple[int, int], fill: Colour) -> _Gather:
    across, down = _centres(entry.width, entry.height)
    camera = target.camera(str(entry.camera))
    if entry.fit == "reproject":
        trained = _source_camera(source, entry)
        assert trained is not None  # the plan refuses it
        across, down = _onto(camera, trained, across, down)
    elif entry.fit == "crop":
        aspect = (camera.width_px / camera.height_px) / (entry.width / entry.height)
        across = 0.5 + (across - 0.5) / max(aspect, 1.0)
        down = 0.5 + (down - 0.5) * min(aspect, 1.0)
    inside = (across >= 0.0) & (across < 1.0) & (down >= 0.0) & (down < 1.0)  # (h, w), False for NaN
    column = np.where(inside, across, 0.0) * render[0]
    row = np.where(inside, down, 0.0) * render[1]
    index = np.where(inside, row.astype(np.int32) * render[0] + column.astype(np.int32), -1).astype(np.int32).ravel()
    whole = render == (entry.width, entry.height) and bool(np.array_equal(index, np.arange(index.size)))
    return _Gather(
        camera=camera.name, height=entry.height, width=entry.width, index=index, fill=np.array(fill, dtype=np.uint8), whole=whole
    )


def _gathered(gather: _Gather, images: Images) -> Images:
    if gather.whole:
        return images
    out = np.empty((len(images), gather.height, gather.width, 3), dtype=np.uint8)
    _copy_pixels(images.reshape(len(images), -1), gather.index, gather.fill, out.reshape(len(images), -1))
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _copy_pixels(images: Images, index: npt.NDArray[np.int32], fill: npt.NDArray[np.uint8], out: Images) -> None:
    """out[b, i] = images[b, index[i]] pixel by pixel, or fill; images (B, H * W * 3), out (B, h * w * 3)."""
    red, green, blue = fill[0], fill[1], fill[2]
    for row in range(out.shape[0]):
        source, target = images[row], out[row]
        for at in range(index.size):
            start = index[at] * 3
            if start < 0:
                target[3 * at], target[3 * at + 1], target[3 * at + 2] = red, green, blue
            else:
                target[3 * at], target[3 * at + 1], target[3 * at + 2] = source[start], source[start + 1], source[start + 2]
