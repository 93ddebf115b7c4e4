"""Controllers that crash, hang, answer garbage or eat memory are ended with all that they started, and others take their place."""

import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flare_core.errors import SimError
from flare_core.simulators.thor.keeper import Keeper, Limits, LostError
from flare_core.simulators.thor.messages import Work

ROOT = Path(__file__).parents[3]
FAULTY = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).with_name('faulty_engine.py')))}"
LIMITS = Limits(timeout_s=2.5, start_timeout_s=60.0, memory_gb=0.6)
PASS = Work(calls=({"action": "Pass"},))
FIRST = 4  # requests that the client makes of its own when it starts a controller: scenes, reset, size, initialise, size


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own: the client writes logs and locks there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # the trainer's; the client by itself would ask vulkaninfo, and end


def controller(how: str = "slow", number: int = 100_000) -> dict[str, Any]:
    return {"local_executable_path": f"{FAULTY} {how} {number}", "x_display": ":0", "width": 32, "height": 32, "scene": "FloorPlan1"}


def group(leader: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper(controller(), LIMITS)
    made.ready()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("how", "within_s", "reason"),
    [
        ("exit", 3.0, "the simulator ended (exit status 0)"),
        ("abort", 3.0, "signal 6"),
        ("hang", 6.0, "no answer within 2.5 s"),
        ("stop", 6.0, "no answer within 2.5 s"),
        ("garbage", 6.0, ""),
        ("half", 6.0, ""),
        ("memory", 6.0, "of memory, of 0.6 GB allowed"),
    ],
)
def test_a_controller_that_is_lost_is_replaced_and_leaves_nothing_behind(how: str, within_s: float, reason: str) -> None:
    keeper = Keeper(controller(how, FIRST + 20), LIMITS)
    keeper.ready()
    first = keeper.pid
    began, lost = time.monotonic(), ""
    while not lost:
        began = time.monotonic()
        keeper.ask(PASS)
        try:
            keeper.answer()
        except LostError as error:
            lost = str(error)
    assert time.monotonic() - began < within_s + 6.0, "the new controller's start included"
    assert reason in lost
    assert keeper.restarts == 1
    assert group(first) == []
    keeper.ask(PASS)
    assert keeper.answer().success == (True,)
    second = keeper.pid
    keeper.close()
    assert group(second) == []


def test_one_that_hangs_does_not_take_those_along_that_are_asked_after_it() -> None:
    first, second = Keeper(controller("hang", FIRST + 2), LIMITS), Keeper(controller(), LIMITS)
    try:
        first.ready()
        second.ready()
        lost = ""
        while not lost:
            first.ask(PASS)
            second.ask(PASS)
            try:
                first.answer()
            except LostError as error:
                lost = str(error)
            assert second.answer().success == (True,), "its answer had come long before it was asked for"
        assert (first.restarts, second.restarts) == (1, 0)
    finally:
        first.close()
        second.close()


def test_an_engine_that_dies_before_it_opens_its_pipe_is_found_out_at_once() -> None:
    keeper = Keeper(controller("exit", 0), LIMITS)
    began = time.monotonic()
    with pytest.raises(SimError, match=r"does not start: the simulator ended \(exit status 3\)"):
        keeper.ready()
    assert time.monotonic() - began < 30.0, "three tries of some seconds each"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_killing_or_stopping_the_worker_itself_is_seen(keeper: Keeper, how: signal.Signals) -> None:
    os.kill(keeper.pid, how)
    keeper.ask(PASS)
    with pytest.raises(LostError):
        keeper.answer()
    keeper.ask(PASS)
    assert keeper.answer().success == (True,)


def test_a_forked_process_goes_on_with_a_keeper_and_replaces_what_is_lost(keeper: Keeper) -> None:
    first = keeper.pid
    mine, theirs = multiprocessing.get_context("fork").Pipe()

    def use() -> None:
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.ask(PASS)
        began = time.monotonic()
        with pytest.raises(LostError, match="without a word"):
            keeper.answer()
        theirs.send(time.monotonic() - began)
        keeper.ask(PASS)
        theirs.send((keeper.answer().success, keeper.pid))

    forked = multiprocessing.get_context("fork").Process(target=use)
    forked.start()
    theirs.close()
    assert mine.recv() < 5.0, "what is left of its parent's child is not waited for"
    success, second = mine.recv()
    assert success == (True,)
    forked.join(10.0)
    assert group(first) == []
    deadline = time.monotonic() + 5.0
    while group(second) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group(second) == [], "it ends with the process that began it"
    assert Path(f"/proc/{first}").exists(), "cleared away by its parent alone"
    keeper.close()
    assert not Path(f"/proc/{first}").exists()


def test_an_answer_that_takes_its_time_is_waited_for() -> None:
    keeper = Keeper(controller("slow", FIRST + 5), LIMITS)
    keeper.ready()
    for _ in range(10):
        keeper.ask(PASS)
        assert keeper.answer().success == (True,)
    assert keeper.restarts == 0
    keeper.close()


@pytest.mark.parametrize("engine", ["slow", "hang"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_trainer_is_interrupted_or_killed(how: signal.Signals, engine: str) -> None:
    script = textwrap.dedent("""
        import sys, time
        from flare_core.simulators.thor.keeper import Keeper, Limits
        from flare_core.simulators.thor.messages import Work
        keeper = Keeper(eval(sys.argv[1]), Limits())
        keeper.ready()
        print(keeper.pid, flush=True)
        while True:
            keeper.ask(Work(calls=({"action": "Pass"},)))
            keeper.answer()
    """)
    hangs_at = FIRST + 3 if engine == "hang" else 100_000
    with subprocess.Popen(
        [sys.executable, "-c", script, repr(controller(engine, hangs_at))], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as trainer:
        assert trainer.stdout is not None
        leader = int(trainer.stdout.readline())
        assert len(group(leader)) >= 2, "the worker and its engine"
        time.sleep(1.0)  # by now it hangs, where it is to
        trainer.send_signal(how)
        try:
            trainer.wait(10)
        finally:
            trainer.kill()  # or a trainer that goes on would never let this block end
    deadline = time.monotonic() + 5
    while group(leader) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group(leader) == []
