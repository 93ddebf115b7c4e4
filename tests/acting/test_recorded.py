"""Recorded photographs are shown in order and camera by camera, and what the policy would do is printed with its units."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flare_core
from flare_core.acting.pictures import CameraNeed
from flare_core.acting.recorded import frames_of, read_picture, read_states
from flare_core.errors import ActingError
from tests.acting.rig import bundle_for, noise
from tests.cli_tools import flare

ONE = {"head": CameraNeed(name="head", width_px=8, height_px=4, used_width_px=4, used_height_px=2)}
TWO = ONE | {"hand": CameraNeed(name="hand", width_px=8, height_px=4, used_width_px=4, used_height_px=2)}
AWAY = {"head.pan_right_deg": 90.0, "head.tilt_down_deg": 0.0}


@pytest.fixture(scope="module")
def locobot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_for("locobot", tmp_path_factory.mktemp("bundles") / "locobot")


def picture(path: Path, image: Any = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 8, 3), dtype=np.uint8) if image is None else image).save(path)
    return path


def names(frames: list[dict[str, Path]]) -> list[list[str]]:
    return [[path.name for path in frame.values()] for frame in frames]


def test_ten_comes_after_nine(tmp_path: Path) -> None:
    for at in (10, 9, 1):
        picture(tmp_path / f"frame{at}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    assert names(frames_of(tmp_path, ONE)) == [["frame1.png"], ["frame9.png"], ["frame10.png"]]


def test_cameras_have_folders_or_begin_the_names(tmp_path: Path) -> None:
    for at in range(2):
        picture(tmp_path / "a" / "head" / f"{at}.png")
        picture(tmp_path / "a" / "hand" / f"{at}.jpg")
        picture(tmp_path / "b" / f"head_{at}.png")
        picture(tmp_path / "b" / f"hand-{at}.png")
    assert names(frames_of(tmp_path / "a", TWO)) == [["0.png", "0.jpg"], ["1.png", "1.jpg"]]
    assert names(frames_of(tmp_path / "b", TWO)) == [["head_0.png", "hand-0.png"], ["head_1.png", "hand-1.png"]]


def test_folders_without_the_right_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ActingError, match="is no folder"):
        frames_of(tmp_path / "nowhere", ONE)
    with pytest.raises(ActingError, match=r"has no picture of camera 'head'.* or as they are \("):
        frames_of(tmp_path, ONE)
    picture(tmp_path / "head_0.png")
    with pytest.raises(ActingError, match=r"has no picture of camera 'hand'\. Put them into .*hand/ or as hand_\* \("):
        frames_of(tmp_path, TWO)
    picture(tmp_path / "hand_0.png")
    picture(tmp_path / "hand_1.png")
    with pytest.raises(ActingError, match=r"has 1 of 'head', 2 of 'hand'\. Every frame needs one of each"):
        frames_of(tmp_path, TWO)


def test_photographs_are_read_as_rgb_the_right_way_up(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    assert read_picture(picture(tmp_path / "a.png", image)).tolist() == image.tolist()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown turned by 90 degrees clockwise
    Image.fromarray(image).save(tmp_path / "turned.png", exif=exif)
    assert read_picture(tmp_path / "turned.png").tolist() == np.rot90(image, -1).tolist()
    picture(tmp_path / "grey.png", image[:, :, 0])
    assert read_picture(tmp_path / "grey.png").tolist() == np.repeat(image[:, :, :1], 3, axis=2).tolist()


def test_what_is_no_photograph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (tmp_path / "cut.png").write_bytes(
        picture(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).read_bytes()[:200]
    )
    for name in ("bad", "cut"):
        with pytest.raises(ActingError, match=f"{name}.png: cannot be read as a picture"):
            read_picture(tmp_path / f"{name}.png")
    picture(tmp_path / "depth.png", np.zeros((4, 8), dtype=np.uint16))
    with pytest.raises(ActingError, match="as depth pictures are"):
        read_picture(tmp_path / "depth.png")


def test_states_are_one_or_one_for_each_frame(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(AWAY))
    assert read_states(path) == [AWAY]
    path.write_text(json.dumps([AWAY, AWAY]))
    assert read_states(path) == [AWAY, AWAY]
    for text, message in (("{", "is not JSON"), ("[]", "must hold one object"), ("[1]", "must hold one object")):
        path.write_text(text)
        with pytest.raises(ActingError, match=message):
            read_states(path)


def test_the_command_prints_what_the_policy_chooses(locobot: Path, tmp_path: Path) -> None:
    policy = flare_core.load(locobot, seed=4)
    policy.reset("find a mug")
    chosen = []
    for at in range(5):
        image = noise(policy, at)["head"]
        picture(tmp_path / "frames" / f"{at}.png", image)
        chosen += [] if policy.over else [(policy.act({"head": image}, AWAY).to_json(), dict(policy.probabilities))]
    (tmp_path / "state.json").write_text(json.dumps(AWAY))
    words = (
        "act",
        locobot,
        "--images",
        tmp_path / "frames",
        "--instruction",
        "find a mug",
        "--state",
        tmp_path / "state.json",
        "--seed",
        "4",
    )
    found = json.loads(flare(*words, "--json").stdout)
    assert [(frame["action"], frame["probabilities"]) for frame in found["frames"]] == chosen
    assert [frame["frame"] for frame in found["frames"]] == [f"{at}.png" for at in range(len(chosen))]
    assert all(frame["probabilities"]["look_right"] == 0.0 for frame in found["frames"])  # it has no way left to the right
    shown = flare(*words).output
    assert f"{chosen[0][1][chosen[0][0]['name']]:.2f}" in shown
    assert "locobot, drawn with seed 4" in shown


def test_the_most_probable_action_is_greedy(locobot: Path, tmp_path: Path) -> None:
    picture(tmp_path / "0.png", noise(flare_core.load(locobot), 0)["head"])
    found = json.loads(flare("act", locobot, "--images", tmp_path, "--instruction", "find a mug", "--at-home", "--greedy", "--json").stdout)
    (frame,) = found["frames"]
    assert frame["probabilities"][frame["action"]["name"]] == max(frame["probabilities"].values())


def test_frames_after_the_end_of_the_episode_are_counted(locobot: Path, tmp_path: Path) -> None:
    policy = flare_core.load(locobot, seed=1)
    for at in range(60):
        picture(tmp_path / f"{at}.png", noise(policy, at)["head"])
    shown = flare("act", locobot, "--images", tmp_path, "--instruction", "find a mug", "--at-home", "--seed", "1").output
    assert "It ended the episode at " in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "locobot's masks need its state (head.pan_right_deg, head.tilt_down_deg). Give it with --state FILE.json, or say --at-home"),
        (("--at-home", "--instruction", "find a mugg"), "does not know the word 'mugg'. Near it are mug"),
        (("--at-home", "--images", "nowhere"), "nowhere: is no folder"),
    ],
)
def test_the_command_refuses_before_it_acts(locobot: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    picture(tmp_path / "0.png", noise(flare_core.load(locobot), 0)["head"])
    result = flare("act", locobot, "--images", tmp_path, "--instruction", "find a mug", *words)
    assert result.exit_code == 1
    assert message in result.output


def test_a_picture_of_another_camera_is_refused_by_its_file(locobot: Path, tmp_path: Path) -> None:
    picture(tmp_path / "0.png", np.zeros((64, 64, 3), dtype=np.uint8))
    result = flare("act", locobot, "--images", tmp_path, "--instruction", "find a mug", "--at-home")
    assert result.exit_code == 1
    assert "0.png: images: head: is 64x64, 1.000 to 1 instead of 1.768 to 1" in result.output


def test_states_have_to_match_the_frames(locobot: Path, tmp_path: Path) -> None:
    picture(tmp_path / "0.png", noise(flare_core.load(locobot), 0)["head"])
    (tmp_path / "state.json").write_text(json.dumps([AWAY, AWAY]))
    result = flare("act", locobot, "--images", tmp_path, "--instruction", "find a mug", "--state", tmp_path / "state.json")
    assert "there are 2 states for 1 frames. Give one for all, or one for each" in result.output
    assert flare("act", locobot, "--images", tmp_path, "--instruction", "a", "--state", tmp_path / "state.json", "--at-home").exit_code == 2
