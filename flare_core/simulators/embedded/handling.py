"""What arms and hands do: reach, touch, take, carry and let go, for the rows of one simulator."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Arm, Embodiment
from flare_core.simulators.embedded import arm as arms
from flare_core.simulators.embedded.effects import EffectTable
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.loose import Loose
from flare_core.simulators.embedded.motion import rectangles_touch
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.solids import Solids, house_of, things_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

JOINT_SLACK: Final = 1e-9  # ten moves of 0.1 m reach a limit at 1.0 m
STOWED: Final = np.array([0.05, 0.05, 0.1])  # lift and extension in metres, wrist in radians, that a stowed arm may be away from home
FALLS_M: Final = 0.02  # what is so far above the next thing below it has lost its support


class Handling:
    """Arms and hands of all rows. It writes the simulator's joints, `held` and `grip`, and moves loose objects."""

    def __init__(self, pack: ScenePack, body: Embodiment, table: EffectTable, state: dict[str, npt.NDArray[Any]]) -> None:
        """Add its arrays to a simulator's state.

        Args:
            state: with pose, joints and house of every row.
        """
        batch = len(state["house"])
        self._table, self._state, self._pack = table, state, pack
        self._grips = body.arm is not None and body.gripper != "none"
        self._arm = None if body.arm is None else arms.numbers_of(body.arm)
        self._spec = body.arm
        self._stops = body.on_contact == "stop"
        self.loose = Loose(pack, batch, grips=body.gripper != "none")
        self._near = np.zeros(pack.most(pack.box_start), dtype=np.int64)
        state["held"] = np.full(batch, -1)
        state["grip"] = np.zeros((batch, 4))  # right, up, forward, yaw of the held object in the wrist's frame
        state["object_pose"] = self.loose.poses

    def clear(self, row: int) -> None:
        """Begin an episode: the hand is empty and everything in its place."""
        self._state["held"][row] = -1
        self._state["grip"][row] = 0.0
        self.loose.clear(row)

    def refresh(self) -> None:
        """Follow arrays that were put back from a snapshot."""
        if len(self.loose.poses):
            for row, (house, held) in enumerate(zip(self._state["house"].tolist(), self._state["held"].tolist(), strict=True)):
                self.loose.rebuild(row, house, held)

    def hands(self) -> Floats:
        """(B, 3) centres of the hand spheres; not numbers without an arm."""
        out = np.full((len(self._state["house"]), 3), np.nan)
        if self._arm is not None:
            arms.hands_of(self._arm, self._states(), out)
        return out

    def positions_of(self, objects: Ints) -> Floats:
        """(B, K, 3) centres of objects (B, K) where they are now; not numbers where padded with -1."""
        out = np.full((*objects.shape, 3), np.nan)
        loose = self.loose
        _positions(loose.shared, loose.sight, loose.moved, self._state["house"], objects, out)
        return out

    def limits(self, motion: Floats) -> Floats:
        """(B,) share of each row's base motion (forward, right, turn) that its arm and what it holds allow."""
        share = np.ones(len(motion))
        if self._arm is None:
            return share
        away = self._is_out()
        rows = np.flatnonzero((away | (self._state["held"] >= 0)) & motion.any(axis=1))
        if len(rows):
            before = self._states()[rows]
            after, wanted = before.copy(), motion[rows]
            sin, cos = np.sin(before[:, arms.YAW]), np.cos(before[:, arms.YAW])
            after[:, arms.X] += cos * wanted[:, 1] + sin * wanted[:, 0]
            after[:, arms.Z] += cos * wanted[:, 0] - sin * wanted[:, 1]
            after[:, arms.YAW] += wanted[:, 2]
            share[rows] = self._sweep(rows, before, after, away[rows])
        return share

    def reach(self, rows: Ints, after: Floats) -> Bools:
        """Move arm joints to (R, 3) lift, extension and wrist; (R,) whether nothing was touched.

        At contact the arm stays where it was, or stops there, as the body's `on_contact` says.
        """
        before = self._states()[rows]
        target = before.copy()
        target[:, arms.LIFT :] = after
        share = self._sweep(rows, before, target, np.ones(len(rows), dtype=np.bool_))
        clear: Bools = share >= 1.0
        share = np.where(clear, 1.0, share if self._stops else 0.0)
        self._state["joints"][rows, :3] = np.where(
            clear[:, None], after, before[:, arms.LIFT :] + share[:, None] * (after - before[:, arms.LIFT :])
        )
        return clear

    def hand_targets(self, rows: Ints, moves: Floats) -> tuple[Floats, Bools]:
        """Joints that move hands by (R, 3) right, up, forward in the robot's frame.

        Returns:
            (R, 3) lift, extension and wrist, and (R,) whether they lie within the limits.
        """
        assert self._spec is not None
        joints = self._state["joints"][rows, :3]
        after, possible = joints_for(self._spec, joints, moves)
        table = self._table
        inside = (after >= table.low[:3] - JOINT_SLACK) & (after <= table.high[:3] + JOINT_SLACK)
        return np.clip(after, table.low[:3], table.high[:3]), possible & inside.all(axis=1)

    def carry(self) -> None:
        """Let held objects follow their hands, after base or arm have moved."""
        rows = np.flatnonzero(self._state["held"] >= 0)
        if len(rows) and self._arm is not None:
            poses = _held_poses(self._wrists(rows), self._state["grip"][rows])
            self.loose.carry(rows, self._state["house"][rows], self._state["held"][rows], poses)

    def graspable(self, rows: Ints) -> Ints:
        """(R,) the object that each hand would take now, -1 for none or where it holds one already."""
        state, loose, arm, out = self._state, self.loose, self._arm, np.full(len(rows), -1)
        if arm is None or not self._grips:
            return out
        states, hand = self._states(), np.empty(3)
        for at, row in enumerate(rows.tolist()):
            if state["held"][row] < 0:
                house = int(state["house"][row])
                arms.hand_of(arm, states[row], hand)
                boxes, owners, first, last = house_of(loose.shared, loose.contact, bool(loose.moved[row]), house, row)
                start, end = self._pack.object_start[house : house + 2]
                out[at] = arms.in_hand(boxes, owners, first, last, loose.graspable[start:end], hand, arm[arms.RADIUS])
        return out

    def grasp(self, row: int) -> bool:
        """Take the graspable object nearest to the middle of the hand sphere; whether there was one. What it carried falls."""
        thing = int(self.graspable(np.array([row]))[0])
        if thing < 0:
            return False
        self.follow(row, thing, None)
        return True

    def hold(self, row: int, thing: int, pose: Floats) -> None:
        """Hold an object at (4,) x, y, z, yaw without an arm: what a simulated agent with an invisible hand does."""
        house, gone = int(self._state["house"][row]), self._thing(row, thing).copy()
        was_held = int(self._state["held"][row]) == thing
        self._state["held"][row] = thing
        self.loose.move(row, house, thing, pose, thing)
        if not was_held:
            self._let_fall(row, house, gone)

    def follow(self, row: int, thing: int, pose: Floats | None) -> None:
        """Hold an object where it is, or, with a (4,) pose, have it lie there and hold nothing."""
        state, house = self._state, int(self._state["house"][row])
        if pose is not None:
            state["held"][row], state["grip"][row] = -1, 0.0
            self.loose.move(row, house, thing, pose, -1)
            return
        box = self._thing(row, thing).copy()
        state["grip"][row], state["held"][row] = _grip_of(self._wrists(np.array([row]))[0], box), thing
        self.loose.move(row, house, thing, pose_of(box), thing)
        self._let_fall(row, house, box)

    def boxes(self, row: int) -> Floats:
        """(N, 8) boxes around all objects of a row where they are now."""
        loose, house = self.loose, int(self._state["house"][row])
        things, base = things_of(loose.shared, loose.sight, bool(loose.moved[row]), house, row)
        start, end = self._pack.object_start[house : house + 2]
        return np.array(things[base : base + end - start])

    def release(self, row: int) -> bool:
        """Let go; the object falls straight down onto what is below. Whether something was held."""
        state, loose = self._state, self.loose
        house, thing = int(state["house"][row]), int(state["held"][row])
        if thing < 0:
            return False
        pose = pose_of(self._thing(row, thing))
        boxes, owners, first, last = house_of(loose.shared, loose.contact, True, house, row)
        pose[1] -= arms.rest_below(boxes, first, last, loose.load_of(row).copy(), thing, owners)
        state["held"][row], state["grip"][row] = -1, 0.0
        loose.move(row, house, thing, pose, -1)
        return True

    def _let_fall(self, row: int, house: int, gone: Floats) -> None:
        """Objects that stood on one that was taken away (its former box) fall, and what stood on those, lowest first."""
        loose, held = self.loose, int(self._state["held"][row])
        start, end = self._pack.object_start[house : house + 2]
        bottoms = [(float(box[1] - box[4]), thing) for thing, box in enumerate(self._pack.object_box[start:end])]
        left = [gone]
        for bottom, thing in sorted(bottoms):
            if thing == held or not loose.graspable[start + thing] or bottom < gone[1] - gone[4]:
                continue
            box = self._thing(row, thing)
            if not any(rectangles_touch(one, box[0] - one[0], box[2] - one[2], box[6], box[7], box[3], box[5]) for one in left):
                continue
            boxes, owners, first, last = house_of(loose.shared, loose.contact, True, house, row)
            own = np.flatnonzero(owners[first:last] == thing) + first
            fall = arms.rest_below(boxes, first, last, boxes[own].copy(), thing, owners)
            if fall > FALLS_M:
                left.append(box.copy())
                pose = pose_of(box)
                pose[1] -= fall
                loose.move(row, house, thing, pose, held)

    def _thing(self, row: int, thing: int) -> Floats:
        """(8,) box around an object where it is now."""
        loose = self.loose
        things, base = things_of(loose.shared, loose.sight, bool(loose.moved[row]), int(self._state["house"][row]), row)
        return np.asarray(things[base + thing])

    def _is_out(self) -> Bools:
        """(B,) arms with a joint away from home by more than what a controller would call stowed."""
        return np.asarray((np.abs(self._state["joints"][:, :3] - self._table.home[:3]) > STOWED).any(axis=1))

    def _states(self) -> Floats:
        return np.concatenate([self._state["pose"], self._state["joints"][:, :3]], axis=1)

    def _wrists(self, rows: Ints) -> Floats:
        """(R, 4) x, y, z of the wrists and yaw of the fingers."""
        out = np.empty((len(rows), 4))
        assert self._arm is not None
        _wrists_of(self._arm, self._states()[rows], out)
        return out

    def _sweep(self, rows: Ints, before: Floats, after: Floats, with_parts: Bools) -> Floats:
        share = np.empty(len(rows))
        loose = self.loose
        assert self._arm is not None
        _sweep_rows(
            loose.shared, loose.contact, loose.sight.start, loose.moved, self._state["house"], rows, self._arm, before, after, with_parts,
            self._state["held"], self._near, share,
        )  # fmt: skip
        return share


