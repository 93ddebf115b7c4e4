"""Everything has its place in the frame and nothing lies on anything else."""

from itertools import combinations, product

import pytest

from flare_core.runs.watching.ink import Box, fitted, font
from flare_core.runs.watching.layout import (
    ACTIONS,
    BOTTOM,
    CAPTION,
    GAP,
    LEFT_COLUMN,
    LINE,
    MAP,
    STATE_LINES,
    TOP,
    Feed,
    Shot,
    action_rows,
    tiles,
)

SIZES = ((396, 224), (640, 480), (480, 640), (1280, 720))


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize(("count", "size", "fed"), list(product((1, 2, 3), SIZES, (0, 1, 2))))
def test_pictures_do_not_overlap_and_leave_room_for_captions_and_state(count: int, size: tuple[int, int], fed: int) -> None:
    cameras = [Shot(camera=f"camera{at}", width=size[0], height=size[1]) for at in range(count)]
    feeds = [
        Feed(view=name, width=width, height=height, camera=f"camera{at % count}" if at < fed else None)
        for at, (name, width, height) in enumerate((("navigation", 128, 72), ("manipulation", 64, 36)))
    ]
    found = tiles(cameras, feeds)
    assert {tile.name for tile in found} == {shot.camera for shot in cameras} | {"navigation", "manipulation"}
    with_captions = [(tile.box[0], tile.box[1] - CAPTION, tile.box[2], tile.box[3]) for tile in found]
    assert not any(overlap(*pair) for pair in combinations(with_captions, 2))
    for box in with_captions:
        assert box[0] >= LEFT_COLUMN[0]
        assert box[2] <= LEFT_COLUMN[1]
        assert box[1] >= TOP
        assert box[3] + GAP + STATE_LINES * LINE <= BOTTOM + GAP
    for tile in found:
        wide, high = tile.box[2] - tile.box[0], tile.box[3] - tile.box[1]
        if not tile.is_view:
            assert wide / high == pytest.approx(size[0] / size[1], rel=0.03)


def test_small_views_are_enlarged_by_whole_numbers_and_large_ones_made_to_fit() -> None:
    small, large = Feed(view="a", width=128, height=72, camera="c"), Feed(view="b", width=384, height=224, camera="c")
    boxes = {tile.name: tile.box for tile in tiles([Shot(camera="c", width=640, height=480)], [small, large])}
    assert (boxes["a"][2] - boxes["a"][0], boxes["a"][3] - boxes["a"][1]) == (256, 144)
    assert boxes["b"][3] - boxes["b"][1] <= 150


@pytest.mark.parametrize("count", [1, 7, 12, 20, 31])
def test_every_action_has_a_row_within_the_column(count: int) -> None:
    rows = action_rows(count)
    assert len(rows) == count
    assert not any(overlap(*pair) for pair in combinations(rows, 2))
    assert all(ACTIONS[1] < box[1] < box[3] <= ACTIONS[3] for box in rows)


def test_columns_do_not_overlap() -> None:
    assert LEFT_COLUMN[1] <= MAP[0]
    assert MAP[2] <= ACTIONS[0]


def test_a_long_instruction_is_broken_between_words() -> None:
    text = "go to all five rooms in the house indicate when you have seen a new room and when you are done"
    size, lines = fitted(text, 960, (30, 26, 22), bold=True)
    assert size == 22
    assert " ".join(lines) == text
    assert len(lines) == 2
    assert all(font(22, True).getlength(line) <= 960 for line in lines)


def test_two_cameras_fill_the_column() -> None:
    cameras = [Shot(camera=name, width=396, height=224) for name in ("head", "arm")]
    feeds = [Feed(view=shot.camera, width=64, height=36, camera=shot.camera) for shot in cameras]
    found = tiles(cameras, feeds)
    assert max(tile.box[3] for tile in found) >= BOTTOM - STATE_LINES * LINE - 60
    assert min(tile.box[2] - tile.box[0] for tile in found if tile.is_view) >= 192
