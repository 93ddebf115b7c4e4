"""Actions whose sizes are drawn: every row moves, and is led, by its own body's steps."""

import math

import numpy as np
import pytest

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.drawing import draw_bodies
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.learning.searching import SearchingExpert
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.walking import Walker
from flare_core.tasks.words import Vocabulary
from flare_core.world import Start

TEXT = """\
kind: embodiment
name: drawn_steps
base: {radius_m: 0.15, height_m: 0.6}
cameras:
  eye:
    mount: {up_m: 0.5, pitch_down_deg: 10}
    horizontal_fov_deg: 80
    width_px: 128
    height_px: 72
    role: navigation
    pan: {left_deg: 90, right_deg: 90}
actions:
  - move_ahead: {move_base: {forward_m: {uniform: [0.1, 0.3]}}}
  - rotate_right: {turn_base: {right_deg: {uniform: [20, 40]}}}
  - rotate_left: {turn_base: {left_deg: 30}}
  - look_left: {turn_camera: {camera: eye, left_deg: {uniform: [5, 25]}}}
  - done: {say: done}
"""
SEED, COUNT = 3, 6


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Embodiment, ...]:
    path = tmp_path_factory.mktemp("steps") / "drawn_steps.yaml"
    path.write_text(TEXT)
    _, loaded = load_embodiment(path, random="middle")
    return draw_bodies(loaded.resolved, SEED, COUNT)


def amounts(body: Embodiment) -> list[float]:
    return [action.effect.amount for action in body.actions]


def test_each_body_has_its_own_sizes_within_the_ranges_and_all_have_the_same_actions(bodies: tuple[Embodiment, ...]) -> None:
    sizes = np.array([amounts(body) for body in bodies])
    assert len(set(sizes[:, 0])) == len(set(sizes[:, 1])) == len(set(sizes[:, 3])) == COUNT
    assert ((sizes[:, 0] >= 0.1) & (sizes[:, 0] <= 0.3)).all()
    assert ((np.degrees(np.abs(sizes[:, 1])) >= 20) & (np.degrees(np.abs(sizes[:, 1])) <= 40)).all()
    assert sizes[:, 2] == pytest.approx(-math.radians(30))
    assert len({body.action_names for body in bodies}) == 1


def test_every_row_moves_turns_and_looks_by_its_own_bodys_step(houses: ScenePack, bodies: tuple[Embodiment, ...]) -> None:
    simulator = EmbeddedSimulator(houses, bodies[0], 12, SEED, bodies=bodies)
    starts = []
    for episode in range(12):
        body = simulator.body_of(episode)
        cells = simulator.navigation.reachable(0, body)
        free = [
            (x, z) for x, z in cells.tolist() if all(simulator.navigation.stands(0, x, z + far, 0.0, body) for far in (0.0, 0.1, 0.2, 0.3))
        ]
        starts.append(Start(house=0, x=free[0][0], z=free[0][1], yaw=0.0, episode=episode))
    rows = np.arange(12)
    simulator.reset(rows, starts)
    mine = np.array([amounts(bodies[which]) for which in simulator.row_bodies.tolist()])
    assert len(set(simulator.row_bodies.tolist())) > 2
    assert [simulator.body_of(start.episode) for start in starts] == simulator.row_bodies.tolist()
    before = simulator.world()
    simulator.apply(np.zeros(12, dtype=np.int64))
    ahead = simulator.world()
    assert not ahead.collided.any()
    assert ahead.position[:, 2] - before.position[:, 2] == pytest.approx(mine[:, 0])
    simulator.apply(np.ones(12, dtype=np.int64))
    assert simulator.world().yaw == pytest.approx(mine[:, 1])
    simulator.apply(np.full(12, 3))
    assert simulator.world().camera_joints[:, 0, 0] == pytest.approx(mine[:, 3])
    # A snapshot taken to a simulator that has played other episodes goes on with the same steps.
    other = EmbeddedSimulator(houses, bodies[0], 12, SEED, bodies=bodies)
    other.reset(rows, [Start(house=0, x=starts[0].x, z=starts[0].z, yaw=0.0, episode=100 + row) for row in range(12)])
    other.restore(simulator.snapshot())
    for each in (simulator, other):
        each.apply(np.array([0, 1, 2, 3] * 3))
    assert np.array_equal(simulator.world().position, other.world().position)
    assert np.array_equal(simulator.world().camera_joints, other.world().camera_joints)


def test_who_walks_knows_the_steps_of_every_body(houses: ScenePack, bodies: tuple[Embodiment, ...]) -> None:
    simulator = EmbeddedSimulator(houses, bodies[0], 8, SEED, bodies=bodies)
    simulator.reset(np.arange(8), [Start(house=0, x=0.0, z=0.0, yaw=0.0, episode=episode) for episode in range(8)])
    walker = Walker(simulator)
    for row, which in enumerate(simulator.row_bodies.tolist()):
        sizes, kit = amounts(bodies[which]), walker.kit(row)
        assert kit.step_m == pytest.approx(sizes[0])
        assert kit.turn == pytest.approx(max(abs(sizes[1]), abs(sizes[2])))


def test_the_searching_expert_finds_what_it_is_asked_for_by_drawn_steps(houses: ScenePack, bodies: tuple[Embodiment, ...]) -> None:
    simulator = EmbeddedSimulator(houses, bodies[0], 6, SEED, bodies=bodies)
    task, _ = load_task("objectnav_short")
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), SEED)
    play = Play(simulator, task, sampler, {})
    play.begin(np.arange(6), np.arange(6))
    expert, previous, won = SearchingExpert(simulator, sampler), np.full(6, -1), np.zeros(6, dtype=np.bool_)
    over = np.zeros(6, dtype=np.bool_)
    for _ in range(300):
        actions = expert.actions(play.episodes, previous)
        outcome = play.act(actions)
        ended = (outcome.terminated | outcome.truncated) & ~over
        if ended.any():
            won[ended] = play.results(ended)["success"][ended]
        over |= ended
        previous = actions
        if over.all():
            break
    assert won.sum() >= 4
