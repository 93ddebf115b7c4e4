"""The tutorial: its lines to change are those of the new file, and its quick commands print what it shows."""

import re
from pathlib import Path

import pytest

from flare_core.embodiments.spec import load_embodiment
from tests.cli_tools import flare

pytest.importorskip("yourdfpy")

PAGE = (Path(__file__).parents[3] / "docs" / "your_robot.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<kind>\w+)(?: title=\"(?P<title>[^\"\n]+)\")?\n(?P<text>.*?)^```$", re.M | re.S)


def squeezed(text: str) -> str:
    return " ".join(re.sub(r"[│┃]", " ", text).split())


def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = 0
    for block in BLOCK.finditer(PAGE):
        if block["title"]:
            Path(block["title"]).write_text(block["text"], encoding="utf-8")
        if block["kind"] != "console" or (block["note"] or "").startswith("not run in tests"):
            continue
        for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            result = flare(*line.split()[1:])
            run += 1
            assert result.exit_code == 0, result.output
            for one in shown:
                wanted = ".*".join(re.escape(squeezed(piece)) for piece in one.split("..."))
                assert re.search(wanted, squeezed(result.output)), f"{line}: does not print {one!r} but {result.output}"
    assert run == 5


def test_the_lines_to_change_are_in_the_new_file_and_lead_to_the_one_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert flare("new", "robot", "myturtle", "--from", "turtlebot4").exit_code == 0
    text = Path("myturtle.yaml").read_text()
    (diff,) = re.findall(r"```diff\n(.*?)```", PAGE, flags=re.DOTALL)
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, flags=re.MULTILINE):
        old, new = (re.sub(r"^.", "", side, flags=re.MULTILINE) for side in (old, new))
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    Path("changed.yaml").write_text(text)
    shown = next(block["text"] for block in BLOCK.finditer(PAGE) if block["title"] == "myturtle.yaml")
    Path("shown.yaml").write_text(shown.replace("the base has no cliff sensors behind", "REASON"))
    Path("changed.yaml").write_text(re.sub(r"masked: [^}]*", "masked: REASON", text))
    assert load_embodiment(Path("changed.yaml"))[0] == load_embodiment(Path("shown.yaml"))[0]
