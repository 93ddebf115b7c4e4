"""How a body walks: the turns and moves that it has, and the way down a field by them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Camera, Effect, Embodiment, Range
from flare_core.seeding import stream
from flare_core.tasks.judging import home_of
from flare_core.world import Bools, Field, Floats, Ints, Moves, Simulator, Turns

HEADINGS: Final = 128  # directions kept of a body whose turns never close a circle
LOOKS: Final = 800  # directions of the camera that are tried
REVERSAL: Final = 4.0  # actions that turning back counts for when the body has just turned the other way,
TINY: Final = 0.3  # but for turns of less than this, radians
STOWED: Final = (0.05, 0.05, 0.1)  # lift and extension in metres, wrist in radians, that an arm may be away from home to walk
STEP_SLACK: Final = 0.0101  # metres or radians that a step may go past what is left: half of the finest one, with rounding
STEP_ASIDE: Final = 0.3  # how often a body that is lost moves instead of turning on


class Kit:
    """Turns and moves of one body, and of all that have the same ones.

    Attributes:
        turn: radians of the widest turn. step_m: metres of the longest move.
        after: turns as they cost after each of the widest; `in_order` these, cheapest first.
        steps: moves ahead and back; `spare` the turns.
    """

    def __init__(self, body: Embodiment) -> None:
        """Lay them out."""
        self.body = body
        self.turns = headings(body)
        self.after = turns_after(body, self.turns)
        self.in_order = {action: cheapest_first(turns) for action, turns in self.after.items()}
        self.moves = moves(body)
        self.spare = [action for action, _ in steps_of(body, "turn_base", "right")]
        self.turn = max((abs(amount) for _, amount in steps_of(body, "turn_base", "right")), default=2 * math.pi)
        self.step_m = float(np.hypot(self.moves.right_m, self.moves.forward_m).max(initial=0.05))
        self.steps = steps_of(body, "move_base", "forward")


class Walker:
    """Walks down fields by the turns and moves of every row's body.

    Attributes:
        kits: of the simulator's bodies, one for all whose actions and cameras are such that they turn and look in the same steps.
    """

    def __init__(self, simulator: Simulator) -> None:
        """Lay out the bodies' turns and moves."""
        self._simulator = simulator
        known: dict[object, int] = {}
        self._kit_of = np.array([known.setdefault(_gait(body), len(known)) for body in simulator.bodies], dtype=np.int64)
        firsts = np.unique(self._kit_of, return_index=True)[1]
        self.kits = [Kit(simulator.bodies[at]) for at in firsts.tolist()]
        self._home = home_of(simulator.body)
        # In the order in which an arm goes home: the telescope first.
        ways = ((1, "move_arm", "extend"), (0, "move_arm", "lift"), (2, "turn_wrist", "right"))
        self._joints = [(joint, steps_of(simulator.body, kind, axis)) for joint, kind, axis in ways]

    def kit(self, row: int) -> Kit:
        """Of a row's body."""
        return self.kits[int(self._kit_of[self._simulator.row_bodies[row]])]

    def by_kit(self, rows: Ints) -> Iterator[tuple[int, Ints]]:
        """(number of a kit, indices into `rows` of those whose body has it)."""
        if len(self.kits) == 1:
            yield 0, np.arange(len(rows))
            return
        mine = self._kit_of[self._simulator.row_bodies[rows]]
        for kit in np.unique(mine).tolist():
            yield kit, np.flatnonzero(mine == kit)

    def walk(self, rows: Ints, fields: Sequence[Field], previous: Ints | None, otherwise: int) -> tuple[Ints, Bools]:
        """(R,) actions down each row's field, a step aside where that is blocked, and (R,) where it was.

        Args:
            otherwise: action of a body that can neither move nor turn.
        """
        way = self.descend(rows, fields, previous)
        stuck: Bools = way < 0
        for at in np.flatnonzero(stuck).tolist():
            way[at] = self._wander(int(rows[at]), otherwise)
        return way, stuck

    def descend(self, rows: Ints, fields: Sequence[Field], previous: Ints | None = None) -> Ints:
        """(R,) action that begins the shortest way down each row's field, as `Navigation.descend`; `previous` (R,) as in `actions`.

        An arm that is out is stowed first: it would be stopped by what the field knows nothing of.
        """
        navigation, out = self._simulator.navigation, np.empty(len(rows), dtype=np.int64)
        for number, mine in self.by_kit(rows):
            kit = self.kits[number]
            said = np.full(len(mine), -1) if previous is None else np.where(np.isin(previous[mine], list(kit.after)), previous[mine], -1)
            for action in np.unique(said).tolist():
                at = mine[said == action]
                turns = kit.after.get(action, kit.turns)
                out[at] = navigation.descend(rows[at], [fields[k] for k in at.tolist()], turns, kit.moves)
        stow = self.stow(rows, previous)
        return np.where(stow >= 0, stow, out)

    def turns_for(self, previous: int) -> Turns:
        """Turns of the first body when it has just done this, cheapest first: going on round comes before turning back."""
        return self.kits[0].in_order.get(previous, self.kits[0].turns)

    def stow(self, rows: Ints, previous: Ints | None = None) -> Ints:
        """(R,) the next step of each row's arm on its way home; -1 where it is about there, or where that step has just been stopped."""
        world, out = self._simulator.world(), np.full(len(rows), -1, dtype=np.int64)
        for joint, steps in self._joints:
            left = self._home[joint] - world.joints[rows, joint]
            for at in np.flatnonzero((np.abs(left) > STOWED[joint]) & (out < 0)).tolist():
                out[at] = step_towards(steps, float(left[at]))
        return out if previous is None else np.where(world.collided[rows] & (out == previous), -1, out)

    def _wander(self, row: int, otherwise: int) -> int:
        """A step aside for a body that stands where it should see the target and does not, by a few centimetres.

        It is drawn from the pose, so that it depends on the state alone. All turns go the same way: two poses never send the
        body back to each other.
        """
        world = self._simulator.world()
        x, z, yaw = float(world.position[row, 0]), float(world.position[row, 2]), float(world.yaw[row])
        draws = stream(0, "wander", *(round(value * 1000) % 2**32 for value in (x, z, yaw)))
        here, kit = (np.array([x]), np.array([z]), np.array([yaw])), self.kit(row)
        for at in draws.permutation(len(kit.steps)).tolist():
            action, distance_m = kit.steps[at]
            if draws.random() < STEP_ASIDE and self._simulator.moves(np.array([row]), *here, np.array([distance_m]))[0]:
                return int(action)
        return int(kit.spare[0]) if kit.spare else otherwise


