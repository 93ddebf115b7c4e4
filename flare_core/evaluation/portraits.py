"""A robot drawn from its side and from above beside a door and a counter, with what its cameras take in and what they see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Circle, Polygon, Rectangle

from flare_core.embodiments.body import Arm, Camera, Embodiment
from flare_core.embodiments.sightlines import elevation_angles, floor_from_m
from flare_core.evaluation.floor_lines import draw_floor_lines
from flare_core.evaluation.lettering import wrapped
from flare_core.evaluation.pictures import INK, LINES, PURPLE, lay_out, plain
from flare_core.houses.doorways import narrowest_door_m

Floats = npt.NDArray[np.float64]

RAY_M = 2.5  # drawn length of a camera's cone from the side,
ABOVE_RAY_M = 1.6  # and from above
SAME_PLACE_M: Final = 0.04  # nearer than that one dot would cover the other
RIM = 400  # points of a drawn arc
SHELL, MEASURE = "#E3E3E3", "#9A8F80"
COUNTER_M: Final = (0.9, 0.6)  # height of a counter, and how deep it is
STAND_M: Final = 1.0  # from the axis of rotation to the counter's front
WIDTH_IN, DPI = 6.0, 170
INNER_IN: Final = WIDTH_IN - 0.9  # without the numbers at the axes
TALLEST_IN: Final = 5.5  # of the first picture, which an upright camera would make longer than a page
SMALL: Final = 10.5  # points: 9.5 pixels of a phone that is 390 wide
LINE_IN: Final = 0.2  # of this size
COLUMNS: Final = (0.0, 0.07, 0.37, 0.7, 1.0)  # where those of the table of actions begin, and its end
HATCHES: Final = ("", "////", "\\\\\\\\", "....", "xxxx")  # of the cones, so that two that overlap are told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A picture (H, W, 3) that a camera sees; with `lines`, floor lines are drawn over it."""

    title: str
    camera: Camera
    image: npt.NDArray[np.uint8]
    lines: bool = False


def side_view(body: Embodiment, path: Path | BinaryIO, seen: Sequence[Seen] = (), actions: Sequence[Sequence[str]] = ()) -> None:
    """Draw a robot from its left side and from above with what its cameras take in; below, what they see and what it can do.

    Args:
        body: the robot, every joint at home.
        path: PNG to write, or an open file.
        seen: pictures; the first is drawn as wide as the page, the others two in a row.
        actions: rows of a table, (row, name, what it does, when).
    """
    with style.context("default"):  # whatever a user's matplotlibrc says: dark on white, also on a dark page
        figure = _page(body, seen, actions)
        lay_out(figure)
        figure.savefig(path, dpi=DPI, format="png", facecolor="white", metadata={"Software": None})  # equal robots give equal bytes


