"""A house from above with the ways of an episode, as inline SVG whose colours come from the page's style.

x to the right and z up the page, as in `evaluation.pictures`; one unit of the drawing is a centimetre.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from flare_core.evaluation.pictures import LABELLED_AREA_M2, ROOM_COLOURS, SHUT, Trail, footprint_outlines, label_place
from flare_core.houses.house import House

UNIT: Final = 100.0  # units to a metre
MARGIN_M: Final = 0.3
LEAST_AREA_M2: Final = 0.02  # smaller things are left out
HEADING_M: Final = 0.45
STAR: Final = tuple(
    (radius * math.sin(math.pi * at / 5), radius * math.cos(math.pi * at / 5)) for at, radius in enumerate((0.22, 0.09) * 5)
)


def drawing_of(house: House) -> dict[str, Any]:
    """What is drawn of a house as plain values, metres to the centimetre: it is kept with the run."""

    def near(points: Any) -> list[list[float]]:
        return [[round(float(x), 2), round(float(z), 2)] for x, z in points]

    things = []
    for thing in sorted(house.objects, key=lambda thing: thing.position[1] + thing.size[1] / 2):
        area = thing.size[0] * thing.size[2]
        if area >= LEAST_AREA_M2:
            name = thing.type if area > LABELLED_AREA_M2 else ""
            things.append([name, [near(corners) for corners in footprint_outlines(thing)]])
    openings = []
    for one in house.openings:
        is_shut = one.rooms[0] == one.rooms[1] or (one.kind == "door" and one.openness < SHUT)
        openings.append(["window" if one.kind == "window" else "shut" if is_shut else "open", near([one.start, one.end])])
    return {
        "rooms": [[room.type, near(room.polygon), near([label_place(room)])[0]] for room in house.rooms],
        "things": things,
        "walls": [near([wall.start, wall.end]) for wall in house.walls if not wall.is_open],
        "openings": openings,
    }


def floor_svg(drawing: Mapping[str, Any] | None, ways: Sequence[tuple[str, Trail]], told: str) -> Markup:
    """Draw a house and ways in it.

    Args:
        drawing: of `drawing_of`; None where the house is not known, and the ways stand alone.
        ways: (class of the style, way) each, drawn in this order.
        told: what is to be seen, for those who do not see it.
    """
    points = [point for _, way in ways for point in [*way.points.tolist(), *way.targets]]
    points += [] if drawing is None else [point for _, polygon, _ in drawing["rooms"] for point in polygon]
    low, high = np.min(points, axis=0) - MARGIN_M, np.max(points, axis=0) + MARGIN_M
    parts = [] if drawing is None else _house(drawing)
    targets = {target for _, way in ways for target in way.targets}
    parts += [_polygon("target", [(x + dx, z + dz) for dx, dz in STAR]) for x, z in sorted(targets)]
    parts += [_way(name, way) for name, way in ways]
    box = " ".join(f"{UNIT * value:.0f}" for value in (low[0], -high[1], high[0] - low[0], high[1] - low[1]))
    return Markup('<svg class="floor" viewBox="{}" role="img" aria-label="{}">{}</svg>').format(box, told, Markup("").join(parts))


def _house(drawing: Mapping[str, Any]) -> list[Markup]:
    parts = []
    for kind, polygon, _ in drawing["rooms"]:
        parts.append(_polygon(f"room {kind.lower()}" if kind in ROOM_COLOURS else "room", polygon))
    parts += [_polygon("thing", corners) for _, outlines in drawing["things"] for corners in outlines]
    for name, outlines in drawing["things"]:
        if name:  # above everything that stands on it
            x, z = np.mean(outlines[0], axis=0)
            parts.append(Markup('<text class="thing-name" x="{}" y="{}">{}</text>').format(_n(x), _n(-z), name))
    parts += [_line("wall", *ends) for ends in drawing["walls"]]
    parts += [_line(f"opening {kind}", *ends) for kind, ends in drawing["openings"]]
    for kind, _, (x, z) in drawing["rooms"]:
        parts.append(Markup('<text class="room-name" x="{}" y="{}">{}</text>').format(_n(x), _n(-z), kind))
    return parts


def _way(name: str, way: Trail) -> Markup:
    """The line, a ring with a tick where it begins, a dot where it ends in success and a cross where not."""
    first, last = way.points[0], way.points[-1]
    tip = (first[0] + HEADING_M * math.sin(way.yaw), first[1] + HEADING_M * math.cos(way.yaw))
    line = " ".join(f"{_n(x)},{_n(-z)}" for x, z in _corners(way.points))
    if way.succeeded:
        end = Markup('<circle class="end" cx="{}" cy="{}" r="12"/>').format(_n(last[0]), _n(-last[1]))
    else:
        x, y = float(UNIT * last[0]), float(-UNIT * last[1])
        end = Markup('<path class="cross" d="M{:.0f} {:.0f}l22 22m0 -22l-22 22"/>').format(x - 11, y - 11)
    start = Markup('<circle class="start" cx="{}" cy="{}" r="13"/>').format(_n(first[0]), _n(-first[1]))
    return Markup('<g class="way {}"><polyline points="{}"/>{}{}{}</g>').format(name, line, _line("heading", first, tip), start, end)


def _corners(points: Any) -> list[Any]:
    """The points without those that repeat the one before: the body turned, or did not get on."""
    return [point for at, point in enumerate(points) if at == 0 or not np.array_equal(point, points[at - 1])]


def _polygon(name: str, corners: Any) -> Markup:
    return Markup('<polygon class="{}" points="{}"/>').format(name, " ".join(f"{_n(x)},{_n(-z)}" for x, z in corners))


def _line(name: str, start: Any, end: Any) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(name, _n(start[0]), _n(-start[1]), _n(end[0]), _n(-end[1]))


def _n(metres: float) -> str:
    return f"{UNIT * metres:.0f}"
