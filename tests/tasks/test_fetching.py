"""The expert that fetches, and where its episodes begin."""

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.rehearsal import rehearse
from flare_core.errors import TaskError
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import IN_SIGHT_M, EpisodeSampler
from flare_core.tasks.expert import guide_for
from flare_core.tasks.fetching import FetchExpert
from flare_core.tasks.spec import load_task
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


def test_a_body_that_cannot_fetch_is_refused(houses: ScenePack) -> None:
    simulator = EmbeddedSimulator(houses, load_embodiment("locobot")[0], 1, 0)
    with pytest.raises(TaskError, match="locobot can hold nothing"):
        EpisodeSampler(load_task("fetch")[0], simulator, Vocabulary.load(), 0)
