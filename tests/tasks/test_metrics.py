"""Metrics against numbers worked by hand."""

from flare_core.tasks.metrics import sel, spl


def test_spl_weighs_success_by_how_direct_the_way_was() -> None:
    assert spl([1, 1, 0, 1], [2.0, 2.0, 2.0, 0.0], [4.0, 1.0, 2.0, 0.0]).tolist() == [0.5, 1.0, 0.0, 1.0]


def test_sel_weighs_success_by_the_experts_steps() -> None:
    assert sel([True, True, False], [30, 30, 30], [60, 20, 30]).tolist() == [0.5, 1.0, 0.0]
