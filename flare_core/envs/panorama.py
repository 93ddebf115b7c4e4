"""How much of the circle around it a robot's navigation camera has shown."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from flare_core.embodiments.body import Embodiment
from flare_core.envs.observation import FIRST
from flare_core.world import Bools, Floats, Ints, World

PIECES: Final = 72  # of the circle


class Panorama:
    """Directions, in the house's frame, that the camera of every row has shown in its episode.

    Attributes:
        shown: (B, PIECES) bool.
    """

    def __init__(self, bodies: Sequence[Embodiment], batch: int) -> None:
        """Begin with nothing shown; the bodies have a camera with the role navigation (see `tasks.judging.check_body`)."""
        camera = bodies[0].camera_for("navigation")
        assert camera is not None
        self._camera = bodies[0].camera_index(camera.name)
        self._half = np.array([0.5 * body.cameras[self._camera].horizontal_fov for body in bodies])
        self._middles = (np.arange(PIECES) + 0.5) * (math.tau / PIECES)
        self.shown: Bools = np.zeros((batch, PIECES), dtype=np.bool_)

    def begin(self, rows: Ints, world: World, which: Ints = FIRST) -> None:
        """Episodes begin in these rows; what their cameras show now counts. `which` (B,) as in `BodyState`."""
        self.shown[rows] = self._in_view(world, which)[rows]

    def look(self, world: World, which: Ints = FIRST) -> None:
        """After a step."""
        self.shown |= self._in_view(world, which)

    def seen(self) -> Floats:
        """(B,) radians."""
        return np.asarray(self.shown.sum(axis=1) * (math.tau / PIECES))

    def _in_view(self, world: World, which: Ints) -> Bools:
        aside = self._middles - world.camera_yaw[:, self._camera, None]
        return np.asarray(np.abs(np.remainder(aside + math.pi, math.tau) - math.pi) <= self._half[which, None])
