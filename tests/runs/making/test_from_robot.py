"""`flare new robot --from`: a short file that is its parent until a value is changed, and that nothing is written over."""

from pathlib import Path

import pytest
import yaml

from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SpecError
from flare_core.reading import list_specs
from flare_core.runs.making.from_robot import robot_like
from flare_core.runs.making.new_files import save_checked
from tests.cli_tools import flare

PARENTS = [name for name in list_specs("embodiment") if name != "random_body"]  # many bodies, which no new robot can be


@pytest.mark.parametrize("parent", PARENTS)
def test_the_new_robot_is_its_parent_until_a_value_is_changed(parent: str, tmp_path: Path) -> None:
    path = robot_like("mybot", parent, tmp_path / "mybot.yaml")
    body, loaded = load_embodiment(path)
    packaged, _ = load_embodiment(parent)
    for part in ("footprint", "cameras", "arm", "gripper", "actions", "jitter", "noise", "senses", "on_contact"):
        assert getattr(body, part) == getattr(packaged, part), part
    assert (body.name, loaded.name) == ("mybot", "mybot")


@pytest.mark.parametrize("parent", PARENTS)
def test_it_shows_what_a_builder_changes_in_few_lines_that_fit_a_screen(parent: str, tmp_path: Path) -> None:
    text = robot_like("mybot", parent, tmp_path / "mybot.yaml").read_text()
    shown = yaml.safe_load(text)
    assert set(shown) == {"kind", "extends", "name", "base", "cameras", "actions"}
    assert all({"mount"} < set(camera) for camera in shown["cameras"].values())
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert len(lines) <= 20
    assert all(len(line) <= 160 for line in text.splitlines())
    for word in ("Metres and degrees", "axis of rotation", "Tape measure", "phone's level", "data sheet"):
        assert word in text.replace("\n#   ", " ").replace("\n    #   ", " ")


def test_a_changed_line_changes_the_robot_and_nothing_else(tmp_path: Path) -> None:
    path = robot_like("mybot", "turtlebot4", tmp_path / "mybot.yaml")
    path.write_text(path.read_text().replace("{back_m: 0.06, up_m: 0.244}", "{forward_m: 0.07, up_m: 0.31, pitch_down_deg: 10}"))
    camera = load_embodiment(path)[0].cameras[0]
    assert (camera.forward_m, camera.up_m) == (0.07, 0.31)  # the parent's back_m is gone
    assert camera.horizontal_fov == load_embodiment("turtlebot4")[0].cameras[0].horizontal_fov


def test_a_parent_of_ones_own_is_found_from_where_the_new_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    robot_like("first", "locobot", Path("first.yaml"))
    path = robot_like("second", "first.yaml", Path("deep/er/second.yaml"))
    assert yaml.safe_load(path.read_text())["extends"] == "../../first.yaml"
    assert load_embodiment(path)[0].cameras == load_embodiment("locobot")[0].cameras


def test_nothing_is_written_over_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert flare("new", "robot", "mybot", "--from", "locobot").exit_code == 0
    mine = Path("mybot.yaml")
    mine.write_text("my own work\n")
    result = flare("new", "robot", "mybot", "--from", "locobot")
    assert result.exit_code == 1
    assert result.output == "Error: mybot.yaml: is there already and is left as it is. Give another place with --out, or move it away\n"
    assert mine.read_text() == "my own work\n"
    assert flare("new", "robot", "other", "--from", "nosuch").exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mybot.yaml"]


def test_a_file_that_comes_to_be_there_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mybot.yaml"
    with pytest.raises(SpecError, match="is there already and is left as it is"):
        save_checked("kind: embodiment\n", path, lambda draft: path.write_text("somebody else's\n"))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("mybot.yaml", "somebody else's\n")]


def test_a_parent_that_is_many_bodies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--from random_body: it describes many bodies, by ranges"):
        robot_like("mybot", "random_body", tmp_path / "mybot.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my bot", "'my bot': a name is up to 64 letters, digits, '_' and '-', and begins with a letter. Try 'my_bot'; another"),
        ("../evil", "Try 'evil'; another place for the file goes to --out"),
        ("4bot", "Try 'robot_4bot'"),
        ("", "Try 'mybot'"),
        ("x" * 65, "up to 64 letters"),
        ("ümlaut", "Try 'umlaut'"),
        ("con", "Windows allows no file of this name. Try 'my_con'"),
        ("LPT1", "Windows allows no file of this name. Try 'my_LPT1'"),
        ("on", "'on': YAML reads this as True, not as text. Take another name, such as 'on_bot'"),
        ("null", "YAML reads this as None"),
        ("locobot", "there is a packaged embodiment of this name, and commands would mean that one. Try 'my_locobot'"),
    ],
)
def test_names_that_would_not_be_read_back_are_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as bad:
        robot_like(name, "locobot", tmp_path / "mybot.yaml")
    assert said in str(bad.value)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_comes_next_and_needs_one_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = flare("new", "robot", "mybot", "--from", "turtlebot4")
    assert result.output.startswith("Wrote mybot.yaml\nNext:\n  flare check mybot.yaml")
    for command in ("flare show mybot.yaml ", "flare show mybot.yaml --photo PICTURE.jpg", "flare plan TRANSFER.yaml --write"):
        assert command in result.output
    assert flare("check", "mybot.yaml").output == "mybot.yaml: ok, embodiment mybot: 7 actions, 1 camera\n"
    for words in ([], ["--from", "locobot", "--urdf", "x.urdf"]):
        assert "give one of --from ROBOT" in flare("new", "robot", "third", *words).output
    assert "--scale is for --urdf" in flare("new", "robot", "third", "--from", "locobot", "--scale", "0.001").output
    assert (
        "a spec's file ends in .yaml. Give --out mine.txt.yaml"
        in flare("new", "robot", "x1", "--from", "locobot", "--out", "mine.txt").output
    )
