import math
from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.adapters.planning import plan_views
from flare_core.adapters.spec import PlanChoices
from flare_core.adapters.view import ViewMap, coverage, make_view_map, points, rays
from flare_core.embodiments.body import Camera, Embodiment, Footprint

FOOT = Footprint(radius_m=0.2, height_m=1.0)
FILL = {"navigation": (1, 2, 3), "manipulation": (4, 5, 6)}


def camera(**changes: float) -> Camera:
    """160x90 pixels, focal length 80 pixels: 90 degrees across."""
    return replace(
        Camera(name="head", role="navigation", up_m=1.0, fx=80.0, fy=80.0, cx=80.0, cy=45.0, width_px=160, height_px=90),
        **changes,  # type: ignore[arg-type]
    )


def robot(body: Embodiment, head: Camera) -> Embodiment:
    return replace(body, cameras=(head,))


def view_map(source: Embodiment, target: Embodiment, fit: str, size: tuple[int, int] = (160, 90)) -> ViewMap:
    chosen = PlanChoices.model_validate(yaml.safe_load(f"views: {{navigation: {{from: head, fit: {fit}}}}}"))
    return make_view_map(plan_views(source, target, {"navigation": size}, chosen.views), source, target, FILL)


def numbered(size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(1, H, W, 3): red is the column, green the row."""
    width, height = size
    image = np.zeros((1, height, width, 3), dtype=np.uint8)
    image[0, :, :, 0], image[0, :, :, 1] = np.arange(width)[None, :], np.arange(height)[:, None]
    return image


def test_pixels_look_along_rays_worked_out_by_hand() -> None:
    level = camera()
    assert rays(level, np.array(80.0), np.array(45.0)).tolist() == [0.0, 0.0, 1.0]  # the middle looks ahead
    right_edge = rays(level, np.array(160.0), np.array(45.0))
    assert math.degrees(math.atan2(right_edge[0], right_edge[2])) == pytest.approx(45.0)  # the right edge looks 45 degrees right
    top = rays(level, np.array(80.0), np.array(0.0))
    assert top[1] > 0.0  # row 0 is the top of the image and looks up
    down = rays(camera(pitch=math.radians(30.0)), np.array(80.0), np.array(45.0))
    assert down == pytest.approx([0.0, -0.5, math.sqrt(3) / 2])  # positive pitch looks down
    east = rays(camera(yaw=math.radians(90.0)), np.array(80.0), np.array(45.0))
    assert east == pytest.approx([1.0, 0.0, 0.0])  # yaw is clockwise from above: +90 degrees looks along +x
    both = rays(camera(yaw=math.radians(90.0), pitch=math.radians(30.0)), np.array(80.0), np.array(45.0))
    assert both == pytest.approx([math.sqrt(3) / 2, -0.5, 0.0])


def test_coverage_is_the_part_of_the_view_that_the_camera_sees() -> None:
    wide, tele = camera(), camera(fx=160.0, fy=160.0)  # the second sees half as far to every side
    assert coverage(wide, wide, 160, 90) == 1.0
    assert coverage(wide, tele, 160, 90) == pytest.approx(0.25, abs=0.02)
    assert coverage(tele, wide, 160, 90) == 1.0
    assert coverage(wide, camera(yaw=math.pi), 160, 90) == 0.0
    aside = camera(yaw=math.radians(45.0), fx=40.0, fy=4.0)  # sees from 18.4 degrees left, whose tangent is a third, far to the right
    assert coverage(wide, aside, 160, 90) == pytest.approx((1 + 1 / 3) / 2, abs=0.02)


@settings(max_examples=80, deadline=None)
@given(
    yaw=st.floats(-3.0, 3.0), pitch=st.floats(-1.4, 1.4), column=st.floats(0.0, 160.0), row=st.floats(0.0, 90.0), fx=st.floats(40.0, 300.0)
)
def test_points_undo_rays(yaw: float, pitch: float, column: float, row: float, fx: float) -> None:
    lens = camera(yaw=yaw, pitch=pitch, fx=fx)
    got = points(lens, rays(lens, np.array(column), np.array(row)))
    assert [float(got[0]), float(got[1])] == pytest.approx([column, row], abs=1e-6)
    behind = points(lens, -rays(lens, np.array(column), np.array(row)))
    assert np.isnan(behind[0])


def test_the_same_camera_passes_its_image_on_untouched(low: Embodiment) -> None:
    body = robot(low, camera())
    for fit in ("reproject", "resize", "crop"):
        views = view_map(body, body, fit)
        image = numbered((160, 90))
        assert dict(views.renders) == {"head": (160, 90)}
        assert views.apply({"head": image})["navigation"] is image
        assert views.covered["navigation"] == 1.0


def test_a_camera_that_looks_level_fills_the_part_that_it_cannot_see_below(low: Embodiment) -> None:
    # The policy knew a camera pitched 45 degrees down; this one looks level. A row of the view at v rows below its middle is
    # 45 degrees plus atan(v / 80) down. The level camera's last row is atan(45 / 80) = 29.4 degrees down, which in the view is
    # 15.6 degrees above the middle: row 45 - 80 * tan(15.6 deg) = 22.6.
    source, target = robot(low, camera(pitch=math.radians(45.0))), robot(low, camera())
    views = view_map(source, target, "reproject")
    assert dict(views.renders) == {"head": (160, 90)}
    got = views.apply({"head": numbered((160, 90))})["navigation"][0]
    edge = 45.0 - 80.0 * math.tan(math.radians(45.0) - math.atan(45.0 / 80.0))
    assert 22.0 < edge < 23.0
    middle = got[:, 80]
    assert (middle[23:] == (1, 2, 3)).all()  # below the edge: fill
    assert (middle[:22, 2] == 0).all()  # above it: image
    # Row 5.5 of the view is 45 - atan(39.5 / 80) = 18.7 degrees down: 80 * tan(18.7 deg) = 27.1 below the level camera's middle.
    assert middle[5, 1] == int(45.0 + 80.0 * math.tan(math.radians(45.0) - math.atan(39.5 / 80.0)))
    # Column 100.5 there is 20.5 / 80 to the right at distance 1 along the axis; seen level, the same ray is
    # 20.5 / (cos 45 + 39.5 / 80 sin 45) to the right of the middle.
    stretch = math.cos(math.radians(45.0)) + 39.5 / 80.0 * math.sin(math.radians(45.0))
    assert got[5, 100, 0] == int(80.0 + 20.5 / stretch)
    assert 0.15 < views.covered["navigation"] < 0.3


def test_a_narrow_lens_fills_the_border_and_keeps_angles(low: Embodiment) -> None:
    source, target = robot(low, camera()), robot(low, camera(fx=160.0, fy=160.0))  # half the angle in either direction
    views = view_map(source, target, "reproject")
    assert dict(views.renders) == {"head": (80, 45)}  # one rendered pixel is one pixel of the view
    got = views.apply({"head": numbered((80, 45))})["navigation"][0]
    shown = got[:, :, 2] == 0
    assert shown[:, 40:120].any(axis=1).sum() == 45  # 45 of 90 rows
    assert not shown[:, :40].any()
    assert not shown[:, 120:].any()
    assert got[45, 40, 0] == 0
    assert got[45, 119, 0] == 79
    assert views.covered["navigation"] == pytest.approx(0.25, abs=0.01)


def test_a_camera_turned_to_the_right_shows_its_image_on_the_right(low: Embodiment) -> None:
    source, target = robot(low, camera()), robot(low, camera(yaw=math.radians(40.0)))
    shown = view_map(source, target, "reproject").apply({"head": numbered((160, 90))})["navigation"][0, 45, :, 2] == 0
    # Its left edge looks 40 - 45 = -5 degrees: column 80 - 80 tan 5 = 73.0.
    assert not shown[:72].any()
    assert shown[74:].all()


def test_resize_takes_everything_and_crop_the_middle(low: Embodiment) -> None:
    square = replace(camera(), width_px=100, height_px=100, cx=50.0, cy=50.0)
    source, target = robot(low, camera()), robot(low, square)
    resized = view_map(source, target, "resize")
    assert dict(resized.renders) == {"head": (160, 90)}
    cropped = view_map(source, target, "crop")
    assert dict(cropped.renders) == {"head": (160, 160)}
    got = cropped.apply({"head": numbered((160, 160))})["navigation"][0]
    assert got[:, :, 0].min() == 0
    assert got[:, :, 0].max() == 159
    assert got[:, :, 1].min() == 35  # 90 of 160 rows, in the middle
    assert got[:, :, 1].max() == 124
    assert cropped.covered["navigation"] == 1.0


def test_an_absent_view_is_said_to_be_absent(low: Embodiment) -> None:
    body = robot(low, camera())
    chosen = PlanChoices.model_validate(yaml.safe_load("views: {navigation: {from: head, fit: resize}, manipulation: absent}"))
    plan = plan_views(body, body, {"navigation": (160, 90), "manipulation": (160, 90)}, chosen.views)
    views = make_view_map(plan, body, body, FILL)
    assert dict(views.present) == {"navigation": True, "manipulation": False}
    assert list(views.apply({"head": numbered((160, 90))})) == ["navigation"]


def test_two_views_of_one_camera_share_one_rendering(low: Embodiment) -> None:
    body = robot(low, camera())
    chosen = PlanChoices.model_validate(
        yaml.safe_load("views: {navigation: {from: head, fit: resize}, manipulation: {from: head, fit: resize}}")
    )
    plan = plan_views(body, body, {"navigation": (32, 18), "manipulation": (64, 36)}, chosen.views)
    views = make_view_map(plan, body, body, FILL)
    assert dict(views.renders) == {"head": (64, 36)}
    got = views.apply({"head": numbered((64, 36))})
    assert got["navigation"].shape == (1, 18, 32, 3)
    assert got["navigation"][0, 0, :3, 0].tolist() == [1, 3, 5]  # every second column, from its middle
    assert got["manipulation"].shape == (1, 36, 64, 3)


@settings(max_examples=40, deadline=None)
@given(pitch=st.floats(-1.0, 1.0), yaw=st.floats(-1.0, 1.0), wide=st.floats(40.0, 400.0), other=st.floats(40.0, 400.0))
def test_a_view_never_shows_what_the_camera_does_not_cover(pitch: float, yaw: float, wide: float, other: float) -> None:
    body = Embodiment(name="any", footprint=FOOT, cameras=(camera(fx=wide, fy=wide),), arm=None, gripper="none", actions=())
    seen = camera(fx=other, fy=other, pitch=pitch, yaw=yaw)
    target = replace(body, cameras=(seen,))
    views = view_map(body, target, "reproject", size=(32, 18))
    index = views.gathers["navigation"].index.reshape(18, 32)
    for row in range(0, 18, 5):
        for column in range(0, 32, 5):
            ray = rays(body.cameras[0], np.array((column + 0.5) * 5), np.array((row + 0.5) * 5))
            at = points(seen, ray)
            inside = bool(0 <= at[0] < 160 and 0 <= at[1] < 90)
            assert (index[row, column] >= 0) == inside
