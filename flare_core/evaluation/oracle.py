"""A searcher that is limited by what its camera sees and by nothing else: what the body's actions can earn, not a policy's skill.

It has the map but does not know where the target is (`belief`). It goes where it sees most that is new per action needed,
looks at everything its camera passes, knows a target as soon as it sees one within range, goes there by the shortest way, and
ends the episode at the first moment of success. It uses whatever actions the body has: with some of them masked, the
same searcher shows what those are worth. It is greedy: a view that pays for itself at once may still cost more than it saves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.embodiments.body import Embodiment, Range
from flare_core.evaluation.belief import Masks, Places, SearchMap, glance, route_gains, survey
from flare_core.simulators.embedded.grid import CELL_M, RIM
from flare_core.simulators.embedded.navigation import lens_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Episode, EpisodeSampler, pad_targets
from flare_core.tasks.expert import CLOSE_M, MARGIN, NEARER_M
from flare_core.tasks.judging import holds
from flare_core.tasks.walking import headings, looks, moves
from flare_core.world import Bools, Field, Floats, Ints, World

ARRIVED_M: Final = 0.12  # a viewpoint counts as reached within this
ROUTE_CELLS: Final = 4  # every so many cells of a walk count for what is seen on the way
WORTH: Final = 0.5  # a walk is dropped when less than this share of what it was made for is still unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """On the way to a viewpoint. `field` leads there; `promised` is the unseen weight that it would open.

    The camera is held at `pan` and `tilt` meanwhile, radians.
    """

    stand: int
    field: Field
    pan: float
    tilt: float
    promised: float
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Bringing the camera into a direction of the world: yaw and tilt joint, radians. `left` is the unseen weight at its start."""

    yaw: float
    tilt: float
    left: float
    until: int


class Search:
    """What the searcher knows in one row's episode."""

    def __init__(self, places: Places) -> None:
        self.unseen: Bools = np.ones(len(places.owner), dtype=np.bool_)
        self.is_out: Bools = np.zeros(len(places.stands), dtype=np.bool_)  # viewpoints that were gone to
        self.spent: Bools = np.zeros(len(places.owner), dtype=np.bool_)  # not seen from here although it seemed so
        self.plan: Walk | Turn | None = None
        self.found: tuple[int, ...] = ()
        self.field: Field | None = None
        self.steps = 0


