"""The expert plays fixed episodes: how many steps it needs (for SEL), and whether they can be solved at all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flare_core.envs.play import Play
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import guide_for
from flare_core.tasks.task import Task
from flare_core.world import Simulator


def rehearse(simulator: Simulator, task: Task, sampler: EpisodeSampler, numbers: Sequence[int]) -> dict[str, npt.NDArray[Any]]:
    """Let the expert play episodes, without images.

    Args:
        simulator: its rows are used up; their states are lost.
        numbers: of the episodes, N of them, no number twice.

    Returns:
        (N, ...) what `Play.results` says of each episode, in the order of `numbers`.
    """
    play, expert = Play(simulator, task, sampler, {}), guide_for(simulator, sampler)
    rows = np.arange(simulator.batch, dtype=np.int64)
    wanted = np.array(numbers, dtype=np.int64)
    play.begin(rows, wanted[rows % len(wanted)])
    following = simulator.batch
    found: dict[int, dict[str, Any]] = {}
    while len(found) < len(wanted):
        outcome = play.act(expert.actions(play.episodes, None, play.marked))
        over = outcome.terminated | outcome.truncated
        if not over.any():
            continue
        results = play.results(over)
        ended = np.flatnonzero(over)
        for row in ended.tolist():
            found.setdefault(int(results["number"][row]), {name: array[row] for name, array in results.items()})
        play.begin(ended, wanted[(following + np.arange(len(ended))) % len(wanted)])
        following += len(ended)
    return {name: np.stack([found[number][name] for number in wanted.tolist()]) for name in found[int(wanted[0])]}
