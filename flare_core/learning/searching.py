"""An expert that searches: what it does follows from what its camera has seen, so that a policy which sees the same can imitate it.

The expert of a task knows where the target is. Its turns at a crossing cannot be told from the images, and who imitates
them learns to turn at random. This one goes to the nearest piece of floor that its camera has not looked at yet, until the
target has come into view; from then on it does as the task's expert. Where a view is asked for it comes nearer than it must:
a target is plainer to see from there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.errors import TaskError
from flare_core.evaluation.belief import SPOT_OWNER, glance
from flare_core.simulators.embedded.grid import CELL_M
from flare_core.simulators.embedded.navigation import Kept, lens_of
from flare_core.simulators.embedded.sight import POINTS
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Episode, EpisodeSampler, pad_targets
from flare_core.tasks.expert import Expert, Guide, guide_for
from flare_core.tasks.predicates import Visible
from flare_core.tasks.walking import Walker
from flare_core.world import Bools, Field, Floats, Ints, World

WITHIN_M: Final = (1.2, 1.6)  # how near it comes to a target where the body can,
MARGIN: Final = 0.3  # with the target this part of the half image from its edge
KNOWN_SIZES: Final = 25.0  # a target is recognised from within so many times its greatest extent,
KNOWN_M: Final = (2.0, 5.0)  # but from these distances at least and at most
LOOKED_M: Final = 2.5  # floor counts as looked at from within this,
BESIDE_M: Final = 0.6  # and floor this close whether the camera faces it or not
SPOT_M: Final = 0.5  # pieces of floor are this far apart,
SPOT_UP_M: Final = 0.5  # and are looked at this high above the ground: things stand on furniture
PATIENCE: Final = 4  # steps after which the nearest piece is chosen anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Pieces of one house's floor, S of them: their cells in the navigation grid and points (S, 15, 3), of which the first is used."""

    cells: npt.NDArray[np.int32]
    points: Floats


@dataclass(slots=True, kw_only=True)
class Search:
    """What one row's episode has come to. `goal` is the piece of floor that it is on its way to."""

    episode: int
    unseen: Bools
    knows: bool = False
    goal: int = -1
    way: Field | None = None
    since: int = 0


