"""Warnings of `flare check`: silent on every robot that is shipped, told with file and line, and never an error."""

from dataclasses import replace
from pathlib import Path

import pytest

from flare_core.adapters.planning import plan_head
from flare_core.adapters.spec import HeadChoices
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.reading import list_specs
from flare_core.runs.warnings.table import CHECKS, body_warnings, step_warnings
from tests.cli_tools import flare

HEAD = "kind: embodiment\nextends: {robot}\nname: bot\n"


def warnings_of(folder: Path, robot: str, text: str) -> list[str]:
    path = folder / "bot.yaml"
    path.write_text(HEAD.format(robot=robot) + text, encoding="utf-8")
    return [line.replace(f"{folder}/", "") for line in body_warnings(*load_embodiment(path))]


@pytest.mark.parametrize("name", list_specs("embodiment"))
def test_no_shipped_robot_is_warned_of(name: str) -> None:
    # Of many bodies, the one in the middle of all ranges is judged, as `flare check` does.
    assert body_warnings(*load_embodiment(name, random="middle")) == []


def test_check_tells_warnings_below_the_ok_line_and_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "bot.yaml"
    path.write_text(HEAD.format(robot="turtlebot4") + "base: {radius_m: 0.6}\n")
    result = flare("check", path)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{path}: ok, embodiment bot: 7 actions, 1 camera",
        f"warning: {path}:4: base.radius_m: the base is 1.20 m across and the houses' narrowest door 0.99 m wide: it passes none. "
        "If 0.6 m is the diameter, write `radius_m: 0.3`",
    ]


def test_a_robot_too_low_to_see_a_counter_is_told_what_it_sees(tmp_path: Path) -> None:
    # 20 degrees high, level: half a metre up and 2 tan 10 = 0.35 m above the lens at 2 m.
    lines = warnings_of(
        tmp_path, "turtlebot4", "cameras: {oakd: {mount: {up_m: 0.3}, preset: null, vertical_fov_deg: 20, width_px: 64, height_px: 48}}\n"
    )
    assert lines == [
        "warning: bot.yaml:4: cameras: from 1 to 2 m away no camera sees the top of a table (0.75 m high) or a counter (0.9 m high); "
        "'oakd' sees 0.00 to 0.65 m at 2 m. Check `up_m`, the pitch, the field of view and `tilt`. If they are right there is nothing to "
        "mend: things on it are rarely found from there"
    ]


def test_a_tilt_joint_lets_the_same_camera_see_it(tmp_path: Path) -> None:
    lens = "preset: null, vertical_fov_deg: 20, width_px: 64, height_px: 48, tilt: {up_deg: 20, down_deg: 20}"
    assert warnings_of(tmp_path, "turtlebot4", f"cameras: {{oakd: {{mount: {{up_m: 0.3}}, {lens}}}}}\n") == []


@pytest.mark.parametrize(
    ("robot", "text", "said"),
    [
        ("turtlebot4", "base: {height_m: 2.2}", "more than the height of a door, 2.07 m"),
        ("turtlebot4", "base: {height_m: 0.03}", "a robot 0.03 m high?"),
        ("turtlebot4", "base: {width_m: 1.1, length_m: 0.5}", "it passes none"),
        ("turtlebot4", "base: {centre: {back_m: 0.3}}", "the axis of rotation lies outside"),
        ("turtlebot4", "base: {height_m: 0.06}", "the lens is 0.18 m above the robot"),
        ("locobot_stock", "cameras: {head: {mount: {forward_m: 0.4}}}", "the lens is 0.22 m outside of the base's outline"),
        ("turtlebot4", "cameras: {oakd: {mount: {pitch_up_deg: 50}}}", "looks 50 degrees up: little but ceiling"),
        ("turtlebot4", "cameras: {oakd: {mount: {pitch_down_deg: 80}}}", "looks 80 degrees down"),
        ("turtlebot4", "cameras: {oakd: {horizontal_fov_deg: 5, width_px: 64, height_px: 48}}", "as through a telescope"),
        ("turtlebot4", "cameras: {oakd: {horizontal_fov_deg: 130, width_px: 64, height_px: 48}}", "bends straight lines"),
        (
            "turtlebot4",
            "cameras: {oakd: {intrinsics: {fx: 493, fy: 370, cx: 320, cy: 240, width_px: 640, height_px: 480}}}",
            "fx 493 and fy 370 differ by more than 5 %",
        ),
        ("turtlebot4", "cameras: {oakd: {mount: {yaw_left_deg: 90}}}", "'oakd', by which the policy navigates, looks 90 degrees away"),
        ("turtlebot4", "cameras: {oakd: {mount: {yaw_right_deg: 180}}}", "Check `yaw_right_deg`; 0 looks ahead"),
        ("turtlebot4", "cameras: {oakd: {horizontal_fov_deg: 69, width_px: 480, height_px: 640}}", "`vertical_fov_deg: 85`, instead"),
        ("turtlebot4", "jitter: {pitch_deg: 20}", "more than any mount moves"),
        ("turtlebot4", "noise: {turn_deg: 0.0087}", "write `turn_deg: 0.498`"),
        (
            "turtlebot4",
            "actions: [go: {move_base: {forward_m: 0.2}}, left: {turn_base: {left_deg: 30}}, done: {say: done}]",
            "to the right",
        ),
        ("turtlebot4", "actions: [left: {turn_base: {left_deg: 30}}, right: {turn_base: {right_deg: 30}}, done: {say: done}]", "forward"),
        ("turtlebot4", "actions: {preset: spoc_navigation, add: [leap: {move_base: {forward_m: 2}}]}", "0.03 to 1 m are usual"),
        ("turtlebot4", "actions: {preset: spoc_navigation, add: [also: {move_base: {forward_m: 0.2}}]}", "does the same as 'move_ahead'"),
        (
            "locobot",
            "cameras: {head: {pan: {left_deg: 10, right_deg: 10}}}",
            "look_left: turn_camera {camera: head, left_deg: 30} is more than the joint's whole range of 20 degrees",
        ),
    ],
)
def test_what_is_rarely_meant_is_told(tmp_path: Path, robot: str, text: str, said: str) -> None:
    lines = warnings_of(tmp_path, robot, text + "\n")
    assert any(said in line for line in lines), lines
    assert all(line.startswith("warning: ") for line in lines)


