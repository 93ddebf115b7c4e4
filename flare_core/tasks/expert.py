"""A shortest-path expert for any base and any camera joints.

It labels states, whatever brought the body there: the action depends on the world as it is and on the episode, on nothing
remembered. Far from the target it goes down the geodesic field; where one of the directions it can face shows the target,
it turns (and tilts) there by the fewest actions, and ends the episode as soon as the target stands well inside the image.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from flare_core.errors import TaskError
from flare_core.tasks.episodes import Episode, EpisodeSampler, later_of, pad_targets, padded, points_of
from flare_core.tasks.fetching import FetchExpert
from flare_core.tasks.judging import Asked, Judge, holds
from flare_core.tasks.predicates import Holding, RoomsMarked, Visible
from flare_core.tasks.walking import Walker, looks
from flare_core.world import Bools, Field, Floats, Ints, Simulator

NEARER_M: Final = 0.1  # the expert stops this much closer than it must,
MARGIN: Final = 0.15  # and with the target this part of the half image away from its edge,
BARE: Final = 0.04  # (at the very edge a field of view that is jittered may not show it),
CLOSE_M: Final = 0.5  # unless it is this close to where it could go, and cannot do better


class Guide(Protocol):
    """An expert for one task: an action for every state, whatever brought the body there."""

    lost: Bools

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """(B,) the best action of every row.

        Args:
            episodes: what each row plays.
            previous: (B,) what each body has just done.
            marked: (B, R) rooms that were marked as seen, for tasks that ask for that.
        """


def guide_for(simulator: Simulator, sampler: EpisodeSampler) -> Guide:
    """The expert that a task asks for.

    Raises:
        TaskError: the body cannot end an episode or mark a room.
    """
    if sampler.task.subjects.in_turn > 1:
        return ErrandExpert(simulator, sampler)
    match sampler.goal:
        case Visible():
            return Expert(simulator, sampler)
        case Holding():
            return FetchExpert(simulator, sampler)
        case RoomsMarked():
            return TourExpert(simulator, sampler)
    return WayExpert(simulator, sampler)


class Expert:
    """Chooses actions for every row of a simulator so that a target comes into view.

    Attributes:
        lost: (B,) rows of the last call that step aside because the target cannot be seen from where it should be.
    """

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler, within_m: Sequence[float] = (), margin: float = MARGIN) -> None:
        """Lay out the body's turns and moves.

        Args:
            within_m: how near to come to the target: the first of these distances from which the body can see it somewhere,
                and the task's own where it can from none. Nearer than it must be, a target is plainer to see.
            margin: part of the half image that the target stands away from its edge at the end.

        Raises:
            TaskError: the body cannot end an episode.
        """
        body = simulator.body
        self._simulator = simulator
        self._sampler = sampler
        self._end = sampler.task.end_action(body)
        self._walker = Walker(simulator)
        self._looks = [looks(kit.body, kit.body.camera(sampler.camera), kit.turns) for kit in self._walker.kits]
        self._within_m, self._margin = (*within_m, sampler.view.within_m), margin
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """The best action of every row in its present state; `marked` does not matter.

        Args:
            episodes: the episode that each row of the simulator plays, B of them.
            previous: (B,) what each body has just done. If given, a turn is rather gone on with than taken back, so that
                a body that was turned away from its way does not swing to and fro.

        Returns:
            (B,) indices into the body's actions.
        """
        rows = np.arange(len(episodes), dtype=np.int64)
        targets, navigation = pad_targets(episodes), self._simulator.navigation
        fields, within = self._ways(episodes)
        choice = self._look(rows, targets, within - NEARER_M, self._margin)
        blind = np.flatnonzero(choice < 0)
        if len(blind):
            position = self._simulator.world().position
            left = [navigation.distance(fields[row], position[row : row + 1, 0], position[row : row + 1, 2])[0] for row in blind]
            close = blind[np.array(left) <= CLOSE_M]
            choice[close] = self._look(close, targets[close], within[close], BARE)
        actions = self._first(choice)
        facing = choice == 0
        if facing.any():
            asked = np.where(facing[:, None], targets, -1)
            is_done = facing & holds(self._sampler.task.success, self._simulator, asked)
            actions = np.where(is_done, self._end, actions)
        turns = np.flatnonzero(choice > 0)
        if len(turns):
            stow = self._walker.stow(turns, None if previous is None else previous[turns])
            actions[turns] = np.where(stow >= 0, stow, actions[turns])
        self.lost = np.zeros(len(rows), dtype=np.bool_)
        far = np.flatnonzero((choice < 0) | (actions < 0))
        if len(far):
            said = None if previous is None else previous[far]
            actions[far], self.lost[far] = self._walker.walk(far, [fields[row] for row in far], said, self._end)
        return actions

    def _ways(self, episodes: Sequence[Episode]) -> tuple[list[Field], Floats]:
        """Each row's way to where its target can be seen from near by, and how near that is."""
        fields, within = list[Field](), np.empty(len(episodes))
        for row, episode in enumerate(episodes):
            house, targets, camera = episode.start.house, episode.targets, self._sampler.camera
            ways = (self._simulator.navigation.field(house, targets, camera, m, episode.body) for m in self._within_m)
            field, within[row] = next((way, m) for way, m in zip(ways, self._within_m, strict=True) if way is not None)
            fields.append(field)
        return fields, within

    def _look(self, rows: Ints, targets: Ints, within: Floats, margin: float) -> Ints:
        """(R,) as `Navigation.look`, each row with its own distance."""
        choice = np.full(len(rows), -1, dtype=np.int64)
        for kit, mine in self._walker.by_kit(rows):
            for metres in np.unique(within[mine]).tolist():
                at = mine[within[mine] == metres]
                turns = self._looks[kit]
                choice[at] = self._simulator.navigation.look(rows[at], targets[at], self._sampler.camera, metres, margin, turns)
        return choice

    def _first(self, choice: Ints) -> Ints:
        """(B,) the action that begins each row's option; of the first option, staying, -1."""
        out = np.empty(len(choice), dtype=np.int64)
        for kit, mine in self._walker.by_kit(np.arange(len(choice))):
            out[mine] = self._looks[kit].first[np.maximum(choice[mine], 0)]
        return out


