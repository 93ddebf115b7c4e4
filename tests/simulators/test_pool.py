"""Rows with bodies of their own: each is as if it were alone with its body."""

from dataclasses import replace

import numpy as np
import pytest

from flare_core.embodiments.body import Embodiment, Jitter, Noise
from flare_core.embodiments.drawing import draw_bodies
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SimError
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

SEED, CAMERA = 5, "navigation"


@pytest.fixture(scope="module")
def house() -> House:
    (seed,) = house_seeds("train", 1)
    return parse_house(generate_house(seed, "train"), "train")


@pytest.fixture(scope="module")
def bodies() -> tuple[Embodiment, ...]:
    _, loaded = load_embodiment("random_body", random="middle")
    shaken = (Noise(move_m=0.01, turn=0.02), Jitter(pitch=0.1, position_m=0.02))
    return tuple(replace(body, noise=shaken[0], jitter=shaken[1]) for body in draw_bodies(loaded.resolved, 0, 4))


def starts(simulator: EmbeddedSimulator, episodes: list[int]) -> list[Start]:
    found = []
    for episode in episodes:
        cells = simulator.navigation.reachable(0, simulator.body_of(episode))
        x, z = cells[(37 * episode) % len(cells)].tolist()
        found.append(Start(house=0, x=x, z=z, yaw=0.7 * episode, episode=episode))
    return found


def play(simulator: EmbeddedSimulator, given: list[Start], steps: int = 8) -> tuple[np.ndarray, np.ndarray]:
    simulator.reset(np.arange(len(given)), given)
    for step in range(steps):
        simulator.apply(np.array([(start.episode + step) % 3 for start in given]))
    return simulator.images(CAMERA, 48, 32), simulator.world().camera_position


def test_a_row_is_bit_for_bit_as_a_simulator_with_its_body_alone(house: House, bodies: tuple[Embodiment, ...]) -> None:
    many = EmbeddedSimulator([house], bodies[0], 8, SEED, bodies=bodies)
    given = starts(many, list(range(8)))
    images, eyes = play(many, given)
    assert len(set(many.row_bodies.tolist())) > 1
    for row, start in enumerate(given):
        alone = EmbeddedSimulator(many.pack, bodies[many.body_of(start.episode)], 1, SEED)
        image, eye = play(alone, [start])
        assert np.array_equal(images[row], image[0])
        assert np.array_equal(eyes[row], eye[0])


def test_rows_do_not_depend_on_their_order_or_number(house: House, bodies: tuple[Embodiment, ...]) -> None:
    many = EmbeddedSimulator([house], bodies[0], 8, SEED, bodies=bodies)
    given = starts(many, list(range(8)))
    images, _ = play(many, given)
    few = EmbeddedSimulator(many.pack, bodies[0], 3, SEED, bodies=bodies)
    back, _ = play(few, [given[6], given[1], given[4]])
    assert np.array_equal(back, images[[6, 1, 4]])


def test_a_wide_body_is_stopped_where_a_narrow_one_of_the_same_batch_passes(house: House, bodies: tuple[Embodiment, ...]) -> None:
    narrow, wide = (
        replace(bodies[0], footprint=replace(bodies[0].footprint, half_width_m=half, half_length_m=0.1, right_m=0.0, forward_m=0.0))
        for half in (0.1, 0.25)
    )
    both = EmbeddedSimulator([house], narrow, 2, SEED, bodies=(narrow, wide))
    first = [next(at for at in range(99) if both.body_of(at) == body) for body in (0, 1)]
    cells = both.navigation.reachable(0, 0)
    x, z = next(
        (x, z) for x, z in cells.tolist() if both.navigation.stands(0, x, z, 0.0, 0) and not both.navigation.stands(0, x, z, 0.0, 1)
    )
    both.reset(np.arange(2), [Start(house=0, x=x, z=z, yaw=0.0, episode=episode) for episode in first])
    here = np.full(2, x), np.full(2, z), np.zeros(2)
    assert both.free(np.arange(2), *here).tolist() == [True, False]
    assert len(both.navigation.reachable(0, 1)) < len(cells)


def test_ways_are_those_of_the_body_alone(house: House, bodies: tuple[Embodiment, ...]) -> None:
    many = EmbeddedSimulator([house], bodies[0], 1, SEED, bodies=bodies)
    found = 0
    for at, body in enumerate(bodies):
        alone = EmbeddedSimulator(many.pack, body, 1, SEED)
        for thing in range(0, len(house.objects), 5):
            one, other = many.navigation.field(0, (thing,), CAMERA, 2.0, at), alone.navigation.field(0, (thing,), CAMERA, 2.0)
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                found += 1
                assert np.array_equal(one.metres, other.metres)
                assert np.array_equal(one.goals, other.goals)
    assert found


def test_a_snapshot_brings_back_every_rows_body(house: House, bodies: tuple[Embodiment, ...]) -> None:
    many = EmbeddedSimulator([house], bodies[0], 6, SEED, bodies=bodies)
    play(many, starts(many, list(range(6))))
    kept = many.snapshot()
    other = EmbeddedSimulator(many.pack, bodies[0], 6, SEED, bodies=bodies)
    other.restore(kept)
    assert other.row_bodies.tolist() == many.row_bodies.tolist()
    for simulator in (many, other):
        simulator.apply(np.array([0, 1, 2, 0, 1, 2]))
    assert np.array_equal(many.images(CAMERA, 48, 32), other.images(CAMERA, 48, 32))


def test_bodies_of_different_structure_are_refused(house: House, bodies: tuple[Embodiment, ...]) -> None:
    other, _ = load_embodiment("locobot")
    with pytest.raises(SimError, match="locobot has other cameras, joints, actions"):
        EmbeddedSimulator([house], bodies[0], 1, SEED, bodies=(bodies[0], other))
