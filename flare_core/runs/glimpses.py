"""Frames at random poses of a body in its houses, with what the embedded simulator knows of every pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.envs.augmentation import Augmentation
from flare_core.envs.augmenting import Augmenter
from flare_core.errors import SimError
from flare_core.learning.perception import COVERED, Glimpse, label
from flare_core.policies.spec import PolicySpec, View
from flare_core.seeding import stream
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.task import Task
from flare_core.world import Start

ROWS = 64
FOCUS_M = (1.5, 2.5, 4.0, 6.0)  # a focused frame is taken from within one of these of what it looks at,
AT_HAND_M = (0.6, 0.8, 1.1, 1.5)  # or one of these where the manipulation camera looks,
TRIES = 10_000  # poses drawn in search of one where a body can stand
FOCUS_ASIDE = 0.5  # and so far from straight at it, radians


class EmbeddedLookout:
    """Draws ROWS frames of every view at a time. Worker w of W takes frames w, w + W, ... of one numbering."""

    def __init__(
        self, pack: ScenePack, body: Embodiment, task: Task, policy: PolicySpec, *, seed: int, worker: int, workers: int, border: float,
        plain: float, focus: float, at_hand: float = 0.0, views: Sequence[str] = (), light: float = 0.0,
        augment: Augmentation | None = None, bodies: Sequence[Embodiment] = (),
    ) -> None:  # fmt: skip
        """Set up the simulator.

        Args:
            border: share of frames with covered borders.
            plain: share of frames in the houses' own colours.
            focus: share of frames that look towards something that the task asks for, every type as often.
            at_hand: share of these in which the manipulation camera looks towards it, from near by.
            views: those that are wanted; all if none is named.
            light: share of frames in random light.
            augment: colour and blur of the frames; they are not cropped, or what they are labelled with would lie elsewhere.
            bodies: from which every frame has one; left out, all have `body`.
        """
        self._simulator = EmbeddedSimulator(pack, body, ROWS, seed, bodies=bodies)
        self._narrow = int(np.argmin([one.footprint.swept_radius_m for one in self._simulator.bodies]))
        self._policy, self._seed, self._worker, self._workers = policy, seed, worker, workers
        self._border, self._plain, self._focus, self._at_hand = border, plain, focus, at_hand
        self._views = [view for view in policy.views if not views or view.name in views]
        self._cameras = {view.name: camera.name for view in self._views if (camera := body.camera_for(view.name)) is not None}
        hands = [one.camera_for("manipulation") for one in self._simulator.bodies]
        self._hand_yaws = [None if hand is None else hand.yaw for hand in hands]
        self._kinds = kinds_of(self._simulator, task)
        self._categories, self._light = len(task.types), light
        names = [camera.name for camera in body.cameras]
        self._augmenter = None if augment is None else Augmenter(replace(augment, crop=None), seed, names, ROWS)
        self.turn = 0

    def look(self) -> Mapping[str, Glimpse]:
        """Fresh frames of every view."""
        draws = stream(self._seed, "glimpse", self.turn * self._workers + self._worker)
        self._simulator.reset(np.arange(ROWS), [self._start(row, draws) for row in range(ROWS)])
        numbers = self._number(0) + np.arange(ROWS)
        self.turn += 1
        house = self._simulator.world().house
        found = {}
        for view in self._views:
            images, depth, ids = self._simulator.frames(self._cameras[view.name], view.width, view.height)
            kinds = np.where(ids >= 0, self._kinds[house[:, None, None], np.clip(ids, 0, self._kinds.shape[1] - 1)], -1)
            depth = depth.copy()
            if self._augmenter is not None:
                self._augmenter.change(self._cameras[view.name], images, numbers)
            for row in np.flatnonzero(draws.random(ROWS) < self._border):
                cover(images[row], kinds[row], depth[row], view, draws)
            cells, coarse = label(kinds, depth, self._categories)
            found[view.name] = Glimpse(images=images, cells=cells, depth=coarse)
        return found

    def _start(self, row: int, draws: np.random.Generator) -> Start:
        number = self._number(row)
        house, x, z, yaw = self._pose(self._simulator.body_of(number), draws)
        materials = bool(draws.random() >= self._plain)
        light = self._light > 0 and bool(draws.random() < self._light)
        return Start(house=house, x=x, z=z, yaw=yaw, episode=number, randomise_materials=materials, randomise_light=light)

    def _number(self, row: int) -> int:
        return (self.turn * self._workers + self._worker) * ROWS + row

    def _pose(self, body: int, draws: np.random.Generator) -> tuple[int, float, float, float]:
        """House, x, z and yaw of one frame.

        Of many bodies hardly one comes into the same house again, and working out where it can go costs more than the frame. So its
        place is one where the narrowest of them can go, as long as it touches nothing there.
        """
        navigation = self._simulator.navigation
        for _ in range(TRIES):
            house = int(draws.integers(self._simulator.house_count()))
            cells = navigation.reachable(house, self._narrow)
            if not len(cells):
                continue
            x, z = cells[draws.integers(len(cells))].tolist()
            yaw = float(draws.uniform(-np.pi, np.pi))
            if draws.random() < self._focus:
                x, z, yaw = self._towards(house, cells, self._hand_yaws[body], draws) or (x, z, yaw)
            if len(self._simulator.bodies) == 1 or navigation.stands(house, x, z, yaw, body):
                return house, x, z, yaw
        raise SimError(f"{self._simulator.bodies[body].name}: can stand nowhere in these houses. Narrow the ranges of `base:`")

    def _towards(
        self, house: int, cells: npt.NDArray[np.float64], hand_yaw: float | None, draws: np.random.Generator
    ) -> tuple[float, float, float] | None:
        """A pose that faces something of a category, more or less, whatever stands between; None where a house has nothing."""
        kinds = self._kinds[house]
        present = np.unique(kinds[kinds >= 0])
        if not len(present):
            return None
        things = np.flatnonzero(kinds == draws.choice(present))
        aside, distances = 0.0, FOCUS_M
        if hand_yaw is not None and draws.random() < self._at_hand:
            aside, distances = hand_yaw, AT_HAND_M
        position = self._simulator.object_positions(house)[draws.choice(things)]
        away = np.hypot(cells[:, 0] - position[0], cells[:, 1] - position[2])
        near = np.flatnonzero(away < draws.choice(distances))
        x, z = cells[draws.choice(near) if len(near) else int(away.argmin())].tolist()
        return x, z, float(np.arctan2(position[0] - x, position[2] - z) - aside + draws.uniform(-FOCUS_ASIDE, FOCUS_ASIDE))


def kinds_of(simulator: EmbeddedSimulator, task: Task) -> npt.NDArray[np.int64]:
    """(houses, ids) category of every instance id of every house, -1 for what no task asks for."""
    types = [simulator.object_types(house) for house in range(simulator.house_count())]
    table = np.full((len(types), max(map(len, types)) + 1), -1, dtype=np.int64)  # one more: ids of rooms are cut to it
    for house, names in enumerate(types):
        table[house, : len(names)] = [task.types.index(name) if name in task.types else -1 for name in names]
    return table


def cover(
    image: npt.NDArray[np.uint8], kinds: npt.NDArray[np.int64], depth: npt.NDArray[np.float32], view: View, draws: np.random.Generator
) -> None:
    """Cover borders of one frame with the view's fill colour, in place; what is covered is not there."""
    height, width = kinds.shape
    top, bottom, left, right = (draws.random(4) * COVERED * np.array([height, height, width, width])).astype(int)
    for part in (np.s_[:top], np.s_[height - bottom :], np.s_[:, :left], np.s_[:, width - right :]):
        image[part], kinds[part], depth[part] = view.fill, -1, 0.0