def joints_for(arm: Arm, joints: Floats, moves: Floats) -> tuple[Floats, Bools]:
    """Joints that move the hand sphere straight along the robot's axes.

    Sideways to the telescope only the wrist can move the hand; the telescope then makes up for what its arc adds or takes.

    Args:
        joints: (R, 3) lift, extension, wrist. moves: (R, 3) right, up, forward, metres.

    Returns:
        (R, 3) joints, whatever the limits, and (R,) whether there are any.
    """
    sin, cos = math.sin(arm.reach_yaw), math.cos(arm.reach_yaw)
    along, across = moves[:, 0] * sin + moves[:, 2] * cos, moves[:, 0] * cos - moves[:, 2] * sin
    bend = joints[:, 2] - arm.home_wrist
    aside = np.sin(bend) + across / arms.FINGER_M
    possible: Bools = np.abs(aside) <= 1.0
    angle = np.arcsin(np.clip(aside, -1.0, 1.0))
    angle = np.where(np.cos(bend) >= 0, angle, math.pi - angle)  # the hand stays on its side of the wrist
    turn = np.where(np.abs(across) > 0, np.remainder(angle - bend + math.pi, 2 * math.pi) - math.pi, 0.0)
    out = joints.copy()
    out[:, 0] += moves[:, 1]
    out[:, 1] += along - arms.FINGER_M * (np.cos(bend + turn) - np.cos(bend))
    out[:, 2] += turn
    return out, possible


