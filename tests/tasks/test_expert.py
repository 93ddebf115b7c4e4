"""The expert solves episodes with any body, from any state, and its options are what the body can do."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flare_core.embodiments.body import Action, Effect, Embodiment, Footprint, Jitter, Noise
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.rehearsal import rehearse
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import Expert, guide_for
from flare_core.tasks.spec import load_task
from flare_core.tasks.walking import headings, looks, moves
from flare_core.tasks.words import Vocabulary

EPISODES = 60


def with_steps(body: Embodiment, *, step_m: float, turn_deg: float) -> Embodiment:
    """The same robot with one move, one turn either way and done."""
    turn = math.radians(turn_deg)
    return replace(
        body,
        actions=(
            Action(name="ahead", effect=Effect(kind="move_base", axis="forward", amount=step_m)),
            Action(name="right", effect=Effect(kind="turn_base", axis="right", amount=turn)),
            Action(name="left", effect=Effect(kind="turn_base", axis="right", amount=-turn)),
            Action(name="done", effect=Effect(kind="say", axis="done")),
        ),
    )


def robot(name: str) -> Embodiment:
    locobot = load_embodiment("locobot")[0]
    if name == "noisy":
        return replace(locobot, noise=Noise(move_m=0.02, turn=math.radians(3)), jitter=Jitter(pitch=0.05, yaw=0.03, fov=0.03))
    if name == "coarse":
        return with_steps(locobot, step_m=0.3, turn_deg=45)
    if name == "odd":  # its turns never close a circle
        return with_steps(locobot, step_m=0.15, turn_deg=17)
    if name == "box":
        return replace(locobot, footprint=Footprint(radius_m=None, half_width_m=0.15, half_length_m=0.2, forward_m=-0.08, height_m=0.8))
    if name == "sliding":  # stops at contact instead of staying
        return replace(locobot, on_contact="stop")
    return load_embodiment(name)[0]


@pytest.mark.parametrize("name", ["stretch_re1", "locobot", "locobot_stock", "turtlebot4", "noisy", "coarse", "odd", "box", "sliding"])
def test_the_expert_solves_more_than_95_of_100_episodes(houses: ScenePack, name: str) -> None:
    task = load_task("objectnav")[0]
    simulator = EmbeddedSimulator(houses, robot(name), 20, 0)
    results = rehearse(simulator, task, EpisodeSampler(task, simulator, Vocabulary.load(), 0), range(EPISODES))
    assert results["success"].mean() > 0.95
    assert results["collisions"].sum() <= 0.02 * results["length"].sum()
    assert (results["path_m"][results["success"]] >= 0.5 * (results["shortest_m"][results["success"]] - 0.6)).all()


def test_the_expert_takes_over_from_a_random_policy(houses: ScenePack) -> None:
    task = replace(load_task("objectnav")[0], horizon=400)
    simulator = EmbeddedSimulator(houses, robot("stretch_re1"), 20, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 4)
    play, expert = Play(simulator, task, sampler, {}), Expert(simulator, sampler)
    draws = np.random.Generator(np.random.Philox(1))
    drive = [at for at, action in enumerate(simulator.body.actions) if action.effect.kind in ("move_base", "turn_base")]
    play.begin(np.arange(20), np.arange(20))
    for _ in range(100):
        play.act(draws.choice(drive, 20))
    over = np.zeros(20, np.bool_)
    won = 0
    for _ in range(299):
        outcome = play.act(np.where(over, drive[1], expert.actions(play.episodes)))
        won += int((outcome.success & ~over).sum())
        over |= outcome.terminated
    assert won >= 19


@pytest.mark.parametrize("name", ["objectnav", "roomnav", "roomvisit"])
def test_who_takes_over_an_arm_that_is_out_stows_it_before_it_walks(houses: ScenePack, name: str) -> None:
    task = replace(load_task(name)[0], horizon=600)
    simulator = EmbeddedSimulator(houses, robot("stretch_re1"), 20, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 4)
    play, expert, rows = Play(simulator, task, sampler, {}), guide_for(simulator, sampler), np.arange(20)
    draws = np.random.Generator(np.random.Philox(1))
    kinds = [action.effect.kind for action in simulator.body.actions]
    idle = [at for at, kind in enumerate(kinds) if kind not in ("say", "grasp", "release")]
    stowing = [at for at, kind in enumerate(kinds) if kind in ("move_arm", "turn_wrist")]
    play.begin(rows, rows)
    for _ in range(60):
        play.act(draws.choice(idle, 20))
    previous, over, won, stopped = np.full(20, -1), np.zeros(20, np.bool_), 0, 0
    for step in range(500):
        out = (np.abs(simulator.world().joints - np.array([0.2, 0.243, 0.0])) > np.array([0.05, 0.05, 0.1])).any(axis=1)
        actions = np.where(over, idle[4], expert.actions(play.episodes, previous, play.marked))
        if step == 1:  # what can be said of the room has been said
            assert out.sum() > 10
            assert np.isin(actions[out & ~over], stowing).all()
        outcome, previous = play.act(actions), actions
        stopped += int((simulator.world().collided & ~over).sum())
        won += int((outcome.success & ~over).sum())
        over |= outcome.terminated
    assert won >= 19
    assert stopped < 60  # it pushed on for the whole of an episode when it did not stow


def test_the_action_depends_on_the_state_alone(houses: ScenePack) -> None:
    task = load_task("objectnav")[0]
    simulator = EmbeddedSimulator(houses, robot("locobot"), 8, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    play = Play(simulator, task, sampler, {})
    expert = Expert(simulator, sampler)
    play.begin(np.arange(8), np.arange(8))
    for _ in range(15):
        actions = expert.actions(play.episodes)
        assert (Expert(simulator, sampler).actions(play.episodes) == actions).all()
        play.act(actions)


def test_headings_are_reached_by_the_fewest_turns() -> None:
    turns = headings(robot("stretch_re1"))
    degrees = np.round(np.degrees(turns.yaw)).astype(int).tolist()
    assert degrees[0] == 0
    assert set(degrees) >= set(range(-174, 181, 6))
    cost = dict(zip(degrees, turns.cost.tolist(), strict=True))
    assert (cost[30], cost[-6], cost[36], cost[24], cost[60]) == (1, 1, 2, 2, 2)
    for option in range(1, len(degrees)):
        assert turns.cost[turns.via[option]] == turns.cost[option] - 1


def test_a_fixed_camera_looks_by_turning_and_a_tilting_one_also_tilts() -> None:
    fixed, tilting = robot("turtlebot4"), robot("locobot")
    assert not looks(fixed, fixed.cameras[0], headings(fixed)).tilt.any()
    options = looks(tilting, tilting.cameras[0], headings(tilting))
    assert options.tilt.any()
    assert not options.pan.any()  # its base turns finely enough
    assert (np.diff(options.cost) >= 0).all()
    coarse = with_steps(tilting, step_m=0.2, turn_deg=90)
    pan = tuple(action for action in tilting.actions if action.effect.axis == "pan")
    assert looks(replace(coarse, actions=coarse.actions + pan), tilting.cameras[0], headings(coarse)).pan.any()


def test_masked_actions_are_never_used() -> None:
    body = robot("stretch_re1")
    masked = replace(body, actions=tuple(replace(a, masked="broken") if a.name == "rotate_left" else a for a in body.actions))
    assert body.action_names.index("rotate_left") not in headings(masked).first.tolist()
    assert moves(body).reserve.tolist() == [body.actions[at].effect.amount < 0 for at in moves(body).action]
