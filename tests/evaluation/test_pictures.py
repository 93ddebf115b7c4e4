"""What pictures show is where it should be; the geometry that they draw is worked by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from flare_core.evaluation.pictures import (
    Mark,
    Panel,
    Trail,
    footprint_outlines,
    label_place,
    learning_curve,
    series,
    top_down,
    top_down_grid,
)
from flare_core.evaluation.statistics import wilson
from flare_core.houses.house import House, HouseObject, Opening, Room, Wall

CORNERS = ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0))
HOUSE = House(
    id="box",
    rooms=(Room(id="r", type="Kitchen", polygon=CORNERS),),
    walls=tuple(
        Wall(id=f"w{at}", room="r", start=CORNERS[at], end=CORNERS[(at + 1) % 4], height_m=2.5, is_open=at == 3) for at in range(4)
    ),
    openings=(
        Opening(id="d", kind="door", rooms=("r", "r"), start=(1.0, 0.0), end=(2.0, 0.0), low_m=0.0, high_m=2.0, openness=1.0),
        Opening(id="w", kind="window", rooms=("r", "r"), start=(1.0, 3.0), end=(2.0, 3.0), low_m=1.0, high_m=2.0),
    ),
    objects=(HouseObject(id="t", asset_id="t", type="Table", position=(3.0, 0.4, 2.0), rotation=(0, 0, 0), size=(1.0, 0.8, 0.6)),),
)
TRAIL = Trail(label="before", points=np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0]]), yaw=0.0, targets=((3.0, 2.0),), succeeded=True)


def picture(path: Path) -> np.ndarray:
    image: np.ndarray = imread(path)
    assert image.shape[2] in (3, 4)
    return image[..., :3]


def test_a_box_turned_by_a_quarter_swaps_its_sides() -> None:
    table = replace(HOUSE.objects[0], rotation=(0.0, 90.0, 0.0))
    assert footprint_outlines(table)[0].min(axis=0) == pytest.approx((3.0 - 0.3, 2.0 - 0.5))


def test_a_box_turns_clockwise_seen_from_above() -> None:
    # A long box along z, turned by 30 degrees: its far end (0, 1) goes to the right, to (sin 30, cos 30).
    rod = replace(HOUSE.objects[0], position=(0.0, 0.0, 0.0), size=(0.0, 1.0, 2.0), rotation=(0.0, 30.0, 0.0))
    assert footprint_outlines(rod)[0][2] == pytest.approx((0.5, math.cos(math.radians(30))))


def test_a_c_shaped_counter_is_drawn_as_its_three_runs() -> None:
    counter = HouseObject(
        id="c", asset_id="Countertop_C_8x10", type="CounterTop", position=(0.0, 0.5, 0.0), rotation=(0.0, 180.0, 0.0), size=(3.0, 1.0, 2.4)
    )
    back, *sides = footprint_outlines(counter)
    # Its back is at -z in its own frame, so turned by half a circle at +z: 0.61 m deep, as wide as the box.
    assert back.min(axis=0) == pytest.approx((-1.5, 1.2 - 0.61))
    assert back.max(axis=0) == pytest.approx((1.5, 1.2))
    assert sorted(round(float(side[:, 0].mean()), 6) for side in sides) == [-1.195, 1.195]
    assert len(footprint_outlines(HOUSE.objects[0])) == 1


@pytest.mark.parametrize(("openness", "rooms", "is_orange"), [(1.0, ("r", "s"), False), (0.0, ("r", "s"), True), (1.0, ("r", "r"), True)])
def test_only_a_shut_door_is_drawn(openness: float, rooms: tuple[str, str], is_orange: bool, tmp_path: Path) -> None:
    top_down(replace(HOUSE, openings=(replace(HOUSE.openings[0], openness=openness, rooms=rooms),)), (), tmp_path / "door.png")
    orange = np.abs(picture(tmp_path / "door.png") - np.array([0xE6, 0x9F, 0x00]) / 255).max(axis=2) < 0.02
    assert orange.any() == is_orange


def test_the_name_of_a_concave_room_lies_in_the_room() -> None:
    # The lower left corner of its bounding box (0, 0) is outside.
    room = Room(id="l", type="Bathroom", polygon=((3.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0), (0.0, 3.0), (3.0, 3.0)))
    assert label_place(room) == pytest.approx((3.12, 0.12))


def test_records_without_a_number_leave_a_gap() -> None:
    steps, values = series([{"steps": 1, "success": None}, {"steps": 2}, {"steps": 3, "success": 0.5}], "success")
    assert (steps.tolist(), values.tolist()) == ([3.0], [0.5])


def test_the_house_is_drawn_with_z_up_and_x_to_the_right(tmp_path: Path) -> None:
    top_down(HOUSE, [TRAIL], tmp_path / "house.png", title="box")
    image = picture(tmp_path / "house.png")
    star = np.argwhere(np.abs(image - np.array([0xF0, 0xC8, 0x08]) / 255).max(axis=2) < 0.02)
    way = np.argwhere(np.abs(image - np.array([0x00, 0x72, 0xB2]) / 255).max(axis=2) < 0.02)
    in_house = way[way[:, 0] < 0.8 * image.shape[0]]  # the legend's line is below
    assert star[:, 1].min() > in_house[:, 1].max()  # the target is to the right of the way
    assert star[:, 0].mean() == pytest.approx(in_house[:, 0].min(), abs=15)  # and level with its farther end, z = 2


def test_pictures_of_several_houses_are_written(tmp_path: Path) -> None:
    top_down_grid([Panel(house=HOUSE), Panel(house=HOUSE, trails=(TRAIL,)), Panel(house=HOUSE)], tmp_path / "grid.png")
    assert picture(tmp_path / "grid.png").std() > 0.05


def test_the_way_after_training_has_the_reports_colour_and_the_way_before_it_another(tmp_path: Path) -> None:
    def blue_columns(trails: tuple[Trail, ...]) -> np.ndarray:
        top_down(HOUSE, trails, tmp_path / "ways.png")
        image = picture(tmp_path / "ways.png")
        image = image[: int(0.85 * len(image))]  # without the legend
        return np.flatnonzero((np.abs(image - np.array([0x00, 0x72, 0xB2]) / 255).max(axis=2) < 0.02).any(axis=0))

    left = replace(TRAIL, points=np.array([[0.5, 1.0], [0.5, 2.0]]))
    right = replace(TRAIL, points=np.array([[3.5, 1.0], [3.5, 1.2]]))
    assert blue_columns((left, right)).min() > blue_columns((right, left)).max()


def test_a_learning_curve_is_written_from_any_log(tmp_path: Path) -> None:
    records = [
        {"steps": 4096 * at, "success": at / 100, "source_kl": 0.01, "clip_fraction": None, "use": {"look_up": 0.02}} for at in range(1, 50)
    ]
    marks = [Mark(steps=0, label="before", success=wilson(3, 10)), Mark(steps=200_000, label="after", success=wilson(8, 10))]
    learning_curve(records, tmp_path / "long.png", marks, actions=["look_up", "absent"], title="run")
    learning_curve([{"steps": 0, "success": None}], tmp_path / "short.png")
    learning_curve([], tmp_path / "empty.png")
    assert picture(tmp_path / "long.png").shape[0] > picture(tmp_path / "short.png").shape[0]


def test_the_same_log_gives_the_same_picture(tmp_path: Path) -> None:
    records = [{"steps": at, "success": 0.5} for at in range(5)]
    learning_curve(records, tmp_path / "a.png")
    learning_curve(records, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