class SearchingExpert:
    """Chooses actions for every row of an embedded simulator; asked once a step, as it remembers what was seen.

    Attributes:
        lost: (B,) rows of the last call whose action nobody who sees the same could know, as `Expert.lost`.
    """

    def __init__(self, simulator: EmbeddedSimulator, sampler: EpisodeSampler) -> None:
        """Prepare the expert that takes over when the target is known.

        Raises:
            TaskError: the body has no camera to search with, or cannot do the task.
        """
        camera = simulator.body.camera_for(sampler.view.role if isinstance(sampler.goal, Visible) else "navigation")
        if camera is None:
            raise TaskError(f"task {sampler.task.name}: {simulator.body.name} has no camera with role 'navigation' to search with")
        self._simulator, self._camera, self._at = simulator, camera, simulator.body.camera_index(camera.name)
        self._expert: Guide = (
            Expert(simulator, sampler, WITHIN_M, MARGIN) if isinstance(sampler.goal, Visible) else guide_for(simulator, sampler)
        )
        self._walker = Walker(simulator)
        self._lenses = np.stack([lens_of(body.cameras[self._at], 0.0) for body in simulator.bodies])
        self._lenses[:, 2:] = 20.0  # what lies below the image was in it a few steps ago
        self._floors: Kept[Floor] = Kept(simulator.house_count())
        self._searches: list[Search | None] = [None] * simulator.batch
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints) -> Ints:
        """The action of every row.

        Args:
            episodes: the episode that each row of the simulator plays, B of them.
            previous: (B,) what each body has just done; any other number at the start of an episode.

        Returns:
            (B,) indices into the body's actions.
        """
        world = self._simulator.world()
        searches = [self._search(row, episode) for row, episode in enumerate(episodes)]
        known = self._recognised(episodes, world)
        rows, ways = list[int](), list[Field]()
        for row, search in enumerate(searches):
            search.knows |= bool(known[row])
            if not search.knows:
                way = self._way(row, search, world)
                search.knows = way is None  # everything has been looked at
                if way is not None:
                    rows.append(row)
                    ways.append(way)
        out = self._expert.actions(episodes, previous)
        self.lost = self._expert.lost
        if rows:
            at = np.array(rows, dtype=np.int64)
            chosen = self._walker.descend(at, ways, previous[at])
            for row, action in zip(rows, chosen.tolist(), strict=True):
                if action >= 0:
                    out[row], self.lost[row] = action, False
                else:  # as near as it can come
                    searches[row].unseen[searches[row].goal] = False
        return out

    def _search(self, row: int, episode: Episode) -> Search:
        search = self._searches[row]
        if search is None or search.episode != episode.number:
            spots = len(self._floor(episode.start.house, episode.body).cells)
            search = self._searches[row] = Search(episode=episode.number, unseen=np.ones(spots, dtype=np.bool_))
        return search

    def _recognised(self, episodes: Sequence[Episode], world: World) -> Bools:
        """(B,) rows whose camera sees a target large enough to be known."""
        targets, pack = pad_targets(episodes), self._simulator.pack
        boxes = pack.object_box[pack.object_start[world.house][:, None] + np.maximum(targets, 0)]  # (B, K, 8)
        away = np.hypot(boxes[..., 0] - world.position[:, None, 0], boxes[..., 2] - world.position[:, None, 2])
        enough = np.clip(KNOWN_SIZES * 2 * boxes[..., 3:6].max(-1), *KNOWN_M)
        seen = self._simulator.visible(targets, self._camera.name, KNOWN_M[1])
        return np.asarray((seen & (away <= enough)).any(axis=1))

    def _way(self, row: int, search: Search, world: World) -> Field | None:
        """To the nearest piece of floor that has not been looked at; None when there is none left."""
        house, pack, navigation = int(world.house[row]), self._simulator.pack, self._simulator.navigation
        body, kit = int(self._simulator.row_bodies[row]), self._walker.kit(row)
        floor = self._floor(house, body)
        x, z = float(world.position[row, 0]), float(world.position[row, 2])
        count, owner = np.ones(len(floor.cells), dtype=np.int64), np.full(len(floor.cells), SPOT_OWNER, dtype=np.int64)
        glance(
            pack.boxes, pack.box_object, int(pack.box_start[house]), int(pack.box_start[house + 1]), world.camera_position[row, self._at],
            world.camera_yaw[row, self._at], 0.0, self._lenses[body], x, z, LOOKED_M, floor.points, count, owner, search.unseen,
        )  # fmt: skip
        search.unseen &= np.hypot(floor.points[:, 0, 0] - x, floor.points[:, 0, 2] - z) > BESIDE_M
        search.since += 1
        if search.way is not None and search.unseen[search.goal] and search.since < PATIENCE:
            return search.way
        cell = navigation.cell_at(house, x, z, body)
        if cell < 0:
            return search.way
        metres = navigation.way_to(house, cell, body).metres[floor.cells].astype(np.float64)
        turn = np.arctan2(floor.points[:, 0, 0] - x, floor.points[:, 0, 2] - z) - float(world.yaw[row])
        turn = np.abs(turn - math.tau * np.round(turn / math.tau))
        cost = np.where(search.unseen, np.maximum(metres, 0.0) / kit.step_m + turn / kit.turn, np.inf)
        nearest = int(cost.argmin()) if len(cost) else -1
        if nearest < 0 or not math.isfinite(cost[nearest]):
            return None
        search.goal, search.since, search.way = nearest, 0, navigation.way_to(house, int(floor.cells[nearest]), body)
        return search.way

    def _floor(self, house: int, body: int) -> Floor:
        return self._floors.get((house, body), lambda: self._make_floor(house, body))

    def _make_floor(self, house: int, body: int) -> Floor:
        here = self._simulator.navigation.grid(house, body)
        cells, every = here.cells(), max(1, round(SPOT_M / CELL_M))
        j, i = np.divmod(cells, here.shape[1])
        cells = cells[(j % every == every // 2) & (i % every == every // 2)]
        points = np.zeros((len(cells), POINTS, 3))
        points[:, 0, [0, 2]], points[:, 0, 1] = here.centres(cells), SPOT_UP_M
        return Floor(cells=cells, points=points)
