"""`flare show --photo` from the command line, and actions told in metres and degrees."""

import math
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SimError
from flare_core.runs import showing
from flare_core.runs.showing import action_words, looks, place
from tests.cli_tools import flare


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "real.jpg"
    Image.new("RGB", (320, 240), (120, 110, 100)).save(path)
    return path


def test_a_photograph_gets_its_lines_and_what_to_compare_is_said(photo: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "lines.png", photo.read_bytes()
    result = flare("show", "turtlebot4", "--photo", photo, "--out", out)
    assert result.exit_code == 0
    # fy = 320 / tan 33 = 492.8; the lens, 0.244 m up, is 0.06 m behind the axis: 240 + 492.8 * 0.244 / 1.06 = 353.
    assert "horizon: row 240 of 480\n1 m ahead: row 353 of 480\n2 m ahead: row 298 of 480\n4 m ahead: row 270 of 480\n" in result.output
    assert "tape laid across the floor 1, 2 and 4 m ahead of the axis of rotation" in result.output
    assert result.output.endswith(f"Wrote {out}\n")
    assert out.read_bytes().startswith(b"\x89PNG")
    assert photo.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.png", "real.jpg"]


def test_what_cannot_be_drawn_is_refused_in_one_line(photo: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    Image.new("RGB", (320, 240)).save(own)
    for words, code, said in (
        (["--camera", "oakd"], 2, "--camera goes with --photo"),
        (["--photo", photo, "--camera", "oak"], 1, "turtlebot4 has no camera 'oak'. It has: oakd. Did you mean 'oakd'?"),
        (["--photo", own, "--out", own], 1, "is the photograph itself. Give --out another name"),
        (["--photo", tmp_path / "none.jpg", "--out", tmp_path / "x.png"], 1, "none.jpg: no such file"),
    ):
        result = flare("show", "turtlebot4", *words)
        assert result.exit_code == code
        assert said in result.output
    assert Image.open(own).size == (320, 240)


def test_actions_are_told_with_their_units() -> None:
    words = {name: does for body in ("stretch_re1", "locobot") for _, name, does, _ in action_words(load_embodiment(body)[0])}
    assert words["rotate_left"] == "turns 30° to the left"
    assert words["move_back"] == "drives 0.2 m back"
    assert words["look_up"] == "head 15° up"
    assert words["move_arm_in"] == "arm 0.1 m in"
    assert (words["pickup"], words["dropoff"], words["done"]) == ("closes the gripper", "opens the gripper", "says done")


def test_a_robot_that_fits_into_no_house_is_drawn_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(body: Embodiment) -> NoReturn:
        raise SimError(f"val 1: {body.name} can stand nowhere in this house")

    monkeypatch.setattr(showing, "views", nowhere)
    path, out = tmp_path / "wide.yaml", tmp_path / "wide.png"
    path.write_text("kind: embodiment\nextends: turtlebot4\nbase: {radius_m: 1.5}\n")
    result = flare("show", path, "--out", out)
    assert result.exit_code == 0
    assert "drawn without what it sees: val 1: wide can stand nowhere in this house" in result.output
    assert f"warning: {path}:3: base.radius_m: the base is 3.00 m across" in result.output
    assert out.read_bytes().startswith(b"\x89PNG")


def test_where_a_camera_is_and_looks_is_told_with_directions() -> None:
    camera = load_embodiment("turtlebot4")[0].cameras[0]
    assert (place(camera), looks(camera)) == ("0.06 m behind", "ahead")
    moved = replace(camera, forward_m=0.05, right_m=-0.02, yaw=math.radians(-5))
    assert (place(moved), looks(moved)) == ("0.05 m ahead, 0.02 m left", "5° left")
    assert (place(replace(camera, forward_m=0.0)), looks(replace(camera, yaw=math.pi))) == ("on it", "behind")
    assert looks(replace(camera, yaw=math.pi / 2)) == "90° right"
