"""A shortest-path expert for any base and any camera joints.

It labels states, whatever brought the body there: the action depends on the world as it is and on the episode, on nothing
remembered. Far from the target it goes down the geodesic field; where one of the directions it can face shows the target,
it turns (and tilts) there by the fewest actions, and ends the episode as soon as the target stands well inside the image.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Camera, Effect, Embodiment, Range
from flare_core.seeding import stream
from flare_core.tasks.episodes import Episode, EpisodeSampler, pad_targets
from flare_core.tasks.predicates import holds
from flare_core.world import Floats, Ints, Moves, Simulator, Turns

HEADINGS: Final = 128  # directions kept of a body whose turns never close a circle
LOOKS: Final = 800  # directions of the camera that are tried
NEARER_M: Final = 0.1  # the expert stops this much closer than it must,
MARGIN: Final = 0.15  # and with the target this part of the half image away from its edge,
BARE: Final = 0.04  # (at the very edge a field of view that is jittered may not show it),
CLOSE_M: Final = 0.5  # unless it is this close to where it could go, and cannot do better
STEP_ASIDE: Final = 0.3  # how often a body that is lost moves instead of turning on


class Expert:
    """Chooses actions for every row of a simulator."""

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler) -> None:
        """Lay out the body's turns and moves.

        Raises:
            TaskError: the body cannot end an episode.
        """
        body = simulator.body
        camera = body.camera(sampler.camera)
        self._simulator = simulator
        self._sampler = sampler
        self._end = sampler.task.end_action(body)
        self._turns = headings(body)
        self._looks = looks(body, camera, self._turns)
        self._moves = moves(body)
        self._spare = [action for action, _ in _steps_of(body, "turn_base", "right")]
        self._steps = _steps_of(body, "move_base", "forward")

    def actions(self, episodes: Sequence[Episode]) -> Ints:
        """The best action of every row in its present state.

        Args:
            episodes: the episode that each row of the simulator plays, B of them.

        Returns:
            (B,) indices into the body's actions.
        """
        rows = np.arange(len(episodes), dtype=np.int64)
        targets = pad_targets(episodes)
        fields = [self._sampler.field(episode) for episode in episodes]
        view, navigation = self._sampler.view, self._simulator.navigation
        choice = navigation.look(rows, targets, self._sampler.camera, view.within_m - NEARER_M, MARGIN, self._looks)
        blind = np.flatnonzero(choice < 0)
        if len(blind):
            position = self._simulator.world().position
            left = [navigation.distance(fields[row], position[row : row + 1, 0], position[row : row + 1, 2])[0] for row in blind]
            close = blind[np.array(left) <= CLOSE_M]
            if len(close):
                choice[close] = navigation.look(close, targets[close], self._sampler.camera, view.within_m, BARE, self._looks)
        actions = self._looks.first[np.maximum(choice, 0)]
        facing = choice == 0
        if facing.any():
            asked = np.where(facing[:, None], targets, -1)
            is_done = facing & holds(self._sampler.task.success, self._simulator, asked)
            actions = np.where(is_done, self._end, actions)
        lost = np.flatnonzero((choice < 0) | (actions < 0))
        if len(lost):
            way = navigation.descend(lost, [fields[row] for row in lost], self._turns, self._moves)
            actions[lost] = way
            for row in lost[way < 0].tolist():
                actions[row] = self._wander(row)
        return actions

    def _wander(self, row: int) -> int:
        """A step aside for a body that stands where it should see the target and does not, by a few centimetres.

        It is drawn from the pose, so that it depends on the state alone. All turns go the same way: two poses never send the
        body back to each other.
        """
        world = self._simulator.world()
        x, z, yaw = float(world.position[row, 0]), float(world.position[row, 2]), float(world.yaw[row])
        draws = stream(0, "wander", *(round(value * 1000) % 2**32 for value in (x, z, yaw)))
        here = (np.array([x]), np.array([z]), np.array([yaw]))
        for at in draws.permutation(len(self._steps)).tolist():
            action, distance_m = self._steps[at]
            if draws.random() < STEP_ASIDE and self._simulator.moves(np.array([row]), *here, np.array([distance_m]))[0]:
                return int(action)
        return int(self._spare[0]) if self._spare else self._end


def _steps_of(body: Embodiment, kind: str, axis: str, camera: str | None = None) -> list[tuple[int, float]]:
    """(action, amount) of the allowed actions of one kind, largest first, so that the way round is short and begins boldly."""
    found = [
        (at, action.effect.amount)
        for at, action in enumerate(body.actions)
        if _is(action.effect, kind, axis, camera) and action.masked is None
    ]
    return sorted(found, key=lambda pair: -abs(pair[1]))


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
    sums = _sums(_steps_of(body, "turn_base", "right"), -math.pi, math.pi, HEADINGS)
    zeros = np.zeros(len(sums))
    return Turns(
        yaw=np.array([total for total, _, _, _ in sums]), pan=zeros, tilt=zeros,
        cost=np.array([float(count) for _, count, _, _ in sums]),
        first=np.array([first for _, _, first, _ in sums], dtype=np.int64),
        via=np.array([via for _, _, _, via in sums], dtype=np.int64),
    )  # fmt: skip


def looks(body: Embodiment, camera: Camera, turns: Turns) -> Turns:
    """Directions that the camera can face, cheapest first: base turns, then tilts, then pans where the base turns too coarsely."""
    tilts = _sums(_steps_of(body, "turn_camera", "tilt", camera.name), *_span(camera.tilt), HEADINGS)
    pan_actions = _steps_of(body, "turn_camera", "pan", camera.name) if _is_coarse(turns, camera) else []
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
