"""How much of the circle a camera has shown; the toy's eye is 65.2 degrees wide (64 pixels, focal length 50)."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flare_core.envs.panorama import PIECES, Panorama
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from tests.simulators.scenes import FORWARD, PAN_RIGHT, TURN_RIGHT, act, at, body, eye, house

PIECE = 360 / PIECES
WIDE = math.degrees(2 * math.atan(32 / 50))


def shown(*actions: int) -> float:
    """Degrees, to within a piece."""
    simulator = EmbeddedSimulator([house()], body(replace(eye(), role="navigation")), 1, 0)
    at(simulator, 0.0, 0.0)
    panorama = Panorama(simulator.bodies, 1)
    panorama.begin(np.array([0]), simulator.world())
    for action in actions:
        act(simulator, action)
        panorama.look(simulator.world())
    return math.degrees(float(panorama.seen()[0]))


def test_a_first_look_shows_the_cameras_own_width() -> None:
    assert shown() == pytest.approx(WIDE, abs=PIECE)


def test_walking_on_shows_no_other_direction() -> None:
    assert shown(FORWARD, FORWARD) == shown()


def test_a_turn_of_the_base_and_of_the_head_show_more() -> None:
    assert shown(PAN_RIGHT) == pytest.approx(WIDE + math.degrees(0.2), abs=2 * PIECE)
    assert shown(PAN_RIGHT, PAN_RIGHT) == pytest.approx(WIDE + math.degrees(0.4), abs=2 * PIECE)
    assert shown(TURN_RIGHT) == pytest.approx(2 * WIDE, abs=2 * PIECE)  # by 90 degrees, further than it is wide


def test_all_around_takes_every_direction_once_and_none_twice() -> None:
    quarters = [TURN_RIGHT] * 4
    assert shown(*quarters) == shown(*quarters, *quarters) < 300  # four times the same gaps
    assert shown(*quarters, *[PAN_RIGHT] * 3, *quarters) == pytest.approx(360)
