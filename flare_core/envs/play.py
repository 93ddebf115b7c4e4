"""Episodes under way: simulator, task and embodiment together, without any rule of when the next one begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from flare_core.envs.augmenting import Augmenter
from flare_core.envs.observation import FIRST, BodyState
from flare_core.envs.panorama import Panorama
from flare_core.errors import SimError, TaskError
from flare_core.tasks.costs import Ledger
from flare_core.tasks.episodes import Episode, EpisodeSampler, later_of, padded, points_of
from flare_core.tasks.judging import Asked, Judge, asks_of, needs_marks
from flare_core.tasks.metrics import Milestones
from flare_core.tasks.predicates import Holding, LookedAround, walk
from flare_core.tasks.rewards import Purse
from flare_core.tasks.task import Task
from flare_core.world import Bools, Floats, Ints, Simulator, World

GOAL_WORDS = 16  # length of the `goal` observation; of a task with longer instructions, that of the longest
MOST_WORDS = 64
Observation = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one step brought, (B,) each; `costs` (B, L) of the constraints that the learner keeps; `lost` as in `Simulator`."""

    reward: npt.NDArray[np.float32]
    terminated: Bools
    truncated: Bools
    success: Bools
    costs: npt.NDArray[np.float32]
    lost: Bools


class Play:
    """The episodes of every row of a simulator.

    B rows, A actions, L = goal_words: GOAL_WORDS or, of a task with longer instructions, the length of the longest.
    """

    def __init__(
        self, simulator: Simulator, task: Task, sampler: EpisodeSampler, renders: Mapping[str, tuple[int, int]],
        augmenter: Augmenter | None = None,
    ) -> None:  # fmt: skip
        """Prepare for the first `begin`.

        Args:
            renders: camera -> (width, height) of what the policy is shown.
            augmenter: changes what the cameras take, in training.

        Raises:
            SimError: the body lacks one of the cameras.
            TaskError: an instruction is longer than the observation holds.
        """
        body, batch = simulator.body, simulator.batch
        missing = [name for name in renders if name not in {camera.name for camera in body.cameras}]
        if missing:
            have = ", ".join(camera.name for camera in body.cameras)
            raise SimError(f"env: {body.name} has no camera '{missing[0]}'. Render one of: {have}.")
        if sampler.words > MOST_WORDS:
            raise TaskError(f"task {task.name}: an instruction has {sampler.words} words, more than {MOST_WORDS}. Shorten the template.")
        self._augmenter = augmenter
        self.goal_words = max(GOAL_WORDS, sampler.words)
        self.simulator, self.task, self.sampler, self.renders = simulator, task, sampler, dict(renders)
        self.state = BodyState(body, simulator.bodies)
        self.actions = len(body.actions)
        self.end_action = task.end_action(body)
        self.numbers = np.full(batch, -1, dtype=np.int64)
        self.steps = np.zeros(batch, dtype=np.int32)
        self.instructions = np.full(batch, "", dtype=object)
        self._episodes: list[Episode | None] = [None] * batch
        self._judge = Judge(task.success, body, batch)
        self._asked = Asked.of(np.full((batch, 1), -1, dtype=np.int64))
        self._marks = self.state.marks & needs_marks(task.success)
        self._marked = np.zeros((batch, max(len(simulator.room_types(house)) for house in range(simulator.house_count()))), dtype=np.bool_)
        self._purse = Purse(task.reward, body, batch, self._marked.shape[1])
        self._ledger = Ledger(task.constraints, body, batch)
        self._milestones = Milestones(task.metrics, body, batch)
        self._goal = np.zeros((batch, self.goal_words), dtype=np.int32)
        self._previous = np.full(batch, self.actions, dtype=np.int64)
        self._position = np.zeros((batch, 3))
        self._path_m = np.zeros(batch)
        self._yaw, self._turned = np.zeros(batch), np.zeros(batch)
        self._entered = np.zeros_like(self._marked)
        self._has_held = np.zeros(batch, dtype=np.bool_)
        held = next((one for one in walk(task.success) if isinstance(one, Holding)), None)
        self._holding = None if held is None else Judge(held, body, batch)
        self._panorama = Panorama(simulator.bodies, batch) if asks_of(task.conditions, LookedAround) else None
        self._collisions = np.zeros(batch, dtype=np.int64)
        self._counts = np.zeros((batch, self.actions), dtype=np.int64)
        self._success = np.zeros(batch, dtype=np.bool_)
        self._return = np.zeros(batch)
        self._rows = np.arange(batch)
        self._world = simulator.world()
        self._masked: tuple[World, Bools] | None = None  # the world that masks were last worked out for, and they

    @property
    def episodes(self) -> Sequence[Episode]:
        """The episode of every row; only after each has begun one."""
        return [episode for episode in self._episodes if episode is not None]

    @property
    def marked(self) -> Bools:
        """(B, R) rooms that were marked as seen in every row's episode."""
        return self._marked.copy()

    @property
    def limits(self) -> tuple[float, ...]:
        """(L,) cost of an episode that each constraint allows which the learner keeps."""
        return tuple(one.at_most for one in self.task.constraints if one.by == "lagrange")

    def begin(self, rows: Ints, numbers: Ints) -> None:
        """Begin these episodes in these rows."""
        episodes = [self.sampler.episode(int(number)) for number in numbers]
        self.simulator.reset(rows, [episode.start for episode in episodes])
        for row, episode in zip(rows.tolist(), episodes, strict=True):
            self._assign(row, episode)
        self._marked[rows] = False
        self._world = self.simulator.world()
        if self._panorama is not None:
            self._panorama.begin(rows, self._world, self._which)
        self._ask()
        self._judge.begin(rows)
        self._judge.step(self.simulator, self._asked, np.isin(self._rows, rows))
        self.steps[rows] = 0
        self._previous[rows] = self.actions
        self._purse.begin(rows, self.simulator, self._world, self._asked)
        self._ledger.begin(rows, self.simulator, self._world, self._asked)
        self._milestones.begin(rows, self.simulator, self._asked)
        self._position[rows] = self._world.position[rows]
        self._yaw[rows] = self._world.yaw[rows]
        self._path_m[rows] = 0.0
        self._turned[rows] = 0.0
        self._entered[rows] = False
        self._has_held[rows] = False
        self._visit()
        self._collisions[rows] = 0
        self._counts[rows] = 0
        self._success[rows] = False
        self._return[rows] = 0.0

    def act(self, actions: Ints) -> Outcome:
        """Carry out one action in every row and judge it."""
        self.simulator.apply(actions)
        world = self._world = self.simulator.world()
        self.steps += 1
        self._path_m += np.hypot(world.position[:, 0] - self._position[:, 0], world.position[:, 2] - self._position[:, 2])
        self._turned += np.abs(np.remainder(world.yaw - self._yaw + np.pi, 2 * np.pi) - np.pi)
        self._position, self._yaw = world.position.copy(), world.yaw.copy()
        self._visit()
        self._collisions += world.collided
        self._counts[self._rows, actions] += 1
        self._previous = actions.copy()
        marks, fresh = self._mark(actions)
        if self._panorama is not None:
            self._panorama.look(world, self._which)
            self._asked = replace(self._asked, looked=self._panorama.seen())
        ended = actions == self.end_action
        if self.task.ends_itself:
            self._success = self._judge.holds(self.simulator, self._asked)
            ended |= self._success
        elif ended.any():
            self._success = ended & self._judge.holds(self.simulator, self._asked.only(ended))
        else:
            self._success = np.zeros_like(ended)
        self._judge.step(self.simulator, self._asked)
        reward = self._purse.pay(self.simulator, world, self._asked, ended, self._success, marks, fresh)
        penalty, costs = self._ledger.charge(self.simulator, world, self._asked)
        reward -= penalty
        self._milestones.step(self.simulator, self._asked)
        self._return += reward
        lost = self.simulator.lost.copy()  # what is asked of the simulator above may lose a row too
        if lost.any():
            ended, reward = ended & ~lost, np.where(lost, np.float32(0.0), reward)
            costs = np.where(lost[:, None], np.float32(0.0), costs)
        cut = lost | (~ended & (self.steps >= self.task.horizon))
        return Outcome(reward=reward, terminated=ended, truncated=cut, success=self._success & ~lost, costs=costs, lost=lost)

    def observe(self, rows: Ints | None = None) -> Observation:
        """What the policy is given, for every row or for some; new arrays."""
        at = slice(None) if rows is None else rows
        seen: Observation = {
            f"camera/{name}": self.simulator.images(name, width, height, rows) for name, (width, height) in self.renders.items()
        }
        if self._augmenter is not None:
            for name in self.renders:
                self._augmenter.change(name, seen[f"camera/{name}"], self.numbers[at], rows)
        seen["goal"] = self._goal[at].copy()
        seen["previous_action"] = self._previous[at].copy()
        seen["body"] = self.state.observe(self._world, self._counts, self._which)[at]
        seen["step"] = self.steps[at].copy()
        return seen

    @property
    def _which(self) -> Ints:
        """(B,) which of the simulator's bodies every row has; (1,) where there is one."""
        return FIRST if len(self.simulator.bodies) == 1 else self.simulator.row_bodies

    def masks(self) -> Bools:
        """(B, A) actions that each row is allowed now."""
        if self._masked is None or self._masked[0] is not self._world:
            self._masked = (self._world, self.state.masks(self._world, self._which))
        return self._masked[1].copy()

    def results(self, over: Bools) -> dict[str, npt.NDArray[Any]]:
        """Account of every row's episode so far; rows that are not over hold zeros.

        Returns:
            (B,) number, success, reward, length, path_m, shortest_m, collisions, final_distance_m; turned_deg, how far the base
            turned in all; rooms, the share of rooms that it was in, and held, whether a target ever was in its hand, where the
            task asks for that and else not a number; cost/<name> of every constraint, metric/<name> of every metric; (B, L) costs of those
            that the learner keeps; and (B, A) action_counts.
        """
        shortest, final = np.zeros(len(over)), np.zeros(len(over))
        for row in np.flatnonzero(over).tolist():
            episode = self._episode(row)
            shortest[row] = episode.shortest_m
            final[row] = self._distance(row, episode)
        return {
            "number": np.where(over, self.numbers, 0),
            "success": over & self._success,
            "reward": np.where(over, self._return, 0.0),
            "length": np.where(over, self.steps, 0),
            "path_m": np.where(over, self._path_m, 0.0),
            "shortest_m": shortest,
            "collisions": np.where(over, self._collisions, 0),
            "final_distance_m": final,
            "turned_deg": np.where(over, np.degrees(self._turned), 0.0),
            "rooms": self._entered.sum(axis=1) / np.maximum(self._asked.room_count, 1) if self._marks.any() else np.full(len(over), np.nan),
            "held": np.full(len(over), np.nan) if self._holding is None else self._has_held.astype(np.float64),
            **{f"cost/{one.name}": self._ledger.totals[:, at].copy() for at, one in enumerate(self.task.constraints)},
            **{f"metric/{name}": reached for name, reached in self._milestones.results().items()},
            "costs": self._ledger.learned_totals(),
            "action_counts": np.where(over[:, None], self._counts, 0),
        }

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Every array that the future depends on, the simulator's under 'simulator/'."""
        own = {name: np.array(getattr(self, f"_{name}")) for name in _KEPT} | {f"judge/{k}": v for k, v in self._judge.snapshot().items()}
        own |= {f"purse/{name}": array for name, array in self._purse.snapshot().items()}
        own |= {f"ledger/{name}": array for name, array in self._ledger.snapshot().items()}
        own |= {f"milestones/{name}": array for name, array in self._milestones.snapshot().items()}
        own |= {} if self._panorama is None else {"panorama": self._panorama.shown.copy()}
        own |= {"numbers": self.numbers.copy(), "steps": self.steps.copy()}
        return own | {f"simulator/{name}": array for name, array in self.simulator.snapshot().items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from a snapshot; what follows is bit-identical to what followed it."""
        self.simulator.restore({name.removeprefix("simulator/"): array for name, array in state.items() if name.startswith("simulator/")})
        for row, number in enumerate(state["numbers"].tolist()):
            self._assign(row, self.sampler.episode(number))
        self._world = self.simulator.world()
        for name in _KEPT:
            setattr(self, f"_{name}", np.array(state[name]))
        self._judge.restore({name.removeprefix("judge/"): array for name, array in state.items() if name.startswith("judge/")})
        self._purse.restore({name.removeprefix("purse/"): array for name, array in state.items() if name.startswith("purse/")})
        if self._panorama is not None:
            self._panorama.shown = np.array(state["panorama"])
        self._ledger.restore({name.removeprefix("ledger/"): array for name, array in state.items() if name.startswith("ledger/")})
        self._milestones.restore(
            {name.removeprefix("milestones/"): array for name, array in state.items() if name.startswith("milestones/")}
        )
        self._ask()
        self.steps = np.array(state["steps"])

    def _assign(self, row: int, episode: Episode) -> None:
        self._episodes[row] = episode
        self.numbers[row] = episode.number
        self.instructions[row] = episode.instruction
        self._goal[row] = 0
        self._goal[row, : len(episode.goal)] = episode.goal

    def _ask(self) -> None:
        """What every row's episode is about; rows without one ask nothing."""
        episodes = self._episodes
        self._asked = Asked(
            targets=padded([() if one is None else one.targets for one in episodes]),
            rooms=padded([() if one is None else one.rooms for one in episodes]),
            marked=self._marked.sum(axis=1),
            looked=np.zeros(len(episodes)) if self._panorama is None else self._panorama.seen(),
            points=points_of(episodes),
            later=later_of(episodes, self.task.subjects.in_turn),
            room_count=np.array([0 if one is None else len(self.simulator.room_types(one.start.house)) for one in episodes]),
        )

    def _visit(self) -> None:
        """Note the room and the thing in hand of every row."""
        inside = np.flatnonzero(self._world.room >= 0)
        self._entered[inside, self._world.room[inside]] = True
        if self._holding is not None:
            self._has_held |= self._holding.holds(self.simulator, self._asked)

    def _mark(self, actions: Ints) -> tuple[Bools, Bools]:
        """Note the rooms that bodies mark as seen; (B,) which rows did, and (B,) for which of them the room was a new one."""
        marks = self._marks[actions]
        fresh = np.zeros_like(marks)
        rows = np.flatnonzero(marks & (self._world.room >= 0))
        if len(rows):
            rooms = self._world.room[rows]
            fresh[rows] = ~self._marked[rows, rooms]
            self._marked[rows, rooms] = True
            self._asked = replace(self._asked, marked=self._marked.sum(axis=1))
        return marks, fresh

    def _episode(self, row: int) -> Episode:
        episode = self._episodes[row]
        assert episode is not None  # begin() comes first
        return episode

    def _distance(self, row: int, episode: Episode) -> float:
        """Horizontal metres from the axis to the nearest target's centre: a measure that no camera enters into; to no target, none.

        Of several targets in turn, to the last.
        """
        if episode.point is not None:
            return float(np.hypot(episode.point[0] - self._position[row, 0], episode.point[1] - self._position[row, 2]))
        targets = episode.later[-1] if episode.later else episode.targets
        if not targets:
            return float("nan")
        there: Floats = self.simulator.object_positions(episode.start.house)[list(targets)]
        return float(np.hypot(there[:, 0] - self._position[row, 0], there[:, 2] - self._position[row, 2]).min())


_KEPT = (
    "marked", "previous", "position", "yaw", "turned", "entered", "has_held", "path_m", "collisions", "counts", "success", "return",
)  # fmt: skip


def observation_space(play: Play) -> gymnasium.spaces.Dict:
    """Space of one row's observation."""
    body, renders = play.simulator.body, play.renders
    word_limit = np.iinfo(np.int32).max
    spaces: dict[str, gymnasium.spaces.Space[Any]] = {
        f"camera/{name}": gymnasium.spaces.Box(0, 255, (height, width, 3), np.uint8) for name, (width, height) in renders.items()
    }
    spaces["goal"] = gymnasium.spaces.Box(0, word_limit, (play.goal_words,), np.int32)
    spaces["previous_action"] = gymnasium.spaces.Discrete(len(body.actions) + 1)
    spaces["body"] = gymnasium.spaces.Box(-1.0, 1.0, (len(body.body_inputs),), np.float32)
    spaces["step"] = gymnasium.spaces.Box(0, word_limit, (), np.int32)
    return gymnasium.spaces.Dict(spaces)