def pose_of(box: Floats) -> Floats:
    """(4,) x, y, z and yaw of a box."""
    return np.array([box[0], box[1], box[2], math.atan2(box[7], box[6])])


def _grip_of(wrist: Floats, box: Floats) -> Floats:
    """(4,) right, up, forward and yaw of a box in the wrist's frame."""
    sin, cos = math.sin(wrist[3]), math.cos(wrist[3])
    dx, dz = box[0] - wrist[0], box[2] - wrist[2]
    return np.array([cos * dx - sin * dz, box[1] - wrist[1], sin * dx + cos * dz, pose_of(box)[3] - wrist[3]])


def _held_poses(wrists: Floats, grips: Floats) -> Floats:
    """(R, 4) poses of held objects: the inverse of `_grip_of`."""
    sin, cos = np.sin(wrists[:, 3]), np.cos(wrists[:, 3])
    out = np.empty_like(wrists)
    out[:, 0] = wrists[:, 0] + cos * grips[:, 0] + sin * grips[:, 2]
    out[:, 1] = wrists[:, 1] + grips[:, 1]
    out[:, 2] = wrists[:, 2] + cos * grips[:, 2] - sin * grips[:, 0]
    out[:, 3] = wrists[:, 3] + grips[:, 3]
    return out


@kernel
def _wrists_of(arm: Floats, states: Floats, out: Floats) -> None:
    for row in range(states.shape[0]):
        arms.wrist_of(arm, states[row], out[row])


@kernel
def _sweep_rows(
    shared: Solids, own: Solids, seen: Ints, moved: Bools, house: Ints, rows: Ints, arm: Floats, before: Floats, after: Floats,
    with_parts: Bools, held: Ints, near: Ints, out: Floats,
) -> None:  # fmt: skip
    """Write what `sweep_arm` says of some rows.

    Args:
        seen: as own.start, with the held objects' boxes.
        before, after: (R, 6) of the rows named. out: (R,).
    """
    for at in range(rows.shape[0]):
        row = rows[at]
        boxes, _, first, last = house_of(shared, own, moved[row], house[row], row)
        end = seen[2 * row + 1] if held[row] >= 0 else last
        load = boxes[last:end]
        out[at] = arms.sweep_arm(boxes, first, last, arm, before[at], after[at], with_parts[at], load, near)


@kernel
def _positions(shared: Solids, own: Solids, moved: Bools, house: Ints, objects: Ints, out: Floats) -> None:
    for row in range(objects.shape[0]):
        things, base = things_of(shared, own, moved[row], house[row], row)
        for column in range(objects.shape[1]):
            if objects[row, column] >= 0:
                out[row, column] = things[base + objects[row, column], :3]
