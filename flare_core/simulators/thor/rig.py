"""Which of AI2-THOR's cameras are the robot's, and the calls that put them where they should be.

The main camera of later builds, and the one that the Stretch brings along, hang on the agent: they are put once an episode, and when
a joint turns them. All others stand in the world and are moved after every step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flare_core.embodiments.body import Camera, Embodiment
from flare_core.simulators.thor.calls import Call, camera_call
from flare_core.simulators.thor.modes import AgentMode, Build
from flare_core.simulators.thor.representation import fov_deg
from flare_core.world import Floats, World

Hold = Literal["main", "attached", "world"]
MAIN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One of the robot's cameras. `number`: of a third-party camera, or MAIN."""

    camera: Camera
    number: int
    hold: Hold


class Rig:
    """The cameras of one robot in one agent mode."""

    def __init__(self, body: Embodiment, mode: AgentMode, build: Build, main: str | None) -> None:
        """Assign THOR's cameras. `main`: the robot's camera that is the main one, if any."""
        self._mode, number = mode, 0
        fixtures = list[Fixture]()
        for camera in body.cameras:
            if camera.name == main:
                fixtures.append(Fixture(camera=camera, number=MAIN, hold="world" if camera.on == "wrist" else "main"))
                continue
            brought = mode.second is not None and number == 0 and build == "nanna" and camera.on != "wrist"
            fixtures.append(Fixture(camera=camera, number=number, hold="attached" if brought else "world"))
            number += 1
        self.fixtures = tuple(fixtures)
        self.numbers = tuple(one.number for one in fixtures)
        self._to_add = max(0, number - (0 if mode.second is None else 1))

    def calls_at_start(self) -> list[Call]:
        """Calls that make the cameras that the mode does not have."""
        zero = {"x": 0.0, "y": 0.0, "z": 0.0}
        return [{"action": "AddThirdPartyCamera", "position": zero, "rotation": zero, "fieldOfView": 60.0} for _ in range(self._to_add)]

    @property
    def drifts(self) -> tuple[int, ...]:
        """Cameras, by their place in the robot, that have to be moved after every step."""
        return tuple(at for at, one in enumerate(self.fixtures) if one.hold == "world")

    def aim(self, cameras: Sequence[int], row: int, world: World, jitter: Floats) -> list[Call]:
        """Calls that put some cameras where they should be.

        Args:
            cameras: places in the robot. jitter: (C, 6) of the row.
        """
        return [self._call(at, row, world, float(jitter[at, 5])) for at in cameras]

    def _call(self, at: int, row: int, world: World, fov_change: float) -> Call:
        one = self.fixtures[at]
        place = world.camera_position[row, at]
        yaw, pitch, fov = float(world.camera_yaw[row, at]), float(world.camera_pitch[row, at]), fov_deg(one.camera, fov_change)
        if one.number != MAIN and one.hold == "world":
            return camera_call(one.number, place, yaw, pitch, fov)
        base = world.yaw[row]
        dx, dz = place[0] - world.position[row, 0], place[2] - world.position[row, 2]
        sin, cos = np.sin(base), np.cos(base)
        local = (cos * dx - sin * dz, place[1] - self._mode.origin_m, sin * dx + cos * dz)
        call = camera_call(None if one.number == MAIN else one.number, local, yaw - float(base), pitch, fov)
        return call if one.number == MAIN else {**call, "agentPositionRelativeCoordinates": True}