@pytest.mark.parametrize(
    ("robot", "text"),
    [
        ("turtlebot4", "cameras: {oakd: {vertical_fov_deg: 69, width_px: 480, height_px: 640}}"),
        ("turtlebot4", "cameras: {oakd: {intrinsics: {fx: 493, fy: 493, cx: 240, cy: 320, width_px: 480, height_px: 640}}}"),
        ("turtlebot4", "cameras: {oakd: {mount: {yaw_right_deg: 60}}}"),
        ("turtlebot4", "cameras: {oakd: {mount: {yaw_left_deg: 170}, pan: {left_deg: 150, right_deg: 10}}}"),
        ("turtlebot4", "cameras: {oakd: {}, back: {mount: {up_m: 0.3, yaw_left_deg: 180}, preset: oak_d_pro}}"),
    ],
)
def test_what_is_confirmed_or_made_up_for_is_not_told(tmp_path: Path, robot: str, text: str) -> None:
    assert warnings_of(tmp_path, robot, text + "\n") == []


def test_unanswered_questions_are_counted_in_the_file_and_in_what_it_extends(tmp_path: Path) -> None:
    mother, child = tmp_path / "mother.yaml", tmp_path / "child.yaml"
    mother.write_text(
        HEAD.format(robot="turtlebot4") + "base:\n  # QUESTION: how wide?\n  radius_m: 0.18\n  height_m: 0.36\n# QUESTION: senses?\n"
    )
    result = flare("check", mother)
    assert result.exit_code == 0
    mend = "Answer each: correct the value below it, and delete the comment"
    assert result.output.splitlines()[1:] == [f"warning: {mother}:5: 2 questions are not answered, the first here. {mend}"]
    planned = tmp_path / "plan.yaml"
    planned.write_text(
        "kind: transfer\npolicy: shipped:stretch_objectnav\nembodiment: ./mother.yaml\ntask: objectnav_short\n"
        "views: {navigation: {from: oakd, fit: resize}, manipulation: absent}\n"
    )
    assert "2 questions are not answered, the first here" in flare("plan", planned).output
    child.write_text("kind: embodiment\nextends: ./mother.yaml\n# QUESTION: one\nbase: {radius_m: 0.19}\n")
    assert warnings_of_file(child) == [
        f"warning: {child}:3: 1 question is not answered. {mend}",
        f"warning: {mother}:5: 2 questions are not answered, the first here. {mend}",
    ]


def warnings_of_file(path: Path) -> list[str]:
    return sorted(body_warnings(*load_embodiment(path)))


def test_a_masked_action_is_not_doubted(tmp_path: Path) -> None:
    leap = "- leap: {move_base: {forward_m: 2}, masked: too far}"
    assert warnings_of(tmp_path, "turtlebot4", f"actions:\n  preset: spoc_navigation\n  add:\n    {leap}\n") == []


def stepping(body: Embodiment, times: float) -> Embodiment:
    """A body whose turns are so many times as large."""
    actions = tuple(
        replace(action, effect=replace(action.effect, amount=action.effect.amount * (times if action.effect.kind == "turn_base" else 1.0)))
        for action in body.actions
    )
    return replace(body, actions=actions)


def test_steps_far_from_the_policys_own_are_told_and_half_as_large_again_are_not() -> None:
    target, loaded = load_embodiment("turtlebot4")
    for times, count in ((1 / 1.5, 0), (1.0, 0), (1.5, 0), (1.6, 4), (1 / 1.6, 4)):
        source = stepping(target, times)
        lines = step_warnings(plan_head(source, target, HeadChoices()), target, loaded)
        assert len(lines) == count, (times, lines)
    assert "rotate_right, turn_base {right_deg: 20}, is 1.6 times the step of the policy's 'rotate_right'" in lines[0]
    assert lines[0].startswith("warning: specs/embodiments/turtlebot4.yaml:")


def test_every_check_stands_in_the_table_once() -> None:
    assert len(set(CHECKS)) == len(CHECKS) == 30
