"""Names on a drawing, placed so that those which are shown can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

GAP_PX: Final = 2.0  # that two names keep from each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a name may stand: data coordinates of its lower left corner, or of its middle, and its size in points."""

    x: float
    y: float
    size: float
    is_middle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name that is on the drawing already.

    Attributes:
        places: the best one first.
        lines: the name as it stands at each of the places, which may be broken into lines.
    """

    text: Text
    places: tuple[Place, ...]
    lines: tuple[str, ...]


def settle(axis: Axes, names: Sequence[Name]) -> None:
    """Give every name the first of its places at which it lies within the axes and over no name before it; hide it if there is none.

    The axes have their final limits. Names that matter more come first.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None  # axes that are drawn on
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    whole, taken = axis.get_window_extent(renderer), list[Bbox]()
    for name in names:
        for place, words in zip(name.places, name.lines, strict=True):
            name.text.set(x=place.x, y=place.y, text=words, fontsize=place.size)
            name.text.set(ha="center" if place.is_middle else "left", va="center" if place.is_middle else "baseline")
            box = name.text.get_window_extent(renderer).padded(GAP_PX)
            if _is_within(box, whole) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            name.text.set_visible(False)


def _is_within(box: Bbox, whole: Bbox) -> bool:
    return bool(box.x0 >= whole.x0 and box.x1 <= whole.x1 and box.y0 >= whole.y0 and box.y1 <= whole.y1)
