import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from flare_core.errors import SimError, TrainError
from flare_core.learning import processes as module
from flare_core.learning.processes import ALIGNED, Processes, share_gradients, share_parameters
from flare_core.learning.threads import Threads
from flare_core.runs.kept import read_log
from tests.learning.test_finetune import RECIPE, patient, quiet, same, tuner, weights

SHORT = RECIPE.model_copy(update={"steps": 384})


class Counter:
    """A member that can be asked, can fail, and can go."""

    def __init__(self, start: int) -> None:
        self.count = start
        self.scale = nn.Parameter(torch.ones(2))

    def add(self, amount: int) -> int:
        self.count += amount
        return self.count

    def where(self) -> int:
        return os.getpid()

    def seen(self) -> list[float]:
        return [float(value) for value in self.scale.detach()]

    def complain(self, above: int) -> int:
        if self.count > above:
            raise SimError(f"worker {self.count} has lost its simulator")
        return self.count

    def stumble(self) -> None:
        raise OddError(self.count, "two arguments")

    def stop(self) -> None:
        if self.count == 0:
            raise KeyboardInterrupt

    def die(self) -> None:
        if self.count == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class OddError(Exception):
    """A fault that pickle cannot make again."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"{text} of {number}")


@contextmanager
def crew_of(count: int) -> Iterator[Processes[Counter]]:
    with closing(Processes([Counter(start) for start in range(count)])) as crew:
        yield crew


def test_members_answer_in_order_and_keep_what_they_changed_in_processes_of_their_own() -> None:
    with crew_of(3) as crew:
        assert crew.each(Counter.add, 10) == [10, 11, 12]
        assert crew.deal(Counter.add, [(1,), (2,), (3,)]) == [11, 13, 15]
        assert len(set(crew.each(Counter.where))) == 3
        assert [member.count for member in crew.members] == [11, 1, 2]  # only the first one lives here


def test_a_fault_is_raised_here_and_the_crew_goes_on() -> None:
    with crew_of(3) as crew:
        with pytest.raises(SimError, match="worker 1 has lost its simulator"):
            crew.each(Counter.complain, 0)
        assert crew.each(Counter.complain, 9) == [0, 1, 2]


def test_a_fault_that_cannot_be_sent_says_the_same_words() -> None:
    with crew_of(2) as crew, pytest.raises(OddError):  # the first member's, which was never sent
        crew.each(Counter.stumble)
    with closing(Processes([Counter(0), Counter(7)])) as crew, pytest.raises(TrainError, match="OddError: two arguments of 7"):
        crew.deal(_stumble_if, [(False,), (True,)])


def _stumble_if(member: Counter, does: bool) -> None:
    if does:
        member.stumble()


def test_a_process_that_was_killed_is_told_with_a_way_to_go_on() -> None:
    with crew_of(2) as crew:
        with pytest.raises(TrainError, match=r"worker 2 was ended by SIGKILL.*memory.*--resume"):
            crew.each(Counter.die)
        with pytest.raises(TrainError, match="stopped in the middle"):  # what the others answered is not taken for something else
            crew.each(Counter.add, 1)


def test_a_stop_in_the_middle_leaves_no_process_behind() -> None:
    crew = Processes([Counter(0), Counter(1)])
    pids = crew.each(Counter.where)
    with pytest.raises(KeyboardInterrupt):
        crew.each(Counter.stop)
    crew.close()
    assert not Path(f"/proc/{pids[1]}").exists()


def test_workers_end_when_the_process_that_asks_them_is_killed() -> None:
    script = (
        "import time; from tests.learning.test_processes import Counter, Processes\n"
        "crew = Processes([Counter(at) for at in range(3)]); print(*crew.each(Counter.where), flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.wait()
    for _ in range(600):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return
        time.sleep(0.1)
    raise AssertionError("a worker outlived the process that began it")


def test_parameters_and_gradients_lie_in_memory_that_processes_share() -> None:
    member, twin = Counter(0), Counter(1)
    layer = nn.ParameterList([member.scale, nn.Parameter(torch.ones(3, 5)), nn.Parameter(torch.ones(7, dtype=torch.bfloat16))])
    share_parameters([layer])
    share_gradients([layer])
    assert all(p.data_ptr() % ALIGNED == 0 and p.grad is not None and p.grad.data_ptr() % ALIGNED == 0 for p in layer)
    assert [p.shape for p in layer] == [(2,), (3, 5), (7,)]
    assert all(bool((p == 1).all()) for p in layer)
    twin.scale.data = member.scale.data
    with closing(Processes([member, twin])) as crew:
        with torch.no_grad():
            member.scale.copy_(torch.tensor([3.0, 4.0]))
        assert crew.each(Counter.seen) == [[3.0, 4.0], [3.0, 4.0]]


SCALED = {"normalise_advantages": True, "joint_gradient_norm": True}


@pytest.mark.parametrize(
    ("change", "limits"), [({}, ()), ({"separate_critic": False}, (0.1,)), (SCALED, ()), ({"cold_memory": True}, ())], ids=str
)
def test_processes_learn_to_the_bit_what_threads_do(tmp_path: Path, change: dict[str, object], limits: tuple[float, ...]) -> None:
    recipe = SHORT.model_copy(update=change)
    found = []
    for processes in (False, True):
        with closing(patient(tuner(tmp_path / str(processes), recipe, limits=limits, processes=processes))) as run:
            assert isinstance(run.learner.crew, Processes if processes else Threads)
            run.run(quiet)
            found.append((weights(run), read_log(run.folder / "log.jsonl")))
    (one, first), (two, second) = found
    assert same(one, two)
    assert [_untimed(record) for record in first] == [_untimed(record) for record in second]


def _untimed(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in {"steps_per_second", "collect_s", "seconds"}}


def test_the_comparison_goes_red_when_a_process_keeps_its_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(tuner(tmp_path / "threads", SHORT)) as run:
        run.run(quiet)
        expected = weights(run)
    monkeypatch.setattr(module, "share_gradients", lambda modules: None)
    with closing(tuner(tmp_path / "processes", SHORT, processes=True)) as run:
        run.run(quiet)
        assert not same(weights(run), expected)


def test_a_run_in_processes_resumes_to_the_same_weights_also_with_threads(tmp_path: Path) -> None:
    with closing(tuner(tmp_path / "whole", SHORT, processes=True)) as whole:
        whole.run(quiet)
        expected = weights(whole)
    with closing(tuner(tmp_path / "half", SHORT, processes=True)) as half:
        half.update()
        half.save()
        half.update()  # lost
    for processes in (False, True):
        with closing(tuner(tmp_path / "half", SHORT, processes=processes)) as again:
            again.resume()
            assert again.kept_steps == again.progress.steps == 128
            for _ in range(2):
                again.update()
            assert same(weights(again), expected)
