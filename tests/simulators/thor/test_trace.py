"""Traces: what was recorded is read back, a change is told, and every contributed trace of AI2-THOR is replayed on the engine."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flare_core.errors import SimError
from flare_core.simulators.thor.trace import Trace, deviations, read_trace, record, write_trace

pytestmark = pytest.mark.usefixtures("home")
TRACES = sorted((Path(__file__).parents[2] / "data" / "ai2thor" / "traces").glob("*.json"))
ENGINE = {
    "local_executable_path": f"{shlex.quote(str(Path(sys.executable).with_name('flare')))} thor-engine --build nanna", "x_display": ":0",
}  # fmt: skip


@pytest.fixture(scope="module")
def stretch() -> Trace:
    return record(ENGINE, "stretch")


def test_a_trace_is_read_back_as_it_was_and_is_the_same_when_recorded_again(stretch: Trace, tmp_path: Path) -> None:
    write_trace(stretch, tmp_path / "trace.json")
    again = read_trace(tmp_path / "trace.json")
    assert again == stretch
    assert "NOT AI2-THOR" in again.simulator
    assert deviations(again, record(ENGINE, "stretch", again.house)) == []


def test_what_differs_is_told_step_by_step(stretch: Trace) -> None:
    step = stretch.steps[3]
    moved = replace(step, position=(step.position[0] + 0.02, *step.position[1:]), success=not step.success, yaw_deg=step.yaw_deg + 1)
    told = deviations(stretch, replace(stretch, steps=(*stretch.steps[:3], moved, *stretch.steps[4:])))
    assert len(told) == 1
    assert told[0].startswith(f"step 3, {step.call['action']}: success")
    assert "0.020 m apart; yaw 1.00 degrees apart" in told[0]


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(SimError, match="is no trace"):
        read_trace(tmp_path / "x.json")
    with pytest.raises(SimError, match="no list of calls for agent mode 'drone'"):
        record(ENGINE, "drone")


@pytest.mark.skipif(not TRACES, reason="nobody has contributed a trace of AI2-THOR yet; `flare thor-record` makes one")
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_engine_deviates_from_a_contributed_trace_only_as_is_listed_beside_it(path: Path) -> None:
    golden = read_trace(path)
    found = deviations(golden, record(ENGINE, golden.mode, golden.house))
    listed = path.with_suffix(".deviations.txt")
    print("\n".join(found))
    assert found == listed.read_text(encoding="utf-8").splitlines()