class Oracle:
    """Chooses actions for every row of an embedded simulator."""

    def __init__(self, simulator: EmbeddedSimulator, sampler: EpisodeSampler, search_map: SearchMap, prefers_pan: bool = False) -> None:
        """Lay out the body's turns, moves and camera joints.

        Args:
            search_map: may be shared by bodies that differ in their actions only.
            prefers_pan: where the base and the pan joint could turn the camera alike, take the joint.
        """
        body = simulator.body
        self._simulator, self._sampler, self._map = simulator, sampler, search_map
        self._camera = body.camera(sampler.camera)
        self._at = body.camera_index(sampler.camera)
        self._lens = lens_of(self._camera, 0.0)
        self._end = sampler.task.end_action(body)
        self._headings, self._moves = headings(body), moves(body)
        self._looks = looks(body, self._camera, self._headings)
        self._base = _steps(body, "turn_base", "right", None)
        self._pan = _steps(body, "turn_camera", "pan", self._camera.name)
        self._tilt = _steps(body, "turn_camera", "tilt", self._camera.name)
        self._turn = max((abs(amount) for _, amount in (*self._base, *self._pan)), default=math.tau)
        self._step_m = float(np.hypot(self._moves.right_m, self._moves.forward_m).max(initial=0.05))
        self._prefers_pan = prefers_pan
        self._searches: list[Search] = [Search(search_map.places(0)) for _ in range(simulator.batch)]

    def actions(self, episodes: Sequence[Episode], starting: Bools) -> Ints:
        """The action of every row.

        Args:
            episodes: the episode that each row of the simulator plays, B of them.
            starting: (B,) rows that have just begun theirs.

        Returns:
            (B,) indices into the body's actions.
        """
        world = self._simulator.world()
        for row in np.flatnonzero(starting).tolist():
            self._searches[row] = Search(self._map.places(episodes[row].start.house))
        targets = pad_targets(episodes)
        self._look(world)
        seen = self._simulator.visible(targets, self._camera.name, self._map.within_m)
        for row in np.flatnonzero(seen.any(axis=1)).tolist():
            self._recognise(self._searches[row], episodes[row], targets[row, seen[row]].tolist())
        is_done = holds(self._sampler.task.success, self._simulator, targets)
        out = np.full(len(episodes), self._end, dtype=np.int64)
        known = [row for row in np.flatnonzero(~is_done).tolist() if self._searches[row].field is not None]
        if known:
            out[known] = self._approach(np.array(known, dtype=np.int64), world)
        for row in np.flatnonzero(~is_done).tolist():
            if self._searches[row].field is None:
                out[row] = self._explore(row, world)
        return out

    def unseen(self, row: int) -> Bools:
        """(N,) places of the row's house that its camera has not seen in this episode."""
        return self._searches[row].unseen.copy()

    def _look(self, world: World) -> None:
        """Strike off what every row's camera sees now."""
        pack = self._map.pack
        for row, search in enumerate(self._searches):
            house = int(world.house[row])
            places = self._map.places(house)
            glance(
                pack.boxes, pack.box_object, int(pack.box_start[house]), int(pack.box_start[house + 1]),
                world.camera_position[row, self._at], world.camera_yaw[row, self._at], world.camera_pitch[row, self._at], self._lens,
                world.position[row, 0], world.position[row, 2], self._map.within_m, places.points, places.count, places.owner,
                search.unseen,
            )  # fmt: skip
            search.steps += 1

    def _recognise(self, search: Search, episode: Episode, seen: Sequence[int]) -> None:
        """Remember targets that the camera sees, and the way to where they can be judged from, if this body has one."""
        found = tuple(sorted({*search.found, *seen}))
        if found != search.found:
            view = self._sampler.view
            search.found = found
            search.field = self._simulator.navigation.field(episode.start.house, found, self._camera.name, view.within_m)

    def _approach(self, rows: Ints, world: World) -> Ints:
        """(R,) actions of rows that know a target: turn to it where that shows it, else the shortest way, as the expert does."""
        searches = [self._searches[row] for row in rows.tolist()]
        fields = [search.field for search in searches if search.field is not None]
        known = np.full((len(rows), max(len(search.found) for search in searches)), -1, dtype=np.int64)
        for at, search in enumerate(searches):
            known[at, : len(search.found)] = search.found
        navigation, name, within_m = self._simulator.navigation, self._camera.name, self._sampler.view.within_m
        choice = navigation.look(rows, known, name, within_m - NEARER_M, MARGIN, self._looks)
        for at in np.flatnonzero(choice < 0).tolist():
            position = world.position[rows[at]]
            if navigation.distance(fields[at], position[None, 0], position[None, 2])[0] <= CLOSE_M:
                one = slice(at, at + 1)
                choice[one] = navigation.look(rows[one], known[one], name, within_m, 0.0, self._looks)
        out = self._looks.first[np.maximum(choice, 0)]
        for at in np.flatnonzero((choice < 0) | (out < 0)).tolist():
            way = int(navigation.descend(rows[at : at + 1], [fields[at]], self._headings, self._moves)[0])
            out[at] = way if way >= 0 else self._base[0][0] if self._base else self._end
        return out

    def _explore(self, row: int, world: World) -> int:
        """Action of a row that knows no target it could go to; the end when there is nothing left to look at."""
        search = self._searches[row]
        while True:
            if search.plan is None:
                search.plan = self._plan(row, world)
                if search.plan is None:
                    return self._end
            action = self._walk(row, search.plan, world) if isinstance(search.plan, Walk) else self._face(row, search.plan, world)
            if action >= 0:
                return action
            search.plan = None

    def _plan(self, row: int, world: World) -> Walk | Turn | None:
        """The view that shows most that is new per action: a turn here, or a walk to somewhere else; None when nothing is left."""
        search, house = self._searches[row], int(world.house[row])
        places = self._map.places(house)
        x, z, yaw = float(world.position[row, 0]), float(world.position[row, 2]), float(world.yaw[row])
        open_here = self._map.open_here(house, x, z, search.unseen & ~search.spent)
        ways, bearings = self._ways(house, x, z, yaw, search.is_out)
        ks = np.arange(max(1, round(math.tau / self._turn)))
        turns: Floats = np.asarray(ks * self._turn, dtype=np.float64)
        tilts, tilt_costs = _positions(self._tilt, self._camera.tilt, float(world.camera_joints[row, self._at, 1]))
        weight = np.where(search.unseen, places.weight, 0.0)
        camera_yaw = float(world.camera_yaw[row, self._at])
        v, k, t, gain = survey(
            places.stands, ways, bearings, places.open, open_here, np.array([x, z]), self._map.mount, places.points, places.count, weight,
            camera_yaw + turns, turns, self._turn, self._camera.pitch + tilts, tilt_costs, self._lens,
        )  # fmt: skip
        if v < 0:
            return None
        if v == len(places.stands):
            until = search.steps + len(ks) + int(tilt_costs[t]) + 2
            return Turn(yaw=camera_yaw + float(turns[k]), tilt=float(tilts[t]), left=float(weight.sum()), until=until)
        field = self._simulator.navigation.way_to(house, int(places.cells[v]))
        pan, tilt = self._posture(row, world, field, weight, gain, float(ways[v]))
        until = search.steps + 3 * int(ways[v]) + 30
        return Walk(stand=v, field=field, pan=pan, tilt=tilt, promised=_opened(places.open[v], weight), until=until)

    def _posture(self, row: int, world: World, field: Field, weight: Floats, gain: float, way: float) -> tuple[float, float]:
        """Pan and tilt at which the camera is held on a walk: those that show most per action, what it shows at its end included."""
        pan, tilt = world.camera_joints[row, self._at].tolist()
        pans, pan_costs = _positions(self._pan, self._camera.pan, pan)
        tilts, tilt_costs = _positions(self._tilt, self._camera.tilt, tilt)
        places = self._map.places(field.house)
        passed = np.zeros((len(pans), len(tilts)))
        cell = self._simulator.navigation.cell_at(field.house, float(world.position[row, 0]), float(world.position[row, 2]))
        if passed.size > 1:
            route_gains(
                field.metres, *field.shape, *field.origin, CELL_M, ROUTE_CELLS, cell, places.stands, places.open, self._map.mount,
                places.points, places.count, weight, pans, self._camera.pitch + tilts, self._lens, passed,
            )  # fmt: skip
        worth = (gain + passed) / np.maximum(1.0, way + pan_costs[:, None] + tilt_costs)
        p, t = np.unravel_index(int(np.argmax(worth)), worth.shape)
        return float(pans[p]), float(tilts[t])

    def _ways(self, house: int, x: float, z: float, yaw: float, is_out: Bools) -> tuple[Floats, Floats]:
        """(V,) actions to each viewpoint, and the turn from `yaw` to the straight line there."""
        places, cell = self._map.places(house), self._simulator.navigation.cell_at(house, x, z)
        if cell < 0:
            return np.full(len(is_out), np.inf), np.zeros(len(is_out))
        metres = self._simulator.navigation.way_to(house, cell).metres[places.cells].astype(np.float64) - RIM * CELL_M / 10
        bearings = np.arctan2(places.stands[:, 0] - x, places.stands[:, 1] - z) - yaw
        turns = np.abs(bearings - math.tau * np.round(bearings / math.tau)) / self._turn
        return np.where(is_out, np.inf, metres / self._step_m + turns), bearings

    def _walk(self, row: int, walk: Walk, world: World) -> int:
        """Next action towards a viewpoint; -1 when it has been reached, cannot be, or has lost its worth."""
        search, house = self._searches[row], int(world.house[row])
        places = self._map.places(house)
        if _opened(places.open[walk.stand], np.where(search.unseen, places.weight, 0.0)) < WORTH * walk.promised:
            return -1
        pan, tilt = world.camera_joints[row, self._at].tolist()
        action = _step(self._pan, walk.pan - pan, pan, self._camera.pan)
        action = action if action >= 0 else _step(self._tilt, walk.tilt - tilt, tilt, self._camera.tilt)
        if action >= 0 and search.steps < walk.until:
            return action
        here = world.position[row, [0, 2]]
        action = -1
        if float(np.hypot(*(places.stands[walk.stand] - here))) > ARRIVED_M and search.steps < walk.until:
            action = int(self._simulator.navigation.descend(np.array([row]), [walk.field], self._headings, self._moves)[0])
        if action < 0:
            search.is_out[walk.stand] = True
        search.spent[:] = False
        return action

    def _face(self, row: int, turn: Turn, world: World) -> int:
        """Next action towards a direction of the camera; -1 when it faces there."""
        search = self._searches[row]
        pan, tilt = world.camera_joints[row, self._at].tolist()
        away = turn.yaw - float(world.camera_yaw[row, self._at])
        away -= math.tau * round(away / math.tau)
        action = -1
        if search.steps < turn.until:
            order = ((self._pan, pan, self._camera.pan), (self._base, 0.0, None))
            for steps, now, joint in order if self._prefers_pan else order[::-1]:
                action = _step(steps, away, now, joint) if action < 0 else action
            action = _step(self._tilt, turn.tilt - tilt, tilt, self._camera.tilt) if action < 0 else action
        if action < 0:
            places = self._map.places(int(world.house[row]))
            if float(places.weight[search.unseen].sum()) >= turn.left - 1e-9:
                search.spent |= search.unseen & (self._open_here(row, world) != 0)
        return action

    def _open_here(self, row: int, world: World) -> Masks:
        search = self._searches[row]
        return self._map.open_here(int(world.house[row]), float(world.position[row, 0]), float(world.position[row, 2]), search.unseen)


