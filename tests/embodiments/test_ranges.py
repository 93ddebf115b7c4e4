"""Numbers that are drawn: how they are written, what is wrong with them, and what is drawn."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.embodiments.drawing import draw_bodies, draw_body, shown_body
from flare_core.embodiments.ranges import draws_of, planted
from flare_core.embodiments.spec import content_of, load_embodiment
from flare_core.errors import SpecError
from flare_core.seeding import stream

TEXT = """\
kind: embodiment
name: many
base: {width_m: {uniform: [0.2, 0.5]}, length_m: 0.4, height_m: {uniform: [0.4, 1.5]}}
cameras:
  eye:
    role: navigation
    mount:
      up_m: {uniform: [0.3, base.height_m]}
      forward_m: {uniform: [-0.5, 0.25], of: base.length_m}
      pitch_down_deg: {uniform: [-20, 40]}
    vertical_fov_deg: 50
    width_px: {uniform: [112, 448]}
    height_px: 224
actions: {preset: spoc_navigation}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "many.yaml"
    file.write_text(TEXT)
    return file


def faults(path: Path, key: str, text: str) -> str:
    with pytest.raises(SpecError) as bad:
        load_embodiment(path, overrides=[(key, text)], random="middle")
    return str(bad.value)


def test_the_middle_body_has_the_middle_of_every_range_as_it_follows_from_the_others(path: Path) -> None:
    body, _ = load_embodiment(path, random="middle")
    eye = body.cameras[0]
    assert body.footprint.height_m == pytest.approx(0.95)
    assert eye.up_m == pytest.approx((0.3 + 0.95) / 2)
    assert eye.forward_m == pytest.approx(0.4 * (-0.5 + 0.25) / 2)  # below zero: to the back
    assert eye.width_px == 280


def test_a_draw_is_low_plus_the_share_of_its_own_stream(path: Path) -> None:
    _, loaded = load_embodiment(path, random="middle")
    body = draw_body(loaded.resolved, 7, 3)
    share = stream(7, "body/base.height_m", 3, 0).random()
    height = 0.4 + share * 1.1
    assert body.footprint.height_m == pytest.approx(height)
    assert body.cameras[0].up_m == pytest.approx(0.3 + stream(7, "body/cameras.eye.mount.up_m", 3, 0).random() * (height - 0.3))
    assert body.name == "many-3"


def test_bodies_are_the_same_whatever_was_drawn_before_and_differ_by_seed_and_number(path: Path) -> None:
    _, loaded = load_embodiment(path, random="middle")
    every = draw_bodies(loaded.resolved, 1, 6)
    assert draw_body(loaded.resolved, 1, 4) == every[4]
    assert len({body.footprint.height_m for body in every}) == 6
    assert draw_body(loaded.resolved, 2, 4).footprint != every[4].footprint


def test_drawn_bodies_are_within_their_ranges(path: Path) -> None:
    _, loaded = load_embodiment(path, random="middle")
    bodies = draw_bodies(loaded.resolved, 0, 200)
    eyes = [body.cameras[0] for body in bodies]
    assert all(0.1 <= body.footprint.half_width_m <= 0.25 and body.footprint.half_length_m == 0.2 for body in bodies)
    assert all(0.3 <= eye.up_m <= body.footprint.height_m <= 1.5 for body, eye in zip(bodies, eyes, strict=True))
    assert all(-0.2 <= eye.forward_m <= 0.1 and 112 <= eye.width_px <= 448 for eye in eyes)
    assert min(eye.forward_m for eye in eyes) < -0.15  # both ways
    assert max(eye.forward_m for eye in eyes) > 0.05
    assert min(eye.pitch for eye in eyes) < -0.2 < 0.5 < max(eye.pitch for eye in eyes)


def test_whole_numbers_reach_both_bounds(path: Path) -> None:
    _, loaded = load_embodiment(path, overrides=[("cameras.eye.width_px", "{uniform: [223, 225]}")], random="middle")
    assert {body.cameras[0].width_px for body in draw_bodies(loaded.resolved, 0, 40)} == {223, 224, 225}


def test_one_more_range_changes_no_other_number(path: Path) -> None:
    _, few = load_embodiment(path, random="middle")
    _, more = load_embodiment(path, overrides=[("base.length_m", "{uniform: [0.4, 0.4001]}")], random="middle")
    assert draw_body(few.resolved, 0, 0).footprint.half_width_m == draw_body(more.resolved, 0, 0).footprint.half_width_m


