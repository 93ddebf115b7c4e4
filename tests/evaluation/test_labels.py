"""Names on a drawing are read or not there at all: none lies over another, none is cut by the edge."""

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from flare_core.evaluation.labels import Name, Place, settle


def blank() -> Axes:
    axis = Figure(figsize=(4.0, 4.0), dpi=100).add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set_xlim(0.0, 10.0)
    axis.set_ylim(0.0, 10.0)
    return axis


def named(axis: Axes, words: str, *places: Place, lines: tuple[str, ...] | None = None) -> Name:
    return Name(text=axis.text(places[0].x, places[0].y, words), places=places, lines=lines or (words,) * len(places))


def boxes(axis: Axes, names: list[Name]) -> list[Bbox]:
    figure = axis.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [name.text.get_window_extent(renderer) for name in names if name.text.get_visible()]


def test_of_two_names_in_one_place_the_first_is_shown() -> None:
    axis = blank()
    names = [named(axis, words, Place(x=5, y=5, size=10, is_middle=True)) for words in ("Bedroom", "Bed")]
    settle(axis, names)
    assert [name.text.get_visible() for name in names] == [True, False]


def test_a_name_moves_to_its_next_place_where_the_first_is_taken() -> None:
    axis = blank()
    names = [named(axis, "Bedroom", Place(x=5, y=5, size=10)), named(axis, "Bed", Place(x=5, y=5, size=10), Place(x=5, y=7, size=8))]
    settle(axis, names)
    assert names[1].text.get_visible()
    assert names[1].text.get_position() == (5, 7)
    assert names[1].text.get_fontsize() == 8
    assert not any(one.overlaps(other) for one, other in combinations(boxes(axis, names), 2))


def test_a_name_that_the_edge_would_cut_is_broken_or_hidden() -> None:
    axis = blank()
    fits = named(
        axis, "LivingRoom", Place(x=9.5, y=5, size=10), Place(x=8.8, y=5, size=10, is_middle=True), lines=("LivingRoom", "Living\nRoom")
    )
    never = named(axis, "Bathroom", Place(x=9.8, y=1, size=10))
    settle(axis, [fits, never])
    assert fits.text.get_text() == "Living\nRoom"
    assert not never.text.get_visible()
    (box,) = boxes(axis, [fits, never])
    assert box.x1 <= 400