def _gait(body: Embodiment) -> object:
    """What turns, moves and looks follow from: bodies that have it in common share a kit."""
    turning = any(action.effect.kind == "turn_camera" for action in body.actions)
    joints = [(camera.pan, camera.tilt, camera.horizontal_fov) for camera in body.cameras] if turning else []
    return body.actions, tuple(joints)


def steps_of(body: Embodiment, kind: str, axis: str, camera: str | None = None) -> list[tuple[int, float]]:
    """(action, amount) of the allowed actions of one kind, largest first, so that the way round is short and begins boldly."""
    found = [
        (at, action.effect.amount)
        for at, action in enumerate(body.actions)
        if _is(action.effect, kind, axis, camera) and action.masked is None
    ]
    return sorted(found, key=lambda pair: -abs(pair[1]))


def step_towards(steps: Sequence[tuple[int, float]], left: float) -> int:
    """The largest of some steps (largest first) that does not go past, or the smallest that still comes nearer; -1 if none does."""
    ways = [(action, amount) for action, amount in steps if amount * left > 0 and abs(left - amount) < abs(left)]
    fitting = [action for action, amount in ways if abs(amount) <= abs(left) + STEP_SLACK]
    return fitting[0] if fitting else ways[-1][0] if ways else -1


def _is(effect: Effect, kind: str, axis: str, camera: str | None) -> bool:
    return effect.kind == kind and effect.axis == axis and effect.camera == camera and effect.amount != 0.0


def _sums(steps: Sequence[tuple[int, float]], low: float, high: float, most: int) -> list[tuple[float, int, int, int]]:
    """Sums of steps that can be reached within [low, high], by the fewest steps: (sum, count, first action, index it came by)."""
    found: list[tuple[float, int, int, int]] = [(0.0, 0, -1, -1)]
    seen = {0}
    at = 0
    while at < len(found) and len(found) < most:
        total, count, first, _ = found[at]
        for action, amount in steps:
            there = total + amount
            key = round(there * 1e4)
            if low - 1e-9 <= there <= high + 1e-9 and key not in seen and len(found) < most:
                seen.add(key)
                found.append((there, count + 1, first if first >= 0 else action, at))
        at += 1
    return found


