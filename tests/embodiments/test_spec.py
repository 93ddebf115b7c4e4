"""The YAML of a robot: grammar, presets, faults between its parts, and the robots that are shipped."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flare_core.embodiments.body import Embodiment, Range
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SpecError
from flare_core.reading import dump, list_specs

SPOC = [
    "move_ahead", "rotate_right", "rotate_left", "move_back", "done", "sub_done", "rotate_left_small", "rotate_right_small",
    "pickup", "move_arm_in", "move_arm_out", "move_arm_up", "move_arm_down", "wrist_open", "wrist_close",
    "move_arm_down_small", "move_arm_in_small", "move_arm_out_small", "move_arm_up_small", "dropoff",
]  # fmt: skip

SMALLEST = """\
kind: embodiment
base: {radius_m: 0.2, height_m: 0.5}
cameras:
  front: {mount: {up_m: 0.4}, vertical_fov_deg: 45, width_px: 64, height_px: 48}
actions: {preset: spoc_navigation}
"""


def body_of(folder: Path, text: str) -> Embodiment:
    path = folder / "bot.yaml"
    path.write_text(text, encoding="utf-8")
    return load_embodiment(path)[0]


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        body_of(folder, text)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


@pytest.mark.parametrize("name", list_specs("embodiment"))
def test_every_shipped_robot_loads_with_its_sources_and_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    body, loaded = load_embodiment(name, random="middle")
    assert body.name == loaded.name == name
    assert loaded.resolved["origin"]
    assert body.camera_for("navigation") is not None
    path = tmp_path / "copy.yaml"
    path.write_text(dump(loaded.resolved), encoding="utf-8")
    again, copy = load_embodiment(path, self_contained=True, random="middle")
    assert again == body
    assert copy.sha256 == loaded.sha256


def test_the_stretch_has_the_twenty_flare_actions_in_their_order() -> None:
    body, _ = load_embodiment("stretch_re1")
    assert list(body.action_names) == SPOC
    assert body.body_inputs == ("lift", "extend", "wrist", "holding")
    assert [camera.role for camera in body.cameras] == ["navigation", "manipulation"]
    assert body.footprint.radius_m == 0.185
    assert body.footprint.forward_m == -0.109
    assert body.noise.move_m == body.noise.turn == 0.0
    assert body.actions[8].needs == ("empty_gripper",)
    assert body.actions[19].needs == ("holding",)


def test_the_feeling_stretch_is_the_stretch_with_two_senses_more(tmp_path: Path) -> None:
    body, feeling = load_embodiment("stretch_re1")[0], load_embodiment("stretch_re1_feeling")[0]
    assert replace(feeling, name=body.name, senses=()) == body
    assert feeling.body_inputs == (*body.body_inputs, "contact", *(f"said_{count}" for count in range(1, 9)))
    path = tmp_path / "twice.yaml"
    path.write_text("kind: embodiment\nextends: stretch_re1\nsenses: [contact, contact]\n", encoding="utf-8")
    with pytest.raises(SpecError, match="senses: one of them is named twice"):
        load_embodiment(path)
    path.write_text("kind: embodiment\nextends: stretch_re1\nsenses: [smell]\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"twice.yaml:3: senses"):
        load_embodiment(path)


def test_the_locobot_pans_and_tilts_and_has_no_arm() -> None:
    body, _ = load_embodiment("locobot")
    assert list(body.action_names) == [*SPOC[:8], "look_left", "look_right", "look_up", "look_down"]
    assert body.arm is None
    assert body.gripper == "none"
    assert body.body_inputs == ("pan:head", "tilt:head")
    head = body.camera("head")
    assert head.on == "head"
    assert head.up_m == 0.8688
    assert head.vertical_fov == pytest.approx(math.radians(42))
    assert head.pan == Range(low=-math.pi / 2, high=math.pi / 2)


def test_the_stock_locobot_is_the_locobot_with_a_lower_eye() -> None:
    body, _ = load_embodiment("locobot_stock")
    other, _ = load_embodiment("locobot")
    assert body.actions == other.actions
    assert body.camera("head").up_m == 0.591
    assert body.camera("head").pan == other.camera("head").pan
    assert body.camera("head").horizontal_fov == pytest.approx(math.radians(69))


def test_the_turtlebot_has_other_sizes_and_a_mask_with_a_reason() -> None:
    body, _ = load_embodiment("turtlebot4")
    sizes = {action.name: action.effect.amount for action in body.actions}
    assert sizes["move_ahead"] == 0.25
    assert sizes["rotate_right"] == pytest.approx(math.radians(20))
    masked = {action.name: action.masked for action in body.actions if action.masked}
    assert list(masked) == ["move_back"]
    assert "backup limit" in str(masked["move_back"])


def test_a_robot_in_five_lines_is_enough(tmp_path: Path) -> None:
    body = body_of(tmp_path, SMALLEST)
    assert body.name == "bot"
    assert len(body.actions) == 8
    assert body.on_contact == "cancel"
    assert body.cameras[0].on == "base"


def test_a_child_with_intrinsics_displaces_the_field_of_view_it_inherits(tmp_path: Path) -> None:
    body = body_of(
        tmp_path,
        """\
