"""A robot drawn from its side and from above, with what its cameras take in and, where given, what they see."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle

from flare_core.embodiments.body import Camera, Embodiment
from flare_core.evaluation.pictures import DPI, INK, LINES, PURPLE, plain

Floats = npt.NDArray[np.float64]

RAY_M = 2.5  # drawn length of a camera's cone
RIM = 400  # points of a drawn arc
SHELL = "#E3E3E3"


def side_view(body: Embodiment, path: Path | BinaryIO, images: Mapping[str, npt.NDArray[np.uint8]] | None = None) -> None:
    """Draw a robot from its left side and from above with what its cameras take in; below, what they see.

    Args:
        body: the robot, every joint at home.
        path: PNG to write, or an open file.
        images: a picture (H, W, 3) for some of its cameras, by name.
    """
    pictures = dict(images or {})
    figure = Figure(figsize=(11.0, 5.0 + (2.6 if pictures else 0.0)), layout="constrained")
    grid = figure.add_gridspec(2 if pictures else 1, 1, height_ratios=[5.0, 2.6] if pictures else [1.0])
    upper = grid[0].subgridspec(1, 2, width_ratios=[1.25, 1.0])
    side, above = figure.add_subplot(upper[0]), figure.add_subplot(upper[1])
    draw_side(side, body)
    _draw_above(above, body)
    figure.suptitle(body.name, fontsize=12, x=0.02, ha="left")
    if pictures:
        lower = grid[1].subgridspec(1, len(pictures))
        for at, (name, image) in enumerate(pictures.items()):
            axis = figure.add_subplot(lower[at])
            axis.imshow(image, interpolation="nearest")
            axis.set_title(f"{name}, {image.shape[1]}x{image.shape[0]}", fontsize=9)
            axis.set_axis_off()
    figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None})  # equal robots give equal bytes


def elevation_angles(camera: Camera) -> tuple[float, float]:
    """Angles of the lower and upper image edge above the horizon, radians, with every joint at home."""
    up, down = math.atan(camera.cy / camera.fy), math.atan((camera.height_px - camera.cy) / camera.fy)
    return -camera.pitch - down, -camera.pitch + up


def floor_from_m(camera: Camera) -> float:
    """Distance ahead of the camera at which its image begins to show the floor; infinite if it never does."""
    low, _ = elevation_angles(camera)
    if low <= -math.pi / 2:
        return 0.0
    return camera.up_m / math.tan(-low) if low < 0 else math.inf


def draw_side(axis: Axes, body: Embodiment) -> None:
    """Seen from the left: forward to the right, up to the top."""
    foot = body.footprint
    half = foot.radius_m if foot.radius_m is not None else foot.half_length_m
    shape = Rectangle((foot.forward_m - half, 0.0), 2 * half, foot.height_m, facecolor=SHELL, edgecolor=INK, linewidth=1.0, zorder=1)
    axis.add_patch(shape)
    axis.axhline(0.0, color=INK, linewidth=1.2)
    axis.plot([0.0], [0.0], marker="+", color=INK, markersize=9, zorder=3)
    if body.arm is not None:
        arm = body.arm
        bottom = arm.shoulder_up_m + arm.lift.low
        heights = [bottom, arm.shoulder_up_m + arm.lift.high]
        axis.plot([arm.shoulder_forward_m] * 2, heights, color=PURPLE, linewidth=3.0, alpha=0.6, zorder=2)
        axis.text(arm.shoulder_forward_m, heights[1] + 0.02, "lift", color=PURPLE, fontsize=7, ha="center", va="bottom")
    for at, camera in enumerate(body.cameras):
        _draw_camera(axis, camera, LINES[at % len(LINES)])
    top = max([foot.height_m, *(camera.up_m for camera in body.cameras)])
    axis.set_aspect("equal")
    axis.set_xlim(min(-0.8, foot.forward_m - half - 0.2), RAY_M + 0.3)
    axis.set_ylim(-0.12, top + 0.9)
    axis.set_xlabel("forward, m", fontsize=8)
    axis.set_ylabel("up, m", fontsize=8)
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8)
    plain(axis)


def _draw_camera(axis: Axes, camera: Camera, colour: str) -> None:
    """A camera seen from the left; its cone is drawn only where it looks roughly ahead or back."""
    label = f"{camera.name}: {camera.up_m:.2f} m up, {math.degrees(camera.vertical_fov):.0f}° high"
    if abs(math.cos(camera.yaw)) > 0.5:
        _draw_elevation(axis, camera, colour)
        near = floor_from_m(camera)
        label += f", floor from {near:.2f} m" if math.isfinite(near) else ", never the floor"
    else:
        label += ", looks right" if math.sin(camera.yaw) > 0 else ", looks left"
    axis.plot([camera.forward_m], [camera.up_m], marker="o", markersize=6, color=colour, linestyle="none", label=label, zorder=4)


def _draw_elevation(axis: Axes, camera: Camera, colour: str) -> None:
    """The camera's cone seen from the side, cut off at the floor; paler, what tilting adds."""
    low, high = elevation_angles(camera)
    ahead = 1.0 if math.cos(camera.yaw) > 0 else -1.0
    origin = (camera.forward_m, camera.up_m)
    if camera.tilt is not None:
        reach = _fan(origin, low - camera.tilt.high, high - camera.tilt.low, ahead)
        axis.add_patch(Polygon(reach, closed=True, facecolor=colour, edgecolor=colour, linestyle=":", alpha=0.10, zorder=0))
    cone = _fan(origin, low, high, ahead)
    axis.add_patch(Polygon(cone, closed=True, facecolor=colour, edgecolor=colour, alpha=0.22, zorder=0))


