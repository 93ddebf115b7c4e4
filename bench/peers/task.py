"""The task that every learner is timed on, and the account that the task itself keeps of who works on it.

An image says which of 20 actions is right; a step takes 100 microseconds of the processor, an episode 80 to 120 steps. Nothing but numpy
is needed, so that every learner's own environment can import it. Rows are numbered: row k draws the same lengths, whoever learns.

The clock is in the task, not in the learners: `Tally` notes processor and wall time whenever 16 x 128 steps have been made, which is once
an update with every learner. What lies between two notes is one rollout and one update, with all that the learner does around them.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

ROWS: Final = 16
ROLLOUT: Final = 128
ACTIONS: Final = 20
BODY: Final = 8
SIZE: Final = 64
SHORTEST, LONGEST = 80, 120  # steps of an episode
EPOCHS, MINIBATCHES = 4, 4
CLIP, LAMBDA, LEARNING_RATE, ENTROPY, VALUE_WEIGHT, GRADIENT_NORM = 0.1, 0.95, 2.5e-4, 0.01, 0.5, 0.5
PICTURES: Final = 64
BATCH: Final = ROWS * ROLLOUT


def pictures() -> npt.NDArray[np.uint8]:
    """(64, 64, 64, 3): noise with a square whose brightness, and a bar whose place, belong to the right action: picture k's is k mod 20."""
    made = np.random.default_rng(0).integers(0, 256, (PICTURES, SIZE, SIZE, 3), dtype=np.uint8)
    for at in range(PICTURES):
        right = at % ACTIONS
        made[at, 8:24, 8:24] = 12 * right
        made[at, 32:48, 3 * right % 48 : 3 * right % 48 + 12] = 255
    return made


class Tally:
    """Steps, rewards and lengths of episodes over all rows, and the time whenever a batch is full.

    `marks` holds processor s, wall s, and the mean reward of the batch before, at the first step of every batch.
    """

    def __init__(self, parent: int | None = None) -> None:
        """Args: parent: id of the learner's process, where the rows run in a process of their own; its processor time is added."""
        self.parent = parent
        self.steps, self.reward, self.lengths = 0, 0.0, list[int]()
        self.marks: list[tuple[float, float, float]] = []

    def begin_step(self) -> None:
        """Before a row's step, so that a batch's time ends where the next one's first step begins."""
        if self.steps % BATCH == 0:
            self.marks.append((self.processor_s(), time.perf_counter(), self.reward / BATCH))
            self.reward = 0.0
            self.on_mark()
        self.steps += 1

    def on_mark(self) -> None:
        """Called when a batch is full and learned from."""

    def processor_s(self) -> float:
        """Processor time of this process, and of the learner's where that is another one (to a hundredth of a second)."""
        own = time.process_time()
        if self.parent is None:
            return own
        fields = Path(f"/proc/{self.parent}/stat").read_text().rsplit(")", 1)[1].split()
        return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def account(self) -> dict[str, Any]:
        """Seconds of every rollout with its update, the first one left out because it warms up, and mean rewards of all batches."""
        taken = np.diff(np.array(self.marks), axis=0)
        ended = np.array(self.lengths)
        return {
            "processor_s": [round(float(s), 4) for s in taken[1:, 0]],
            "wall_s": [round(float(s), 4) for s in taken[1:, 1]],
            "steps_an_update": BATCH,
            "reward": [round(mark[2], 4) for mark in self.marks[1:]],
            "episodes": {
                "count": len(ended),
                "shortest": int(ended.min()),
                "longest": int(ended.max()),
                "mean": round(float(ended.mean()), 1),
            },
        }


class Row:
    """One row of the task: `picture`, `body` and `mask` are what is to be seen now."""

    shown: npt.NDArray[np.uint8] | None = None  # shared by all rows of a process

    def __init__(self, number: int, tally: Tally, step_us: float) -> None:
        self.draws, self.tally, self.step_s = np.random.default_rng(number), tally, 1e-6 * step_us
        if Row.shown is None:
            Row.shown = pictures()
        self.begin()

    def begin(self) -> None:
        """Begin an episode."""
        self.at, self.length = 0, int(self.draws.integers(SHORTEST, LONGEST + 1))
        self._draw()

    def _draw(self) -> None:
        self.number = int(self.draws.integers(PICTURES))
        self.right = self.number % ACTIONS
        self.mask = self.draws.random(ACTIONS) < 0.5
        self.mask[self.right] = True

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """(64, 64, 3), shared: copy it to keep it."""
        assert Row.shown is not None
        return Row.shown[self.number]

    @property
    def body(self) -> npt.NDArray[np.float32]:
        """(8,): how far the episode is, and zeros."""
        out = np.zeros(BODY, dtype=np.float32)
        out[0] = self.at / 100
        return out

    def step(self, action: int) -> tuple[float, bool]:
        """Reward of an action, and whether the episode is over; whoever steps calls `begin` then."""
        self.tally.begin_step()
        started = time.thread_time()
        reward = float(action == self.right)
        self.at += 1
        over = self.at >= self.length
        self.tally.reward += reward
        if over:
            self.tally.lengths.append(self.at)
        self._draw()
        while time.thread_time() - started < self.step_s:
            pass
        return reward, over
