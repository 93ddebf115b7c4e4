"""The expert that fetches, and where its episodes begin."""

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.rehearsal import rehearse
from flare_core.errors import TaskError
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import IN_SIGHT_M, EpisodeSampler, pad_targets
from flare_core.tasks.expert import guide_for
from flare_core.tasks.fetching import FetchExpert
from flare_core.tasks.spec import load_task
from flare_core.tasks.walking import Walker
from flare_core.tasks.words import Vocabulary


def stage(houses: ScenePack, name: str, batch: int) -> tuple[EmbeddedSimulator, EpisodeSampler]:
    simulator = EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], batch, 0)
    return simulator, EpisodeSampler(load_task(name)[0], simulator, Vocabulary.load(), 0)


@pytest.mark.parametrize("name", ["fetch", "pickup"])
def test_the_expert_fetches_nine_times_out_of_ten_without_touching_anything_else(houses: ScenePack, name: str) -> None:
    simulator, sampler = stage(houses, name, 10)
    results = rehearse(simulator, sampler.task, sampler, range(40))
    assert results["success"].mean() > 0.9
    assert results["collisions"].sum() <= 0.02 * results["length"].sum()
    grasps = results["action_counts"][:, simulator.body.action_names.index("pickup")]
    assert (grasps[results["success"]] >= 1).all()


def test_picking_up_begins_in_sight_of_the_target_and_fetching_some_way_off(houses: ScenePack) -> None:
    simulator, sampler = stage(houses, "pickup", 20)
    episodes = [sampler.episode(number) for number in range(20)]
    simulator.reset(np.arange(20), [episode.start for episode in episodes])
    targets = np.full((20, max(len(episode.targets) for episode in episodes)), -1)
    for row, episode in enumerate(episodes):
        targets[row, : len(episode.targets)] = episode.targets
    assert simulator.visible(targets, "navigation", IN_SIGHT_M + 0.05).any(axis=1).mean() > 0.9  # but for the jitter of the mounts
    simulator, sampler = stage(houses, "fetch", 1)
    assert all(sampler.episode(number).shortest_m >= 1.5 for number in range(20))


def test_a_share_of_the_episodes_can_begin_in_sight(houses: ScenePack) -> None:
    _, near = stage(houses, "fetch_shaped", 1)
    _, far = stage(houses, "fetch", 1)
    alike = [near.episode(number).start == far.episode(number).start for number in range(60)]
    assert 0.3 < np.mean(alike) < 0.7, "half of them are Fetch's own episodes, the others begin elsewhere"


def test_a_wrong_thing_is_let_go_and_the_arm_is_stowed_before_the_next_way(houses: ScenePack) -> None:
    simulator, sampler = stage(houses, "fetch", 10)
    play, guide = Play(simulator, sampler.task, sampler, {}), guide_for(simulator, sampler)
    assert isinstance(guide, FetchExpert)
    play.begin(np.arange(10), np.arange(10))
    names = simulator.body.action_names
    for action in ("move_arm_out", "move_arm_up", "wrist_open"):
        play.act(np.full(10, names.index(action)))
    taken = {names[action] for action in guide.actions(play.episodes).tolist()}
    assert taken <= {"move_arm_in", "move_arm_in_small", "move_arm_down", "wrist_close"}, "its way is not free before"
    for _ in range(6):
        play.act(guide.actions(play.episodes))
    joints = simulator.world().joints
    assert np.abs(joints - [0.2, 0.243, 0.0]).max() < 0.25


def test_a_turn_is_gone_on_with_where_turning_back_is_hardly_shorter(houses: ScenePack) -> None:
    simulator, _ = stage(houses, "pickup", 1)
    walker, names = Walker(simulator), simulator.body.action_names
    left, right = names.index("rotate_left"), names.index("rotate_right")
    for previous, other, sign in ((left, right, 1.0), (right, left, -1.0)):
        turns = walker.turns_for(previous)
        assert (np.diff(turns.cost) >= 0).all()
        assert turns.first[0] == -1
        # By hand, in turns of 30 degrees: 60 back are 2 + 4 for turning back, or 10 on; 150 back are 5 + 4, or 7 on.
        for degrees, first, cost in ((60.0, other, 6.0), (150.0, previous, 7.0)):
            at = int(np.abs(turns.yaw - sign * np.radians(degrees)).argmin())
            assert (turns.first[at], turns.cost[at]) == (first, cost)


def test_a_telescope_comes_in_before_the_base_turns_and_the_lift_stays_until_a_turn_was_stopped(houses: ScenePack) -> None:
    simulator, sampler = stage(houses, "pickup", 20)
    play, guide, names = Play(simulator, sampler.task, sampler, {}), guide_for(simulator, sampler), simulator.body.action_names
    play.begin(np.arange(20), np.arange(20))
    play.act(np.full(20, names.index("move_arm_up")))
    turns = [at for at, action in enumerate(simulator.body.actions) if action.effect.kind == "turn_base"]
    option, _ = simulator.navigation.reach(np.arange(20), pad_targets(play.episodes), Walker(simulator).kit(0).turns)
    asked = option > 0
    assert asked.sum() >= 3
    lifted = guide.actions(play.episodes)
    assert np.isin(lifted[asked], turns).all()
    simulator._state["collided"][:] = True
    stopped = guide.actions(play.episodes, lifted)
    assert np.isin(stopped[asked], [names.index("move_arm_down"), names.index("move_arm_down_small")]).all()
    play.act(np.full(20, names.index("move_arm_out")))
    free = asked & ~simulator.world().collided
    assert np.isin(guide.actions(play.episodes)[free], [names.index("move_arm_in"), names.index("move_arm_in_small")]).all()


def test_a_wrist_is_straightened_before_the_arm_reaches_out(houses: ScenePack) -> None:
    simulator, sampler = stage(houses, "pickup", 20)
    play, guide, names = Play(simulator, sampler.task, sampler, {}), guide_for(simulator, sampler), simulator.body.action_names
    play.begin(np.arange(20), np.arange(20))
    ready = np.zeros(20, dtype=np.bool_)
    for _ in range(12):
        option, _ = simulator.navigation.reach(np.arange(20), pad_targets(play.episodes), Walker(simulator).kit(0).turns)
        ready = option == 0
        actions = guide.actions(play.episodes)
        play.act(np.where(actions == names.index("done"), names.index("rotate_left"), np.where(ready, names.index("move_arm_up"), actions)))
    for _ in range(2):
        play.act(np.full(20, names.index("wrist_open")))
    option, _ = simulator.navigation.reach(np.arange(20), pad_targets(play.episodes), Walker(simulator).kit(0).turns)
    ready = (option == 0) & (np.abs(simulator.world().joints[:, 2]) > 0.1) & (simulator.graspable(np.arange(20)) < 0)
    assert ready.sum() >= 3
    assert (guide.actions(play.episodes)[ready] == names.index("wrist_close")).all()


def test_a_body_that_cannot_fetch_is_refused(houses: ScenePack) -> None:
    simulator = EmbeddedSimulator(houses, load_embodiment("locobot")[0], 1, 0)
    with pytest.raises(TaskError, match="locobot can hold nothing"):
        EpisodeSampler(load_task("fetch")[0], simulator, Vocabulary.load(), 0)