class ErrandExpert:
    """Deals with several targets in turn, each as its own expert does. `lost` as in `Expert`.

    It is asked once a step, as it remembers which have been dealt with.
    """

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler) -> None:
        """Prepare the expert of every target.

        Raises:
            TaskError: the body cannot do one of the legs, or cannot end an episode.
        """
        self._simulator, self._turns = simulator, range(1, sampler.task.subjects.in_turn + 1)
        self._guides = [guide_for(simulator, sampler.leg(turn)) for turn in self._turns]
        self._judge = Judge(sampler.task.success, simulator.body, simulator.batch)
        self._episodes: list[Episode | None] = [None] * simulator.batch
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """(B,) the action of the expert whose target's turn it is; `marked` does not matter."""
        begun = [row for row, episode in enumerate(episodes) if episode is not self._episodes[row]]
        self._judge.begin(np.array(begun, dtype=np.int64))
        self._episodes = list(episodes)
        asked = replace(Asked.of(pad_targets(episodes)), later=later_of(episodes, len(self._turns)))
        self._judge.step(self._simulator, asked)
        done, out, lost = self._judge.reached, np.zeros(len(episodes), dtype=np.int64), np.zeros(len(episodes), dtype=np.bool_)
        for turn, guide in zip(self._turns, self._guides, strict=True):
            mine = done == turn - 1
            if mine.any():
                advice = guide.actions([episode.about(turn) for episode in episodes], previous, marked)
                out[mine], lost[mine] = advice[mine], guide.lost[mine]
        self.lost = lost
        return out


class WayExpert:
    """Walks to a place or into a room and ends the episode there. `lost` as in `Expert`."""

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler) -> None:
        """Lay out the body's turns and moves.

        Raises:
            TaskError: the body cannot end an episode.
        """
        self._simulator, self._sampler, self._walker = simulator, sampler, Walker(simulator)
        self._end = sampler.task.end_action(simulator.body)
        self._judge = Judge(sampler.goal, simulator.body, simulator.batch)
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """(B,) the way down, or the end where the body is; `marked` does not matter."""
        del marked
        about = Asked.of(pad_targets(episodes))
        asked = replace(about, rooms=padded([episode.rooms for episode in episodes]), points=points_of(episodes))
        there = self._judge.holds(self._simulator, asked)
        out = np.full(len(episodes), self._end, dtype=np.int64)
        rows = np.flatnonzero(~there)
        self.lost = np.zeros(len(episodes), dtype=np.bool_)
        if len(rows):
            fields = [self._sampler.field(episodes[row]) for row in rows.tolist()]
            said = None if previous is None else previous[rows]
            out[rows], self.lost[rows] = self._walker.walk(rows, fields, said, self._end)
        return out


class TourExpert:
    """Goes from room to room, always on to the nearest that is not marked yet, marks each, and ends the episode. `lost` as in `Expert`."""

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler) -> None:
        """Lay out the body's turns and moves.

        Raises:
            TaskError: the body cannot end an episode or mark a room.
        """
        self._simulator, self._sampler, self._walker = simulator, sampler, Walker(simulator)
        self._end, self._mark = sampler.task.end_action(simulator.body), sampler.task.mark_action(simulator.body)
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """(B,) the mark in a new room, else the way to the next one, the end when all are marked.

        Raises:
            TaskError: `marked` is missing: what was marked cannot be seen in the world.
        """
        if marked is None:
            raise TaskError(f"task {self._sampler.task.name}: its expert has to be told which rooms were marked")
        world, navigation = self._simulator.world(), self._simulator.navigation
        out = np.full(len(episodes), self._end, dtype=np.int64)
        rows, fields = list[int](), list[Field]()
        for row, episode in enumerate(episodes):
            left = [room for room in episode.rooms if not marked[row, room]]
            if not left:
                continue
            if world.room[row] in left:
                out[row] = self._mark
                continue
            here = world.position[row : row + 1, 0], world.position[row : row + 1, 2]
            ways = [way for way in self._sampler.ways(episode.start.house, left, episode.body) if way is not None]
            rows.append(row)
            fields.append(min(ways, key=lambda way: float(navigation.distance(way, *here)[0])))
        self.lost = np.zeros(len(episodes), dtype=np.bool_)
        if rows:
            at = np.array(rows, dtype=np.int64)
            out[at], self.lost[at] = self._walker.walk(at, fields, None if previous is None else previous[at], self._end)
        return out
