"""What every step is worth. Sparse by default: something for success, and nothing else is computed.

References: FLaRe (arXiv 2409.16578), sparse reward and penalties; SPOC's shaped rewards (arXiv 2312.02976): progress towards the
nearest target, once for reaching it with the hand and once for the grasp, and for new rooms and marks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.tasks.judging import Asked, Judge
from flare_core.tasks.predicates import Expression
from flare_core.world import Bools, Floats, Ints, Simulator, World

Singles = npt.NDArray[np.float32]
SQUARE_M: Final = 0.15  # side of what `new_square` pays for: SPOC's grid of places where the robot can be
SQUARES: Final = 512  # along x and along z; beyond that, 77 m, they repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Paid at steps after which an expression holds: at the first one of an episode, or at every one."""

    when: Expression
    value: float
    once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a step is worth.

    Attributes:
        success, failure: when the body says that it is done.
        step: at every step.
        collision: at every step in which a motion was stopped by a contact.
        nearer_per_m: for every metre that the axis comes nearer to the closest target than ever before in the episode (horizontally).
        new_room: for every room that is entered for the first time, the first one apart.
        new_square: for every square of SQUARE_M of the floor that the axis enters for the first time, the first one apart.
        right_mark, wrong_mark: for marking a room that was not marked yet, and for any other mark.
        terms: what else is paid.
    """

    success: float = 10.0
    failure: float = 0.0
    step: float = 0.0
    collision: float = 0.0
    nearer_per_m: float = 0.0
    new_room: float = 0.0
    new_square: float = 0.0
    right_mark: float = 0.0
    wrong_mark: float = 0.0
    terms: tuple[Term, ...] = ()


class Purse:
    """Pays the rewards of a batch of episodes and remembers what was paid already."""

    def __init__(self, reward: Reward, body: Embodiment, batch: int, rooms: int) -> None:
        """Check that the body can be judged by every term.

        Raises:
            TaskError: it lacks a camera, an arm or a gripper.
        """
        self._reward = reward
        self._judges = [Judge(term.when, body, batch) for term in reward.terms]
        self._paid = np.zeros((batch, len(reward.terms)), dtype=np.bool_)
        self._nearest = np.full(batch, np.inf)
        self._entered = np.zeros((batch, rooms), dtype=np.bool_)
        self._trodden = np.zeros((batch, SQUARES if reward.new_square else 0, SQUARES), dtype=np.bool_)

    def begin(self, rows: npt.NDArray[np.int64], simulator: Simulator, world: World, asked: Asked) -> None:
        """Episodes begin in these rows."""
        self._paid[rows] = False
        mask = np.zeros(len(self._paid), dtype=np.bool_)
        mask[rows] = True
        for judge in self._judges:
            judge.begin(rows)
            judge.step(simulator, asked, mask)
        if self._reward.nearer_per_m:
            self._nearest[rows] = _nearest(simulator, world, asked)[rows]
        if self._reward.new_room:
            self._entered[rows] = False
            inside = rows[world.room[rows] >= 0]
            self._entered[inside, world.room[inside]] = True
        if self._reward.new_square:
            self._trodden[rows] = False
            self._trodden[rows, *_square(world.position[rows])] = True

    def pay(self, simulator: Simulator, world: World, asked: Asked, ended: Bools, success: Bools, marks: Bools, fresh: Bools) -> Singles:
        """(B,) reward of one step.

        Args:
            ended, success: (B,) whether the body said that it is done, and whether it was.
            marks, fresh: (B,) whether it marked a room, and whether that one was not marked before.
        """
        reward = self._reward
        paid = np.full(len(ended), reward.step, dtype=np.float32)
        if ended.any():
            paid += np.where(ended, np.where(success, reward.success, reward.failure), 0.0).astype(np.float32)
        if reward.collision:
            paid += np.float32(reward.collision) * world.collided
        if reward.right_mark or reward.wrong_mark:
            paid += np.where(marks, np.where(fresh, reward.right_mark, reward.wrong_mark), 0.0).astype(np.float32)
        if reward.nearer_per_m:
            away = _nearest(simulator, world, asked)
            paid += np.where(away < self._nearest, reward.nearer_per_m * (self._nearest - away), 0.0).astype(np.float32)
            self._nearest = np.fmin(self._nearest, away)
        if reward.new_room:
            inside = np.flatnonzero(world.room >= 0)
            new = inside[~self._entered[inside, world.room[inside]]]
            paid[new] += np.float32(reward.new_room)
            self._entered[inside, world.room[inside]] = True
        if reward.new_square:
            here = (np.arange(len(ended)), *_square(world.position))
            paid += np.where(self._trodden[here], 0.0, reward.new_square).astype(np.float32)
            self._trodden[here] = True
        for at, (term, judge) in enumerate(zip(reward.terms, self._judges, strict=True)):
            due = judge.holds(simulator, asked)
            judge.step(simulator, asked)
            if term.once:
                due = due & ~self._paid[:, at]
                self._paid[:, at] |= due
            paid += np.where(due, term.value, 0.0).astype(np.float32)
        return paid

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """What the future depends on."""
        own = {name: np.array(getattr(self, f"_{name}")) for name in _KEPT}
        return own | {f"{at}/{name}": array for at, judge in enumerate(self._judges) for name, array in judge.snapshot().items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot."""
        for name in (name for name in _KEPT if name in state):  # an older snapshot knows nothing of squares
            setattr(self, f"_{name}", np.array(state[name]))
        for at, judge in enumerate(self._judges):
            judge.restore({name.removeprefix(f"{at}/"): array for name, array in state.items() if name.startswith(f"{at}/")})


_KEPT: Final = ("paid", "nearest", "entered", "trodden")


def _square(position: Floats) -> tuple[Ints, Ints]:
    """(N,) each: the square of the floor that x and z of (N, 3) are in."""
    at = np.floor(position / SQUARE_M).astype(np.int64) % SQUARES
    return at[:, 0], at[:, 2]


def _nearest(simulator: Simulator, world: World, asked: Asked) -> Floats:
    """(B,) horizontal metres from the axis to the closest target; infinite where there is none."""
    offset = asked.places(simulator) - world.position[:, None]
    away = np.hypot(offset[..., 0], offset[..., 2])
    return np.asarray(np.where(np.isnan(away), np.inf, away).min(axis=1))
