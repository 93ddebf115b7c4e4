"""Named directions -> signed radians and metres, each against a number worked out by hand.

Frame: x right, y up, z forward; yaw clockwise from above, pitch and tilt positive down.
"""

import math
from pathlib import Path

import pytest

from flare_core.embodiments.body import Effect
from flare_core.embodiments.spec import load_embodiment

BOT = """\
kind: embodiment
extends: stretch_re1
cameras:
  navigation: null
  manipulation: null
  eye: {mount: {MOUNT}, preset: spoc, pan: {left_deg: 90, right_deg: 45}, tilt: {up_deg: 30, down_deg: 60}}
base: {centre: {left_m: 0.2, back_m: 0.1}}
actions:
  - it: {EFFECT}
"""


def effect(folder: Path, text: str) -> Effect:
    path = folder / "bot.yaml"
    path.write_text(BOT.replace("MOUNT", "up_m: 1").replace("EFFECT", text), encoding="utf-8")
    return load_embodiment(path)[0].actions[0].effect


@pytest.mark.parametrize(
    ("text", "kind", "axis", "amount"),
    [
        ("turn_base: {left_deg: 30}", "turn_base", "right", -math.pi / 6),
        ("turn_base: {right_deg: 30}", "turn_base", "right", math.pi / 6),
        ("turn_camera: {camera: eye, left_deg: 90}", "turn_camera", "pan", -math.pi / 2),
        ("turn_camera: {camera: eye, right_deg: 90}", "turn_camera", "pan", math.pi / 2),
        ("turn_camera: {camera: eye, up_deg: 60}", "turn_camera", "tilt", -math.pi / 3),
        ("turn_camera: {camera: eye, down_deg: 60}", "turn_camera", "tilt", math.pi / 3),
        ("turn_wrist: {left_deg: 180}", "turn_wrist", "right", -math.pi),
        ("turn_wrist: {right_deg: 180}", "turn_wrist", "right", math.pi),
        ("move_base: {forward_m: 0.2}", "move_base", "forward", 0.2),
        ("move_base: {back_m: 0.2}", "move_base", "forward", -0.2),
        ("move_base: {left_m: 0.2}", "move_base", "right", -0.2),
        ("move_base: {right_m: 0.2}", "move_base", "right", 0.2),
        ("move_arm: {lift_m: 0.1}", "move_arm", "lift", 0.1),
        ("move_arm: {lower_m: 0.1}", "move_arm", "lift", -0.1),
        ("move_arm: {extend_m: 0.1}", "move_arm", "extend", 0.1),
        ("move_arm: {retract_m: 0.1}", "move_arm", "extend", -0.1),
        ("move_hand: {forward_m: 0.1}", "move_hand", "forward", 0.1),
        ("move_hand: {back_m: 0.1}", "move_hand", "forward", -0.1),
        ("move_hand: {left_m: 0.1}", "move_hand", "right", -0.1),
        ("move_hand: {right_m: 0.1}", "move_hand", "right", 0.1),
        ("move_hand: {up_m: 0.1}", "move_hand", "up", 0.1),
        ("move_hand: {down_m: 0.1}", "move_hand", "up", -0.1),
        ("say: done", "say", "done", 0.0),
        ("say: sub_done", "say", "sub_done", 0.0),
        ("grasp: {}", "grasp", "", 0.0),
        ("release: {}", "release", "", 0.0),
    ],
)
def test_an_effect_has_the_sign_worked_out_by_hand(tmp_path: Path, text: str, kind: str, axis: str, amount: float) -> None:
    got = effect(tmp_path, text)
    assert (got.kind, got.axis) == (kind, axis)
    assert got.amount == pytest.approx(amount)
    assert got.camera == ("eye" if kind == "turn_camera" else None)


