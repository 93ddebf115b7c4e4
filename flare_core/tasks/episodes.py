"""Which house, start and target an episode has: a pure function of the seed and the episode's number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from flare_core.errors import TaskError
from flare_core.seeding import stream
from flare_core.tasks.predicates import (
    Both,
    Expression,
    Holding,
    InRoom,
    Near,
    RoomsMarked,
    Visible,
    about_first,
    parts_of,
    positive,
)
from flare_core.tasks.subjects import Subject, offset_in_words, offsets
from flare_core.tasks.task import Task
from flare_core.world import Field, Floats, Simulator, Start

IN_SIGHT_M = 2.0  # greatest distance of a target that an episode begins in sight of
ON_M = 0.05  # a point may be so far from where the axis of the body can be
START_M = 1.5  # least geodesic distance between a start and the places where the task can succeed
TRIES = 12  # poses drawn in search of one that does not show the target
SHARE_HOUSES = 64  # houses that the feasible share is counted over
Goal = Visible | Holding | Near | InRoom | RoomsMarked
SIGHT_M = 50.0  # across any house


class Encoder(Protocol):
    """Turns an instruction into word ids, as `tasks.words.Vocabulary` does."""

    def encode(self, text: str) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One episode.

    Attributes:
        rooms: the rooms that it is about.
        point: x, z of the point of the floor that it is about.
        target_type: what is asked for; `targets` are the objects of that type in the house.
        goal: word ids of the instruction.
        body: which of the simulator's bodies it is played with.
        shortest_m: geodesic distance from the start to where the target can be seen; of several in turn, on to each.
        later: objects of the second target in turn, and of the third.
    """

    number: int
    start: Start
    target_type: str
    targets: tuple[int, ...]
    instruction: str
    goal: tuple[int, ...]
    shortest_m: float
    rooms: tuple[int, ...] = ()
    point: tuple[float, float] | None = None
    later: tuple[tuple[int, ...], ...] = ()
    body: int = 0

    def about(self, turn: int) -> "Episode":
        """The same as if it were about one of its targets in turn alone, 1 the first."""
        return self if turn == 1 else replace(self, targets=self.later[turn - 2])


