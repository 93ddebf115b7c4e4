"""The environment of one robot, for libraries that know gymnasium's plain interface."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from flare_core.envs.play import Play, observation_space
from flare_core.errors import SimError
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.task import Task
from flare_core.world import Simulator


class FlareEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """One episode at a time; `reset` goes on to the next, or to the one whose number is the seed.

    Observation and info are those of `FlareVectorEnv` without the batch axis. `info["episode"]` is there when it is over.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # as gymnasium declares it

    def __init__(self, simulator: Simulator, task: Task, sampler: EpisodeSampler, renders: Mapping[str, tuple[int, int]]) -> None:
        """Set up the spaces; `reset` begins.

        Raises:
            SimError: the simulator has more rows than one.
        """
        if simulator.batch != 1:
            raise SimError(f"env: a single environment needs a simulator of batch 1, not {simulator.batch}. Use FlareVectorEnv.")
        self._play = Play(simulator, task, sampler, renders)
        self.observation_space = observation_space(self._play)
        self.action_space = gymnasium.spaces.Discrete(len(simulator.body.actions))
        self._row = np.zeros(1, dtype=np.int64)
        self._number = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        if seed is not None:
            self._number = seed
        self._play.begin(self._row, np.array([self._number]))
        self._number += 1
        return self._first(), self._info()

    def step(self, action: np.int64) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Carry out one action."""
        outcome = self._play.act(np.array([action], dtype=np.int64))
        over = outcome.terminated | outcome.truncated
        info = self._info()
        if over[0]:
            info["episode"] = {name: array[0] for name, array in self._play.results(over).items()}
        return self._first(), float(outcome.reward[0]), bool(outcome.terminated[0]), bool(outcome.truncated[0]), info

    def _first(self) -> dict[str, Any]:
        seen: dict[str, Any] = {name: np.asarray(array[0]) for name, array in self._play.observe().items()}
        seen["previous_action"] = np.int64(seen["previous_action"])  # a Discrete space holds scalars
        return seen

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self._play.masks()[0], "instruction": str(self._play.instructions[0])}
