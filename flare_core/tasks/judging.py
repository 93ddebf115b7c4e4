"""Whether an expression holds, for every row at once, and what of a sequence has held so far."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import TaskError
from flare_core.tasks.predicates import (
    Both,
    Either,
    Expression,
    Facing,
    HandNear,
    Holding,
    InRoom,
    LookedAround,
    Near,
    Negation,
    RoomsMarked,
    Sequence,
    Stowed,
    Visible,
    walk,
)
from flare_core.world import Bools, Floats, Ints, Simulator, World

AT_HOME = 1e-6  # metres or radians that a joint may be away from home


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every row's episode is about. -1 pads; a row of pads asks nothing and gets False.

    Attributes:
        targets: (B, K) objects.
        rooms: (B, R) rooms.
        marked: (B,) how many different rooms were marked.
        room_count: (B,) how many rooms the house has.
        looked: (B,) radians of the circle that the navigation camera has shown so far.
        points: (B, 2) x, z of a point of the floor that takes the place of a target; not numbers where there is none.
        later: (B, K) objects each, the second and third targets of a task that has several in turn.
    """

    targets: Ints
    rooms: Ints
    marked: Ints
    room_count: Ints
    looked: Floats
    points: Floats
    later: tuple[Ints, ...] = ()

    def those(self, turn: int) -> Ints:
        """(B, K) objects of one of the targets in turn, 1 the first."""
        return self.targets if turn == 1 else self.later[turn - 2]

    @property
    def every(self) -> Ints:
        """(B, K) objects of all targets in turn."""
        return np.concatenate([self.targets, *self.later], axis=1)

    @staticmethod
    def of(targets: Ints) -> "Asked":
        """Objects alone."""
        rows = len(targets)
        none = np.zeros(rows, np.int64)
        return Asked(
            targets=targets,
            rooms=np.full((rows, 1), -1),
            marked=none,
            room_count=none,
            looked=np.zeros(rows),
            points=np.full((rows, 2), np.nan),
        )

    def places(self, simulator: Simulator, turn: int = 1) -> Floats:
        """(B, K, 3) where what is asked for is now; not numbers where padded."""
        found = simulator.positions_of(self.those(turn))
        given = np.flatnonzero(np.isfinite(self.points[:, 0]))
        found[given, 0] = np.stack([self.points[given, 0], np.zeros(len(given)), self.points[given, 1]], axis=1)
        return found

    def only(self, rows: Bools) -> "Asked":
        """The same, but rows that are False ask nothing."""
        return Asked(
            targets=np.where(rows[:, None], self.targets, -1), rooms=np.where(rows[:, None], self.rooms, -1),
            marked=np.where(rows, self.marked, -1), room_count=self.room_count, looked=np.where(rows, self.looked, -1.0),
            points=np.where(rows[:, None], self.points, np.nan), later=tuple(np.where(rows[:, None], one, -1) for one in self.later),
        )  # fmt: skip