def _opened(opened: Masks, weight: Floats) -> float:
    return float(weight[opened != 0].sum())


def _steps(body: Embodiment, kind: str, axis: str, camera: str | None) -> list[tuple[int, float]]:
    """(action, radians) of the allowed actions that turn base or camera, largest first."""
    found = [
        (at, action.effect.amount)
        for at, action in enumerate(body.actions)
        if action.masked is None and (action.effect.kind, action.effect.axis, action.effect.camera) == (kind, axis, camera)
    ]
    return sorted((pair for pair in found if pair[1] != 0.0), key=lambda pair: -abs(pair[1]))


def _positions(steps: Sequence[tuple[int, float]], joint: Range | None, now: float) -> tuple[Floats, Floats]:
    """(P,) positions of a joint that can be reached from `now`, and the actions to each; the nearest come first."""
    if not steps or joint is None:
        return np.array([now]), np.zeros(1)
    step = max(abs(amount) for _, amount in steps)
    down = math.floor((now - joint.low) / step + 1e-6) if any(amount < 0 for _, amount in steps) else 0
    up = math.floor((joint.high - now) / step + 1e-6) if any(amount > 0 for _, amount in steps) else 0
    counts = np.array(sorted(range(-down, up + 1), key=abs))
    return now + counts * step, np.abs(counts).astype(np.float64)


def _step(steps: Sequence[tuple[int, float]], away: float, now: float, joint: Range | None) -> int:
    """The largest step that brings a joint (or the base) at least half of itself nearer and is within limits; -1 if none."""
    for action, amount in steps:
        is_free = joint is None or joint.low - 1e-6 <= now + amount <= joint.high + 1e-6
        if is_free and amount * away > 0 and abs(away) > 0.5 * abs(amount) + 1e-6:
            return action
    return -1