def _page(body: Embodiment, seen: Sequence[Seen], actions: Sequence[Sequence[str]]) -> Figure:
    side, above = _side_limits(body), _above_limit(body)
    lines = [sum(told(one).count("\n") + 1 for one in body.cameras) + 1 for told in (_told_side, _told_above)]
    heights = [INNER_IN * side[3] / (side[1] - side[0]) + 0.5 + LINE_IN * lines[0], INNER_IN + 0.6 + LINE_IN * (lines[1] + 1)]
    heights += [min((WIDTH_IN - 0.2) * seen[0].image.shape[0] / seen[0].image.shape[1], TALLEST_IN) + 0.3] if seen else []
    pairs = [seen[at : at + 2] for at in range(1, len(seen), 2)]
    heights += [max((WIDTH_IN / 2 - 0.1) * one.image.shape[0] / one.image.shape[1] for one in pair) + 0.28 for pair in pairs]
    cells = [_cells(row, is_heading=at == 0) for at, row in enumerate(actions)]
    heights += [LINE_IN * (sum(map(_row_lines, cells)) + 1) + 0.25] if actions else []
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.35), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    figure.suptitle(body.name, fontsize=13, x=0.02, ha="left", fontweight="bold")
    _draw_bodies(figure, grid, body, side, above)
    for at, one in enumerate(seen):
        place = grid[2, :] if at == 0 else grid[3 + (at - 1) // 2, (at - 1) % 2]
        _draw_seen(figure.add_subplot(place), one)
    if actions:
        _draw_actions(figure.add_subplot(grid[len(heights) - 1, :]), cells)
    return figure


def _draw_bodies(figure: Figure, grid: GridSpec, body: Embodiment, side: tuple[float, float, float, float], above: float) -> None:
    axis = figure.add_subplot(grid[0, :])
    draw_side(axis, body)
    _measure_side(axis, body)
    axis.set_xlim(side[0], side[1])
    axis.set_ylim(side[2], side[2] + side[3])
    axis = figure.add_subplot(grid[1, :])
    draw_above(axis, body)
    _measure_above(axis, above)
    axis.set_xlim(-above, above)
    axis.set_ylim(-above, above)


def _draw_seen(axis: Axes, one: Seen) -> None:
    camera = one.camera
    axis.imshow(one.image, extent=(0, camera.width_px, camera.height_px, 0), aspect="equal", interpolation="nearest")
    if one.lines:
        draw_floor_lines(axis, camera)
    axis.set_title(one.title, fontsize=SMALL, loc="left", color=INK)
    axis.set_axis_off()


def _cells(row: Sequence[str], *, is_heading: bool) -> list[list[str]]:
    """Lines of every cell of the table of actions."""
    rooms = [INNER_IN * (end - begin) - 0.12 for begin, end in pairwise(COLUMNS)]
    return [wrapped(text, room, SMALL, "bold" if is_heading else "normal") for text, room in zip(row, rooms, strict=True)]


def _row_lines(cells: Sequence[Sequence[str]]) -> float:
    return max(len(lines) for lines in cells) + 0.2


def _draw_actions(axis: Axes, rows: Sequence[Sequence[Sequence[str]]]) -> None:
    """A table as text, the heading first; a row is as high as its longest cell."""
    axis.set_ylim(sum(map(_row_lines, rows)), 0)
    axis.set_xlim(0, 1)
    top = 0.0
    for at, row in enumerate(rows):
        weight = "bold" if at == 0 else "normal"
        for x, lines in zip(COLUMNS[:-1], row, strict=True):
            text = "\n".join(lines)
            axis.text(x, top + 0.15, text, fontsize=SMALL, fontweight=weight, color=INK, va="top", linespacing=1.1, parse_math=False)
        top += _row_lines(row)
        axis.axhline(top, color="#DDDDDD", linewidth=0.5)
    axis.set_axis_off()


def _side_limits(body: Embodiment) -> tuple[float, float, float, float]:
    """Left, right, bottom and height of the drawing from the side, metres."""
    top = max([body.footprint.height_m, *(camera.up_m for camera in body.cameras), narrowest_door_m()[1]])
    return _door_left(body) - 0.1, max(RAY_M + 0.15, _counter_at(body) + COUNTER_M[1] + 0.1), -0.12, top + 0.35


def _back_front(body: Embodiment) -> tuple[float, float]:
    """Hindmost and foremost point of the base, from the axis of rotation."""
    foot = body.footprint
    half = foot.radius_m if foot.radius_m is not None else foot.half_length_m
    return foot.forward_m - half, foot.forward_m + half


def _door_left(body: Embodiment) -> float:
    return min(_back_front(body)[0], -0.15) - 0.2 - narrowest_door_m()[0]


def _counter_at(body: Embodiment) -> float:
    return max(STAND_M, _back_front(body)[1] + 0.3)


def _measure_side(axis: Axes, body: Embodiment) -> None:
    """A door and a counter of the usual size, to compare the robot with."""
    (wide, high), left, at = narrowest_door_m(), _door_left(body), _counter_at(body)
    axis.add_patch(Rectangle((left, 0.0), wide, high, facecolor="#F5F1EA", edgecolor=MEASURE, linewidth=1.2, zorder=0))
    said = f"a door of\nthe houses\n{wide:.2f} m by\n{high:.2f} m"
    axis.text(left + wide / 2, high / 2, said, fontsize=SMALL, color=INK, ha="center", va="center")
    axis.add_patch(Rectangle((at, 0.0), COUNTER_M[1], COUNTER_M[0], facecolor="none", edgecolor=MEASURE, linewidth=1.4, zorder=3))
    text = f"counter\n{COUNTER_M[0]:g} m"
    axis.text(at + COUNTER_M[1] / 2, 0.06, text, fontsize=SMALL, color=INK, ha="center", va="bottom", zorder=3)


def _measure_above(axis: Axes, limit: float) -> None:
    """A wall with a door behind the robot."""
    wide, at = narrowest_door_m()[0], -0.82 * limit
    for sign in (-1.0, 1.0):
        axis.plot([sign * wide / 2, sign * 2 * limit], [at, at], color=MEASURE, linewidth=5.0, solid_capstyle="butt", zorder=1)
    axis.text(0.0, at, f"door {wide:.2f} m", fontsize=SMALL, color=INK, ha="center", va="center", zorder=3)


def _above_limit(body: Embodiment) -> float:
    reach = 0.0 if body.arm is None else max(math.hypot(*_hand_above(body.arm, body.arm.extend.high)), 0.0)
    return max(ABOVE_RAY_M + 0.1, body.footprint.swept_radius_m + 0.6, reach + 0.2)


def draw_side(axis: Axes, body: Embodiment) -> None:
    """Seen from the left: forward to the right, up to the top."""
    foot = body.footprint
    half = foot.radius_m if foot.radius_m is not None else foot.half_length_m
    shape = Rectangle((foot.forward_m - half, 0.0), 2 * half, foot.height_m, facecolor=SHELL, edgecolor=INK, linewidth=1.0, zorder=1)
    axis.add_patch(shape)
    axis.axhline(0.0, color=INK, linewidth=1.2)
    axis.plot([0.0], [0.0], marker="+", color=INK, markersize=9, zorder=3)
    top = max([foot.height_m, *(camera.up_m for camera in body.cameras)])
    axis.plot([0.0, 0.0], [0.0, top + 0.12], color=INK, linewidth=0.9, linestyle=(0, (6, 3, 1, 3)), zorder=3)
    axis.text(0.0, top + 0.13, "axis of rotation", fontsize=SMALL, color=INK, ha="center", va="bottom")
    if body.arm is not None:
        _draw_lift(axis, body.arm)
    for at in range(len(body.cameras)):
        _draw_camera(axis, body.cameras, at)
    axis.set_aspect("equal")
    axis.set_xlim(min(-0.8, foot.forward_m - half - 0.2), RAY_M + 0.3)
    axis.set_ylim(-0.12, top + 0.9)
    axis.set_xlabel("forward, m", fontsize=SMALL)
    axis.set_ylabel("up, m", fontsize=SMALL)
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=SMALL)
    plain(axis)
    axis.tick_params(labelsize=SMALL)


