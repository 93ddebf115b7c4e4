"""Camera pictures: what they have to be, and how they are made as small as the policy needs them.

A picture is uint8 (H, W, 3), RGB, row 0 at the top, of the camera that the embodiment describes: rectified, so that the pinhole
intrinsics of the embodiment hold. It has the camera's own size, or any other of the same proportions.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from flare_core.errors import ActingError

Picture = npt.NDArray[np.uint8]
SAME_ASPECT: Final = 0.01
"""Greatest relative difference of two proportions that count as one: sizes are rounded to whole pixels."""
MOST_PX: Final = 8192  # of a picture's side


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraNeed:
    """A camera that the policy looks through.

    Attributes:
        width_px, height_px: of the camera's own picture, as in the embodiment.
        used_width_px, used_height_px: size that the picture is resampled to before the policy's views are made from it.
    """

    name: str
    width_px: int
    height_px: int
    used_width_px: int
    used_height_px: int

    def to_json(self) -> dict[str, int]:
        """Every size by its name."""
        return {name: getattr(self, name) for name in ("width_px", "height_px", "used_width_px", "used_height_px")}


def pictures_for(needs: Mapping[str, CameraNeed], cameras: tuple[str, ...], images: Mapping[str, Any], robot: str) -> dict[str, Picture]:
    """Pictures of the size that the policy uses.

    A picture that has that size already is not touched. One that is larger each way is averaged over areas, so that nothing
    which the camera sees is skipped; else it is interpolated (bilinear). Both by Pillow.

    Args:
        needs: the cameras that the policy looks through.
        cameras: every camera of the robot; pictures of the others are left out.
        images: uint8 (H, W, 3) by camera.

    Returns:
        uint8 (used_height_px, used_width_px, 3) of every camera in `needs`.

    Raises:
        ActingError: a picture is missing, of a camera that the robot lacks, or not what it has to be.
    """
    if not isinstance(images, Mapping):
        raise ActingError(
            f"images: must be a mapping from cameras to pictures, not {type(images).__name__}. {robot} needs {_listed(needs)}"
        )
    odd = [name for name in images if name not in cameras]
    if odd:
        near = difflib.get_close_matches(str(odd[0]), cameras, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ActingError(f"images: {robot} has no camera '{str(odd[0])[:80]}'. The policy needs {_listed(needs)}.{hint}")
    missing = [need for name, need in needs.items() if name not in images]
    if missing:
        raise ActingError(f"images: the picture of camera '{missing[0].name}' is missing. {robot} needs {_listed(needs)}")
    for need in needs.values():
        _check(need, images[need.name])
    return {name: _resampled(images[name], need.used_width_px, need.used_height_px) for name, need in needs.items()}


def _check(need: CameraNeed, image: object) -> None:
    wanted = f"expected is uint8 ({need.height_px}, {need.width_px}, 3), RGB, or the same picture in another size"
    if not isinstance(image, np.ndarray):
        raise ActingError(f"images: {need.name}: is {type(image).__name__}, not a numpy array; {wanted}")
    if image.dtype != np.uint8:
        raise ActingError(f"images: {need.name}: has dtype {image.dtype}; {wanted}")
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape) < 1 or max(image.shape) > MOST_PX:
        raise ActingError(f"images: {need.name}: has shape {image.shape}; {wanted}")
    height, width = image.shape[:2]
    is_ready = (width, height) == (need.used_width_px, need.used_height_px)
    if not is_ready and abs(width * need.height_px / (height * need.width_px) - 1.0) > SAME_ASPECT:
        ratio = f"{width / height:.3f} to 1 instead of {need.width_px / need.height_px:.3f} to 1"
        raise ActingError(
            f"images: {need.name}: is {width}x{height}, {ratio}, so it is not of the camera that the embodiment describes; {wanted}. "
            "Crop it to that camera's field of view, or describe the camera as it is"
        )


def _resampled(image: Picture, width: int, height: int) -> Picture:
    if image.shape[:2] == (height, width):
        return np.require(image, requirements=("C", "W"))  # as torch wants it: a mirrored or read-only picture is copied
    smaller = width <= image.shape[1] and height <= image.shape[0]
    how = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.array(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), how), dtype=np.uint8)


def _listed(needs: Mapping[str, CameraNeed]) -> str:
    return ", ".join(f"'{need.name}' ({need.width_px}x{need.height_px})" for need in needs.values()) or "no picture"
