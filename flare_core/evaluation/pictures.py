"""Pictures for people: the learning curve of a run, and houses from above with the ways taken.

Everything is drawn on a figure of its own, never through pyplot's global state, and written as PNG.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.path import Path as Path2D

from flare_core.evaluation.labels import Name, Place, settle
from flare_core.evaluation.statistics import Interval
from flare_core.houses.house import House, HouseObject, Opening, Point, Room
from flare_core.houses.surfaces import footprint

Floats = npt.NDArray[np.float64]

# Okabe and Ito's colours: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
LINES: Final = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
INK, PALE = "#333333", "#BBBBBB"
ROOM_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {"Kitchen": "#FBF3DC", "LivingRoom": "#E6F1E4", "Bedroom": "#E5ECF6", "Bathroom": "#EFE6F2"}
)
LABELLED_AREA_M2 = 0.5  # smaller objects are drawn without their name
SHUT: Final = 0.1  # openness below which a door lets nothing through, as in the embedded simulator
DPI = 130

# Series of the training log that get a panel below success, where the log has them.
PANELS: Final[Mapping[str, str]] = MappingProxyType(
    {"source_kl": "KL to the source policy", "clip_fraction": "clipped share", "entropy": "entropy, nats"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An evaluation to show in the learning curve: success with its interval after so many steps."""

    steps: float
    label: str
    success: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The way of one episode, seen from above.

    Attributes:
        points: (T, 2) x and z of the axis of rotation, metres, the start first.
        yaw: direction at the start, radians clockwise from above.
        targets: positions (x, z) of what was looked for.
    """

    label: str
    points: Floats
    yaw: float
    targets: tuple[Point, ...] = ()
    succeeded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One house with the ways of its episodes."""

    house: House
    trails: tuple[Trail, ...] = ()
    title: str = ""


def learning_curve(
    records: Sequence[Mapping[str, Any]], path: Path, marks: Sequence[Mark] = (), actions: Sequence[str] = (), title: str = ""
) -> None:
    """Draw success over steps, evaluations with their intervals, and the other series that the log has.

    Args:
        records: the training log, one for each update: `steps`; `success`, a running share, None before the first episode
            ended; `use`, the share of each action by name; any of `PANELS`.
        path: PNG to write; its folder exists.
        marks: evaluations on held-out episodes.
        actions: those whose use is drawn, such as the new ones.
        title: above the picture.
    """
    shown = [name for name in PANELS if any(record.get(name) is not None for record in records)]
    count = len(shown) + bool(actions)
    figure = Figure(figsize=(7.5, 3.6 + 1.2 * count), layout="constrained")
    top, *below = figure.subplots(1 + count, 1, sharex=True, squeeze=False, height_ratios=[3.0, *[1.0] * count])[:, 0]
    steps, success = series(records, "success")
    top.plot(steps, 100 * success, color=BLUE, linewidth=1.5, label="in training, sampled actions, running mean")
    for at, mark in enumerate(marks):
        _draw_mark(top, mark, LINES[1 + at % (len(LINES) - 1)])
    top.set_ylabel("success, %")
    top.set_ylim(0, 100)
    top.legend(loc="upper left", frameon=False, fontsize=8)
    top.set_title(title, fontsize=10, loc="left")
    for axis, name in zip(below, shown, strict=False):
        axis.plot(*series(records, name), color=INK, linewidth=1.0)
        axis.set_title(PANELS[name], fontsize=8, loc="left")
    if actions:
        _draw_use(below[-1], records, actions)
    for axis in (top, *below):
        plain(axis)
    bottom = below[-1] if below else top
    bottom.set_xlabel("environment steps")
    bottom.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    lay_out(figure)
    figure.savefig(path, dpi=DPI)


def top_down(house: House, trails: Sequence[Trail], path: Path, title: str = "") -> None:
    """Draw one house from above with the ways of its episodes; see `top_down_grid`."""
    top_down_grid([Panel(house=house, trails=tuple(trails), title=title)], path, columns=1)


