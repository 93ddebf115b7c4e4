"""The HTML report: what is on it, that nothing gets out of it, and that it stands alone."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from flare_core.cli import main
from flare_core.evaluation.pictures import Trail
from flare_core.runs.report_page.charts import LEFT, RIGHT, WIDTH, Line, chart, nice_ticks, short, thinned
from flare_core.runs.report_page.episodes import Row, chosen, kind_of
from flare_core.runs.report_page.floor import floor_svg
from flare_core.runs.report_page.page import write_page
from tests.runs.report_page.rig import HOSTILE, begun, ended

ADDRESSED = ("src", "href", "action", "data", "srcset", "poster", "formaction", "xlink:href")


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def page_of(folder: Path) -> tuple[str, Elements]:
    text = write_page(folder).read_text(encoding="utf-8")
    return text, Elements(text)


def test_a_finished_run_has_every_part_with_tables_that_can_be_read_aloud(tmp_path: Path) -> None:
    text, page = page_of(ended(tmp_path))
    names = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(names) == len(set(names)), "ids are given once"
    assert {"results", "curves", "episodes", "plan", "robot", "run", "table", "viewer"} <= set(names)
    assert {f"curve-{name}" for name in ("success", "return", "entropy", "steps_per_second", "use")} <= set(names)
    assert all(attributes.get("scope") in ("col", "row", "colgroup") for attributes in page.of("th"))
    assert all(attributes.get("alt") for attributes in page.of("img"))
    assert all(attributes.get("aria-label") and attributes.get("role") == "img" for attributes in page.of("svg"))
    assert "embedded simulator, not AI2-THOR" in text
    assert "+12.5 points" in text
    assert "Of the source&#39;s 2 tensors: 1 carried, 1 new." in text
    assert [attributes["data-kind"] for attributes in page.of("tr") if "data-kind" in attributes] == [
        "neither", "lost", "won", "kept", "won", "neither", "kept", "neither",
    ]  # fmt: skip


def test_the_page_stands_alone(tmp_path: Path) -> None:
    text, page = page_of(ended(tmp_path))
    addresses = [value for _, attributes in page.found for name, value in attributes.items() if name in ADDRESSED and value]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"@import|url\(|https?://", text)
    assert [attributes for tag, attributes in page.found if tag in ("link", "iframe", "object", "embed", "base")] == [
        {"rel": "icon", "href": "data:,"}
    ]
    (policy,) = [one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    text, page = page_of(ended(tmp_path))
    assert HOSTILE not in text
    assert len(page.of("script")) == 1
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert sum(HOSTILE in word for word in page.words) >= 8, "plan, instruction, task, room, thing, action, command, override"


def test_every_drawing_is_whole_xml(tmp_path: Path) -> None:
    text, _ = page_of(ended(tmp_path))
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 5 + 8  # charts, floors
    for drawing in drawings:
        ET.fromstring(drawing)


def test_a_run_that_goes_on_shows_what_there_is_and_says_so(tmp_path: Path) -> None:
    text, page = page_of(begun(tmp_path))
    assert "Not finished (in progress or stopped): 300 of 400 steps are done." in text, "a line that is being written does not count"
    assert "Before training, sampled actions" in text
    assert {attributes["data-kind"] for attributes in page.of("tr") if "data-kind" in attributes} == {"success", "no success"}
    for name in ("before.json", "before_recording.json", "log.jsonl", "about.json", "drawings.json"):
        (tmp_path / name).unlink()
    text, _ = page_of(tmp_path)
    assert "nothing has been judged yet" in text


def test_a_run_of_an_earlier_version_has_a_report_too(tmp_path: Path) -> None:
    ended(tmp_path)
    for name in ("about.json", "after.json", "after_recording.json", "before_recording.json", "drawings.json"):
        (tmp_path / name).unlink()
    text, page = page_of(tmp_path)
    assert "This run was made by an earlier version" in text
    assert "No pictures of episodes" in text
    assert "oldbot" in text
    assert page.of("dialog")


def test_pictured_episodes_follow_the_rule() -> None:
    kinds = ["neither"] * 20 + ["won"] * 9 + ["lost"] * 2
    rows = [Row(number=at, house="0", instruction="", kind=kind, success=("no", "no"), cells=()) for at, kind in enumerate(kinds)]  # type: ignore[arg-type]
    recorded = [number for number in range(31) if number != 21]
    assert chosen(rows, recorded) == [0, 1, 2, 3, *range(4, 10), 20, 22, 23, 24, 25, 26, 29, 30]
    assert [kind_of(one) for one in ((False, True), (True, False), (True, True), (False,))] == ["won", "lost", "kept", "no success"]


def test_a_chart_puts_points_where_their_numbers_are() -> None:
    svg = ET.fromstring(chart("x", "t", "h", [Line(label="", x=np.array([0.0, 100.0]), y=np.array([0.0, 4.0]))], end=100.0, floor=0.0).svg)
    (line,) = svg.iter("polyline")
    assert line.attrib["points"] == "46.0,164.0 388.0,10.0"  # left and bottom edge, right and top edge
    assert nice_ticks(0.0, 4.0) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert nice_ticks(7.0, 7.0)[0] < 7.0 < nice_ticks(7.0, 7.0)[-1]
    assert [short(value) for value in (0.0, 0.02, 60_000.0, 1.5e6)] == ["0", "0.02", "60k", "1.5M"]
    long = thinned(Line(label="", x=np.arange(1000.0), y=np.ones(1000)))
    assert (len(long.x), long.y.min(), long.y.max()) == (300, 1.0, 1.0)


def test_a_log_of_one_update_is_a_point_that_is_seen() -> None:
    svg = ET.fromstring(chart("x", "t", "h", [Line(label="", x=np.array([50.0]), y=np.array([2.0]))], end=100.0, floor=0.0).svg)
    assert not list(svg.iter("polyline"))
    (point,) = (circle.attrib for circle in svg.iter("circle") if "point" in circle.attrib["class"])
    assert float(point["cx"]) == pytest.approx(LEFT + (WIDTH - LEFT - RIGHT) / 2)


def test_a_floor_is_drawn_with_z_up_and_the_way_without_repeated_points() -> None:
    way = Trail(label="", points=np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]), yaw=np.pi / 2, targets=((3.0, 1.0),), succeeded=True)
    svg = ET.fromstring(floor_svg(None, [("before", way)], "told"))
    assert [line.attrib["points"] for line in svg.iter("polyline")] == ["100,-100 100,-200"]
    heading = next(line.attrib for line in svg.iter("line") if line.attrib["class"] == "heading")
    assert (heading["x1"], heading["x2"], heading["y1"], heading["y2"]) == ("100", "145", "-100", "-100")  # a quarter clockwise: right
    end = next(circle.attrib for circle in svg.iter("circle") if circle.attrib["class"] == "end")
    assert (end["cx"], end["cy"]) == ("100", "-200")
    assert svg.attrib["viewBox"] == "70 -230 260 160"


def test_the_command_writes_beside_the_run_or_where_it_is_told(tmp_path: Path) -> None:
    run = ended(tmp_path / "run")
    said = CliRunner().invoke(main, ["report", str(run)])
    assert said.exit_code == 0, said.output
    assert "Finished: 400 steps of training." in said.output
    assert (run / "report.html").exists()
    other = tmp_path / "there" / "mine.html"
    assert CliRunner().invoke(main, ["report", str(run), "--out", str(other)]).exit_code == 0
    assert other.read_text() == (run / "report.html").read_text()
    assert CliRunner().invoke(main, ["report", str(run), "--out", str(other)]).exit_code == 0, "its own report is written anew"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], "there is no such folder. Give the --out of a `flare train`"),
        (["taught"], "taught: is a run of `flare pretrain`, and a report is of `flare train`."),
        (["."], "is no run of `flare train`: it holds no run.json. Did you mean run?"),
        (["run", "--out", "letter.html"], "is no report of `flare report`, and is not replaced"),
        (["run", "--out", "report.pdf"], "a report is an HTML file; give a name that ends in .html"),
    ],
)
def test_what_cannot_be_reported_is_refused(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(tmp_path / "run")
    (tmp_path / "taught").mkdir()
    (tmp_path / "taught" / "run.json").write_text('{"seed": 0, "pretraining": "5ab1e"}')
    (tmp_path / "letter.html").write_text("<p>Dear reader")
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["report", *words])
    assert said.exit_code in (1, 2)
    assert message in " ".join(said.output.split())
    assert (tmp_path / "letter.html").read_text() == "<p>Dear reader"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    for name in ("before.json", "before_recording.json", "results.json"):
        folder = ended(tmp_path / name.removesuffix(".json"))
        (folder / name).write_text('{"success": 1')
        said = CliRunner().invoke(main, ["report", str(folder)])
        assert said.exit_code == 1
        assert f"{name}: is damaged. Remove it" in " ".join(said.output.split())