def test_who_needs_one_body_is_refused_with_the_line_of_the_first_range(path: Path) -> None:
    with pytest.raises(SpecError, match=r"many\.yaml:3: base\.width_m: 'many' describes many bodies, and here one is needed"):
        load_embodiment(path)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("base.height_m", "{uniform: [2, 1]}", "the low bound 2 is above the high one, 1. Swap them"),
        ("base.height_m", "{uniform: [1, 4]}", "should be less than or equal to 3; got 4"),
        ("base.height_m", "{uniform: [-1, 1]}", "the low bound can be 0.3 while the high one is -1"),
        ("base.height_m", "{uniform: [0.1, 1]}", "the low bound can be 0.3 while the high one is 0.1, so that nothing is left to draw"),
        ("base.height_m", "{uniform: [cameras.eye.mount.up_m, 1]}", "go round in a circle with base.height_m, cameras.eye.mount.up_m"),
        ("base.height_m", "{uniform: [base.lenght_m, 1]}", "'base.lenght_m' is not a number of this robot"),
        ("base.height_m", "{uniform: [1]}", "`uniform` needs two bounds"),
        ("base.height_m", "{uniform: [1, true]}", "`uniform` needs two bounds"),
        ("base.height_m", "{uniform: [1, 2], like: 3}", "no such key 'like' in a draw"),
        ("cameras.eye.width_px", "{uniform: [100, 200.5]}", "both bounds have to be whole numbers"),
        ("cameras.eye.mount.up_m", "{uniform: [-1, 1]}", "should"),
        ("cameras.eye.mount.pitch_down_deg", "{uniform: [-95, 30]}", "should be less than or equal to 90; got 95"),
        ("jitter.pitch_deg", "{uniform: [-1, 1]}", "should be greater than or equal to 0; got -1"),
        ("gripper", "{uniform: [0, 1]}", "is not one of none, parallel, suction"),
    ],
)
def test_what_is_wrong_with_a_range_is_said_with_its_key(path: Path, key: str, text: str, said: str) -> None:
    assert said in faults(path, key, text)


def test_an_arm_is_not_drawn(tmp_path: Path) -> None:
    file = tmp_path / "armed.yaml"
    file.write_text("kind: embodiment\nextends: stretch_re1\nname: armed\narm: {hand_radius_m: {uniform: [0.1, 0.2]}}\n")
    with pytest.raises(SpecError, match=r"armed\.yaml:4: arm\.hand_radius_m: numbers of an arm cannot be drawn"):
        load_embodiment(file, random="middle")


@pytest.mark.parametrize("effect", ["move_arm: {lift_m: ", "turn_wrist: {left_deg: ", "move_hand: {forward_m: "])
def test_how_far_an_action_moves_an_arm_is_not_drawn(tmp_path: Path, effect: str) -> None:
    file = tmp_path / "armed.yaml"
    file.write_text(
        f"kind: embodiment\nextends: stretch_re1\nname: armed\nactions:\n  - up: {{{effect}{{uniform: [0.05, 0.1]}}}}}}\n"
        "  - done: {say: done}\n"
    )
    with pytest.raises(SpecError, match=r"armed\.yaml:5: actions\.0\.up\..*how far an action moves an arm cannot be drawn"):
        load_embodiment(file, random="middle")


def test_ranges_that_never_go_together_are_given_up_with_the_last_reason(path: Path) -> None:
    _, loaded = load_embodiment(path, random="middle")
    document: dict[str, Any] = yaml.safe_load(yaml.safe_dump(loaded.resolved))
    document["cameras"]["eye"]["mount"]["forward_m"] = {"uniform": [2.0, 2.5]}  # far outside of the base
    with pytest.raises(SpecError, match=r"many: of 100 bodies .* none was possible.*outside of the base's outline"):
        draw_body(document, 0, 0)


def test_a_robot_without_ranges_reads_as_before() -> None:
    body, loaded = load_embodiment("locobot")
    assert draws_of(content_of(loaded.resolved)) == ()
    assert load_embodiment("locobot", random="middle")[0] == body == draw_body(loaded.resolved, 5, 9)
    assert draw_bodies(loaded.resolved, 0, 10) == (body,)
    with pytest.raises(SpecError, match="describes one body, so that there is nothing to draw"):
        shown_body("locobot", 1)


def test_a_child_that_draws_anew_drops_the_factor_of_its_parent(path: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text(f"kind: embodiment\nextends: ./{path.name}\ncameras: {{eye: {{mount: {{forward_m: {{uniform: [0, 0.1]}}}}}}}}\n")
    _, loaded = load_embodiment(child, random="middle")
    (draw,) = [draw for draw in draws_of(content_of(loaded.resolved)) if draw.key.endswith("forward_m")]
    assert (draw.low, draw.high, draw.of) == (0, 0.1, None)


@settings(max_examples=60, deadline=None)
@given(low=st.floats(-0.3, 0.3), wide=st.floats(0, 0.3), seed=st.integers(0, 2**31))
def test_any_range_across_zero_is_drawn_within_it_and_says_which_way(low: float, wide: float, seed: int) -> None:
    document: dict[str, Any] = yaml.safe_load(TEXT)
    document["cameras"]["eye"]["mount"]["forward_m"] = {"uniform": [low, low + wide]}
    assert low - 1e-12 <= draw_body(document, seed, 0).cameras[0].forward_m <= low + wide + 1e-12


@settings(max_examples=60, deadline=None)
@given(value=st.floats(-1, 1))
def test_a_number_below_zero_is_written_under_the_opposite_direction(value: float) -> None:
    there, _ = planted({"mount": {"left_m": 0, "up_m": 1}}, {("mount", "left_m"): value})
    assert there["mount"] == ({"right_m": -value, "up_m": 1} if value < 0 else {"left_m": value, "up_m": 1})


def test_the_packaged_random_body_draws_five_hundred_bodies() -> None:
    _, loaded = load_embodiment("random_body", random="middle")
    bodies = draw_bodies(loaded.resolved, 0, 500)
    assert all(0.3 <= camera.up_m <= body.footprint.height_m for body in bodies for camera in body.cameras)
    assert {body.action_names for body in bodies} == {bodies[0].action_names}