def top_down_grid(panels: Sequence[Panel], path: Path, columns: int = 2) -> None:
    """Draw houses from above, x to the right and z up the page, so that yaw turns clockwise as it does in the house.

    A star marks a target, a ring with a tick the start and its direction, a filled dot the end of an episode that
    succeeded, a cross the end of one that did not. The last trail of a house is blue, as the way after training is in the report.
    """
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.6 * columns, 5.2 * rows), layout="constrained")
    labelled: list[tuple[Axes, list[Name]]] = []
    for at, panel in enumerate(panels):
        axis = figure.add_subplot(rows, columns, at + 1)
        names = draw_house(axis, panel.house)
        for number, trail in enumerate(panel.trails, start=1):
            _draw_trail(axis, trail, LINES[(len(panel.trails) - number) % len(LINES)])
        axis.set_aspect("equal")
        axis.autoscale_view()
        axis.set_title(panel.title, fontsize=10, loc="left")
        axis.set_xlabel("x, m", fontsize=8)
        axis.set_ylabel("z, m", fontsize=8)
        plain(axis)
        if panel.trails:
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False, fontsize=8, ncols=2)
        labelled.append((axis, names))
    figure.set_dpi(DPI)
    lay_out(figure)  # it moves the axes, and names are placed in what is left
    for axis, names in labelled:
        settle(axis, names)
    figure.savefig(path, dpi=DPI)


def lay_out(figure: Figure) -> None:
    """Give all axes their final places, which drawing then leaves as they are: finding them takes longer than drawing."""
    engine = figure.get_layout_engine()
    assert engine is not None  # the figure was made with one
    engine.execute(figure)
    figure.set_layout_engine(None)
    for axis in figure.axes:
        axis.apply_aspect()


def image_grid(images: Sequence[npt.NDArray[np.uint8]], titles: Sequence[str], path: Path, columns: int = 2) -> None:
    """Draw images (H, W, 3) beside each other, each with its title."""
    rows = -(-len(images) // columns)
    height, width = images[0].shape[:2]
    figure = Figure(figsize=(columns * 5.2, rows * (5.0 * height / width + 0.45)), layout="constrained")
    for at, (image, title) in enumerate(zip(images, titles, strict=True)):
        axis = figure.add_subplot(rows, columns, at + 1)
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title, fontsize=9, loc="left", wrap=True)
        axis.set_axis_off()
    lay_out(figure)
    figure.savefig(path, dpi=DPI)


def footprint_outlines(thing: HouseObject) -> list[Floats]:
    """(4, 2) corners of each part of the floor that an object covers: a C-shaped counter has three, most things have one."""
    return [_in_house(thing, part) for part in footprint(thing.type, thing.asset_id, thing.size)]


def _in_house(thing: HouseObject, part: tuple[float, float, float, float]) -> Floats:
    """(4, 2) corners (x, z) in the house of a rectangle x0, z0, x1, z1 in the object's own frame."""
    x0, z0, x1, z1 = part
    angle = math.radians(thing.rotation[1])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    local = np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)])
    corners: Floats = local @ turn.T + np.array([thing.position[0], thing.position[2]])
    return corners


def label_place(room: Room) -> Point:
    """Where the name of a room begins: in the lower left corner of its lowest part that is a metre wide, else in its middle."""
    outline = Path2D(room.polygon)
    for x, z in sorted(room.polygon, key=lambda corner: (corner[1], corner[0])):
        if outline.contains_points([(x + 0.12, z + 0.12), (x + 1.0, z + 0.3)]).all():
            return x + 0.12, z + 0.12
    return _middle(room)


def _middle(room: Room) -> Point:
    middle = np.mean(room.polygon, axis=0)
    return float(middle[0]), float(middle[1])


def series(records: Iterable[Mapping[str, Any]], name: str) -> tuple[Floats, Floats]:
    """Steps and values of the records that have a number under `name`, (N,) each."""
    pairs = [(record["steps"], record[name]) for record in records if record.get(name) is not None]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    table = table[~np.isnan(table[:, 1])]
    return table[:, 0], table[:, 1]


def _draw_mark(axis: Axes, mark: Mark, colour: str) -> None:
    interval = mark.success
    error = [[100 * (interval.mean - interval.low)], [100 * (interval.high - interval.mean)]]
    label = f"{mark.label}: {interval.percent()} %"
    axis.errorbar([mark.steps], [100 * interval.mean], yerr=error, fmt="o", capsize=4, color=colour, label=label)


def _draw_use(axis: Axes, records: Sequence[Mapping[str, Any]], actions: Sequence[str]) -> None:
    """Share of the steps that took each of these actions."""
    for at, action in enumerate(actions):
        uses = [{"steps": record["steps"], "use": record["use"].get(action)} for record in records if "use" in record]
        steps, share = series(uses, "use")
        axis.plot(steps, 100 * share, color=LINES[at % len(LINES)], linewidth=1.0, label=action)
    axis.set_title("use of actions, %", fontsize=8, loc="left")
    # In the title's line: within the panel it would lie on the curves.
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2, frameon=False, fontsize=7, ncols=5)