def headings(body: Embodiment) -> Turns:
    """Directions that the base can face, cheapest first."""
    sums = _sums(steps_of(body, "turn_base", "right"), -math.pi, math.pi, HEADINGS)
    zeros = np.zeros(len(sums))
    return Turns(
        yaw=np.array([total for total, _, _, _ in sums]), pan=zeros, tilt=zeros,
        cost=np.array([float(count) for _, count, _, _ in sums]),
        first=np.array([first for _, _, first, _ in sums], dtype=np.int64),
        via=np.array([via for _, _, _, via in sums], dtype=np.int64),
    )  # fmt: skip


def turns_after(body: Embodiment, turns: Turns) -> dict[int, Turns]:
    """Headings as they cost after each of the widest turns: going on round may be cheaper than turning back."""
    steps = steps_of(body, "turn_base", "right")
    widest = max((abs(amount) for _, amount in steps), default=0.0)
    found = {}
    for action, amount in steps:
        if abs(amount) < widest - 1e-9:
            continue
        back = (turns.yaw * np.sign(amount) < 0) & (np.abs(turns.yaw) > TINY)
        saved = np.round(np.abs(turns.yaw) / widest)
        around = turns.cost - 2 * saved + round(2 * math.pi / widest)
        is_shorter = back & (around < turns.cost + REVERSAL)
        cost = np.where(is_shorter, around, turns.cost + REVERSAL * back)
        found[action] = replace(turns, cost=cost, first=np.where(is_shorter, action, turns.first))
    return found


def cheapest_first(turns: Turns) -> Turns:
    """The same in the order of their costs; what they go by is left out, as it counts places in the old order."""
    order = np.argsort(turns.cost, kind="stable")
    fields = {name: getattr(turns, name)[order] for name in ("yaw", "pan", "tilt", "cost", "first")}
    return Turns(**fields, via=np.full(len(order), -1, dtype=np.int64))


def looks(body: Embodiment, camera: Camera, turns: Turns) -> Turns:
    """Directions that the camera can face, cheapest first: base turns, then tilts, then pans where the base turns too coarsely."""
    tilts = _sums(steps_of(body, "turn_camera", "tilt", camera.name), *_span(camera.tilt), HEADINGS)
    pan_actions = steps_of(body, "turn_camera", "pan", camera.name) if _is_coarse(turns, camera) else []
    pans = _sums(pan_actions, *_span(camera.pan), HEADINGS)
    options = [
        (turns.cost[h] + tilt[1] + pan[1], h, t, p)
        for h in range(len(turns.yaw)) for t, tilt in enumerate(tilts) for p, pan in enumerate(pans)
    ]  # fmt: skip
    options = sorted(options)[:LOOKS]
    place = {option[1:]: at for at, option in enumerate(options)}
    first = [turns.first[h] if h else tilts[t][2] if t else pans[p][2] for _, h, t, p in options]
    return Turns(
        yaw=np.array([turns.yaw[h] for _, h, _, _ in options]),
        pan=np.array([pans[p][0] for _, _, _, p in options]),
        tilt=np.array([tilts[t][0] for _, _, t, _ in options]),
        cost=np.array([cost for cost, _, _, _ in options]),
        first=np.array(first, dtype=np.int64),
        via=np.array([place[int(turns.via[h]), t, p] if h else -1 for _, h, t, p in options], dtype=np.int64),
    )


def _span(joint: Range | None) -> tuple[float, float]:
    """Greatest change of a joint either way, wherever it stands."""
    return (0.0, 0.0) if joint is None else (joint.low - joint.high, joint.high - joint.low)


def _is_coarse(turns: Turns, camera: Camera) -> bool:
    """Whether a target may stay outside the image between two neighbouring headings."""
    yaw: npt.NDArray[np.float64] = np.sort(turns.yaw)
    gap = float(np.diff(np.append(yaw, yaw[0] + 2 * math.pi)).max())
    return gap > 0.5 * camera.horizontal_fov


def moves(body: Embodiment) -> Moves:
    """Straight base moves, and how much each is to be avoided."""
    found = [
        (at, action.effect)
        for at, action in enumerate(body.actions)
        if action.effect.kind == "move_base" and action.masked is None and action.effect.amount != 0.0
    ]
    right: Floats = np.array([effect.amount if effect.axis == "right" else 0.0 for _, effect in found])
    forward: Floats = np.array([effect.amount if effect.axis == "forward" else 0.0 for _, effect in found])
    return Moves(
        right_m=right,
        forward_m=forward,
        action=np.array([at for at, _ in found], dtype=np.int64),
        reserve=forward <= 0,  # the navigation camera does not look along these
    )