def _draw_lift(axis: Axes, arm: Arm) -> None:
    """Where the hand can be: a line for an arm that reaches aside, a field for one that reaches ahead or back."""
    low, high = arm.shoulder_up_m + arm.lift.low, arm.shoulder_up_m + arm.lift.high
    ends = [arm.shoulder_forward_m + math.cos(arm.reach_yaw) * out for out in (arm.extend.low, arm.extend.high)]
    if abs(ends[1] - ends[0]) > 0.05:
        axis.add_patch(Rectangle((min(ends), low), abs(ends[1] - ends[0]), high - low, facecolor=PURPLE, alpha=0.25, zorder=2))
    axis.plot([ends[0]] * 2, [low, high], color=PURPLE, linewidth=3.0, alpha=0.6, zorder=2, label=f"hand from {low:.2f} to {high:.2f} m up")


def _pitch(camera: Camera) -> str:
    degrees = math.degrees(camera.pitch)
    return "level" if abs(degrees) < 0.05 else f"{abs(degrees):.3g}° {'down' if degrees > 0 else 'up'}"


def _looks_along(camera: Camera) -> bool:
    """Whether a camera looks roughly ahead or back, so that its cone can be seen from the side."""
    return abs(math.cos(camera.yaw)) > 0.5


def _told_side(camera: Camera) -> str:
    label = f"{camera.name}: {camera.up_m:.2f} m up, {_pitch(camera)}, {math.degrees(camera.vertical_fov):.0f}° high"
    if _looks_along(camera):
        near = floor_from_m(camera)
        label += f", floor from {near:.2f} m" if math.isfinite(near) else ", never the floor"
    else:
        label += ", looks right (below)" if math.sin(camera.yaw) > 0 else ", looks left (below)"
    if camera.tilt is not None:
        label += f"; pale: tilts {math.degrees(-camera.tilt.low):.0f}° up, {math.degrees(camera.tilt.high):.0f}° down"
    return "\n".join(wrapped(label, INNER_IN - 0.5, SMALL))