class EpisodeSampler:
    """Draws episodes that their bodies can solve in these houses.

    Every house has its turn once in as many episodes as there are houses, in an order drawn anew each time. Of the types
    that a house has, one is drawn from those that the body can see from somewhere it can go to.
    """

    def __init__(
        self, task: Task, simulator: Simulator, vocabulary: Encoder, seed: int, randomise_materials: float = 0.0,
        randomise_light: float = 0.0,
    ) -> None:  # fmt: skip
        """Check that the task suits the body and that every instruction can be said.

        Args:
            randomise_materials, randomise_light: share of episodes in random colours, and in random light.

        Raises:
            TaskError: a camera, an action or a word is missing, or success asks for no place to go to.
        """
        task.check(simulator.body)
        self.task = task
        self._parts = parts_of(task.success) if task.subjects.in_turn > 1 else (task.success,)
        self._goals = [goal_of(part, task.name) for part in self._parts]
        self.goal = self._goals[0]
        self.words = max(len(vocabulary.encode(text)) for text in task.instructions())
        self._simulator = simulator
        self._vocabulary = vocabulary
        self._seed = seed
        self._randomise, self._light = randomise_materials, randomise_light
        self._order: tuple[int, list[int]] = (-1, [])
        self._present: dict[int, list[Subject]] = {}

    @property
    def view(self) -> Visible:
        """The view that has to be reached.

        Raises:
            TaskError: the task asks for none.
        """
        if not isinstance(self.goal, Visible):
            raise TaskError(f"task {self.task.name}: success asks for no view of a target. Use a task with visible(target, ...).")
        return self.goal

    @property
    def camera(self) -> str:
        """The camera of that view."""
        return self._camera_of(self.view.role)

    def episode(self, number: int) -> Episode:
        """The episode of that number, whatever was drawn before.

        Raises:
            TaskError: no house offers a target that the body can reach and see.
        """
        houses = self._simulator.house_count()
        draws = stream(self._seed, "episode", number)
        for attempt in range(houses):
            house = self._house(number, attempt)
            found = self._episode_in(house, number, draws, self._simulator.body_of(number))
            if found is not None:
                return found
        raise TaskError(
            f"task {self.task.name}: {self._simulator.body.name} can see no target from any place it can reach in {houses} houses. "
            "Use houses with wider doors or a narrower body, or raise `within_m`."
        )

    def leg(self, turn: int) -> "EpisodeSampler":
        """Of a task with several targets in turn, the sampler of one of them alone: for `Episode.about` of the same turn."""
        subjects = replace(self.task.subjects, in_turn=1)
        task = replace(self.task, subjects=subjects, success=about_first(self._parts[turn - 1]), templates=("{target}",))
        return EpisodeSampler(task, self._simulator, self._vocabulary, self._seed)

    def field(self, episode: Episode) -> Field:
        """Way to the places where an episode can succeed; for marked rooms, to the room of the episode's that is named first."""
        field = self.way(episode.start.house, episode.targets, episode.rooms, episode.point, body=episode.body)
        assert field is not None  # an episode is sampled only where there is one
        return field

    def ways(self, house: int, rooms: Sequence[int], body: int = 0) -> list[Field | None]:
        """Way to each of these rooms, None where the body cannot get in."""
        return [self._simulator.navigation.room_field(house, (room,), body) for room in rooms]

    @property
    def feasible_share(self) -> float:
        """Share of the (house, subject) pairs that a body can solve, over the first houses; of several bodies each has its turn."""
        houses, bodies = range(min(SHARE_HOUSES, self._simulator.house_count())), len(self._simulator.bodies)
        if (metres := self.task.subjects.points) is not None:
            draws = stream(self._seed, "feasible")
            return float(np.mean([self._begin_with_point(house, 0, draws, metres, house % bodies) is not None for house in houses]))
        solved = [self._is_feasible(house, subject, house % bodies) for house in houses for subject in self._subjects_in(house)]
        return float(np.mean(solved)) if solved else 0.0

    def way(
        self, house: int, objects: tuple[int, ...], rooms: tuple[int, ...], point: tuple[float, float] | None = None, turn: int = 1,
        body: int = 0,
    ) -> Field | None:  # fmt: skip
        """Way to where the task can succeed, of several targets in turn with one of them; None where that is nowhere."""
        navigation = self._simulator.navigation
        match self._goals[turn - 1]:
            case Visible(role=role, within_m=within_m):
                return navigation.field(house, objects, self._camera_of(role), within_m, body)
            case Holding():
                return navigation.reach_field(house, objects, body)
            case Near(within_m=within_m) if point is not None:
                return navigation.point_field(house, *point, within_m, body)
            case Near(within_m=within_m):
                return navigation.near_field(house, objects, within_m, body)
            case InRoom():
                return navigation.room_field(house, rooms, body)
        return navigation.room_field(house, rooms, body) if all(way is not None for way in self.ways(house, rooms, body)) else None

    def _is_feasible(self, house: int, subject: Subject, body: int) -> bool:
        every = enumerate((subject.objects, *subject.later), 1)
        return all(self._has_way(house, objects, subject.rooms, turn, body) for turn, objects in every)

    def _has_way(self, house: int, objects: tuple[int, ...], rooms: tuple[int, ...], turn: int, body: int) -> bool:
        """Whether `way` leads anywhere."""
        goal = self._goals[turn - 1]
        if not isinstance(goal, Visible):
            return self.way(house, objects, rooms, turn=turn, body=body) is not None
        return self._simulator.navigation.shows(house, objects, self._camera_of(goal.role), goal.within_m, body)

    def _camera_of(self, role: str) -> str:
        camera = self._simulator.body.camera_for(role)
        assert camera is not None  # task.check
        return camera.name

    def _house(self, number: int, attempt: int) -> int:
        """House of an episode; further attempts take the houses that follow in the same order."""
        houses = self._simulator.house_count()
        turn = number // houses
        if self._order[0] != turn:
            self._order = (turn, stream(self._seed, "houses", turn).permutation(houses).tolist())
        return self._order[1][(number + attempt) % houses]

    def _subjects_in(self, house: int) -> list[Subject]:
        if house not in self._present:
            self._present[house] = self.task.subjects.of(self._simulator, house)
        return self._present[house]

    def _episode_in(self, house: int, number: int, draws: np.random.Generator, body: int) -> Episode | None:
        if self.task.subjects.points is not None:
            return self._begin_with_point(house, number, draws, self.task.subjects.points, body)
        present, share = self._subjects_in(house), self.task.in_sight
        in_sight = share == 1.0 or (share > 0.0 and float(stream(self._seed, "start", number).random()) < share)
        near: tuple[Subject, Field, Floats] | None = None
        for at in draws.permutation(len(present)).tolist():
            subject = present[at]
            field = self.way(house, subject.objects, subject.rooms, body=body)
            if field is None or not self._is_feasible(house, subject, body):
                continue
            if in_sight:
                begun = self._begin_in_sight(subject, field, number, draws)
                if begun is not None:
                    return begun
                continue
            cells, distances = self._starts(field)
            far = np.ones(len(cells), dtype=np.bool_) if isinstance(self.goal, RoomsMarked) else distances >= START_M
            if far.any():
                return self._begin(subject, field, cells[far], number, draws)
            near = near or (subject, field, cells[distances >= 0.5 * distances.max(initial=0.0)])
        return None if near is None else self._begin(*near, number, draws)

    def _starts(self, field: Field) -> tuple[Floats, Floats]:
        """(N, 2) x, z where an episode may begin, and (N,) metres from there to the goal, 0 where there is no way."""
        cells = self._simulator.navigation.reachable(field.house, field.body)
        distances = self._simulator.navigation.distance(field, cells[:, 0], cells[:, 1])
        return cells, np.where(np.isfinite(distances), distances, 0.0)

    def _begin(self, subject: Subject, field: Field, starts: Floats, number: int, draws: np.random.Generator) -> Episode:
        """An episode that begins at one of the starts (N, 2)."""
        poses = np.empty((TRIES, 3))
        poses[:, :2] = draws.choice(starts, TRIES)
        poses[:, 2] = draws.uniform(-np.pi, np.pi, TRIES)
        at = 0
        if isinstance(self.goal, Visible):  # the first that does not show the target, else the first
            at = int(np.argmin(self._simulator.navigation.sees(field.house, poses, field.objects, self.camera, SIGHT_M, field.body)))
        return self._episode_of(subject, field, number, poses[at], draws)

    def _begin_in_sight(self, subject: Subject, field: Field, number: int, draws: np.random.Generator) -> Episode | None:
        """An episode that begins where a target is seen within IN_SIGHT_M; None where that is nowhere."""
        navigation, camera = self._simulator.navigation, self._camera_of("navigation")
        views = navigation.field(field.house, subject.objects, camera, IN_SIGHT_M, field.body)
        if views is None:
            return None
        cells = navigation.reachable(field.house, field.body)
        near = np.flatnonzero(navigation.distance(views, cells[:, 0], cells[:, 1]) <= 0.0)
        for _ in range(TRIES if len(near) else 0):
            poses = np.empty((TRIES, 3))
            poses[:, :2] = cells[draws.choice(near, TRIES)]
            poses[:, 2] = draws.uniform(-np.pi, np.pi, TRIES)
            seen = navigation.sees(field.house, poses, subject.objects, camera, IN_SIGHT_M, field.body)
            if seen.any():
                return self._episode_of(subject, field, number, poses[int(np.argmax(seen))], draws)
        return None

    def _begin_with_point(
        self, house: int, number: int, draws: np.random.Generator, metres: tuple[float, float], body: int
    ) -> Episode | None:
        """A start, and one of the points around it that the body can come to; None where no start has one."""
        navigation = self._simulator.navigation
        cells, around = navigation.reachable(house, body), np.array(offsets(metres), dtype=np.float64)
        for _ in range(TRIES if len(cells) and len(around) else 0):
            pose = np.append(cells[draws.integers(len(cells))], draws.uniform(-np.pi, np.pi))
            sin, cos = np.sin(pose[2]), np.cos(pose[2])
            points = pose[:2] + np.stack([sin * around[:, 0] + cos * around[:, 1], cos * around[:, 0] - sin * around[:, 1]], axis=1)
            for at in draws.permutation(len(points))[:TRIES].tolist():
                point = (float(points[at, 0]), float(points[at, 1]))
                if np.hypot(*(cells - points[at]).T).min() > ON_M:
                    continue
                field = self.way(house, (), (), point, body=body)
                if field is not None and np.isfinite(navigation.distance(field, pose[:1], pose[1:2])[0]):
                    forward, right = around[at].astype(int).tolist()
                    subject = Subject(kind="point", gaps={"point": offset_in_words(forward, right)})
                    return self._episode_of(subject, field, number, pose, draws, point)
        return None

    def _episode_of(
        self, subject: Subject, field: Field, number: int, pose: Floats, draws: np.random.Generator,
        point: tuple[float, float] | None = None,
    ) -> Episode:  # fmt: skip
        x, z, yaw = pose.tolist()
        text = self.task.say(subject.gaps, int(draws.integers(len(self.task.templates))))
        return Episode(
            number=number,
            start=Start(
                house=field.house, x=x, z=z, yaw=yaw, episode=number, randomise_materials=bool(draws.random() < self._randomise),
                randomise_light=self._is_lit_anew(number),
            ),
            target_type=subject.kind,
            targets=subject.objects,
            later=subject.later,
            rooms=subject.rooms,
            point=point,
            body=field.body,
            instruction=text,
            goal=self._vocabulary.encode(text),
            shortest_m=self._shortest(subject, field, x, z),
        )  # fmt: skip

    def _is_lit_anew(self, number: int) -> bool:
        """From a stream of its own, so that all else of an episode is the same with and without."""
        return self._light > 0 and bool(stream(self._seed, "light/share", number).random() < self._light)

    def _shortest(self, subject: Subject, field: Field, x: float, z: float) -> float:
        """Metres of the shortest way; where rooms have to be marked, of a tour that always goes on to the nearest one.

        With several targets in turn, it goes to the nearest place that does for each.
        """
        navigation = self._simulator.navigation
        if not isinstance(self.goal, RoomsMarked):
            metres = float(navigation.distance(field, np.array([x]), np.array([z]))[0])
            for turn, objects in enumerate(subject.later, 2):
                x, z = navigation.arrival(field, x, z) if metres else (x, z)
                onward = self.way(field.house, objects, subject.rooms, turn=turn, body=field.body)
                assert onward is not None  # _is_feasible
                field = onward
                metres += float(navigation.distance(field, np.array([x]), np.array([z]))[0])
            return metres
        ways = [way for way in self.ways(field.house, subject.rooms, field.body) if way is not None]
        metres = 0.0
        while ways:
            left = [float(navigation.distance(way, np.array([x]), np.array([z]))[0]) for way in ways]
            nearest = int(np.argmin(left))
            metres += left[nearest]
            x, z = navigation.arrival(ways.pop(nearest), x, z)
        return metres


