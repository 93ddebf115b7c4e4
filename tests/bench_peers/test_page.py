import json
from pathlib import Path

import pytest

from bench.peers.page import PAGE, curve, filled, ranged, steps_per_second, tables

RESULTS = Path(__file__).resolve().parents[2] / "results" / "peers.json"


def test_page_is_what_the_committed_figures_make() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, found) == page
    found["learners"][0]["processor_s"] = [1.0]  # control: another figure makes another page
    assert filled(page, found) != page


def test_a_rate_is_steps_by_seconds_of_all_timed_updates() -> None:
    assert steps_per_second({"steps_an_update": 2048, "processor_s": [2.0, 6.0]}) == 512.0


def test_median_stands_with_the_least_and_the_greatest() -> None:
    assert ranged([3.0, 1.0, 2.0]) == "2 [1, 3]"
    assert ranged([1234.0]) == "1,234"


def test_a_curve_shows_every_update_and_both_ends() -> None:
    assert curve([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) == "▁▁▁███ 0.00 → 1.00"


def test_a_page_without_its_marks_is_refused() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert set(tables(found)) == {"facts", "trained", "frozen", "work", "renderers"}
    with pytest.raises(SystemExit, match="no lines '<!-- facts -->'"):
        filled("# Peers\n", found)
