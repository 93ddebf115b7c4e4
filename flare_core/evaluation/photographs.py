"""A photograph that the robot's camera took, with the lines that the description says must be there."""

import math
import struct
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from flare_core.embodiments.body import Camera, Embodiment
from flare_core.errors import PictureError
from flare_core.evaluation.floor_lines import DISTANCES_M, TICK_M, WAYS, draw_floor_lines, row_lines, way
from flare_core.evaluation.lettering import wrapped
from flare_core.evaluation.pictures import INK

SAME_ASPECT: Final = 0.01
"""Greatest relative difference of two proportions that count as one, as for the pictures that a policy acts on."""
MOST_PIXELS: Final = 80_000_000
WIDTH_IN, DPI = 6.0, 170
CAPTION_PT: Final = 10.5
_NO_COLOUR: Final = ("F", "I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of depth pictures and the like


def read_photograph(path: Path, camera: Camera) -> npt.NDArray[np.uint8]:
    """A photograph as (H, W, 3) RGB, turned as its EXIF says and at most as large as it is drawn.

    Raises:
        PictureError: it is damaged, no picture, far too large, a depth picture, or not of the camera's proportions. A cut picture
            is refused: whoever cut it moved horizon and lines, and a right description would look wrong.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.mode in _NO_COLOUR:
                    raise PictureError(f"{path}: is of mode {image.mode}, as depth pictures are. Give a colour picture of the same camera")
                if image.width * image.height > MOST_PIXELS:
                    raise PictureError(_too_large(path, f"{image.width} x {image.height} pixels"))
                turned = ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(_too_large(path, "far too many pixels")) from None
    except FileNotFoundError:
        raise PictureError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise PictureError(f"{path}: is a folder. Name one picture in it") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as fault:
        said = "its kind is unknown" if "cannot identify" in str(fault) else str(fault)
        raise PictureError(f"{path}: cannot be read as a picture ({said}). Give a JPEG or PNG file") from None
    _check_proportions(path, turned.width, turned.height, camera)
    turned.thumbnail((2 * WIDTH_IN * DPI, 2 * WIDTH_IN * DPI))
    return np.array(turned, dtype=np.uint8)


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size}; at most {MOST_PIXELS:,} are taken. Make it smaller without cutting it"


def _check_proportions(path: Path, width: int, height: int, camera: Camera) -> None:
    ratio, wanted = width / height, camera.width_px / camera.height_px
    if abs(ratio / wanted - 1.0) <= SAME_ASPECT:
        return
    sizes = f"is {width} x {height} pixels, {ratio:.3f} to 1; '{camera.name}' has {camera.width_px} x {camera.height_px}, {wanted:.3f} to 1"
    if abs(1.0 / ratio / wanted - 1.0) <= SAME_ASPECT:
        mend = "Turn the picture, or swap the width and height of the description if the camera is mounted on its side"
    else:
        mend = "Give a picture that is not cut, of the mode that the field of view is of, or describe that mode's size and field of view"
    raise PictureError(f"{path}: {sizes}. {mend}")


def what_to_compare(camera: Camera) -> str:
    """The one sentence that says how the lines are used."""
    places = ", ".join(f"{distance:g}" for distance in DISTANCES_M[:-1]) + f" and {DISTANCES_M[-1]:g}"
    return (
        f"Compare: tape laid across the floor {places} m {WAYS[way(camera)]} of the axis of rotation (not of the lens) has to lie under "
        f"the lines, and a mark {camera.up_m:.2f} m up a wall, as high as the lens, on the horizon."
    )


def what_is_wrong() -> str:
    """What a deviation means, in the order to mend it: a wrong field of view moves a pitched camera's horizon and lines too."""
    return (
        f"Mend in this order. 1. Ticks, {TICK_M:g} m to each side, too far apart or too close together: field of view. "
        "2. Then the horizon too high or too low: pitch. 3. Then the lines: height. Centre line aslant or aside: yaw, or mount."
    )


def draw_photograph(body: Embodiment, camera: Camera, photograph: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a PNG of the photograph (H, W, 3) with the camera's horizon and floor lines, and how to read them."""
    said = f"{body.name}, {camera.name}: {camera.up_m:.2f} m up, {_pitch(camera)}, {_angles(camera)}, joints at home"
    absent = [line for line in row_lines(camera) if "not in the picture" in line]
    text = [part for one in (said, what_to_compare(camera), what_is_wrong(), *absent) for part in wrapped(one, 0.96 * WIDTH_IN, CAPTION_PT)]
    picture_in, text_in = WIDTH_IN * camera.height_px / camera.width_px, 0.2 * len(text) + 0.25
    with style.context("default"):
        figure = Figure(figsize=(WIDTH_IN, picture_in + text_in), facecolor="white")
        whole = picture_in + text_in
        axis = figure.add_axes((0.0, text_in / whole, 1.0, picture_in / whole))
        axis.imshow(photograph, extent=(0, camera.width_px, camera.height_px, 0), aspect="auto", interpolation="antialiased")
        draw_floor_lines(axis, camera, size=11.0)
        axis.set_axis_off()
        figure.text(0.02, (text_in - 0.1) / whole, "\n".join(text), fontsize=CAPTION_PT, color=INK, va="top", linespacing=1.35)
        written = path.with_name(f".{path.name}.part")
        figure.savefig(written, dpi=DPI, format="png", facecolor="white", metadata={"Software": None})
    written.replace(path)


def _pitch(camera: Camera) -> str:
    degrees = round(math.degrees(camera.pitch), 2)
    return "level" if degrees == 0 else f"{abs(degrees):g}° {'down' if degrees > 0 else 'up'}"


def _angles(camera: Camera) -> str:
    return f"{math.degrees(camera.horizontal_fov):.0f}° x {math.degrees(camera.vertical_fov):.0f}°"