class Judge:
    """Judges one expression for a batch of episodes. It remembers how far the sequences in it have come."""

    def __init__(self, expression: Expression, body: Embodiment, batch: int) -> None:
        """Check that the body can be judged by it.

        Raises:
            TaskError: the body lacks a camera, an arm or a gripper that the expression asks about.
        """
        check_body(expression, body)
        self.expression = expression
        self._home = home_of(body)
        self._sequences = [one for one in walk(expression) if isinstance(one, Sequence)]
        self._reached = np.zeros((batch, len(self._sequences)), dtype=np.int64)

    def begin(self, rows: Ints) -> None:
        """Episodes begin in these rows."""
        self._reached[rows] = 0

    def step(self, simulator: Simulator, asked: Asked, rows: Bools | None = None) -> None:
        """Note what holds now, after one more action or, for the rows named, at the start; costs nothing without a sequence.

        What holds now counts as earlier from the next step on, so `holds` is asked first.
        """
        for at, sequence in enumerate(self._sequences):
            before = self._reached[:, at].copy()
            for number, part in enumerate(sequence.parts[:-1]):
                waiting = (before == number) if rows is None else (before == number) & rows
                if waiting.any():
                    self._reached[:, at] += waiting & self._holds(part, simulator, asked.only(waiting))

    def holds(self, simulator: Simulator, asked: Asked) -> Bools:
        """(B,) whether the expression holds now. A sequence holds if its last part does and the others held in earlier steps."""
        return self._holds(self.expression, simulator, asked)

    @property
    def reached(self) -> Ints:
        """(B,) how many parts of the first sequence in it have held, each later than the one before, the last part apart."""
        return self._reached[:, 0].copy()

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """What the future depends on."""
        return {"reached": self._reached.copy()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot."""
        self._reached = np.array(state["reached"])

    def _holds(self, expression: Expression, simulator: Simulator, asked: Asked) -> Bools:
        match expression:
            case Both(parts=parts):
                return np.asarray(np.all([self._holds(part, simulator, asked) for part in parts], axis=0))
            case Either(parts=parts):
                return np.asarray(np.any([self._holds(part, simulator, asked) for part in parts], axis=0))
            case Negation(part=part):
                return ~self._holds(part, simulator, asked)
            case Sequence(parts=parts):
                ready = self._reached[:, self._sequences.index(expression)] >= len(parts) - 1
                return ready & self._holds(parts[-1], simulator, asked.only(ready))
            case Visible(role=role, within_m=within_m, turn=turn):
                camera = simulator.body.camera_for(role)
                assert camera is not None  # check_body
                return np.asarray(simulator.visible(asked.those(turn), camera.name, within_m).any(axis=1))
            case _:
                return self._answer(expression, simulator.world(), simulator, asked)

    def _answer(self, question: Expression, world: World, simulator: Simulator, asked: Asked) -> Bools:
        match question:
            case Holding(turn=turn):
                return np.asarray(((world.held[:, None] == asked.those(turn)) & (asked.those(turn) >= 0)).any(axis=1))
            case Near(within_m=within_m, turn=turn):
                return _within(_flat(asked.places(simulator, turn) - world.position[:, None]), within_m)
            case HandNear(within_m=within_m, turn=turn):
                return _within(np.linalg.norm(simulator.positions_of(asked.those(turn)) - world.hand[:, None], axis=-1), within_m)
            case Facing(within=within, turn=turn):
                offset = asked.places(simulator, turn) - world.position[:, None]
                aside = np.arctan2(offset[..., 0], offset[..., 2]) - world.yaw[:, None]
                return _within(np.abs(np.remainder(aside + math.pi, 2 * math.pi) - math.pi), within)
            case InRoom():
                return np.asarray(((world.room[:, None] == asked.rooms) & (asked.rooms >= 0)).any(axis=1))
            case Stowed():
                return np.asarray((np.abs(world.joints - self._home) <= AT_HOME).all(axis=1))
            case RoomsMarked(at_least=at_least):
                return np.asarray(asked.marked >= (np.maximum(asked.room_count, 1) if at_least is None else at_least))
            case LookedAround(at_least=at_least):
                return np.asarray(asked.looked >= at_least - AT_HOME)
        raise AssertionError(question)  # every kind has its case


def home_of(body: Embodiment) -> Floats:
    """(3,) lift, extension and wrist of the stowed arm; zeros without one."""
    return np.zeros(3) if body.arm is None else np.array([body.arm.home_lift, body.arm.home_extend, body.arm.home_wrist])


def holds(expression: Expression, simulator: Simulator, targets: Ints) -> Bools:
    """Judge every row of an expression that asks about objects and has no sequence: (B, K) targets to (B,)."""
    return Judge(expression, simulator.body, len(targets)).holds(simulator, Asked.of(targets))


def check_body(expression: Expression, body: Embodiment) -> None:
    """Refuse a body that cannot be judged by an expression.

    Raises:
        TaskError: it lacks a camera, an arm or a gripper.
    """
    for one in walk(expression):
        if isinstance(one, Visible) and body.camera_for(one.role) is None:
            raise TaskError(
                f"task: {body.name} has no camera with role '{one.role}'. Give one of its cameras `role: {one.role}`, or change `success`."
            )
        if isinstance(one, Holding) and (body.gripper == "none" or body.arm is None):
            raise TaskError(
                f"task: {body.name} can hold nothing: it needs `arm:` and `gripper:`. Choose another robot, or change `success`."
            )
        if isinstance(one, HandNear | Stowed) and body.arm is None:
            raise TaskError(f"task: {body.name} has no arm. Choose a robot with `arm:`, or change `success`.")
        if isinstance(one, LookedAround) and body.camera_for("navigation") is None:
            raise TaskError(
                f"task: {body.name} has no camera with role 'navigation' to look around with. Give one of its cameras that role."
            )


def asks_of(expressions: Iterable[Expression], kind: type[Expression]) -> bool:
    """Whether one of them asks this kind of question."""
    return any(isinstance(one, kind) for expression in expressions for one in walk(expression))


def needs_marks(expression: Expression) -> bool:
    """Whether rooms have to be marked for it."""
    return any(isinstance(one, RoomsMarked) for one in walk(expression))


def _flat(offset: Floats) -> Floats:
    return np.asarray(np.hypot(offset[..., 0], offset[..., 2]))


def _within(distance: Floats, most: float) -> Bools:
    """(B,) whether one of (B, K) distances is small enough; pads are not numbers and never are."""
    return np.asarray((distance <= most).any(axis=1))
