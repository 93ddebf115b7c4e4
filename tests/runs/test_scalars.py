"""What trackers are told, that a resumed run shows nothing twice, and what is said where one is missing."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from flare_core.errors import TrainError
from flare_core.runs.scalars import NoScalars, check_trackers, numbers_of, scalars_for

RECORD = {"steps": 64, "success": None, "kl": 0.5, "actor_learns": True, "use": {"go": 0.25}}
NUMBERS = {"steps": 64.0, "kl": 0.5, "actor_learns": 1.0, "use/go": 0.25}


def test_numbers_are_those_of_the_record_with_the_use_of_each_action() -> None:
    assert numbers_of(RECORD) == NUMBERS


def test_numbers_go_to_tensorboard_under_the_steps_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            told.append((folder, purge_step))

        def add_scalar(self, *arguments: Any) -> None:
            told.append(arguments)

        def flush(self) -> None: ...

        def close(self) -> None:
            told.append(("closed",))

    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    out = scalars_for(["tensorboard"], tmp_path, [])
    out.write(RECORD)
    out.close()
    assert told == [(str(tmp_path / "tensorboard"), 0), *((name, value, 64) for name, value in NUMBERS.items()), ("closed",)]
    told.clear()
    scalars_for(["tensorboard"], tmp_path, [RECORD])  # its reader hides events from purge_step on: those at step 64 stay
    assert told == [(str(tmp_path / "tensorboard"), 65)]


class Trackio(ModuleType):
    """The part of trackio 0.43 that is used: names and arguments are its own."""

    def __init__(self) -> None:
        super().__init__("trackio")
        self.kept: dict[str, list[tuple[int, dict[str, float]]]] = {}
        self.finished: list[str] = []
        self.seen: dict[str, Any] = {}

    def Api(self) -> Any:  # noqa: N802  # its name
        return SimpleNamespace(runs=self._runs)

    def _runs(self, project: str) -> list[Any]:
        if not self.kept:
            raise ValueError(f"Project '{project}' does not exist")
        return [SimpleNamespace(name=name, delete=lambda name=name: self.kept.pop(name)) for name in list(self.kept)]

    def init(
        self, project: str, name: str | None = None, config: dict[str, Any] | None = None, resume: str = "never", embed: bool = True,
        auto_log_gpu: bool | None = None, auto_log_cpu: bool | None = None,
    ) -> Any:  # fmt: skip
        assert name is not None
        assert name not in self.kept, "a second run of the same name"
        self.seen = {"project": project, "space": os.environ.get("TRACKIO_SPACE_ID"), "gpu": auto_log_gpu, "cpu": auto_log_cpu}
        rows = self.kept.setdefault(name, [])

        def log(metrics: dict[str, float], step: int | None = None) -> None:
            assert step is not None
            rows.append((step, metrics))

        return SimpleNamespace(log=log, finish=lambda: self.finished.append(name))


def test_a_resumed_run_is_in_trackio_once_without_what_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Trackio()
    monkeypatch.setitem(sys.modules, "trackio", fake)
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/space")
    run = tmp_path / "runs" / "mybot"
    log = [RECORD, RECORD | {"steps": 128}, RECORD | {"steps": 192}]
    first = scalars_for(["trackio"], run, [])
    for record in log:
        first.write(record)
    first.close()
    assert [step for step, _ in fake.kept["runs-mybot"]] == [64, 128, 192]
    again = scalars_for(["trackio"], run, log[:1])  # the checkpoint was made at 64 steps
    again.write(log[1] | {"kl": 0.75})
    again.close()
    assert [(step, numbers["kl"]) for step, numbers in fake.kept["runs-mybot"]] == [(64, 0.5), (128, 0.75)]
    assert fake.finished == ["runs-mybot"] * 2
    assert fake.seen == {"project": "flare", "space": None, "gpu": False, "cpu": False}, "nothing is sent, whatever the environment says"
    assert os.environ["TRACKIO_SPACE_ID"] == "somebody/space"


@pytest.mark.parametrize("tracker", ["tensorboard", "trackio"])
def test_a_tracker_that_is_missing_is_named_with_its_command(tracker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainError) as fault:
        check_trackers([tracker])
    assert str(fault.value) == f"--track {tracker}: {tracker} is not installed. Install it with `pip install 'flare-core[{tracker}]'`"


def test_nothing_is_written_where_nobody_asked(tmp_path: Path) -> None:
    out = scalars_for([], tmp_path, [])
    out.write(RECORD)
    out.close()
    assert isinstance(out, NoScalars)
    assert list(tmp_path.iterdir()) == []
