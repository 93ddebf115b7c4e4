"""The HTML report in a real browser, where there is one: sorting, filtering, pictures, narrow screens, light and dark."""

from pathlib import Path

import pytest

from flare_core.runs.report_page.page import write_page
from tests.runs.report_page.browser import CHROMIUM, browser
from tests.runs.report_page.rig import ended

FIRST_CELLS = "[...document.getElementById('table').tBodies[0].rows].filter(r => !r.hidden).map(r => Number(r.cells[0].textContent))"
OPEN = "document.getElementById('viewer').open"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_a_browser_sorts_filters_and_shows_pictures_without_asking_anyone(tmp_path: Path) -> None:
    file = write_page(ended(tmp_path / "run"))
    with browser(tmp_path / "profile") as page:
        page.open(file, width=1280)
        assert page.ask(FIRST_CELLS) == list(range(8))
        actions = "document.querySelector('button[aria-label=\"actions, before\"]')"  # 90 in episode 0, 80 in episode 1, ...
        page.ask(f"{actions}.click()")
        assert page.ask(FIRST_CELLS) == list(range(7, -1, -1))
        assert page.ask(f"{actions}.closest('th').getAttribute('aria-sort')") == "ascending"
        page.ask(f"{actions}.click()")
        assert page.ask(FIRST_CELLS) == list(range(8))
        assert page.ask("document.querySelectorAll('th[aria-sort=descending]').length") == 1
        page.ask("document.querySelector('button[aria-label=\"final distance, m, before\"]').click()")
        assert page.ask(FIRST_CELLS)[-1] == 7, "what is not known stands last"
        page.ask("document.getElementById('kind').value = 'won'; document.getElementById('filters').dispatchEvent(new Event('input'))")
        assert sorted(page.ask(FIRST_CELLS)) == [2, 4]
        assert page.ask("document.getElementById('shown').textContent") == "2 of 8 episodes"
        page.ask("document.querySelector('tr[data-shot=\"4\"] td').click()")
        assert page.ask(OPEN) is True
        assert page.ask("document.querySelector('#stage h4').textContent") == "Episode 4: find a mug 4"
        assert page.ask("[...document.querySelectorAll('#stage img')].every(i => i.complete && i.naturalWidth == 16)") is True
        page.ask("document.getElementById('next').click()")
        assert page.ask("document.querySelector('#stage h4').textContent") == "Episode 2: find a mug 2"
        page.ask("document.getElementById('close').click()")
        assert page.ask(OPEN) is False
        light = page.ask("getComputedStyle(document.body).backgroundColor")
        page.open(file, width=390, scheme="dark", mobile=True)
        assert page.ask("document.documentElement.scrollWidth") == 390, "only tables scroll, each in its own box"
        assert (light, page.ask("getComputedStyle(document.body).backgroundColor")) == ("rgb(255, 255, 255)", "rgb(20, 24, 28)")
        assert page.ask("window.hacked") is None
        assert page.complaints == []
        assert {address.partition(":")[0] for address in page.requests} <= {"file", "data"}
