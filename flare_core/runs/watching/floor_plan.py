"""The house from above: drawn once an episode, and on it in every step the way so far, the body and what its cameras take in.

Frame: x to the right and z up the page, so that yaw turns clockwise as it does in the house. The plan is kept at TWICE its size in
the frame and halved at the end, which smooths the edges of what is drawn on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from flare_core.embodiments.body import Footprint
from flare_core.evaluation.labels import settle
from flare_core.evaluation.pictures import INK, draw_house
from flare_core.houses.house import House, Point
from flare_core.runs.watching.ink import CAMERAS, CONTACT, PAPER, PATH, STAR, font

TWICE: Final = 2
DPI: Final = 150 * TWICE  # of the house, whose letters are sized in points
MARGIN_M: Final = 0.3
CONE_M: Final = 2.5  # drawn length of what a camera takes in
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cone:
    """What a camera takes in, seen from above.

    Attributes:
        x, z: optical centre, metres.
        yaw: of the optical axis, clockwise from +z, radians.
        left, right: angles from the axis to the edges of the image.
    """

    x: float
    z: float
    yaw: float
    left: float
    right: float

    def outline(self) -> Floats:
        """(N, 2) x and z of a sector of CONE_M around the optical centre, which comes first."""
        yaws = np.linspace(self.yaw - self.left, self.yaw + self.right, 25)
        rim = np.stack([self.x + CONE_M * np.sin(yaws), self.z + CONE_M * np.cos(yaws)], axis=1)
        return np.concatenate([[(self.x, self.z)], rim])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """What one step shows on the plan.

    Attributes:
        position: x, z of the axis of rotation, metres; `yaw` as of a cone.
        collided: the last action would have touched something.
        targets: (K, 2) x, z; `turns` (K,) as in a recording. Rooms that are asked for are targets too.
        done: (K,) those that are crossed off, such as rooms marked as seen.
    """

    position: Point
    yaw: float
    collided: bool
    cones: tuple[Cone, ...]
    targets: Floats
    turns: tuple[int, ...]
    done: tuple[bool, ...]


class FloorPlan:
    """The plan of one episode, on which the way grows with every call of `draw`."""

    def __init__(self, house: House, footprint: Footprint, width: int, height: int) -> None:
        """Draw the house into width x height pixels of the frame."""
        corners = np.array([corner for room in house.rooms for corner in room.polygon])
        low, high = corners.min(axis=0) - MARGIN_M, corners.max(axis=0) + MARGIN_M
        self._scale = TWICE * min(width / (high[0] - low[0]), height / (high[1] - low[1]))  # pixels of the doubled plan a metre
        wide, deep = (high - low).tolist()
        self.size = (round(wide * self._scale / TWICE), round(deep * self._scale / TWICE))  # (width, height) in the frame
        self._corner = (float(low[0]), float(high[1]))  # x and z of the upper left corner
        self._footprint = footprint
        self._drawn = _drawn(house, low, high, (self.size[0] * TWICE, self.size[1] * TWICE))  # with the way, without what moves
        self._plan = self._drawn.reduce(TWICE)  # with the targets too
        self._last: Point | None = None
        self._stars: tuple[object, ...] = ()

    def pixel(self, x: float, z: float) -> Point:
        """Where a point of the house is on the doubled plan, from its upper left corner."""
        return (x - self._corner[0]) * self._scale, (self._corner[1] - z) * self._scale

    def draw(self, pose: Pose) -> Image.Image:
        """The plan at the size of the frame. Steps are given in order: what is past stays drawn."""
        self._walk(pose)
        stars = (pose.targets.tolist(), pose.turns, pose.done)
        if stars != self._stars:
            self._stars = stars
            self._renew((0, 0, *self._drawn.size), pose)
        cones = [[self.pixel(*point) for point in cone.outline().tolist()] for cone in pose.cones]
        patch, corner = self._cut([*(point for cone in cones for point in cone), *self._around(pose)])
        pen = ImageDraw.Draw(patch, "RGBA")
        for at, cone in enumerate(cones):
            colour = CAMERAS[at % len(CAMERAS)]
            pen.polygon([_less(point, corner) for point in cone], fill=colour + "66", outline=colour + "FF", width=2)
        self._draw_targets(pen, pose, corner)
        self._draw_body(pen, pose, corner)
        plan = self._plan.copy()
        plan.paste(patch.reduce(TWICE), (corner[0] // TWICE, corner[1] // TWICE))
        return plan

    def _around(self, pose: Pose) -> list[Point]:
        """Corners around the body."""
        (x, y), reach = self.pixel(*pose.position), self._footprint.swept_radius_m * self._scale + 8
        return [(x - reach, y - reach), (x + reach, y + reach)]

    def _cut(self, points: Sequence[Point]) -> tuple[Image.Image, tuple[int, int]]:
        """The part of the doubled plan around these points, and its upper left corner: nothing else is drawn anew."""
        across, down = zip(*points, strict=True)
        left, top = (max(0, int(min(side)) - 4) // TWICE * TWICE for side in (across, down))
        right, bottom = (
            min(most, int(max(side)) + 4) // TWICE * TWICE for side, most in zip((across, down), self._drawn.size, strict=True)
        )
        box = (left, top, max(right, left + TWICE), max(bottom, top + TWICE))
        return self._drawn.crop(box), (left, top)

    def _renew(self, box: tuple[int, int, int, int], pose: Pose) -> None:
        """Halve a part of the doubled plan again, with the targets on it."""
        part = self._drawn.crop(box)
        self._draw_targets(ImageDraw.Draw(part, "RGBA"), pose, (box[0], box[1]))
        self._plan.paste(part.reduce(TWICE), (box[0] // TWICE, box[1] // TWICE))

    def _walk(self, pose: Pose) -> None:
        pen, here = ImageDraw.Draw(self._drawn), self.pixel(*pose.position)
        if self._last is None:
            pen.circle(here, 9, fill=PAPER, outline=PATH, width=4)
        elif self._last != here:
            pen.line([self._last, here], fill=PATH, width=5)
        if pose.collided:
            for sign in (-1, 1):
                pen.line([(here[0] - 8, here[1] - 8 * sign), (here[0] + 8, here[1] + 8 * sign)], fill=CONTACT, width=4)
        touched = [point for x, y in (here, self._last or here) for point in ((x - 12, y - 12), (x + 12, y + 12))]
        patch, (left, top) = self._cut(touched)
        self._renew((left, top, left + patch.width, top + patch.height), pose)
        self._last = here

    def _draw_targets(self, pen: ImageDraw.ImageDraw, pose: Pose, corner: tuple[int, int]) -> None:
        several = len(set(pose.turns)) > 1
        for (x, z), turn, is_done in zip(pose.targets.tolist(), pose.turns, pose.done, strict=True):
            here = _less(self.pixel(x, z), corner)
            if is_done:
                pen.text(here, "✓", fill=INK, font=font(40, True), anchor="mm")
                continue
            pen.polygon(star(here, 20.0), fill=STAR, outline=INK, width=2)
            if several:
                pen.text(here, str(turn), fill=INK, font=font(20, True), anchor="mm")

    def _draw_body(self, pen: ImageDraw.ImageDraw, pose: Pose, corner: tuple[int, int]) -> None:
        foot, (x, z) = self._footprint, pose.position

        def at(right: float, forward: float) -> Point:
            return _less(self.pixel(*placed(x, z, pose.yaw, right, forward)), corner)

        if foot.radius_m is not None:
            pen.circle(at(foot.right_m, foot.forward_m), foot.radius_m * self._scale, fill=PAPER, outline=PATH, width=4)
        else:
            sides = ((-1, -1), (-1, 1), (1, 1), (1, -1))
            corners = [at(foot.right_m + a * foot.half_width_m, foot.forward_m + b * foot.half_length_m) for a, b in sides]
            pen.polygon(corners, fill=PAPER, outline=PATH, width=4)
        pen.line([at(0.0, 0.0), at(0.0, foot.forward_m + (foot.radius_m or foot.half_length_m))], fill=PATH, width=5)


def _less(point: Point, corner: tuple[int, int]) -> Point:
    return point[0] - corner[0], point[1] - corner[1]


def placed(x: float, z: float, yaw: float, right: float, forward: float) -> Point:
    """x, z in the house of a point of the body's own frame, whose axis of rotation is at x, z."""
    return x + math.cos(yaw) * right + math.sin(yaw) * forward, z - math.sin(yaw) * right + math.cos(yaw) * forward


def star(centre: Point, radius: float) -> list[Point]:
    """Corners of a star of five points, the first one up."""
    angles = [math.pi * at / 5 for at in range(10)]
    radii = [radius if at % 2 == 0 else 0.42 * radius for at in range(10)]
    return [(centre[0] + r * math.sin(a), centre[1] - r * math.cos(a)) for a, r in zip(angles, radii, strict=True)]


def _drawn(house: House, low: Floats, high: Floats, size: Sequence[int]) -> Image.Image:
    # A hair more than whole pixels, which a division may else fall short of.
    figure = Figure(figsize=((size[0] + 0.01) / DPI, (size[1] + 0.01) / DPI), dpi=DPI, facecolor=PAPER)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    names = draw_house(axis, house)
    axis.set_xlim(low[0], high[0])
    axis.set_ylim(low[1], high[1])
    axis.set_axis_off()
    settle(axis, names)
    pixels = BytesIO()
    figure.savefig(pixels, format="rgba", dpi=DPI)
    return Image.frombytes("RGBA", (size[0], size[1]), pixels.getvalue()).convert("RGB")