def _fan(origin: tuple[float, float], low: float, high: float, ahead: float) -> Floats:
    """(N, 2) outline of a cone from `origin` between two elevations, RAY_M long, ending at the floor (height 0)."""
    angles = np.linspace(low, high, RIM)
    length = np.full(RIM, RAY_M)
    down = angles < 0
    length[down] = np.minimum(RAY_M, origin[1] / -np.sin(angles[down]))
    rim = np.stack([origin[0] + ahead * length * np.cos(angles), origin[1] + length * np.sin(angles)], axis=1)
    return np.concatenate([[origin], rim])


def _draw_above(axis: Axes, body: Embodiment) -> None:
    """Seen from above: right to the right, forward to the top."""
    foot = body.footprint
    if foot.radius_m is not None:
        axis.add_patch(Circle((foot.right_m, foot.forward_m), foot.radius_m, facecolor=SHELL, edgecolor=INK, zorder=1))
    else:
        corner = (foot.right_m - foot.half_width_m, foot.forward_m - foot.half_length_m)
        box = Rectangle(corner, 2 * foot.half_width_m, 2 * foot.half_length_m, facecolor=SHELL, edgecolor=INK, zorder=1)
        axis.add_patch(box)
    turn = np.linspace(0.0, 2 * math.pi, RIM)
    reach = foot.swept_radius_m
    axis.plot(reach * np.sin(turn), reach * np.cos(turn), color=INK, linestyle=":", linewidth=1.0, label="swept when turning", zorder=2)
    axis.plot([0.0], [0.0], marker="+", color=INK, markersize=9, zorder=3)
    if body.arm is not None:
        arm = body.arm
        tip_right = arm.shoulder_right_m + arm.extend.high * math.sin(arm.reach_yaw)
        tip_forward = arm.shoulder_forward_m + arm.extend.high * math.cos(arm.reach_yaw)
        ends = ([arm.shoulder_right_m, tip_right], [arm.shoulder_forward_m, tip_forward])
        axis.plot(*ends, color=PURPLE, linewidth=3.0, alpha=0.6, label="arm, fully extended", zorder=2)
    for at, camera in enumerate(body.cameras):
        colour = LINES[at % len(LINES)]
        left, right = math.atan(camera.cx / camera.fx), math.atan((camera.width_px - camera.cx) / camera.fx)
        if camera.pan is not None:
            _draw_sector(axis, camera, camera.yaw + camera.pan.low - left, camera.yaw + camera.pan.high + right, colour, 0.10)
        _draw_sector(axis, camera, camera.yaw - left, camera.yaw + right, colour, 0.22)
        label = f"{camera.name}: {math.degrees(left + right):.0f}° wide"
        axis.plot([camera.right_m], [camera.forward_m], marker="o", markersize=5, color=colour, linestyle="none", label=label, zorder=4)
    axis.set_aspect("equal")
    axis.set_xlim(-RAY_M, RAY_M)
    axis.set_ylim(-RAY_M, RAY_M)
    axis.set_xlabel("right, m", fontsize=8)
    axis.set_ylabel("forward, m", fontsize=8)
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8)
    plain(axis)


def _draw_sector(axis: Axes, camera: Camera, begin: float, end: float, colour: str, alpha: float) -> None:
    """A sector around the camera between two yaws (clockwise from forward)."""
    yaws = np.linspace(begin, end, RIM)
    rim = np.stack([camera.right_m + RAY_M * np.sin(yaws), camera.forward_m + RAY_M * np.cos(yaws)], axis=1)
    outline = np.concatenate([[(camera.right_m, camera.forward_m)], rim])
    axis.add_patch(Polygon(outline, closed=True, facecolor=colour, edgecolor=colour, alpha=alpha, zorder=0))
