"""What a policy should not do too often: a cost at every step, a limit for an episode, and how the limit is kept.

`by: penalty` takes a fixed weight off the reward for all that goes beyond the limit of an episode. `by: lagrange` leaves the
reward alone and has the learner find the weight: costs get values and advantages of their own, and a multiplier rises while
episodes cost more than the limit on average, and falls while they cost less.

References: FLaRe (arXiv 2409.16578), a collision penalty of 0.5; SafeVLA (arXiv 2503.03480), costs and a multiplier; Ray et al.
2019, "Benchmarking safe exploration in deep reinforcement learning", PPO-Lagrangian.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.tasks.judging import AT_HOME, Asked, Judge, home_of
from flare_core.tasks.predicates import Expression
from flare_core.world import Bools, Simulator, World

Singles = npt.NDArray[np.float32]
By = Literal["penalty", "lagrange"]
MOVED: Final = 1e-6  # metres or radians


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One limit.

    Attributes:
        name: one of COSTS, or of the spec's choosing where `when` is given.
        at_most: cost of an episode that is still free.
        weight: taken off the reward for every unit beyond, with `by: penalty`.
        when: an expression; every step after which it holds costs 1.
    """

    name: str
    at_most: float
    by: By
    weight: float = 0.0
    when: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The world as it was before a step, as far as costs ask. (B, 3) positions, (B,) each of the others."""

    position: npt.NDArray[np.float64]
    yaw: npt.NDArray[np.float64]
    held: npt.NDArray[np.int64]
    collided: Bools

    @staticmethod
    def of(world: World) -> "Since":
        return Since(position=world.position.copy(), yaw=world.yaw.copy(), held=world.held.copy(), collided=world.collided.copy())


def _collisions(world: World, since: Since, asked: Asked, home: npt.NDArray[np.float64]) -> Bools:
    del since, asked, home
    return world.collided


def _repeated_collisions(world: World, since: Since, asked: Asked, home: npt.NDArray[np.float64]) -> Bools:
    del asked, home
    return np.asarray(world.collided & since.collided)


def _moves_with_arm_out(world: World, since: Since, asked: Asked, home: npt.NDArray[np.float64]) -> Bools:
    del asked
    far = np.hypot(world.position[:, 0] - since.position[:, 0], world.position[:, 2] - since.position[:, 2])
    moved = (far > MOVED) | (np.abs(world.yaw - since.yaw) > MOVED)
    return np.asarray(moved & (np.abs(world.joints - home) > AT_HOME).any(axis=1))


def _wrong_grasps(world: World, since: Since, asked: Asked, home: npt.NDArray[np.float64]) -> Bools:
    del home
    taken = (world.held >= 0) & (world.held != since.held)
    return np.asarray(taken & ~(world.held[:, None] == asked.every).any(axis=1))


def _drops(world: World, since: Since, asked: Asked, home: npt.NDArray[np.float64]) -> Bools:
    del asked, home
    return np.asarray((since.held >= 0) & (world.held < 0))


Rule = Callable[[World, Since, Asked, npt.NDArray[np.float64]], Bools]
COSTS: Final[Mapping[str, tuple[str, Rule, bool]]] = MappingProxyType(
    {
        "collisions_per_episode": ("steps at which a contact stopped the base, the arm or what it holds", _collisions, False),
        "repeated_collisions_per_episode": ("collisions right after a collision: a robot stuck in a corner", _repeated_collisions, False),
        "moves_with_arm_out_per_episode": ("steps at which the base moved while the arm was not at home", _moves_with_arm_out, True),
        "wrong_grasps_per_episode": ("things taken that were not asked for", _wrong_grasps, True),
        "drops_per_episode": ("things let go", _drops, True),
    }
)
"""What can be counted: in words, the rule, and whether it takes an arm."""


class Ledger:
    """Counts the costs of a batch of episodes. B rows, C constraints, in the order of the spec."""

    def __init__(self, constraints: tuple[Constraint, ...], body: Embodiment, batch: int) -> None:
        """Begin with empty rows; `Task.check` says whether the body can be judged by every constraint."""
        self.constraints = constraints
        self._judges = [None if one.when is None else Judge(one.when, body, batch) for one in constraints]
        self._home = home_of(body)
        self._limit = np.array([one.at_most for one in constraints], dtype=np.float32)
        self._weight = np.array([one.weight if one.by == "penalty" else 0.0 for one in constraints], dtype=np.float32)
        self._learned = np.array([one.by == "lagrange" for one in constraints], dtype=np.bool_)
        self.totals = np.zeros((batch, len(constraints)), dtype=np.float32)
        self._since: Since | None = None

    def begin(self, rows: npt.NDArray[np.int64], simulator: Simulator, world: World, asked: Asked) -> None:
        """Episodes begin in these rows."""
        if not self.constraints:
            return
        self.totals[rows] = 0.0
        mask = np.zeros(len(self.totals), dtype=np.bool_)
        mask[rows] = True
        for judge in self._judges:
            if judge is not None:
                judge.begin(rows)
                judge.step(simulator, asked, mask)
        self._since = Since.of(world)
        self._since.collided[rows] = False

    def charge(self, simulator: Simulator, world: World, asked: Asked) -> tuple[Singles, Singles]:
        """What one step costs.

        Returns:
            (B,) what is taken off the reward, and (B, L) the costs of the L constraints that the learner keeps.
        """
        if not self.constraints:
            return np.zeros(len(self.totals), dtype=np.float32), np.zeros((len(self.totals), 0), dtype=np.float32)
        assert self._since is not None  # begin() comes first
        costs = np.empty_like(self.totals)
        for at, (one, judge) in enumerate(zip(self.constraints, self._judges, strict=True)):
            if judge is None:
                costs[:, at] = COSTS[one.name][1](world, self._since, asked, self._home)
            else:
                costs[:, at] = judge.holds(simulator, asked)
                judge.step(simulator, asked)
        before = np.maximum(self.totals - self._limit, 0.0)
        self.totals += costs
        beyond = np.maximum(self.totals - self._limit, 0.0) - before
        self._since = Since.of(world)
        return (beyond * self._weight).sum(axis=1), costs[:, self._learned]

    def learned_totals(self) -> Singles:
        """(B, L) what every episode has cost so far of the constraints that the learner keeps."""
        return self.totals[:, self._learned]

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """What the future depends on, beside the world."""
        own = {"totals": self.totals.copy()}
        if self._since is not None:
            own |= {f"since/{name}": getattr(self._since, name).copy() for name in Since.__slots__}
        judges = enumerate(self._judges)
        return own | {f"{at}/{name}": array for at, judge in judges if judge is not None for name, array in judge.snapshot().items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot."""
        if not self.constraints:
            return
        self.totals = np.array(state["totals"])
        since = {name.removeprefix("since/"): np.array(array) for name, array in state.items() if name.startswith("since/")}
        self._since = Since(**since) if since else None
        for at, judge in enumerate(self._judges):
            if judge is not None:
                judge.restore({name.removeprefix(f"{at}/"): array for name, array in state.items() if name.startswith(f"{at}/")})