def plain(axis: Axes) -> None:
    """Take away what carries no information."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)


def draw_house(axis: Axes, house: House) -> list[Name]:
    """Draw rooms, furniture, walls and openings in the house's own metres, x to the right and z up the page.

    Returns:
        The names of rooms and of large things, the more important first, for `settle` once the axes have their limits.
    """
    rooms, things = list[Name](), list[tuple[float, Name]]()
    for room in house.rooms:
        axis.add_patch(Polygon(room.polygon, closed=True, facecolor=ROOM_COLOURS.get(room.type, "#F2F2F2"), edgecolor="none", zorder=0))
    for thing in sorted(house.objects, key=lambda thing: thing.position[1] + thing.size[1] / 2):
        outlines = footprint_outlines(thing)
        for corners in outlines:
            axis.add_patch(Polygon(corners, closed=True, facecolor="#D9D4CC", edgecolor="#8C857B", linewidth=0.5, zorder=1))
        if (area := thing.size[0] * thing.size[2]) > LABELLED_AREA_M2:
            x, z = outlines[0].mean(axis=0).tolist()
            text = axis.text(x, z, thing.type, fontsize=5, color="#6B655C", ha="center", va="center", zorder=2, clip_on=True)
            spots = (Place(x=x, y=z, size=5, is_middle=True), Place(x=x, y=z, size=4, is_middle=True))
            things.append((area, Name(text=text, places=spots, lines=(thing.type, in_lines(thing.type)))))
    for room in house.rooms:
        (x, z), (left, bottom) = _middle(room), label_place(room)
        text = axis.text(left, bottom, room.type, fontsize=7, color=INK, style="italic", zorder=4)
        places = (Place(x=left, y=bottom, size=7), Place(x=x, y=z, size=7, is_middle=True), Place(x=x, y=z, size=5, is_middle=True))
        rooms.append(Name(text=text, places=places, lines=(room.type, in_lines(room.type), in_lines(room.type))))
    for wall in house.walls:
        colour, line, width = (PALE, ":", 1.0) if wall.is_open else (INK, "-", 2.2)
        ends = zip(wall.start, wall.end, strict=True)
        axis.plot(*ends, color=colour, linestyle=line, linewidth=width, zorder=3, solid_capstyle="projecting")
    for opening in house.openings:
        _draw_opening(axis, opening)
    return rooms + [name for _, name in sorted(things, key=lambda pair: -pair[0])]


def in_lines(type_name: str) -> str:
    """LivingRoom as two lines."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", type_name)


def _draw_opening(axis: Axes, opening: Opening) -> None:
    """A gap for a frame or an open door, whose leaf no house file tells the side of; orange if shut; a blue line for a window."""
    ends = tuple(zip(opening.start, opening.end, strict=True))
    if opening.kind == "window":
        axis.plot(*ends, color=SKY, linewidth=2.2, zorder=4)
        return
    axis.plot(*ends, color="white", linewidth=3.0, zorder=4, solid_capstyle="butt")
    leads_outside = opening.rooms[0] == opening.rooms[1]  # and such a door is never opened
    if leads_outside or (opening.kind == "door" and opening.openness < SHUT):
        axis.plot(*ends, color=ORANGE, linewidth=2.2, zorder=4, solid_capstyle="butt")


def _draw_trail(axis: Axes, trail: Trail, colour: str) -> None:
    x, z = trail.points[:, 0], trail.points[:, 1]
    axis.plot(x, z, color=colour, linewidth=1.5, zorder=5, label=trail.label)
    for target in trail.targets:
        axis.plot(*target, marker="*", markersize=13, color="#F0C808", markeredgecolor=INK, markeredgewidth=0.7, zorder=6)
    axis.plot(x[0], z[0], marker="o", markersize=8, markerfacecolor="white", markeredgecolor=colour, markeredgewidth=1.8, zorder=7)
    tip = (x[0] + 0.4 * math.sin(trail.yaw), z[0] + 0.4 * math.cos(trail.yaw))
    axis.plot([x[0], tip[0]], [z[0], tip[1]], color=colour, linewidth=1.8, zorder=7)
    marker = "o" if trail.succeeded else "X"
    axis.plot(x[-1], z[-1], marker=marker, markersize=7, color=colour, markeredgecolor="white", linestyle="none", zorder=8)
