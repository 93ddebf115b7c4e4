"""Text and colours on a Pillow image, with the fonts that matplotlib brings along, so that none of the system is needed."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import matplotlib
from PIL import Image, ImageColor, ImageDraw, ImageFont

from flare_core.evaluation.pictures import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the frame."""
PAPER, PANEL, SOFT, GREY = "#FFFFFF", "#F1F1EF", "#595959", "#8A8A8A"
STAR: Final = "#F0C808"
CAMERAS: Final = (ORANGE, GREEN, PURPLE, SKY)
"""Colours of the cameras, in the body's order; with more than four they come round again."""
PATH, CONTACT, GOOD, BAD = BLUE, RED, GREEN, RED


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of a size in pixels."""
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), size)


@lru_cache(maxsize=4096)
def _letters(text: str, size: int, bold: bool) -> Image.Image:
    """The text as a mask, one line of it high: drawn once, since most words come again in every frame."""
    face = font(size, bold)
    ascent, descent = face.getmetrics()
    mask = Image.new("L", (max(1, int(face.getlength(text)) + 2), ascent + descent))
    ImageDraw.Draw(mask).text((0, ascent), text, fill=255, font=face, anchor="ls")
    return mask


class Ink:
    """Draws on one image."""

    def __init__(self, image: Image.Image) -> None:
        self.image, self.draw = image, ImageDraw.Draw(image)

    def text(
        self, at: tuple[int, int], text: str, size: int, colour: str = INK, *, bold: bool = False, right: bool = False, centre: bool = False
    ) -> int:
        """One line whose left (or right, or centre) top is at a point; its width in pixels."""
        if not text:
            return 0
        mask = _letters(text, size, bold)
        left = at[0] - (mask.width if right else mask.width // 2 if centre else 0)
        self.image.paste(ImageColor.getrgb(colour), (left, at[1]), mask)
        return mask.width

    def box(self, box: Box, fill: str | None = None, outline: str | None = None, width: int = 1) -> None:
        """A rectangle; its right and bottom edge are not part of it."""
        self.draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=fill, outline=outline, width=width)


@lru_cache(maxsize=256)
def fitted(text: str, width: int, sizes: tuple[int, ...], *, bold: bool = False) -> tuple[int, tuple[str, ...]]:
    """The largest of some sizes at which a text fits into one line, and the line; else the smallest, broken into lines between words."""
    for size in sizes:
        if font(size, bold).getlength(text) <= width:
            return size, (text,)
    lines, face = [""], font(sizes[-1], bold)
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return sizes[-1], tuple(lines)
