"""The engine's cameras: where they are, and what they see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.cameras import Eyes, rotations
from flare_core.simulators.embedded.driven import DrivenSimulator
from flare_core.simulators.embedded.scene import OWN_ID
from flare_core.simulators.thor.modes import Eye
from flare_core.world import Bools, Floats

NEAR_M, FAR_M = 0.1, 20.0  # clipping planes of Unity's cameras, unless Initialize says otherwise
Vector = tuple[float, float, float]
_FIRST_COLOUR: Final = 37


@dataclass(slots=True, kw_only=True)
class Lens:
    """One camera. Metres and degrees; where it is attached to the agent its pose is in the agent's frame, from the floor."""

    right: float
    up: float
    forward: float
    pitch: float
    yaw: float
    fov: float
    is_attached: bool

    @staticmethod
    def of(eye: Eye) -> "Lens":
        """An attached camera."""
        return Lens(
            right=eye.right_m, up=eye.up_m, forward=eye.forward_m, pitch=eye.pitch_deg, yaw=eye.yaw_deg, fov=eye.fov_deg, is_attached=True
        )

    def pose(self, agent: Floats) -> tuple[Vector, float]:
        """World position and yaw (degrees). `agent`: (3,) x, z, yaw in radians."""
        if not self.is_attached:
            return (self.right, self.up, self.forward), self.yaw
        sin, cos = math.sin(agent[2]), math.cos(agent[2])
        x = agent[0] + cos * self.right + sin * self.forward
        z = agent[1] + cos * self.forward - sin * self.right
        return (float(x), self.up, float(z)), self.yaw + math.degrees(agent[2])


def eyes_of(lens: Lens, agent: Floats, width: int, height: int) -> Eyes:
    """One pair of eyes for the renderer: square pixels, the vertical field of view given, as Unity's cameras."""
    position, _ = lens.pose(agent)
    yaw = math.radians(lens.yaw) + (float(agent[2]) if lens.is_attached else 0.0)
    focal = height / (2 * math.tan(math.radians(lens.fov) / 2))
    return Eyes(
        position=np.array([position]), rotation=rotations(np.array([yaw]), np.array([math.radians(lens.pitch)])),
        lens=np.array([[focal, focal, width / 2, height / 2]]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What one camera sees, rows from the bottom up, as bytes on the wire."""

    rgb: bytes
    depth: bytes
    ids: bytes


class Photographer:
    """Takes the pictures of one scene."""

    def __init__(self, simulator: DrivenSimulator, colours: npt.NDArray[np.uint8], near_m: float, far_m: float) -> None:
        """Take the (N + 2, 4) colours of the objects, of the building and of the robot, opaque."""
        self._simulator, self._colours = simulator, colours
        self._far, self._share = far_m, 1.0 - near_m / far_m

    def take(self, lens: Lens, agent: Floats, size: tuple[int, int], *, depth: bool, ids: bool) -> Picture:
        """One picture; depth in metres, as Unity's depth buffer gives it: short by the near plane's share."""
        width, height = size
        eyes = eyes_of(lens, agent, width, height)
        rgb, metres, things = self._simulator.picture(eyes, width, height, full=depth or ids)
        depth_bytes = ids_bytes = b""
        if depth:
            flipped = metres[0, ::-1]
            depth_bytes = (np.where(flipped > 0, np.minimum(flipped, self._far), self._far) * np.float32(self._share)).tobytes()
        if ids:
            flat, building = things[0, ::-1], len(self._colours) - 2
            shown = np.where((flat < 0) | (flat >= building), building, flat)
            ids_bytes = self._colours[np.where(flat == OWN_ID, building + 1, shown)].tobytes()
        return Picture(rgb=rgb[0, ::-1].tobytes(), depth=depth_bytes, ids=ids_bytes)


def visible_from(simulator: DrivenSimulator, lens: Lens, agent: Floats, aspect: float, objects: Sequence[int], within_m: float) -> Bools:
    """(K,) which of some objects a camera sees by AI2-THOR's rule.

    Args:
        aspect: width of the image over its height. within_m: from the agent's axis.
    """
    if not len(objects):
        return np.zeros(0, dtype=np.bool_)
    eyes = eyes_of(lens, agent, 1, 1)
    eyes.lens[0] = [eyes.lens[0, 1] / aspect, eyes.lens[0, 1], 0.5, 0.5]
    seen: Bools = simulator.visible_from(eyes, np.array([objects], dtype=np.int64), within_m)[0]
    return seen


def colours_of(count: int) -> npt.NDArray[np.uint8]:
    """(N + 2, 4) different opaque colours, none of them black."""
    codes = (np.arange(count + 2, dtype=np.int64) + 1) * _FIRST_COLOUR * 65_537 % 16_777_213 + 1
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255, np.full(count + 2, 255)], axis=1).astype(np.uint8)
