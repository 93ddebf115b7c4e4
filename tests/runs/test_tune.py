"""A training that is stopped keeps what is whole: all of it between two updates, the last checkpoint in the middle of one."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flare_core.errors import StoppedError
from flare_core.learning.finetune import FineTuner
from flare_core.runs.finetune import tune
from tests.learning.test_finetune import RECIPE, quiet, same, tuner, weights
from tests.learning.toy import Toy


class Silent:
    """A watcher that says nothing, and stops at a number of steps, if at any."""

    def __init__(self, stops_at: int = -1) -> None:
        self.steps, self.stops_at = 0, stops_at

    def stage(self, name: str, total: int, done: int = 0) -> None:
        self.steps = done

    def advance(self, done: int, note: str = "") -> None:
        if done == self.stops_at:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        del text


def stopping_toy(run: FineTuner, at: int) -> None:
    """Press Ctrl-C in the middle of a rollout of the first worker, which stays in this process."""
    toy = run.environments[0]
    assert isinstance(toy, Toy)
    step, played = toy.step, [0]

    def counted(actions: Any) -> Any:
        played[0] += 1
        if played[0] == at:
            raise KeyboardInterrupt
        return step(actions)

    toy.step = counted  # type: ignore[method-assign]


@pytest.mark.parametrize("processes", [False, True])
def test_a_stop_in_the_middle_of_an_update_keeps_the_last_checkpoint_and_says_so(tmp_path: Path, processes: bool) -> None:
    workers = 2 if processes else 1
    with closing(tuner(tmp_path / "whole", workers=workers)) as whole:
        whole.run(quiet)
        expected = weights(whole)
    with closing(tuner(tmp_path / "run", workers=workers, processes=processes)) as run:
        run.update()
        run.save()
        stopping_toy(run, RECIPE.rollout + 3)
        with pytest.raises(StoppedError, match="in the middle of an update; 128 steps are kept"):
            tune(run, "toy", resume=False, watcher=Silent())
    with closing(tuner(tmp_path / "run", workers=workers, processes=processes)) as again:
        tune(again, "toy", resume=True, watcher=Silent())
        assert same(weights(again), expected)


def test_a_stop_between_two_updates_keeps_everything(tmp_path: Path) -> None:
    with closing(tuner(tmp_path)) as run, pytest.raises(StoppedError, match="Stopped at 256 steps, which are kept"):
        tune(run, "toy", resume=False, watcher=Silent(256))
    with closing(tuner(tmp_path)) as again:
        again.resume()
        assert again.progress.steps == 256