kind: embodiment
extends: locobot
name: mybot
origin: "tape measure and camera_info, 2026-11"
base: {radius_m: 0.22, height_m: 0.45}
cameras:
  head:
    mount: {forward_m: 0.05, up_m: 0.38, pitch_down_deg: 10}
    intrinsics: {fx: 615, fy: 615, cx: 320, cy: 240, width_px: 640, height_px: 480}
actions: {preset: spoc_navigation, without: [move_back]}
jitter: {pitch_deg: 2, fov_deg: 1}
noise: {move_m: 0.01, turn_deg: 0.5}
""",
    )
    head = body.camera("head")
    assert (head.fx, head.cx, head.cy, head.width_px, head.height_px) == (615.0, 320.0, 240.0, 640, 480)
    assert head.vertical_fov == pytest.approx(2 * math.atan(240 / 615))
    assert head.role == "navigation"
    assert "move_back" not in body.action_names
    assert body.jitter.pitch == pytest.approx(math.radians(2))
    assert body.noise.turn == pytest.approx(math.radians(0.5))


def test_opposite_directions_displace_each_other_in_a_child(tmp_path: Path) -> None:
    body = body_of(tmp_path, "kind: embodiment\nextends: stretch_re1\ncameras: {navigation: {mount: {back_m: 0.5, pitch_up_deg: 3}}}\n")
    camera = body.camera("navigation")
    assert camera.forward_m == -0.5
    assert camera.pitch == pytest.approx(math.radians(-3))
    assert camera.up_m == 1.44469


def test_null_takes_an_inherited_camera_and_arm_away(tmp_path: Path) -> None:
    body = body_of(
        tmp_path,
        "kind: embodiment\nextends: stretch_re1\ncameras: {manipulation: null}\narm: null\ngripper: none\n"
        "actions: {preset: spoc_navigation}\n",
    )
    assert [camera.name for camera in body.cameras] == ["navigation"]
    assert body.arm is None


def test_actions_are_taken_out_added_and_masked_in_order(tmp_path: Path) -> None:
    body = body_of(
        tmp_path,
        SMALLEST.replace(
            "{preset: spoc_navigation}",
            """
  preset: spoc_navigation
  without: [move_back, sub_done]
  add:
    - slide: {move_base: {left_m: 0.1}}
    - grab: {grasp: {}, masked: no hand yet}
  masked: {rotate_left: the left motor is weak}""",
        ),
    )
    assert body.action_names == (
        "move_ahead",
        "rotate_right",
        "rotate_left",
        "done",
        "rotate_left_small",
        "rotate_right_small",
        "slide",
        "grab",
    )
    masks = {action.name: action.masked for action in body.actions if action.masked}
    assert masks == {"rotate_left": "the left motor is weak", "grab": "no hand yet"}


def test_faults_between_the_parts_are_told_with_those_of_values(tmp_path: Path) -> None:
    text = SMALLEST.replace("height_m: 0.5", "height_m: -1").replace(
        "{preset: spoc_navigation}",
        """
  preset: spoc_navigation
  without: [move_bak]
  add:
    - look: {turn_camera: {camera: frnt, left_deg: 30}}
    - nod: {turn_camera: {camera: front, down_deg: 30}}
    - done: {say: done}
    - lift: {move_arm: {lift_m: 0.1}}
    - hold: grasp
    - spin: {turn_base: {left_deg: 30, right_deg: 10}}
    - grab: gras
    - back: {move_base: {forward_m: -0.1}}
  masked: {rotate: broken}""",
    )
    assert faults_of(tmp_path, text) == [
        "bot.yaml:2: base.height_m: should be greater than 0; got -1",
        "bot.yaml:7: actions.without.0: preset 'spoc_navigation' has no action 'move_bak'. Remove it from `without`."
        " Did you mean 'move_back'?",
        "bot.yaml:9: actions.add.0.look.turn_camera.camera: no camera 'frnt'. The robot has: front. Did you mean 'front'?",
        "bot.yaml:10: actions.add.1.nod.turn_camera: camera 'front' has no tilt joint. Add `tilt: {up_deg: 60, down_deg: 60}` to it,"
        " or take 'nod' out",
        "bot.yaml:11: actions.add.2.done: the action 'done' is there already. Give one of the two another name, or take the preset's"
        " out with `without: [done]`",
        "bot.yaml:12: actions.add.3.lift: lift: the robot has no arm to do this with. Take out with `without: [lift]`, or keep the rows"
        " with `masked: {lift: the reason}`",
        "bot.yaml:13: actions.add.4.hold: hold: the robot has no gripper to do this with. Take out with `without: [hold]`, or keep the"
        " rows with `masked: {hold: the reason}`",
        "bot.yaml:14: actions.add.5.spin.turn_base: has both `left_deg` and `right_deg`. Keep one of them",
        "bot.yaml:15: actions.add.6.grab: should be 'grasp' or 'release' or mapping; got 'gras'. Did you mean 'grasp'?",
        "bot.yaml:16: actions.add.7.back.move_base.forward_m: should not be negative; got -0.1. Write `back_m: 0.1` for the other"
        " direction",
        "bot.yaml:17: actions.masked.rotate: the robot has no action 'rotate'. Remove the line. Did you mean 'rotate_left'?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "vertical_fov_deg: 45,",
            "",
            "bot.yaml:4: cameras.front: needs exactly one of preset, vertical_fov_deg, horizontal_fov_deg, intrinsics; got none",
        ),
        (
            "height_px: 48",
            "pan: {left_deg: 9, right_deg: 9}",
            "bot.yaml:4: cameras.front: `vertical_fov_deg` needs `width_px` and `height_px` beside it",
        ),
        (
            "vertical_fov_deg: 45,",
            "preset: spoc,",
            "bot.yaml:4: cameras.front: `preset` has the image size in it. Remove `width_px` and `height_px`",
        ),
        (
            "height_px: 48",
            "height_px: 6400",
            "bot.yaml:4: cameras.front: an image of 64 x 6400 pixels makes the horizontal field of view 0.5 degrees, as pixels are square; "
            "it has to be above 1 and below 175. Check `width_px` and `height_px`",
        ),
        (
            "up_m: 0.4",
            "up_m: 0.4, forward_m: 0.8",
            "bot.yaml:4: cameras.front.mount: the camera is 0.60 m outside of the base's outline and would look through walls. "
            "Measure from the floor point under the axis of rotation, in metres",
        ),
        ("radius_m: 0.2, ", "", "bot.yaml:2: base: needs `radius_m` (a round base), or `width_m` and `length_m` (a rectangular one)"),
        (
            "radius_m: 0.2",
            "radius_m: 0.2, width_m: 0.4, length_m: 0.4",
            "bot.yaml:2: base: has both `radius_m` and `width_m` and `length_m`; keep one: the radius of a round base, "
            "or both sides of a box",
        ),
        (
            "height_px: 48",
            "height_px: 48, intrinsics: {k: [931.2, 0, 641.5, 0, 930.8, 357.9, 0, 0, 1]}",
            "bot.yaml:4: cameras.front.intrinsics: takes four numbers instead of the matrix: fx is k[0], fy is k[4], cx is k[2] and cy is "
            "k[5] of camera_info. Write {fx: 931.2, fy: 930.8, cx: 641.5, cy: 357.9, width_px: ..., height_px: ...}",
        ),
        (
            "radius_m: 0.2",
            "width_m: 0.2",
            "bot.yaml:2: base: needs `radius_m` (a round base), or `width_m` and `length_m` (a rectangular one)",
        ),
        (
            "height_px: 48",
            "height_px: 48, carried_by: wrist",
            "bot.yaml:4: cameras.front.carried_by: 'wrist', but the robot has no arm. Add `arm:`, or carry it by 'base'",
        ),
        (
            "up_m: 0.4",
            "up_m: 400",
            "bot.yaml:4: cameras.front.mount.up_m: should be less than or equal to 3; got 400. "
            "The unit is metres: 400 cm are 4, 400 mm are 0.4",
        ),
        ("{preset: spoc_navigation}", "[]", "bot.yaml:5: actions: the list is empty. Name a `preset:` or list actions"),
        (
            "{preset: spoc_navigation}",
            "{preset: spok}",
            "bot.yaml:5: actions.preset: 'spok' is not one of spoc, spoc_navigation. Did you mean 'spoc'?",
        ),
        ("front: {", "1st: {", "bot.yaml:4: cameras.1st: string should match pattern '^[A-Za-z][A-Za-z0-9_]*$'; got '1st'"),
    ],
)
def test_a_single_fault_says_what_and_how_to_mend(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALLEST
    assert faults_of(tmp_path, SMALLEST.replace(old, new)) == [message]


def test_two_cameras_cannot_have_one_role(tmp_path: Path) -> None:
    camera = "{role: navigation, mount: {up_m: 0.4}, preset: spoc}"
    text = f"kind: embodiment\nextends: locobot\ncameras:\n  side: {camera}\n"
    assert faults_of(tmp_path, text) == [
        "bot.yaml:4: cameras.side.role: 'navigation' is already the role of camera 'head'. Remove one of the two"
    ]


DAMAGE: list[Any] = [None, [], {}, "x", -1, True, [{}], [[1]], {"x": {"y": 1}}, 1e999]


def places_in(node: Any) -> list[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [place for key in keys for place in places_in(node[key])]


def test_any_damage_to_a_good_file_is_a_spec_error_and_nothing_else(tmp_path: Path) -> None:
    good = yaml.safe_load(dump(load_embodiment("locobot")[1].resolved))
    path = tmp_path / "bot.yaml"
    messages = []
    for node, key in places_in(good):
        kept = node[key]
        for broken in DAMAGE:
            node[key] = broken
            path.write_text(yaml.safe_dump(good), encoding="utf-8")
            try:
                load_embodiment(path)
            except SpecError as bad:
                messages.append(str(bad))
        node[key] = kept
    assert len(messages) > 300
    assert [message for message in messages if not message.startswith(f"{path}:")] == []