def goal_of(success: Expression, name: str) -> Goal:
    """What has to be reached for success to hold: a view, a place near by, a room, or all rooms.

    Raises:
        TaskError: success says nothing of where to go.
    """
    found = next((one for one in positive(success) if isinstance(one, Visible | Holding | Near | InRoom | RoomsMarked)), None)
    if isinstance(found, Visible) and isinstance(success, Both):  # seen from as near as it has to be
        nearest = min((part.within_m for part in success.parts if isinstance(part, Near)), default=found.within_m)
        return replace(found, within_m=min(found.within_m, nearest))
    if found is None:
        raise TaskError(f"task {name}: success says nothing of where to go, so no start can be sampled. Add visible(target, ...).")
    return found


def pad_targets(episodes: Sequence[Episode]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(B, K) targets of each episode, -1 pads."""
    return padded([episode.targets for episode in episodes])


def padded(lists: Sequence[Sequence[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(B, K) numbers, K at least 1, -1 pads."""
    out = np.full((len(lists), max(1, max((len(one) for one in lists), default=1))), -1, dtype=np.int64)
    for row, one in enumerate(lists):
        out[row, : len(one)] = one
    return out


def later_of(episodes: Sequence[Episode | None], in_turn: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], ...]:
    """(B, K) each: the targets after the first of a task with so many in turn, -1 pads."""
    return tuple(padded([() if one is None else one.later[at] for one in episodes]) for at in range(in_turn - 1))


def points_of(episodes: Sequence[Episode | None]) -> Floats:
    """(B, 2) point of each episode, not numbers where it is about none."""
    return np.array([(np.nan, np.nan) if one is None or one.point is None else one.point for one in episodes]).reshape(-1, 2)
