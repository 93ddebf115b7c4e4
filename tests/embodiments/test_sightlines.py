"""What a camera takes in up and down, worked by hand."""

import math
from dataclasses import replace

import pytest

from flare_core.embodiments.body import Camera, Range
from flare_core.embodiments.sightlines import elevation_angles, floor_from_m, floor_within_m, heights_seen_m

CAMERA = Camera(name="head", up_m=1.0, fx=64.0, fy=36.0, cx=64.0, cy=36.0, width_px=128, height_px=72)  # 90 degrees both ways


def test_image_edges_of_a_level_camera_of_90_degrees_lie_at_45() -> None:
    low, high = elevation_angles(CAMERA)
    assert (math.degrees(low), math.degrees(high)) == pytest.approx((-45, 45))
    assert floor_from_m(CAMERA) == pytest.approx(1.0)


def test_pitch_is_positive_downwards() -> None:
    low, high = elevation_angles(replace(CAMERA, pitch=math.radians(15)))
    assert (math.degrees(low), math.degrees(high)) == pytest.approx((-60, 30))
    assert floor_from_m(replace(CAMERA, pitch=math.radians(15))) == pytest.approx(1 / math.tan(math.radians(60)))


def test_a_camera_that_looks_up_never_sees_the_floor_and_one_straight_down_sees_its_own_foot() -> None:
    assert floor_from_m(replace(CAMERA, pitch=math.radians(-50))) == math.inf
    assert floor_from_m(replace(CAMERA, pitch=math.radians(60))) == 0.0


def test_the_floor_is_counted_from_the_axis_of_rotation_the_way_the_camera_looks() -> None:
    # Level, 1 m up and 45 degrees down to the lower edge: 1 m before the lens, which is 0.2 m ahead and 0.1 m right of the axis.
    moved = replace(CAMERA, forward_m=0.2, right_m=0.1)
    tilting = replace(moved, tilt=Range(low=0.0, high=math.radians(15)))
    for yaw, distance in ((0, 1.2), (90, 1.1), (180, 0.8), (-90, 0.9)):
        assert floor_from_m(replace(moved, yaw=math.radians(yaw))) == pytest.approx(distance)
    assert floor_within_m(tilting) == pytest.approx(0.2 + 1 / math.tan(math.radians(60)))


def test_a_principal_point_off_the_middle_moves_the_edges() -> None:
    low, high = elevation_angles(replace(CAMERA, cy=0.0))
    assert (math.degrees(low), math.degrees(high)) == pytest.approx((-math.degrees(math.atan(2)), 0))


def test_tilting_brings_the_floor_nearer_and_the_ceiling_into_sight() -> None:
    head = replace(CAMERA, tilt=Range(low=-math.radians(15), high=math.radians(15)))
    assert floor_from_m(head) == pytest.approx(1.0)
    assert floor_within_m(head) == pytest.approx(1 / math.tan(math.radians(60)))
    assert heights_seen_m(head, 2.0) == pytest.approx((0.0, 1 + 2 * math.tan(math.radians(60))))
    assert heights_seen_m(CAMERA, 0.5) == pytest.approx((0.5, 1.5))
