"""What is drawn at random in an episode: how cameras sit, and how motions miss. Keyed by episode and step, never by row."""

import math
from typing import Final

import numpy as np

from flare_core.embodiments.body import Embodiment
from flare_core.seeding import uniforms
from flare_core.world import Floats, Ints

UP, PITCH, FOV = 1, 4, 5  # of a jitter: right, up, forward, yaw, pitch, field of view
FULL_TURN: Final = 2 * math.pi


def draw_jitter(body: Embodiment, key: int, episode: int) -> Floats:
    """(C, 6) change of every camera's mount and field of view for one episode, uniform within the body's limits."""
    jitter, cameras = body.jitter, len(body.cameras)
    widths = np.array([jitter.position_m] * 3 + [jitter.yaw, jitter.pitch, jitter.fov])
    at, lanes = np.append(np.tile(np.arange(cameras), 3), [cameras, cameras]), np.append(np.repeat(np.arange(3), cameras), [0, 1])
    uniform = uniforms(key, np.full(len(at), episode), at, lanes)  # two for each lane of a camera; the last four are for all of them
    drawn: Floats = (2 * uniform[:-2].reshape(3, cameras, 2).transpose(1, 0, 2).reshape(cameras, 6) - 1) * widths
    other = jitter.other_mounts
    if other is not None:
        chance, lower, raised, narrower = uniform[-2:].ravel()
        if chance < other.share:
            drawn[:, UP] -= other.lower_m * lower
            drawn[:, PITCH] -= other.raised * raised
            drawn[:, FOV] -= other.narrower * narrower
    return drawn


def with_noise(wanted: Floats, noise: Floats, key: int, episode: Ints, step: Ints) -> Floats:
    """(B, 3) base motions with a normal error added to every move and turn, keyed by episode and step (B,).

    Args:
        noise: (B, 2) standard deviation of moves (m) and turns (rad).
    """
    drawn = uniforms(key, episode, step)
    radius, angle = np.sqrt(-2 * np.log1p(-drawn[:, 0])), FULL_TURN * drawn[:, 1]  # Box-Muller
    first, second = radius * np.cos(angle), radius * np.sin(angle)
    out = wanted.copy()
    for axis in (0, 1):
        out[:, axis] += np.where(wanted[:, axis] != 0, first * noise[:, 0], 0.0)
    out[:, 2] += np.where(wanted[:, 2] != 0, second * noise[:, 1], 0.0)
    return out