@pytest.mark.parametrize(
    ("mount", "right", "up", "forward", "yaw", "pitch"),
    [
        ("up_m: 1, forward_m: 0.1, right_m: 0.2", 0.2, 1.0, 0.1, 0.0, 0.0),
        ("up_m: 1, back_m: 0.1, left_m: 0.2", -0.2, 1.0, -0.1, 0.0, 0.0),
        ("up_m: 1, pitch_down_deg: 30", 0.0, 1.0, 0.0, 0.0, math.pi / 6),
        ("up_m: 1, pitch_up_deg: 30", 0.0, 1.0, 0.0, 0.0, -math.pi / 6),
        ("up_m: 1, yaw_right_deg: 90", 0.0, 1.0, 0.0, math.pi / 2, 0.0),
        ("up_m: 1, yaw_left_deg: 90", 0.0, 1.0, 0.0, -math.pi / 2, 0.0),
    ],
)
def test_a_mount_has_the_signs_worked_out_by_hand(
    tmp_path: Path, mount: str, right: float, up: float, forward: float, yaw: float, pitch: float
) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text(BOT.replace("MOUNT", mount).replace("EFFECT", "say: done"), encoding="utf-8")
    camera = load_embodiment(path)[0].camera("eye")
    assert (camera.right_m, camera.up_m, camera.forward_m) == (right, up, forward)
    assert camera.yaw == pytest.approx(yaw)
    assert camera.pitch == pytest.approx(pitch)


def test_joint_limits_run_from_left_to_right_and_from_up_to_down(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text(BOT.replace("MOUNT", "up_m: 1").replace("EFFECT", "say: done"), encoding="utf-8")
    body = load_embodiment(path)[0]
    eye = body.camera("eye")
    assert eye.pan is not None
    assert eye.tilt is not None
    assert [eye.pan.low, eye.pan.high] == pytest.approx([-math.pi / 2, math.pi / 4])
    assert [eye.tilt.low, eye.tilt.high] == pytest.approx([-math.pi / 6, math.pi / 3])
    assert body.arm is not None
    assert [body.arm.wrist.low, body.arm.wrist.high] == pytest.approx([math.radians(-260), math.radians(75)])
    assert body.arm.reach_yaw == pytest.approx(math.pi / 2)
    assert (body.footprint.right_m, body.footprint.forward_m) == (-0.2, -0.1)


def test_a_field_of_view_becomes_the_focal_length_worked_out_by_hand() -> None:
    camera = load_embodiment("stretch_re1")[0].camera("navigation")
    assert camera.fy == pytest.approx(112 / math.tan(math.radians(29.5)))  # half of 224 px under half of 59 degrees
    assert camera.fx == camera.fy
    assert (camera.cx, camera.cy) == (198.0, 112.0)
    oak = load_embodiment("turtlebot4")[0].camera("oakd")
    assert oak.fx == pytest.approx(320 / math.tan(math.radians(33)))
    assert oak.forward_m == -0.06


def test_the_twenty_flare_actions_have_the_amounts_of_the_release() -> None:
    body, _ = load_embodiment("stretch_re1")
    turn, small, wrist = math.radians(30), math.radians(6), math.radians(10)
    assert [(action.effect.kind, action.effect.axis, round(action.effect.amount, 9)) for action in body.actions] == [
        ("move_base", "forward", 0.2),
        ("turn_base", "right", round(turn, 9)),
        ("turn_base", "right", round(-turn, 9)),
        ("move_base", "forward", -0.2),
        ("say", "done", 0.0),
        ("say", "sub_done", 0.0),
        ("turn_base", "right", round(-small, 9)),
        ("turn_base", "right", round(small, 9)),
        ("grasp", "", 0.0),
        ("move_arm", "extend", -0.1),
        ("move_arm", "extend", 0.1),
        ("move_arm", "lift", 0.1),
        ("move_arm", "lift", -0.1),
        ("turn_wrist", "right", round(-wrist, 9)),
        ("turn_wrist", "right", round(wrist, 9)),
        ("move_arm", "lift", -0.02),
        ("move_arm", "extend", -0.02),
        ("move_arm", "extend", 0.02),
        ("move_arm", "lift", 0.02),
        ("release", "", 0.0),
    ]
