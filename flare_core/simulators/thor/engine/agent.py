"""The agent: its body in a scene, its cameras, and the settings that `Initialize` gave it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from flare_core.embodiments.body import Footprint
from flare_core.simulators.embedded.motion import free_all, shape_of
from flare_core.simulators.thor.engine.arguments import ActionError
from flare_core.simulators.thor.engine.optics import FAR_M, NEAR_M, Lens, Photographer, colours_of, visible_from
from flare_core.simulators.thor.engine.stage import Stage
from flare_core.simulators.thor.modes import MODES, AgentMode, body_of
from flare_core.world import Bools, Floats, World

HAND_RADIUS_M: Final = 0.06  # of the Stretch's hand sphere until SetHandSphereRadius
HELD_FORWARD_M: Final = 0.4  # where an agent without an arm holds things, from its main camera (AI2-THOR's DefaultHandPosition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `Initialize` sets, with AI2-THOR's defaults."""

    mode: AgentMode = MODES["default"]
    grid_m: float = 0.25
    snaps: bool = True
    rotate_step_deg: float = 90.0
    visibility_m: float = 1.5
    fov_deg: float | None = None
    depth: bool = False
    ids: bool = False
    image: bool = True
    emits_fast: bool = True
    noise: bool = True
    move_mean_m: float = 0.001
    move_spread_m: float = 0.005
    turn_mean_deg: float = 0.0
    turn_spread_deg: float = 0.5
    up_deg: float | None = None
    down_deg: float | None = None
    near_m: float = NEAR_M
    far_m: float = FAR_M
    footprint: Footprint | None = None
    hand_radius_m: float = HAND_RADIUS_M


