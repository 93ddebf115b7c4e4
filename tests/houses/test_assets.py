"""The asset table against the database it was made from, by a few entries looked up by hand."""

import pytest

from flare_core.errors import HouseError
from flare_core.houses import assets
from flare_core.houses.clutter import LARGE_TARGETS, TARGETS


def test_the_table_is_whole() -> None:
    assert len(assets.types()) == 109
    assert sum(len(assets.by_type(kind)) for kind in assets.types()) == 1653


def test_an_entry_has_the_values_of_the_database() -> None:
    clock = assets.asset("Alarm_Clock_1")
    assert (clock.type, clock.split) == ("AlarmClock", "test")
    assert clock.size == pytest.approx((0.15864983, 0.21740285, 0.08586381), abs=6e-5)


def test_a_split_has_its_own_assets_and_the_shared_ones() -> None:
    rows = {split: {row.id for row in assets.by_type("Apple", split)} for split in assets.SPLITS}
    assert [len(rows[split]) for split in assets.SPLITS] == [20, 5, 6]
    assert not rows["train"] & rows["test"]
    assert len(assets.by_type("Apple")) == 31
    assert assets.by_type("Mug", "train") == assets.by_type("Mug", "test")  # the database gives mugs to no split


def test_every_target_exists_in_every_split() -> None:
    assert len(TARGETS) == 15
    assert len(LARGE_TARGETS) == 5
    assert all(assets.by_type(kind, split) for kind in TARGETS for split in assets.SPLITS)


def test_colours_overlap_between_categories() -> None:
    """No colour tells a category: every colour of a target type is also one of other types."""
    for kind in TARGETS:
        own = {row.colour for row in assets.by_type(kind)}
        others = {row.colour for other in assets.types() if other != kind for row in assets.by_type(other)}
        assert own <= others, kind


def test_unknown_names_are_refused_with_a_remedy() -> None:
    with pytest.raises(HouseError, match="asset 'Chair_999' is not in the asset table"):
        assets.asset("Chair_999")
    with pytest.raises(HouseError, match="no object type 'Chiar' in the asset table"):
        assets.by_type("Chiar")
    with pytest.raises(HouseError, match=r"no split 'dev'\. Use 'train', 'val' or 'test'"):
        assets.by_type("Chair", "dev")
