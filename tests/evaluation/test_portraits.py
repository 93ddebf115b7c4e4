"""A robot's page shows its cones on every side, beside a door, dark on white."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Polygon

from flare_core.embodiments.body import Arm, Camera, Embodiment, Footprint, Range
from flare_core.evaluation.portraits import ABOVE_RAY_M, WIDTH_IN, Seen, _cells, _draw_actions, draw_above, draw_side, side_view

CAMERA = Camera(name="head", up_m=1.0, fx=64.0, fy=36.0, cx=64.0, cy=36.0, width_px=128, height_px=72)  # 90 degrees both ways
JOINT = Range(low=0.0, high=1.0)
ARM = Arm(
    lift=JOINT, extend=JOINT, wrist=JOINT, home_lift=0.1, home_extend=0.0, home_wrist=0.0, reach_yaw=math.pi / 2, shoulder_right_m=0.2,
    shoulder_up_m=0.2, shoulder_forward_m=-0.1, hand_radius_m=0.06,
)  # fmt: skip


def body(*cameras: Camera, radius_m: float | None = 0.2, arm: Arm | None = None) -> Embodiment:
    foot = Footprint(radius_m=radius_m, half_width_m=0.2, half_length_m=0.3, height_m=1.2)
    return Embodiment(name="bot", footprint=foot, cameras=cameras, arm=arm, gripper="none", actions=())


def cones(axis: Axes) -> list[np.ndarray]:
    return [np.asarray(patch.get_xy()) for patch in axis.patches if type(patch) is Polygon]


@pytest.mark.parametrize(("arm", "radius_m"), [(ARM, None), (replace(ARM, reach_yaw=0.0), 0.2), (None, 0.2)])
def test_any_body_can_be_drawn(tmp_path: Path, arm: Arm | None, radius_m: float | None) -> None:
    head = replace(CAMERA, pan=Range(low=-1.5, high=1.5), tilt=Range(low=-1.0, high=1.0))
    bot = body(head, replace(CAMERA, name="side", yaw=math.pi / 2), replace(CAMERA, name="back", yaw=math.pi), radius_m=radius_m, arm=arm)
    side_view(bot, tmp_path / "bare.png")
    seen = [Seen(title="head", camera=head, image=np.zeros((72, 128, 3), dtype=np.uint8), lines=at == 0) for at in range(4)]
    side_view(bot, tmp_path / "seen.png", seen, [("row", "action", "what it does", "allowed"), ("0", "go", "drives 1 m forward", "x" * 90)])
    assert imread(tmp_path / "seen.png").shape[0] > imread(tmp_path / "bare.png").shape[0]
    assert imread(tmp_path / "seen.png").shape[1] == WIDTH_IN * 170


def test_a_camera_that_looks_right_has_its_cone_above_on_the_right_and_none_from_the_side() -> None:
    axis, side = Figure().add_subplot(), Figure().add_subplot()
    bot = body(replace(CAMERA, yaw=math.pi / 2))
    draw_above(axis, bot)
    draw_side(side, bot)
    (cone,) = cones(axis)
    assert cone[:, 0].max() == pytest.approx(ABOVE_RAY_M, abs=1e-4)
    assert abs(cone[:, 1]).max() == pytest.approx(ABOVE_RAY_M * math.sin(math.radians(45)))
    assert cones(side) == []


def test_a_pan_joint_adds_a_paler_and_wider_cone() -> None:
    axis = Figure().add_subplot()
    draw_above(axis, body(replace(CAMERA, pan=Range(low=-math.radians(45), high=0.0))))
    whole, narrow = cones(axis)
    assert whole[:, 0].min() == pytest.approx(-ABOVE_RAY_M, abs=1e-4)  # 45 degrees of pan and 45 of half the picture to the left
    assert narrow[:, 0].min() == pytest.approx(-ABOVE_RAY_M * math.sin(math.radians(45)))


def test_the_page_is_dark_on_white_and_the_same_under_any_style(tmp_path: Path) -> None:
    side_view(body(CAMERA), tmp_path / "plain.png")
    with style.context("dark_background"):
        side_view(body(CAMERA), tmp_path / "dark.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "dark.png").read_bytes()
    assert (imread(tmp_path / "plain.png")[0, 0, :3] == 1).all()


def test_two_cameras_in_one_place_are_told_apart() -> None:
    axis = Figure().add_subplot()
    draw_above(axis, body(CAMERA, replace(CAMERA, name="second", up_m=0.5)))
    first, second = (patch for patch in axis.patches if type(patch) is Polygon)
    assert (first.get_hatch() or "") != second.get_hatch()
    dot, ring = [line for line in axis.lines if line.get_marker() == "o"]
    assert ring.get_markersize() > dot.get_markersize()
    assert ring.get_markerfacecolor() == "none"


def test_no_word_of_the_table_of_actions_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[str]()
    monkeypatch.setattr(Axes, "text", lambda self, x, y, text, **look: told.append(text))
    allowed = "never: the Create 3 base cannot do this, and a gripper is missing"
    _draw_actions(Figure().add_subplot(), [_cells(("0", "move_arm_out_by_a_small_amount", "drives 1 m", allowed), is_heading=False)])
    assert allowed in [" ".join(text.split("\n")) for text in told]
    assert "move_arm_out_by_a_small_amount" in [text.replace("\n", "") for text in told]


def test_the_swept_radius_is_told_to_the_millimetre() -> None:
    axis = Figure().add_subplot()
    draw_above(axis, body(CAMERA, radius_m=0.175))
    assert "swept when turning about +: 0.175 m" in [text.get_text() for text in axis.get_legend().get_texts()]
