"""Where the horizon and lines on the floor lie in a camera's picture: to be held against a photograph, or a house.

Lines lie across the way that the camera looks (ahead, to the right, behind or to the left of the robot, whichever is nearest), at
distances from the floor point under the axis of rotation. Columns and rows are pixels of the camera's own image, from its top left
corner; joints at home.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes

from flare_core.adapters.view import points
from flare_core.embodiments.body import Camera
from flare_core.evaluation.pictures import ORANGE, RED, SKY

Floats = npt.NDArray[np.float64]

DISTANCES_M: Final = (1.0, 2.0, 4.0)
TICK_M: Final = 0.5  # marks on every line, to both sides of the centre line
WAYS: Final = ("ahead", "to the right", "behind", "to the left")
COLOURS: Final = MappingProxyType({1.0: RED, 2.0: ORANGE, 4.0: SKY})
_WIDE_M, _FAR_M, _STEPS = 12.0, 60.0, 2401
_RIM: Final = (patheffects.withStroke(linewidth=4.0, foreground="black"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorLine:
    """One line on the floor as a picture shows it.

    Attributes:
        columns, rows: (N,) of its points that lie in the picture, in order; none where it is not in the picture.
        ticks: (column, row) of its marks that lie in the picture.
        row: where it crosses the middle column, or would; NaN behind the camera.
    """

    distance_m: float
    columns: Floats
    rows: Floats
    ticks: tuple[tuple[float, float], ...]
    row: float


def way(camera: Camera) -> int:
    """Index in WAYS of the side of the robot that a camera looks to; halfway it is the one before or behind."""
    return 2 * round(camera.yaw / math.pi) % 4 if abs(math.cos(camera.yaw)) > 0.7071 else (1 if math.sin(camera.yaw) > 0 else 3)


def on_floor(camera: Camera, away_m: Floats, aside_m: Floats) -> tuple[Floats, Floats]:
    """Columns and rows of floor points, `away_m` from the axis of rotation to the camera's side and `aside_m` to the right of that.

    NaN for what is behind the camera.
    """
    turn = way(camera) * math.pi / 2
    sin, cos = round(math.sin(turn)), round(math.cos(turn))
    right, forward = away_m * sin + aside_m * cos, away_m * cos - aside_m * sin
    offset = np.stack([right - camera.right_m, np.full_like(right, -camera.up_m), forward - camera.forward_m], axis=-1)
    return points(camera, offset)


def floor_line(camera: Camera, distance_m: float) -> FloorLine:
    """The line at one distance."""
    aside = np.linspace(-_WIDE_M, _WIDE_M, _STEPS)
    columns, rows = on_floor(camera, np.full(_STEPS, distance_m), aside)
    seen = _inside(camera, columns, rows)
    x, y = on_floor(camera, np.full(2, distance_m), np.array([-TICK_M, TICK_M]))
    ticks = tuple((float(x[at]), float(y[at])) for at in np.flatnonzero(_inside(camera, x, y)))
    ahead = np.isfinite(columns)
    order = np.argsort(columns[ahead])
    row = float(np.interp(camera.width_px / 2, columns[ahead][order], rows[ahead][order])) if ahead.any() else math.nan
    return FloorLine(distance_m=distance_m, columns=columns[seen], rows=rows[seen], ticks=ticks, row=row)


def centre_line(camera: Camera) -> tuple[Floats, Floats]:
    """(N,) columns and rows, within the picture, of the floor line from the axis of rotation to the horizon."""
    away = np.concatenate([np.linspace(0.0, 6.0, 601), np.geomspace(6.0, _FAR_M, 100)])
    columns, rows = on_floor(camera, away, np.zeros(len(away)))
    seen = _inside(camera, columns, rows)
    return columns[seen], rows[seen]


def horizon_row(camera: Camera) -> float:
    """Row of what is as high as the lens; the same in every column, as no camera here is rolled.

    A level direction is tan(pitch) above the optical axis: row = cy - fy tan(pitch).
    """
    return camera.cy - camera.fy * math.tan(camera.pitch)


def _inside(camera: Camera, columns: Floats, rows: Floats) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return (columns >= 0) & (columns <= camera.width_px) & (rows >= 0) & (rows <= camera.height_px)


def row_lines(camera: Camera) -> list[str]:
    """What is where, in words: one line for the horizon and for each distance."""
    height = camera.height_px
    row = horizon_row(camera)
    told = [f"horizon: {_where(row, height)}"]
    for distance in DISTANCES_M:
        line = floor_line(camera, distance)
        if len(line.rows):
            told.append(f"{distance:g} m {WAYS[way(camera)]}: row {line.row:.0f} of {height}")
        elif math.isnan(line.row):
            told.append(f"{distance:g} m {WAYS[way(camera)]}: not in the picture, it is behind the camera")
        else:
            told.append(f"{distance:g} m {WAYS[way(camera)]}: {_where(line.row, height)}")
    return told


def _where(row: float, height: int) -> str:
    if row < 0:
        return f"not in the picture, {-row:.0f} rows above its top edge"
    return f"not in the picture, {row - height:.0f} rows below its bottom edge" if row > height else f"row {row:.0f} of {height}"


def draw_floor_lines(axis: Axes, camera: Camera, size: float = 9.0) -> None:
    """Draw horizon, centre line and floor lines over a picture that fills columns 0 to width and rows 0 to height of the axis.

    Args:
        size: of the labels, points. What is not in the picture is not drawn; `row_lines` tells of it.
    """
    width, height = camera.width_px, camera.height_px
    axis.set_xlim(0, width)
    axis.set_ylim(height, 0)
    columns, rows = centre_line(camera)
    if len(columns):
        axis.plot(columns, rows, color="white", linewidth=1.2, linestyle=(0, (4, 4)), path_effects=_RIM)
    row = horizon_row(camera)
    if 0 <= row <= height:
        axis.plot([0, width], [row, row], color="white", linewidth=1.6, path_effects=_RIM)
        _label(axis, width, row, "horizon", "white", size, "right", above=row > 0.12 * height)
    for at, distance in enumerate(DISTANCES_M):
        line, colour = floor_line(camera, distance), COLOURS[distance]
        if not len(line.rows):
            continue
        axis.plot(line.columns, line.rows, color=colour, linewidth=2.0, path_effects=_RIM)
        for x, y in line.ticks:
            axis.plot([x, x], [y - 0.018 * height, y + 0.018 * height], color=colour, linewidth=2.0, path_effects=_RIM)
        # Neighbours stand on opposite sides, so that the labels of a low camera's close lines do not meet.
        on_left = at % 2 == 0
        x, y = (line.columns.min(), line.rows[line.columns.argmin()]) if on_left else (line.columns.max(), line.rows[line.columns.argmax()])
        _label(axis, x, y, f"{distance:g} m", colour, size, "left" if on_left else "right", above=True)


def _label(axis: Axes, x: float, y: float, text: str, colour: str, size: float, side: str, *, above: bool) -> None:
    box = {"boxstyle": "round,pad=0.2", "facecolor": "black", "edgecolor": "none", "alpha": 0.75}
    offset = (6 if side == "left" else -6, 4 if above else -4)
    axis.annotate(
        text, (x, y), xytext=offset, textcoords="offset points", fontsize=size, fontweight="bold", color=colour, ha=side,
        va="bottom" if above else "top", bbox=box,
    )  # fmt: skip
