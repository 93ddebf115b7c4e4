"""Where everything stands in a frame: boxes in pixels, worked out from the cameras' proportions and the number of actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flare_core.runs.watching.ink import Box

WIDTH, HEIGHT = 1280, 720
EDGE, GAP, CAPTION = 16, 12, 26
TOP, BOTTOM = 88, 692
LEFT_COLUMN: Final = (EDGE, 596)
MAP: Final[Box] = (610, TOP + CAPTION, 1000, BOTTOM)
ACTIONS: Final[Box] = (1014, TOP, WIDTH - EDGE, BOTTOM)
STATE_LINES, LINE = 2, 28  # below the pictures
ONE_VIEW: Final = 150  # height that the policy's views get below the only camera
BESIDE, LEAST_BESIDE = 262, 192  # widths that a view may have beside its camera
TALLEST_ROW: Final = 36  # of the actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One image of the policy.

    Attributes:
        camera: that it is made from, or None where it is absent.
        how: the fit, in a word or two.
    """

    view: str
    width: int
    height: int
    camera: str | None
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One camera, by name, with the size of its own image."""

    camera: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A picture's place; its caption stands in the CAPTION pixels above it."""

    name: str
    is_view: bool
    box: Box


def tiles(cameras: Sequence[Shot], feeds: Sequence[Feed]) -> list[Tile]:
    """Places of the cameras' pictures and the policy's views.

    An only camera is large and the views stand below it; of several each has a row, with the views that it feeds beside it. Views
    that no camera feeds come last.
    """
    left, right = LEFT_COLUMN
    foot = BOTTOM - STATE_LINES * LINE
    if len(cameras) == 1:
        top = foot - ONE_VIEW
        box = (left, TOP + CAPTION, right, top - CAPTION - GAP)
        own = Tile(name=cameras[0].camera, is_view=False, box=inside(box, cameras[0].width, cameras[0].height))
        under = own.box[3] + GAP + CAPTION
        return [own, *_row(feeds, (left, under, right, under + ONE_VIEW))]
    orphans = [feed for feed in feeds if feed.camera is None]
    most = (foot - TOP) // (len(cameras) + bool(orphans) or 1) - CAPTION - GAP  # height that each row may have
    top, found = TOP + CAPTION, list[Tile]()
    widest = max((round(most * shot.width / shot.height) for shot in cameras), default=0)
    beside = min(BESIDE, max(LEAST_BESIDE, right - left - GAP - widest))
    for shot in cameras:
        fed = [feed for feed in feeds if feed.camera == shot.camera]
        box = inside((left, top, right - beside - GAP, top + most), shot.width, shot.height)
        row = [Tile(name=shot.camera, is_view=False, box=box), *_row(fed, (right - beside, top, right, top + most))]
        found += row
        top = max(tile.box[3] for tile in row) + GAP + CAPTION
    return found + _row(orphans, (left, top, right, top + min(ONE_VIEW, most)))


def _row(feeds: Sequence[Feed], box: Box) -> list[Tile]:
    """Views beside each other, enlarged by whole numbers so that every pixel is as large as every other."""
    if not feeds:
        return []
    each = (box[2] - box[0] - GAP * (len(feeds) - 1)) // len(feeds)
    found = []
    for at, feed in enumerate(feeds):
        left = box[0] + at * (each + GAP)
        room = inside((left, box[1], left + each, box[3]), feed.width, feed.height)
        times = min((room[2] - room[0]) // feed.width, (room[3] - room[1]) // feed.height)
        if times >= 1:
            room = (left, box[1], left + times * feed.width, box[1] + times * feed.height)
        found.append(Tile(name=feed.view, is_view=True, box=room))
    return found


def inside(box: Box, width: int, height: int) -> Box:
    """The largest box of these proportions in the upper left corner of another."""
    wide, high = box[2] - box[0], box[3] - box[1]
    scale = min(wide / width, high / height)
    return box[0], box[1], box[0] + max(2, round(width * scale) // 2 * 2), box[1] + max(2, round(height * scale) // 2 * 2)


def action_rows(count: int) -> list[Box]:
    """A box for each action, below the heading of their column."""
    top = ACTIONS[1] + 2 * CAPTION + 16
    height = min(TALLEST_ROW, (ACTIONS[3] - top) // max(1, count))
    return [(ACTIONS[0], top + at * height, ACTIONS[2], top + (at + 1) * height - 2) for at in range(count)]
