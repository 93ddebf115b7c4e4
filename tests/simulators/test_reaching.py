"""Where an arm reaches from, on the toy robot: its telescope points to the right and its hand is 0.28 m + extension (0.1 to 0.5) away."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flare_core.embodiments.body import Range
from flare_core.errors import SimError
from flare_core.houses.house import HouseObject
from flare_core.simulators.embedded import arm as arms
from flare_core.simulators.embedded.reaching import heading_to
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.walking import headings
from tests.simulators.scenes import ARM, at, body, house, thing

LONG = replace(ARM, lift=Range(low=-0.3, high=0.4))


def foil(x: float, y: float, z: float = 0.0) -> HouseObject:
    return thing("AluminumFoil", (x, y, z), (0.08, 0.08, 0.08))


def table(x: float, height_m: float = 0.5, side: float = 0.3) -> HouseObject:
    return thing("Block", (x, height_m / 2, 0.0), (side, height_m, side))


def reach(*things: HouseObject, yaw: float = 0.0) -> tuple[int, list[float]]:
    """Option and joints from (0, 0) for object 0."""
    simulator = EmbeddedSimulator([house(*things)], body(arm=LONG, gripper="parallel"), 1, 0)
    at(simulator, 0.0, 0.0, yaw)
    option, joints = simulator.navigation.reach(np.array([0]), np.array([[0]]), headings(simulator.body))
    return int(option[0]), joints[0].tolist()


@pytest.mark.parametrize("shoulder", [(0.1, 0.0), (0.1, 0.07), (-0.05, 0.1)])
@pytest.mark.parametrize("reach_yaw", [0.0, math.pi / 2, -math.pi / 2, 0.4])
def test_at_the_heading_the_telescope_points_at_the_target(shoulder: tuple[float, float], reach_yaw: float) -> None:
    arm = arms.numbers_of(replace(ARM, shoulder_right_m=shoulder[0], shoulder_forward_m=shoulder[1], reach_yaw=reach_yaw))
    for px, pz in ((0.7, 0.1), (-0.4, 0.6), (0.0, -0.9)):
        yaw = heading_to(arm, 0.1, -0.2, px, pz)
        hands = np.empty((2, 3))
        arms.hands_of(arm, np.array([[0.1, -0.2, yaw, 0.0, extend, 0.0] for extend in (0.0, 0.5)]), hands)
        along, to = hands[1] - hands[0], np.array([px, 0.0, pz]) - hands[0]
        assert along[0] * to[2] - along[2] * to[0] == pytest.approx(0.0, abs=1e-9)
        assert along @ to > 0
    assert math.isnan(heading_to(arm, 0.1, -0.2, 0.1, -0.2))


def test_a_thing_on_a_table_is_reached_above_its_top_and_from_a_heading_that_points_at_it() -> None:
    option, (lift, extend) = reach(foil(0.75, 0.54), table(0.75))
    assert option == 0
    assert 0.5 + 0.02 <= 0.6 + lift <= 0.58 + 0.06
    hand = 0.1 + extend + 0.18
    assert 0.71 - 0.06 < hand < 0.79
    turned, _ = reach(foil(0.75, 0.54), table(0.75), yaw=-math.pi / 2)
    assert turned > 0, "the robot has to turn back by a quarter"


@pytest.mark.parametrize(
    ("things", "why"),
    [
        ((foil(1.1, 0.54), table(1.1)), "too far away"),
        ((foil(0.75, 1.2), table(0.75, 1.16)), "too high"),
        ((foil(0.75, 0.54), table(0.75), thing("Block", (0.45, 0.8, 0.0), (0.02, 1.6, 1.0))), "behind a wall"),
        ((foil(0.75, 0.54), table(0.75), thing("Block", (0.75, 0.635, 0.0), (0.4, 0.1, 0.4))), "under a low board"),
    ],
)
def test_what_cannot_be_reached_is_not(things: tuple[HouseObject, ...], why: str) -> None:
    assert reach(*things)[0] == -1, why


def test_ways_lead_to_places_in_reach_and_things_too_high_have_none() -> None:
    simulator = EmbeddedSimulator(
        [house(foil(0.75, 0.54), table(0.75), foil(3.0, 2.0), thing("Bed", (-3.0, 0.3, 0.0), (2.0, 0.6, 1.5)))],
        body(arm=LONG, gripper="parallel"), 1, 0,
    )  # fmt: skip
    field = simulator.navigation.reach_field(0, (0,))
    assert field is not None
    for x, z in [simulator.navigation.arrival(field, *there) for there in ((2.0, 2.0), (-2.0, 0.0), (0.75, -2.0))]:
        assert 0.3 < math.hypot(x - 0.75, z) < 0.95
    assert simulator.navigation.reach_field(0, (2,)) is None
    assert simulator.navigation.reach_field(0, (3,)) is None, "nobody picks up a bed"
    assert simulator.navigation.reach_field(0, (2, 0)) is not None


def test_a_body_without_an_arm_reaches_nothing() -> None:
    simulator = EmbeddedSimulator([house(foil(0.7, 0.5))], body(arm=None), 1, 0)
    with pytest.raises(SimError, match="toy has no arm to reach with"):
        simulator.navigation.reach_field(0, (0,))
