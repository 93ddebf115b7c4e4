"""Every mistake of docs/mistakes.yaml is told by `flare check` or changes what `flare show` draws; the page says what is true."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from flare_core.embodiments.body import Embodiment
from flare_core.evaluation.floor_lines import DISTANCES_M, floor_line, horizon_row
from flare_core.runs.showing import action_words, first_camera

ROOT = Path(__file__).resolve().parents[2]
LEAST = 0.002  # of a drawing's pixels


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_mistakes", ROOT / "scripts" / "draw_mistakes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


PAGE = script()
MISTAKES = PAGE.mistakes()
NAMES = [one.mistake for one in MISTAKES]


def test_there_are_at_least_thirty_and_each_has_one_answer() -> None:
    assert len(MISTAKES) >= 30
    assert len(set(NAMES)) == len(NAMES)
    assert all(sum(answer is not None for answer in (one.said, one.seen, one.elsewhere)) == 1 for one in MISTAKES)


@pytest.mark.parametrize("one", [one for one in MISTAKES if one.said], ids=[one.mistake for one in MISTAKES if one.said])
def test_check_tells_it_and_is_silent_on_what_was_meant(one: object) -> None:
    _, lines = PAGE.described(one.robot, one.wrong)
    assert any(one.said in line for line in lines), lines
    if one.robot is not None and not one.right.startswith("#"):
        body, lines = PAGE.described(one.robot, one.right)
        assert body is not None
        assert lines == []


@pytest.mark.parametrize("one", [one for one in MISTAKES if one.seen], ids=[one.mistake for one in MISTAKES if one.seen])
def test_the_drawing_shows_it(one: object) -> None:
    right, wrong = PAGE.described(one.robot, one.right)[0], PAGE.described(one.robot, one.wrong)[0]
    if one.panel == "photo":
        assert most_rows(right, wrong) > 0.02 * first_camera(right).height_px
    elif one.panel == "actions":
        assert list(action_words(right)) != list(action_words(wrong))
    else:
        changed = (drawn(one.panel, right) != drawn(one.panel, wrong)).any(axis=2)
        assert changed.mean() > LEAST
    picture = PAGE.PICTURES / one.picture
    assert picture.read_bytes().startswith(b"\x89PNG"), "run `python scripts/draw_mistakes.py`"


def drawn(panel: str, body: Embodiment) -> np.ndarray:
    figure = Figure(figsize=(4, 4), dpi=60)
    canvas = FigureCanvasAgg(figure)
    PAGE.draw_panel(figure.add_subplot(), panel, body, body)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def most_rows(right: Embodiment, wrong: Embodiment) -> float:
    """How far the horizon or a line moves at most, rows."""
    a, b = first_camera(right), first_camera(wrong)
    return max(abs(horizon_row(a) - horizon_row(b)), *(abs(floor_line(a, at).row - floor_line(b, at).row) for at in DISTANCES_M))


def test_the_page_is_up_to_date_and_its_pictures_are_small() -> None:
    assert PAGE.PAGE.read_text(encoding="utf-8") == PAGE.page(), "run `python scripts/draw_mistakes.py --page-only`"
    assert sum(path.stat().st_size for path in PAGE.PICTURES.glob("*.png")) < 1_000_000
    assert {path.name for path in PAGE.PICTURES.glob("*.png")} == {one.picture for one in MISTAKES if one.seen}
