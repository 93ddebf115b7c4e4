"""The batch environment: every row plays one episode after the other."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space

from flare_core.envs.augmenting import Augmenter
from flare_core.envs.play import Observation, Play, observation_space
from flare_core.errors import SimError
from flare_core.tasks.episodes import Episode, EpisodeSampler
from flare_core.tasks.task import Task
from flare_core.world import Bools, Ints, Simulator

Schedule = Literal["striped", "queue"]
LOST_MOST = 3  # times that one episode is begun again after its simulator was lost


class FlareVectorEnv(gymnasium.vector.VectorEnv[Observation, Ints, npt.NDArray[Any]]):
    """B episodes at once, with the SAME_STEP autoreset: a step that ends an episode returns the first view of the next one.

    Observation, over the batch: `camera/<name>` uint8 (B, H, W, 3); `goal` int32 (B, L) word ids, 0 pads; `previous_action`
    int64 (B,), the number of actions at the start of an episode; `body` float32 (B, D); `step` int32 (B,).

    `info` always holds `action_mask` bool (B, A) and `instruction` (B,) text; after a step also `costs` float32 (B, L), what the
    step cost of the L constraints that a learner keeps (see `limits`). When an episode ended it also holds, as
    gymnasium has it, `final_obs` (B,) of one dict or None, `final_info`, and their masks `_final_obs`, `_final_info`; and
    `episode`, with its mask `_episode`: see `Play.results`. An episode whose simulator was lost is cut off there, is not in that
    account, and is begun again, LOST_MOST times at most; `lost` (B,) says so in every `info` of a step.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # as gymnasium declares it
        "render_modes": [],
        "autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP,
    }

    def __init__(
        self, simulator: Simulator, task: Task, sampler: EpisodeSampler, renders: Mapping[str, tuple[int, int]],
        schedule: Schedule = "striped", augmenter: Augmenter | None = None,
    ) -> None:  # fmt: skip
        """Set up the spaces; `reset` begins.

        Args:
            renders: camera -> (width, height).
            schedule: "striped": row b plays episodes b, b + B, b + 2 B, ..., whatever the others do (training);
                "queue": a row that is free takes the next number, so that the first N numbers are all played (evaluation).
            augmenter: changes what the cameras take; of as many rows.
        """
        self.num_envs = simulator.batch
        self.play = Play(simulator, task, sampler, renders, augmenter)
        self.single_observation_space = observation_space(self.play)
        self.single_action_space = gymnasium.spaces.Discrete(len(simulator.body.actions))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.schedule: Schedule = schedule
        self._next = 0
        self._stride = self.num_envs
        self._losses = np.zeros(self.num_envs, dtype=np.int64)  # of the episode that each row plays

    @property
    def episodes(self) -> Sequence[Episode]:
        """The episode of every row."""
        return self.play.episodes

    @property
    def episode_numbers(self) -> Ints:
        """(B,) number of every row's episode."""
        return self.play.numbers.copy()

    @property
    def episode_steps(self) -> Ints:
        """(B,) steps made in every row's episode."""
        return self.play.steps.astype(np.int64)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin episode `first` (of the options, else 0) in row 0, the next one in row 1, and so on.

        With `stride` in the options a striped row goes on with the number that is so many further, for batches that share
        one numbering; else with the number of rows.

        The seed of the episodes is the sampler's; `seed` here has no effect on them.
        """
        super().reset(seed=seed if isinstance(seed, int) else None, options=options)
        first = int((options or {}).get("first", 0))
        rows = np.arange(self.num_envs, dtype=np.int64)
        self.play.begin(rows, first + rows)
        self._next = first + self.num_envs
        self._stride = int((options or {}).get("stride", self.num_envs))
        return self.play.observe(), self._info()

    def step(self, actions: Ints) -> tuple[Observation, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:
        """Carry out one action in every row: (B,) indices into the body's actions."""
        outcome = self.play.act(np.asarray(actions, dtype=np.int64))
        over = outcome.terminated | outcome.truncated
        final = self._finish(over, outcome.lost) if over.any() else {}
        info = self._info() | {"costs": outcome.costs, "lost": outcome.lost} | final
        return self.play.observe(), outcome.reward, outcome.terminated, outcome.truncated, info

    @property
    def limits(self) -> tuple[float, ...]:
        """(L,) cost of an episode that each of the task's constraints `by: lagrange` allows."""
        return self.play.limits

    def close_extras(self, **options: Any) -> None:
        """End what the simulator runs outside of this process."""
        del options
        self.play.simulator.close()

    def observe(self) -> Observation:
        """The present observation again."""
        return self.play.observe()

    def masks(self) -> Bools:
        """(B, A) actions that each row is allowed now."""
        return self.play.masks()

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Every array that the future depends on."""
        return self.play.snapshot() | {"next": np.array(self._next), "stride": np.array(self._stride)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from a snapshot; what follows is bit-identical to what followed it."""
        self.play.restore(state)
        self._next, self._stride = int(state["next"]), int(state["stride"])

    def _finish(self, over: Bools, lost: Bools) -> dict[str, Any]:
        """Account for the episodes that are over and begin the next ones in their rows.

        Raises:
            SimError: one of them has been lost too often.
        """
        rows, whole = np.flatnonzero(over), over & ~lost
        self._losses = np.where(lost, self._losses + 1, np.where(over, 0, self._losses))
        if self._losses.max() > LOST_MOST:
            row = int(self._losses.argmax())
            raise SimError(
                f"env: the simulator was lost {LOST_MOST + 1} times in episode {self.play.numbers[row]}: its house may be to blame"
            )
        last = self.play.observe(rows)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for at, row in enumerate(rows.tolist()):
            final_obs[row] = {name: array[at] for name, array in last.items()}
        results = self.play.results(whole)
        final = {
            "final_obs": final_obs,
            "_final_obs": over,
            "final_info": {"episode": results, "_episode": whole} | self._info(),
            "_final_info": over,
            "episode": results,
            "_episode": whole,
        }
        numbers, ended = self.play.numbers.copy(), np.flatnonzero(whole)
        numbers[ended] = self._numbers_after(ended)  # those that were lost keep theirs
        self.play.begin(rows, numbers[rows])
        return final

    def _numbers_after(self, rows: Ints) -> Ints:
        if self.schedule == "striped":
            return self.play.numbers[rows] + self._stride
        numbers = self._next + np.arange(len(rows), dtype=np.int64)
        self._next += len(rows)
        return numbers

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.play.masks(), "instruction": self.play.instructions.copy()}
