"""Judging: what is said of it, and that workers in processes find what threads find."""

import os
from pathlib import Path

import numpy as np
import pytest

from flare_core.learning import processes
from flare_core.runs import judge
from flare_core.runs.judge import feasible_line, judge_policy
from flare_core.runs.takes import Takes
from flare_core.simulators.embedded.pack import ScenePack
from tests.runs.watching.scenes import scene_with


def test_the_share_is_said_with_what_it_means() -> None:
    assert feasible_line("lowbot", 0.7289) == (
        "lowbot can see a target from somewhere it can go to for 72.9 % of houses and types. "
        "Episodes are drawn from these alone: what is measured does not count what the robot can never see."
    )


def test_processes_judge_and_take_down_what_threads_do(houses: ScenePack, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, policy, senses, _ = scene_with(houses, "locobot", "objectnav_short", 20)
    found = []
    for apart in (True, False):
        monkeypatch.setattr(judge, "to_be_forked", lambda count, apart=apart: apart)
        takes, told = Takes(), list[int]()
        episodes = judge_policy(scene, policy, senses, 7, 3, 5, told.append, takes=takes)
        assert told[-1] == 7
        assert all(0 <= one <= 7 for one in told)
        found.append((episodes, takes.to_json()))
    (one, first), (two, second) = found
    assert one.number.tolist() == two.number.tolist() == list(range(7))
    np.testing.assert_equal(dict(one.measures), dict(two.measures))  # nan where a measure has no meaning
    assert (one.used == two.used).all()
    assert first == second
    assert sorted(first["takes"]) == [str(number) for number in range(7)]


def test_a_stop_while_judging_leaves_no_process_behind(houses: ScenePack, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, policy, senses, _ = scene_with(houses, "locobot", "objectnav_short", 20)
    begun = list[int]()

    class Known(processes.Processes[judge._Part]):
        def close(self) -> None:
            begun.extend(process.pid or 0 for process in self._processes)
            super().close()

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "Processes", Known)
    with pytest.raises(KeyboardInterrupt):
        judge_policy(scene, policy, senses, 6, 3, 5, stop)
    assert len(begun) == 2
    assert os.getpid() not in begun
    assert not any(Path(f"/proc/{pid}").exists() for pid in begun)
