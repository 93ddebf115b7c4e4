"""What a run will take is measured on the run itself, and nothing is left behind."""

from pathlib import Path

import pytest

from flare_core.errors import TrainError
from flare_core.runs import estimating
from flare_core.runs.compose import load_plan
from flare_core.runs.estimating import Estimate, estimate, span

SMALL = {"rows": 4, "houses": 8, "rollout": 4, "steps": 40_000, "evaluation_episodes": 3}
TINY = [(f"recipe.{key}", str(value)) for key, value in SMALL.items()]


def test_hours_and_disk_follow_from_what_was_measured() -> None:
    found = Estimate(
        rows=8, steps=720_000, measured=128, steps_per_second=100.0, playing_per_second=50.0, evaluations=2, evaluation_steps=90_000,
        memory_bytes=2_500_000_000, checkpoint_bytes=20_000_000, bundle_bytes=8_000_000,
    )  # fmt: skip
    assert (found.training_s, found.evaluation_s, found.disk_bytes) == (7_200.0, 1_800.0, 48_000_000)
    told = dict(found.rows_of_table())
    assert "2.0 h" in told["steps of training"]
    assert told["together"] == "at most 2.5 h"
    assert told["memory"].startswith("2.5 GB")


def test_lengths_of_time_are_told_for_people() -> None:
    assert [span(s) for s in (40.4, 89, 90, 5399, 5400, 86_400)] == ["40 s", "89 s", "2 min", "90 min", "1.5 h", "24.0 h"]


def test_a_real_run_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    transfer = load_plan("stretch_to_locobot", TINY)
    found = estimate(transfer, seed=0, workers=2)
    assert found.measured == 4 * 4  # one update of four rows
    assert 1 < found.steps_per_second < found.playing_per_second
    assert found.evaluation_steps == found.evaluations * 3 * transfer.task.horizon
    weights = sum(tensor.numel() * tensor.element_size() for tensor in transfer.bundle.state.values())
    assert abs(found.bundle_bytes - weights) < 0.05 * weights  # rows of the head come and go, all else stays
    assert found.checkpoint_bytes > 2 * weights // 3  # towers and what Adam remembers of them; not the frozen encoder
    assert not list(tmp_path.iterdir())


def test_memory_is_that_of_the_recipes_own_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "_begin_to_watch_memory", lambda: 1_000)
    monkeypatch.setattr(estimating, "_growth", lambda resident: 70)
    long = [*TINY[:2], ("recipe.rollout", "48"), *TINY[3:]]
    assert estimate(load_plan("stretch_to_locobot", long), seed=0, workers=1).memory_bytes == 1_000 + 3 * 70  # 16 steps are made of 48


def test_rows_that_cannot_be_shared_out_are_refused_before_anything_starts() -> None:
    with pytest.raises(TrainError, match=r"4 rows cannot be shared out.*Use one of 1, 2, 4"):
        estimate(load_plan("stretch_to_locobot", TINY), seed=0, workers=3)
