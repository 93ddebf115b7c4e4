"""Play held-out episodes as an evaluation does, and keep every step: what was seen from where, how likely each action was, what was done.

Nothing is drawn here and no picture is kept: a step's state is, from which `replay` takes any picture again.

Legend: T actions of an episode, A actions of the body, K targets, R rooms.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flare_core.envs.play import Play
from flare_core.errors import SimError
from flare_core.evaluation.episodes import Record, policy_actor
from flare_core.policies.interface import Policy
from flare_core.runs.carry import SensesMaker
from flare_core.runs.judge import ROWS
from flare_core.runs.stages import Scene, embedded, held_out_stages
from flare_core.tasks.episodes import Episode
from flare_core.world import Bools, Floats, Ints, World

State = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One episode, step by step. Step t is what the policy met before its action t; step T is where the last action led.

    Attributes:
        actions: (T,) what was done, by index into the body's actions.
        probabilities: (T, A) that the action was chosen by, before a greedy choice; masked ones have exactly 0.
        allowed: (T, A), False where masked.
        world: the body's state; its arrays run over the T + 1 steps, not over a batch. `collided` and `action_succeeded` of step t
            tell of action t - 1.
        targets: (T + 1, K, 3) centres of all targets where they were at each step, metres.
        turns: (K,) in which turn each is asked for, 1 the first.
        marked: (T + 1, R) rooms that were marked as seen.
        record: the account of the episode, as an evaluation has it: `success`, `length`, `path_m`, ...
        ending: "said" (the action that ends an episode), "itself" (a task that ends at its first success) or "time".
        states: T + 1 of them, for `replay`.
    """

    episode: Episode
    actions: Ints
    probabilities: Floats
    allowed: Bools
    world: World
    targets: Floats
    turns: Ints
    marked: Bools
    record: Record
    ending: str
    states: tuple[State, ...]

    @property
    def length(self) -> int:
        """T."""
        return len(self.actions)

    @property
    def succeeded(self) -> bool:
        """Whether the task was fulfilled."""
        return bool(self.record["success"])


def record(
    scene: Scene, policy: Policy, senses: SensesMaker, numbers: Sequence[int], *, seed: int = 0, greedy: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> list[Recording]:  # fmt: skip
    """Play these episodes of the scene's houses; the actions are those that an evaluation takes with the same seed.

    The draws are an evaluation's to the bit. The probabilities are so up to the last bits of a float, which depend on how many
    episodes are computed side by side; one draw in some hundred thousand falls so near to an edge that this matters.

    Args:
        scene: of the embedded simulator.
        report: receives the number of episodes done so far.

    Returns:
        One for each number, in that order.

    Raises:
        SimError: the scene is one of AI2-THOR, whose states cannot be gone back to.
    """
    if scene.thor is not None:
        raise SimError("watch: episodes are recorded in the embedded simulator. Use a scene without AI2-THOR")
    rows = min(ROWS, len(numbers))
    (stage,) = held_out_stages(scene, [range(rows)], rows)
    play, chances = stage.play, [torch.zeros(0)]

    def keep(logp: Tensor) -> None:
        chances[0] = logp

    actor = policy_actor(stage, senses(policy), seed, greedy, keep)
    waiting, done = list(numbers[rows:]), dict[int, Recording]()
    play.begin(np.arange(rows), np.array(numbers[:rows]))
    reels: list[_Reel | None] = [_Reel(play, row) for row in range(rows)]
    starting = np.ones(rows, dtype=np.bool_)
    while len(done) < len(numbers):
        allowed = stage.masks()
        actions = actor(stage.observe(), allowed, starting)
        outcome = play.act(actions)
        likely, states = chances[0].exp().numpy().astype(np.float64), embedded(stage).snapshot()
        starting = outcome.terminated | outcome.truncated
        records = play.results(starting) if starting.any() else {}
        for row, reel in enumerate(reels):
            if reel is None:
                continue
            reel.add(int(actions[row]), likely[row], allowed[row], states)
            if starting[row]:
                done[reel.episode.number] = reel.recording({name: value[row] for name, value in records.items()}, outcome.terminated[row])
                report(len(done))
        _begin_next(play, reels, starting, waiting)
    stage.close()
    return [done[number] for number in numbers]


def _begin_next(play: Play, reels: list["_Reel | None"], over: Bools, waiting: list[int]) -> None:
    """A waiting episode in each row that is free; without one the row plays its last one again, which nobody looks at."""
    for row in np.flatnonzero(over).tolist():
        is_waiting = bool(waiting)
        number = waiting.pop(0) if is_waiting else int(play.numbers[row])
        play.begin(np.array([row]), np.array([number]))
        reels[row] = _Reel(play, row) if is_waiting else None


class _Reel:
    """What is being kept of the episode that a row plays."""

    def __init__(self, play: Play, row: int) -> None:
        """Begin with the episode that the row has just begun."""
        self._play, self._row = play, row
        self.episode = play.episodes[row]
        groups = (self.episode.targets, *self.episode.later)
        self._targets = np.array([[one for group in groups for one in group]], dtype=np.int64)  # (1, K)
        self._turns = np.array([turn for turn, group in enumerate(groups, 1) for _ in group], dtype=np.int64)
        self._rooms = len(play.simulator.room_types(self.episode.start.house))
        self._chosen: list[tuple[int, Floats, Bools]] = []
        self._seen: list[tuple[dict[str, npt.NDArray[Any]], Floats, Bools]] = []
        self._states: list[State] = []
        self._look(play.simulator.snapshot())

    def add(self, action: int, probabilities: Floats, allowed: Bools, states: State) -> None:
        """An action and what it led to; `states` are those of all rows."""
        self._chosen.append((action, probabilities, allowed.copy()))
        self._look(states)

    def recording(self, account: Record, terminated: bool) -> Recording:
        """What was kept, with the account of the whole."""
        actions, probabilities, allowed = zip(*self._chosen, strict=True)
        worlds, targets, marked = zip(*self._seen, strict=True)
        said = terminated and actions[-1] == self._play.end_action
        return Recording(
            episode=self.episode,
            actions=np.array(actions, dtype=np.int64),
            probabilities=np.stack(probabilities),
            allowed=np.stack(allowed),
            world=World(**{one.name: np.stack([world[one.name] for world in worlds]) for one in fields(World)}),
            targets=np.stack(targets),
            turns=self._turns,
            marked=np.stack(marked),
            record=account,
            ending="said" if said else "itself" if terminated else "time",
            states=tuple(self._states),
        )

    def _look(self, states: State) -> None:
        play, row = self._play, self._row
        world = play.simulator.world()
        here = {one.name: np.array(getattr(world, one.name)[row]) for one in fields(World)}
        objects = np.full((play.simulator.batch, self._targets.shape[1]), -1, dtype=np.int64)
        objects[row] = self._targets[0]
        self._seen.append((here, play.simulator.positions_of(objects)[row], play.marked[row, : self._rooms]))
        last = self._states[-1] if self._states else {}
        self._states.append({name: _kept(value[row : row + 1], last.get(name)) for name, value in states.items()})


def _kept(value: npt.NDArray[Any], last: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """The last step's array where nothing has changed: most of a state, such as colours, stands still all through an episode."""
    return last if last is not None and last.tobytes() == value.tobytes() else value.copy()
