"""What a policy is told about its body, and which actions the body's state allows."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import MOST_SAID, Action, Embodiment, Range
from flare_core.tasks.task import MARK
from flare_core.world import Bools, Floats, Ints, World

SLACK = 1e-6  # rounding of a joint that was moved many times
FIRST: Final = np.zeros(1, dtype=np.int64)


class BodyState:
    """Reads the `body` observation and the action mask of one embodiment off the world.

    Attributes:
        marks: (A,) bool, actions that mark a room as seen.
    """

    def __init__(self, body: Embodiment, bodies: Sequence[Embodiment] = ()) -> None:
        """Lay out the columns of the state.

        Args:
            bodies: of the same structure, where rows have one of these each; N of them, else 1.
        """
        ranges, every = _joints(body), [_joints(one) for one in bodies or (body,)]
        self.body = body
        self.size = len(body.body_inputs)
        self._low = np.array([[joint.low for _, joint in one] for one in every])  # (N, joints)
        self._high = np.array([[joint.high for _, joint in one] for one in every])
        self._source = np.array([at for at, _ in ranges], dtype=np.int64)
        self._grips = body.gripper != "none"
        self.marks = np.array([action.effect.kind == "say" and action.effect.axis == MARK for action in body.actions])
        self._static = np.array([action.masked is None for action in body.actions])
        self._holding = np.array(["holding" in action.needs for action in body.actions])
        self._empty = np.array(["empty_gripper" in action.needs for action in body.actions])
        columns = [_column(body, action) for action in body.actions]
        order = [at for at, _ in ranges]
        self._moved = np.array([at for at, column in enumerate(columns) if column in order], dtype=np.int64)
        self._joint = np.array([order.index(column) for column in columns if column in order], dtype=np.int64)
        self._amount = np.array([[one.actions[at].effect.amount for at in self._moved] for one in bodies or (body,)])
        self._dynamic = bool(len(self._moved)) or bool(self._holding.any()) or bool(self._empty.any())

    def observe(self, world: World, counts: Ints, which: Ints = FIRST) -> npt.NDArray[np.float32]:
        """(B, D) joints scaled to [-1, 1] by their limits, then 1 or 0 for a full or empty gripper and for every sense.

        Args:
            counts: (B, A) how often each action was chosen in every row's episode.
            which: (B,) which of the bodies each row has; (1,) if all have the same.
        """
        joints, low, high = self._values(world), self._low[which], self._high[which]
        parts = [np.clip(2.0 * (joints - low) / np.maximum(high - low, 1e-9) - 1.0, -1.0, 1.0)]
        if self._grips:
            parts.append((world.held >= 0)[:, None])
        if "contact" in self.body.senses:
            parts.append(world.collided[:, None])
        if "said" in self.body.senses:
            parts.append(counts[:, self.marks].sum(axis=1, keepdims=True) > np.arange(MOST_SAID))
        # Row after row, as a checkpoint gives them back: products of matrices round by the order in memory, and a resumed run would differ.
        return np.concatenate(parts, axis=1).astype(np.float32, order="C")

    def masks(self, world: World, which: Ints = FIRST) -> Bools:
        """(B, A) True where an action is allowed: the robot can do it, its needs are met, and the joint has the way left."""
        allowed: Bools = np.repeat(self._static[None], len(world.yaw), axis=0)
        if not self._dynamic:
            return allowed
        full = (world.held >= 0)[:, None]
        allowed &= (full | ~self._holding) & ~(full & self._empty)
        joints, low, high = self._values(world)[:, self._joint], self._low[which][:, self._joint], self._high[which][:, self._joint]
        left = np.where(self._amount[which] > 0, high - joints, joints - low)
        allowed[:, self._moved] &= left > SLACK
        return allowed

    def _values(self, world: World) -> Floats:
        every = np.concatenate([world.joints, world.camera_joints.reshape(len(world.yaw), -1)], axis=1)  # (B, 3 + 2 C)
        return every[:, self._source]


def _joints(body: Embodiment) -> list[tuple[int, Range]]:
    """(column among the world's joints, limits) of every joint, in the order of `Embodiment.body_inputs`."""
    found: list[tuple[int, Range]] = []
    if body.arm is not None:
        found += [(0, body.arm.lift), (1, body.arm.extend), (2, body.arm.wrist)]
    for at, camera in enumerate(body.cameras):
        found += [(3 + 2 * at, camera.pan)] if camera.pan is not None else []
        found += [(4 + 2 * at, camera.tilt)] if camera.tilt is not None else []
    return found


def _column(body: Embodiment, action: Action) -> int:
    """Column of the joint that an action moves, -1 if none."""
    effect = action.effect
    if effect.kind == "turn_camera" and effect.camera is not None:
        return 3 + 2 * body.camera_index(effect.camera) + (1 if effect.axis == "tilt" else 0)
    if effect.kind == "move_arm":
        return 0 if effect.axis == "lift" else 1
    return 2 if effect.kind == "turn_wrist" else -1
