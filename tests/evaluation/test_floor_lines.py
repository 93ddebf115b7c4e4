"""Lines on the floor lie where hand-worked numbers and the embedded simulator's depth say that the floor is."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flare_core.embodiments.body import Camera
from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.floor_lines import DISTANCES_M, centre_line, floor_line, horizon_row, on_floor, row_lines, way
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

CAMERA = Camera(name="head", up_m=1.0, fx=64.0, fy=36.0, cx=64.0, cy=36.0, width_px=128, height_px=72)  # 90 degrees both ways
HOUSE = Path(__file__).parents[1] / "data" / "houses" / "procthor_train_4.json"
FREE = (4.35, 4.65, math.pi / 2)  # x, z, yaw: six metres of free floor lie before it


def test_a_level_camera_a_metre_up_sees_the_floor_by_similar_triangles() -> None:
    # A point d ahead lies fy * 1 / d below the middle, and half a metre aside fx * 0.5 / d beside it.
    assert horizon_row(CAMERA) == 36
    assert [floor_line(CAMERA, distance).row for distance in DISTANCES_M] == pytest.approx([72, 54, 45])
    assert np.array(floor_line(CAMERA, 2.0).ticks) == pytest.approx(np.array([(48, 54), (80, 54)]))


def test_distances_count_from_the_axis_and_not_from_the_lens() -> None:
    assert floor_line(replace(CAMERA, forward_m=0.5), 2.0).row == pytest.approx(36 + 36 / 1.5)
    assert floor_line(replace(CAMERA, forward_m=-0.5), 2.0).row == pytest.approx(36 + 36 / 2.5)


def test_looking_down_raises_the_horizon_and_the_principal_point_moves_all() -> None:
    steep = replace(CAMERA, pitch=math.radians(45))
    assert horizon_row(steep) == pytest.approx(0)
    assert floor_line(steep, 1.0).row == pytest.approx(36)  # straight along the optical axis
    assert floor_line(replace(CAMERA, cy=30.0), 2.0).row == pytest.approx(48)


@pytest.mark.parametrize(("yaw_deg", "side"), [(0, 0), (40, 0), (-44, 0), (50, 1), (90, 1), (180, 2), (-170, 2), (-90, 3)])
def test_tape_lies_to_the_side_that_the_camera_looks_to(yaw_deg: float, side: int) -> None:
    assert way(replace(CAMERA, yaw=math.radians(yaw_deg))) == side


def test_a_camera_that_looks_right_sees_lines_beside_the_robot() -> None:
    right = replace(CAMERA, yaw=math.pi / 2, right_m=0.5)
    assert floor_line(right, 2.0).row == pytest.approx(36 + 36 / 1.5)
    assert "2 m to the right: row 60 of 72" in row_lines(right)


def test_what_is_not_in_the_picture_is_told_with_its_distance_from_the_edge() -> None:
    told = row_lines(replace(CAMERA, pitch=math.radians(60)))
    # The horizon is 36 tan 60 = 62.4 rows above the middle, so 26 above the edge.
    assert told[0] == "horizon: not in the picture, 26 rows above its top edge"
    assert row_lines(replace(CAMERA, pitch=math.radians(-30)))[1].startswith("1 m ahead: not in the picture, ")
    assert row_lines(replace(CAMERA, forward_m=3.0))[2] == "2 m ahead: not in the picture, it is behind the camera"


def test_the_centre_line_leans_where_the_lens_is_beside_the_axis() -> None:
    columns, _ = centre_line(CAMERA)
    assert columns == pytest.approx(64.0)
    columns, rows = centre_line(replace(CAMERA, right_m=0.2))
    assert columns[rows.argmax()] < columns[rows.argmin()] < 64


@pytest.mark.parametrize(
    "mount",
    [
        {},
        {"up_m": 1.2, "pitch": math.radians(20), "forward_m": 0.15},
        {"up_m": 0.8, "pitch": math.radians(12), "right_m": 0.1, "cx": 300.0, "cy": 260.0},
    ],
)
def test_a_floor_pixel_at_a_line_is_as_deep_as_the_floor_there_is_far(mount: dict[str, float]) -> None:
    body, _ = load_embodiment("turtlebot4")
    camera = replace(body.cameras[0], **mount)
    simulator = EmbeddedSimulator([read_house(HOUSE)], replace(body, cameras=(camera,)), 1, 0)
    x, z, yaw = FREE
    simulator.reset(np.array([0]), [Start(house=0, x=x, z=z, yaw=yaw, episode=0)])
    _, depth, _ = simulator.frames(camera.name, camera.width_px, camera.height_px)
    compared = 0
    for distance in DISTANCES_M:
        columns, rows = on_floor(camera, np.full(9, distance), np.linspace(-0.3, 0.3, 9))
        seen = (columns > 0) & (columns < camera.width_px) & (rows > 1) & (rows < camera.height_px - 1)
        # Planar depth of a floor point, by hand: its way along the level, and down, onto the optical axis.
        wanted = (distance - camera.forward_m) * math.cos(camera.pitch) + camera.up_m * math.sin(camera.pitch)
        found = depth[0, rows[seen].astype(int), columns[seen].astype(int)]
        half_pixel = 0.6 * wanted**2 / (camera.fy * camera.up_m)  # depth that half a row is worth
        assert np.abs(found - wanted).max(initial=0.0) < half_pixel + 1e-3
        compared += int(seen.sum())
    assert compared >= 18
