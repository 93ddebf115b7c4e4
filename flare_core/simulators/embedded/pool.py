"""Bodies that the rows of one batch have: the numbers of each, stacked once, and those of every row's, gathered when its episode begins.

All bodies of a pool have one structure, the same cameras, joints, arm and actions; their sizes differ. Which one an episode
is played with is drawn by the episode's number, never by row or order.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flare_core.embodiments.body import Camera, Effect, Embodiment
from flare_core.errors import SimError
from flare_core.seeding import key_of, uniforms
from flare_core.simulators.embedded.cameras import mount_of, optics_of
from flare_core.simulators.embedded.effects import effect_table
from flare_core.simulators.embedded.motion import shape_of
from flare_core.world import Floats, Ints


class Pool:
    """N bodies for B rows; C cameras, A actions, J joints as in `EffectTable`.

    Attributes:
        bodies: N of them.
        which: (B,) the body of every row.
        shapes: (N, 6) and shape: (B, 6) as in `motion`.
        mount: (B, C, 5) and optics: (B, C, 8) as in `cameras`.
        noise: (B, 2) standard deviation of moves (m) and turns (rad).
        low, high: (B, J) limits of the joints.
        motion: (N * A, 3), amount, impossible: (N * A,) as in `EffectTable`; the rows of row b's body begin at `first` (B,).
    """

    def __init__(self, bodies: Sequence[Embodiment], batch: int, seed: int) -> None:
        """Stack the numbers; every row begins with the body of episode 0.

        Raises:
            SimError: the bodies differ in structure, or an action turns a camera that there is none of.
        """
        check_alike(bodies)
        tables = [effect_table(body) for body in bodies]
        self.bodies, self._key = tuple(bodies), key_of(seed, "body")
        self.shapes = np.stack([shape_of(body.footprint) for body in bodies])
        self._mounts = np.array([[mount_of(camera) for camera in body.cameras] for body in bodies]).reshape(len(bodies), -1, 5)
        self._optics = np.array([[optics_of(camera) for camera in body.cameras] for body in bodies]).reshape(len(bodies), -1, 8)
        self._noises = np.array([(body.noise.move_m, body.noise.turn) for body in bodies])
        self._lows, self._highs = np.stack([table.low for table in tables]), np.stack([table.high for table in tables])
        self.motion = np.concatenate([table.motion for table in tables])
        self.amount = np.concatenate([table.amount for table in tables])
        self.impossible = np.concatenate([table.impossible for table in tables])
        self.is_noisy = bool((self._noises > 0).any())
        self.follow(np.zeros(batch, dtype=np.int64))

    def of(self, episode: int) -> int:
        """The body that an episode is played with."""
        if len(self.bodies) == 1:
            return 0
        return int(uniforms(self._key, np.array([episode]), np.zeros(1, dtype=np.int64))[0, 0] * len(self.bodies))

    def begin(self, row: int, episode: int) -> Embodiment:
        """Give a row the body of an episode that begins there, and return it."""
        at = self.of(episode)
        if self.which[row] != at:
            self.which[row] = at
            self._gather()
        return self.bodies[at]

    def follow(self, episodes: Ints) -> None:
        """Give every row the body of its episode (B,)."""
        self.which = np.array([self.of(episode) for episode in episodes.tolist()], dtype=np.int64)
        self._gather()

    def _gather(self) -> None:
        which = self.which
        self.shape: Floats = self.shapes[which]
        self.mount: Floats = self._mounts[which]
        self.optics: Floats = self._optics[which]
        self.noise: Floats = self._noises[which]
        self.low: Floats = self._lows[which]
        self.high: Floats = self._highs[which]
        self.first: Ints = which * len(self.bodies[0].actions)


def check_alike(bodies: Sequence[Embodiment]) -> None:
    """Refuse a pool whose bodies differ in more than sizes.

    Raises:
        SimError: they do, or there is none.
    """
    if not bodies:
        raise SimError("pool: there is no body in it; give one at least")
    first = _structure(bodies[0])
    for body in bodies[1:]:
        if _structure(body) != first:
            raise SimError(
                f"pool: {body.name} has other cameras, joints, actions, senses or arm than {bodies[0].name}. Bodies of one batch differ "
                "in sizes alone; draw them from one spec"
            )


def _structure(body: Embodiment) -> tuple[object, ...]:
    """What all bodies of a pool have in common."""
    actions = [replace(action, effect=_sizeless(action.effect)) for action in body.actions]
    return [_shape_of(camera) for camera in body.cameras], actions, body.arm, body.gripper, body.on_contact, body.senses


def _shape_of(camera: Camera) -> tuple[object, ...]:
    return camera.name, camera.role, camera.on, camera.pan is None, camera.tilt is None


def _sizeless(effect: Effect) -> Effect:
    return replace(effect, amount=math.copysign(1.0, effect.amount)) if effect.kind in ("move_base", "turn_base", "turn_camera") else effect
