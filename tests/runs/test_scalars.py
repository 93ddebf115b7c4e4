"""What TensorBoard is told, and that nothing is lost without it."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flare_core.runs.scalars import scalar_writer

RECORD = {"steps": 64, "success": None, "kl": 0.5, "actor_learns": True, "use": {"go": 0.25}}


def test_numbers_go_to_tensorboard_under_the_steps_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            told.append((folder, purge_step))

        def add_scalar(self, *arguments: Any) -> None:
            told.append(arguments)

        def flush(self) -> None: ...

    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    scalar_writer(tmp_path, 32)(RECORD)
    assert told == [
        (str(tmp_path / "tensorboard"), 32), ("steps", 64.0, 64), ("kl", 0.5, 64), ("actor_learns", 1.0, 64), ("use/go", 0.25, 64),
    ]  # fmt: skip


def test_without_tensorboard_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    scalar_writer(tmp_path, 0)(RECORD)
    assert list(tmp_path.iterdir()) == []