def _told_above(camera: Camera) -> str:
    label = f"{camera.name}: {math.degrees(camera.horizontal_fov):.0f}° wide"
    if camera.pan is not None:
        label += f"; pale: pans {math.degrees(-camera.pan.low):.0f}° left, {math.degrees(camera.pan.high):.0f}° right"
    return "\n".join(wrapped(label, INNER_IN - 0.5, SMALL))


def _cone(axis: Axes, outline: Floats, at: int, label: str) -> None:
    """A camera's cone in its colour and, from the second camera on, its hatch."""
    colour = LINES[at % len(LINES)]
    look = {"facecolor": to_rgba(colour, 0.22), "edgecolor": to_rgba(colour, 0.55), "hatch": HATCHES[at % len(HATCHES)], "linewidth": 1.0}
    axis.add_patch(Polygon(outline, closed=True, label=label, zorder=0, **look))


def _lens(axis: Axes, places: Sequence[tuple[float, float]], at: int, label: str | None) -> None:
    """A dot; a camera in the place of others before it has a ring around theirs."""
    x, y = places[at]
    before = sum(math.dist(place, (x, y)) < SAME_PLACE_M for place in places[:at])
    colour = LINES[at % len(LINES)]
    inside, size = ("none" if before else colour), 6 + 6 * before
    axis.plot(
        [x], [y], marker="o", markersize=size, markerfacecolor=inside, markeredgecolor=colour, markeredgewidth=2.0 if before else 1.0,
        linestyle="none", label=label, zorder=4,
    )  # fmt: skip


def _draw_camera(axis: Axes, cameras: Sequence[Camera], at: int) -> None:
    """A camera seen from the left; its cone is drawn only where it looks roughly ahead or back."""
    camera, label = cameras[at], _told_side(cameras[at])
    if _looks_along(camera):
        _draw_elevation(axis, camera, at, label)
    _lens(axis, [(one.forward_m, one.up_m) for one in cameras], at, None if _looks_along(camera) else label)


def _draw_elevation(axis: Axes, camera: Camera, at: int, label: str) -> None:
    """The camera's cone seen from the side, cut off at the floor; paler, what tilting adds."""
    low, high = elevation_angles(camera)
    ahead = 1.0 if math.cos(camera.yaw) > 0 else -1.0
    origin, colour = (camera.forward_m, camera.up_m), LINES[at % len(LINES)]
    if camera.tilt is not None:
        reach = _fan(origin, low - camera.tilt.high, high - camera.tilt.low, ahead)
        axis.add_patch(Polygon(reach, closed=True, facecolor=colour, edgecolor=colour, linestyle=":", alpha=0.10, zorder=0))
    _cone(axis, _fan(origin, low, high, ahead), at, label)


def _fan(origin: tuple[float, float], low: float, high: float, ahead: float) -> Floats:
    """(N, 2) outline of a cone from `origin` between two elevations, RAY_M long, ending at the floor (height 0)."""
    angles = np.linspace(low, high, RIM)
    length = np.full(RIM, RAY_M)
    down = angles < 0
    length[down] = np.minimum(RAY_M, origin[1] / -np.sin(angles[down]))
    rim = np.stack([origin[0] + ahead * length * np.cos(angles), origin[1] + length * np.sin(angles)], axis=1)
    return np.concatenate([[origin], rim])


