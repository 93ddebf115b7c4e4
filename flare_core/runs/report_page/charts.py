"""Line charts as inline SVG whose colours come from the page's style, so that one drawing suits light and dark.

All text goes through `Markup.format`, which escapes it. Coordinates are in a box of WIDTH x HEIGHT units that the page scales.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from flare_core.evaluation.statistics import Interval

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 26
POINTS: Final = 300  # most that a line is drawn with; a longer one is averaged in bins
TICKS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: x and y, (N,) each, in the unit that is shown."""

    label: str
    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A measurement with its interval, in the unit that is shown."""

    label: str
    x: float
    y: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart and the words beside it.

    Attributes:
        told: what the chart shows in words, for those who do not see it.
        keys: (number of the colour, label) of every series, where there is more than one.
    """

    name: str
    title: str
    help: str
    svg: Markup
    told: str
    keys: tuple[tuple[int, str], ...] = ()


def chart(
    name: str, title: str, help: str, lines: Sequence[Line], *, end: float, dots: Sequence[Dot] = (), floor: float | None = None,
    ceiling: float | None = None,
) -> Chart:  # fmt: skip
    """Draw series over environment steps.

    Args:
        end: steps at the right edge.
        floor, ceiling: ends of the upright axis that are not taken from the data.
    """
    shown = [thinned(line) for line in lines]
    values = [line.y for line in shown if len(line.y)]
    values += [np.array([dot.y.low, dot.y.high]) for dot in dots]
    every = np.concatenate(values) if values else np.array([0.0, 1.0])
    low = float(every.min()) if floor is None else floor
    high = max(float(every.max()), low) if ceiling is None else ceiling
    ticks = nice_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    end = max(end, 1.0)
    parts = [_axes(ticks, low, high, end)]
    for at, line in enumerate(shown):
        parts.append(_series(line, at, low, high, end))
    parts += [_dot(dot, at, low, high, end) for at, dot in enumerate(dots)]
    told = "; ".join(_told(line) for line in lines if len(line.y))
    told = "; ".join(filter(None, [told, *(f"{dot.label}: {dot.y.text(1)}" for dot in dots)])) or "no data yet"
    svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, f"{title}: {told}", Markup("").join(parts)
    )
    keys = tuple((at, line.label) for at, line in enumerate(lines)) if len(lines) > 1 else ()
    return Chart(name=name, title=title, help=help, svg=svg, told=told, keys=keys)


def thinned(line: Line) -> Line:
    """At most POINTS points, each the mean of its bin."""
    if len(line.x) <= POINTS:
        return line
    edges = np.linspace(0, len(line.x), POINTS + 1).astype(int)[:-1]
    counts = np.diff([*edges, len(line.x)])
    return Line(label=line.label, x=np.add.reduceat(line.x, edges) / counts, y=np.add.reduceat(line.y, edges) / counts)


def nice_ticks(low: float, high: float) -> list[float]:
    """Round numbers that hold `low` to `high` between them."""
    span = high - low
    if not span > 0:
        span = abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    rough = span / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [at * step for at in range(first, last + 1)]


def short(value: float) -> str:
    """A number for an axis: 60k, 1.5M, 0.02."""
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return "0" if value == 0 else f"{value:.3g}"


def _axes(ticks: Sequence[float], low: float, high: float, end: float) -> Markup:
    parts = []
    for tick in ticks:
        y = _y(tick, low, high)
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, WIDTH - RIGHT, y, y))
        parts.append(Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 6, y + 4, short(tick)))
    for tick in nice_ticks(0.0, end):
        if tick <= end * 1.001:
            anchor = "start" if tick == 0 else "end" if tick > 0.95 * end else "middle"
            parts.append(
                Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                    _x(tick, end), HEIGHT - 8, anchor, short(tick)
                )
            )
    return Markup("").join(parts)


def _series(line: Line, at: int, low: float, high: float, end: float) -> Markup:
    """A line; where there is only one point, a circle, as a line through one point is not seen."""
    if len(line.x) == 1:
        x, y = _x(float(line.x[0]), end), _y(float(line.y[0]), low, high)
        return Markup('<circle class="point s{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(at, x, y)
    return Markup('<polyline class="line s{}" points="{}"/>').format(at, _points(line, low, high, end))


def _points(line: Line, low: float, high: float, end: float) -> str:
    return " ".join(f"{_x(x, end):.1f},{_y(y, low, high):.1f}" for x, y in zip(line.x, line.y, strict=True))


def _dot(dot: Dot, at: int, low: float, high: float, end: float) -> Markup:
    x, y = _x(dot.x, end), _y(dot.y.mean, low, high)
    low_y, high_y = _y(dot.y.low, low, high), _y(dot.y.high, low, high)
    bar = Markup('<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(x, x, low_y, high_y)
    middle = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4"/>').format(x, y)
    return Markup('<g class="dot d{}"><title>{}</title>{}{}</g>').format(at, f"{dot.label}: {dot.y.text(1)}", bar, middle)


def _told(line: Line) -> str:
    label = f"{line.label}: " if line.label else ""
    return (
        f"{label}{line.y[0]:.3g} at first, {line.y[-1]:.3g} at {line.x[-1]:,.0f} steps, between {line.y.min():.3g} and {line.y.max():.3g}"
    )


def _x(value: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / end


def _y(value: float, low: float, high: float) -> float:
    inside = min(max(value, low), high)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - low) / (high - low)