class Agent:
    """One agent in one scene. Angles in degrees, as actions give them; poses of the simulator in radians.

    Attributes:
        lenses: the cameras beside the main one, by number.
        filter: objects that metadata lists, by index; None for all.
        collided: what stopped the last action, in words.
    """

    def __init__(self, stage: Stage, settings: Settings, aspect: float) -> None:
        """Put the agent where the scene has it begin.

        Args:
            aspect: width of its pictures over their height.
        """
        mode = settings.mode
        self.stage, self.settings, self.aspect = stage, settings, aspect
        self.simulator = stage.simulator(body_of(mode, settings.footprint, settings.hand_radius_m))
        self._world: World | None = None
        self.main = Lens.of(mode.eye)
        if settings.fov_deg is not None:
            self.main.fov = settings.fov_deg
        self.lenses = [] if mode.second is None else [Lens.of(mode.second)]
        self.colours = colours_of(len(stage.things))
        self.photographer = Photographer(self.simulator, self.colours, settings.near_m, settings.far_m)
        self.filter: list[int] | None = None
        self.is_standing = True
        self.collided = False
        self.openness_state = 0
        self._random = np.random.default_rng(0)
        if stage.start is not None:
            x, z, yaw_deg = stage.start
            self.put(x, z, math.radians(yaw_deg))

    @property
    def world(self) -> World:
        """The simulator's state, asked for once between two changes."""
        if self._world is None:
            self._world = self.simulator.world()
        return self._world

    @property
    def pose(self) -> Floats:
        """(3,) x, z, yaw in radians."""
        return np.array([self.world.position[0, 0], self.world.position[0, 2], self.world.yaw[0]])

    def put(self, x: float, z: float, yaw: float) -> None:
        """Stand somewhere, whatever is there."""
        self._world = None
        self.simulator.place(0, x, z, yaw)

    def hold(self, thing: int, pose: Floats) -> None:
        """Hold an object at (4,) x, y, z, yaw, without an arm."""
        self._world = None
        self.simulator.hold(0, thing, pose)

    def grip(self, *, close: bool) -> bool:
        """Close the hand on what is in it, or let go; whether there was something."""
        self._world = None
        return self.simulator.grip(0, close=close)

    def fits(self, x: float, z: float, yaw: float) -> bool:
        """Whether the body touches nothing at a pose."""
        pack, out = self.stage.pack, np.zeros(1, dtype=np.bool_)
        here = (np.zeros(1, dtype=np.int64), np.array([x]), np.array([z]), np.array([yaw]))
        free_all(pack.boxes, pack.box_start, *here, shape_of(self.simulator.body.footprint)[None], out)
        return bool(out[0])

    def move(self, forward_m: float, right_m: float) -> None:
        """Move straight, or not at all where something is in the way.

        Raises:
            ActionError: something is.
        """
        noisy, settings = self._noisy, self.settings
        length = math.hypot(forward_m, right_m)
        if noisy:
            self._drive(0.0, 0.0, float(self._random.normal(settings.turn_mean_deg, settings.turn_spread_deg / 2)))
            share = 0.0 if not length else (length + float(self._random.normal(settings.move_mean_m, settings.move_spread_m))) / length
            forward_m, right_m = forward_m * share, right_m * share
        self._drive(forward_m, right_m, 0.0)
        if self._was_stopped():
            yaw = self.pose[2]
            dx = math.sin(yaw) * forward_m + math.cos(yaw) * right_m
            dz = math.cos(yaw) * forward_m - math.sin(yaw) * right_m
            raise ActionError(f"{self._blocker(dx, dz)} is blocking Agent 0 from moving by ({dx:.4f}, {0:.4f}, {dz:.4f}).", kind="")
        if settings.snaps and not noisy and settings.mode.name in ("default", "fpin"):
            x, z, yaw = self.pose
            self.put(round(x / settings.grid_m) * settings.grid_m, round(z / settings.grid_m) * settings.grid_m, yaw)

    def turn(self, right_deg: float) -> None:
        """Turn on the spot.

        Raises:
            ActionError: something is in the way.
        """
        if self._noisy:
            right_deg += float(self._random.normal(self.settings.turn_mean_deg, self.settings.turn_spread_deg))
        self._drive(0.0, 0.0, right_deg)
        if self._was_stopped():
            raise ActionError(f"{self._blocker(0.0, 0.0)} is blocking Agent 0 from rotating by {right_deg:.4f} degrees", kind="")

    def bend(self, lift_m: float, extend_m: float, wrist: float) -> None:
        """Move the arm there, or not at all.

        Raises:
            ActionError: something is in the way.
        """
        self._world = None
        self.simulator.bend(np.array([[lift_m, extend_m, wrist]]))
        if self._was_stopped():
            raise ActionError("Collided with static structure or object while moving the arm", kind="")

    @property
    def joints(self) -> Floats:
        """(3,) lift, extension (m) and wrist (rad)."""
        return np.asarray(self.world.joints[0])

    @property
    def held(self) -> int:
        """Object in the hand, by index; -1."""
        return int(self.world.held[0])

    def look(self, down_deg: float) -> None:
        """Tilt the main camera."""
        self.main.pitch += down_deg

    @property
    def limits_deg(self) -> tuple[float, float]:
        """How far up and down the main camera may look from the horizon."""
        mode, settings = self.settings.mode, self.settings
        return settings.up_deg or mode.up_deg, settings.down_deg or mode.down_deg

    def sees(self, objects: Sequence[int], within_m: float, lens: Lens | None = None) -> Bools:
        """(K,) which of some objects are in sight of the main camera or another, by AI2-THOR's rule."""
        return visible_from(self.simulator, lens or self.main, self.pose, self.aspect, objects, within_m)

    def widen_hand(self, radius_m: float) -> None:
        """Give the hand another sphere; everything else stays as it is."""
        self.settings = replace(self.settings, hand_radius_m=radius_m)
        state = self.simulator.snapshot()
        self.simulator = self.stage.simulator(body_of(self.settings.mode, self.settings.footprint, radius_m))
        self.simulator.restore(state)
        self._world = None
        self.photographer = Photographer(self.simulator, self.colours, self.settings.near_m, self.settings.far_m)

    def boxes(self) -> Floats:
        """(N, 8) boxes around all objects where they are now."""
        return self.simulator.object_boxes(0)

    def moved(self, boxes: Floats) -> Bools:
        """(N,) objects that are not where the house has them, by the (N, 8) boxes around them now."""
        return np.asarray((boxes != self.stage.pack.object_box).any(axis=1))

    def index_of(self, object_id: str) -> int:
        """An object by its id.

        Raises:
            ActionError: there is none.
        """
        if object_id not in self.stage.index:
            raise ActionError(f"objectId: {object_id} is not the objectId on any object in the scene!", kind="ArgumentException")
        return self.stage.index[object_id]

    @property
    def _noisy(self) -> bool:
        return self.settings.mode.noise and self.settings.noise

    def _drive(self, forward_m: float, right_m: float, right_deg: float) -> None:
        self._world = None
        self.simulator.drive(np.array([[forward_m, right_m, math.radians(right_deg)]]))

    def _was_stopped(self) -> bool:
        self.collided = bool(self.world.collided[0])
        return self.collided

    def _blocker(self, dx: float, dz: float) -> str:
        """Name of the object nearest to where the body wanted to be, or the building."""
        x, z, _ = self.pose
        boxes = self.boxes()
        if not len(boxes):
            return "Structure"
        away = np.hypot(boxes[:, 0] - x - dx, boxes[:, 2] - z - dz) - np.hypot(boxes[:, 3], boxes[:, 5])
        low = boxes[:, 1] - boxes[:, 4] < self.simulator.body.footprint.height_m
        nearest = int(np.argmin(np.where(low, away, np.inf)))
        reach = self.simulator.body.footprint.swept_radius_m
        return self.stage.things[nearest].id if away[nearest] < reach else "Structure"