def draw_above(axis: Axes, body: Embodiment) -> None:
    """Seen from above: right to the right, forward to the top."""
    foot = body.footprint
    if foot.radius_m is not None:
        axis.add_patch(Circle((foot.right_m, foot.forward_m), foot.radius_m, facecolor=SHELL, edgecolor=INK, zorder=1))
    else:
        corner = (foot.right_m - foot.half_width_m, foot.forward_m - foot.half_length_m)
        box = Rectangle(corner, 2 * foot.half_width_m, 2 * foot.half_length_m, facecolor=SHELL, edgecolor=INK, zorder=1)
        axis.add_patch(box)
    turn, reach = np.linspace(0.0, 2 * math.pi, RIM), foot.swept_radius_m
    label = f"swept when turning about +: {reach:.3f} m"
    axis.plot(reach * np.sin(turn), reach * np.cos(turn), color=INK, linestyle=":", linewidth=1.0, label=label, zorder=2)
    axis.plot([0.0], [0.0], marker="+", color=INK, markersize=9, zorder=3)
    axis.annotate(
        "ahead", (0.0, ABOVE_RAY_M), (0.0, ABOVE_RAY_M - 0.3), fontsize=SMALL, color=INK, ha="center", arrowprops={"arrowstyle": "->"}
    )
    if body.arm is not None:
        _draw_reach(axis, body.arm)
    for at in range(len(body.cameras)):
        _draw_camera_above(axis, body.cameras, at)
    axis.set_aspect("equal")
    axis.set_xlabel("right, m", fontsize=SMALL)
    axis.set_ylabel("forward, m", fontsize=SMALL)
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=SMALL)
    plain(axis)
    axis.tick_params(labelsize=SMALL)


def _hand_above(arm: Arm, extend: float) -> tuple[float, float]:
    """Right and forward of the hand, metres."""
    return arm.shoulder_right_m + extend * math.sin(arm.reach_yaw), arm.shoulder_forward_m + extend * math.cos(arm.reach_yaw)


def _draw_reach(axis: Axes, arm: Arm) -> None:
    """The telescope from where it starts to where it ends, and the hand at both."""
    ends = [_hand_above(arm, extend) for extend in (arm.extend.low, arm.extend.high)]
    label = f"hand {math.hypot(*ends[0]):.2f} to {math.hypot(*ends[1]):.2f} m from the axis"
    axis.plot(*zip((arm.shoulder_right_m, arm.shoulder_forward_m), ends[1], strict=True), color=PURPLE, linewidth=3.0, alpha=0.6, zorder=2)
    for at, end in enumerate(ends):
        axis.add_patch(Circle(end, arm.hand_radius_m, facecolor="none", edgecolor=PURPLE, zorder=2, label=label if at else None))


def _draw_camera_above(axis: Axes, cameras: Sequence[Camera], at: int) -> None:
    camera, colour = cameras[at], LINES[at % len(LINES)]
    left, right = math.atan(camera.cx / camera.fx), math.atan((camera.width_px - camera.cx) / camera.fx)
    if camera.pan is not None:
        reach = _sector(camera, camera.yaw + camera.pan.low - left, camera.yaw + camera.pan.high + right)
        axis.add_patch(Polygon(reach, closed=True, facecolor=colour, edgecolor=colour, alpha=0.10, zorder=0))
    _cone(axis, _sector(camera, camera.yaw - left, camera.yaw + right), at, _told_above(camera))
    _lens(axis, [(one.right_m, one.forward_m) for one in cameras], at, None)


def _sector(camera: Camera, begin: float, end: float) -> Floats:
    """(N, 2) outline of a sector around the camera between two yaws (clockwise from forward), at most all around."""
    yaws = np.linspace(begin, min(end, begin + 2 * math.pi), RIM)
    rim = np.stack([camera.right_m + ABOVE_RAY_M * np.sin(yaws), camera.forward_m + ABOVE_RAY_M * np.cos(yaws)], axis=1)
    return np.concatenate([[(camera.right_m, camera.forward_m)], rim])
