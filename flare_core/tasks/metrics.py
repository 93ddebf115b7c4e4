"""What a task's own metrics ask of an episode: whether something held at some step of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.tasks.judging import Asked, Judge
from flare_core.tasks.predicates import Expression
from flare_core.world import Bools, Simulator


class Milestones:
    """Remembers, for a batch of episodes, which expressions have held so far. B rows, M metrics in the order of the spec."""

    def __init__(self, metrics: Mapping[str, Expression], body: Embodiment, batch: int) -> None:
        """Begin with empty rows.

        Raises:
            TaskError: the body lacks a camera, an arm or a gripper.
        """
        self._judges = {name: Judge(when, body, batch) for name, when in metrics.items()}
        self.reached: Bools = np.zeros((batch, len(metrics)), dtype=np.bool_)

    def begin(self, rows: npt.NDArray[np.int64], simulator: Simulator, asked: Asked) -> None:
        """Episodes begin in these rows; what holds at their start counts."""
        self.reached[rows] = False
        begun = np.isin(np.arange(len(self.reached)), rows)
        for judge in self._judges.values():
            judge.begin(rows)
        self._look(simulator, asked, begun)

    def step(self, simulator: Simulator, asked: Asked) -> None:
        """Note what holds after one more action."""
        self._look(simulator, asked, np.ones(len(self.reached), dtype=np.bool_))

    def results(self) -> dict[str, npt.NDArray[np.float64]]:
        """(B,) of each metric: 1.0 where it held at some step of the row's episode."""
        return {name: self.reached[:, at].astype(np.float64) for at, name in enumerate(self._judges)}

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """What the future depends on."""
        kept = {f"{name}/{key}": array for name, judge in self._judges.items() for key, array in judge.snapshot().items()}
        return {"reached": self.reached.copy(), **kept}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot; one that knows of no metrics is of a task that had none."""
        self.reached = np.array(state["reached"]) if "reached" in state else np.zeros_like(self.reached)
        for name, judge in self._judges.items():
            judge.restore({key.removeprefix(f"{name}/"): array for key, array in state.items() if key.startswith(f"{name}/")})

    def _look(self, simulator: Simulator, asked: Asked, rows: Bools) -> None:
        for at, judge in enumerate(self._judges.values()):
            self.reached[:, at] |= rows & judge.holds(simulator, asked)
            judge.step(simulator, asked, rows)
