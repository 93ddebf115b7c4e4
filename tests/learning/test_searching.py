"""The searching expert finds what it has not been told of, and nothing it does gives away what it cannot have seen."""

import math
from dataclasses import replace

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.learning.searching import SearchingExpert
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import Expert
from flare_core.tasks.spec import load_task
from flare_core.tasks.walking import headings, turns_after
from flare_core.tasks.words import Vocabulary

ROWS = 20


def stage(houses: ScenePack, robot: str, seed: int = 0) -> tuple[EmbeddedSimulator, EpisodeSampler, Play]:
    task, simulator = load_task("objectnav")[0], EmbeddedSimulator(houses, load_embodiment(robot)[0], ROWS, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), seed)
    play = Play(simulator, task, sampler, {})
    play.begin(np.arange(ROWS), np.arange(ROWS))
    return simulator, sampler, play


def test_it_finds_its_target_in_nearly_every_episode_and_takes_longer_than_who_knows_the_way(houses: ScenePack) -> None:
    simulator, sampler, play = stage(houses, "stretch_re1")
    searching, over, won, spent = SearchingExpert(simulator, sampler), np.zeros(ROWS, np.bool_), 0, np.zeros(ROWS)
    near = np.full(ROWS, np.inf)
    knowing, direct = Expert(simulator, sampler), np.zeros(ROWS)
    previous = np.full(ROWS, -1, dtype=np.int64)
    for _ in range(400):
        action = searching.actions(play.episodes, previous)
        ended = action == sampler.task.end_action(simulator.body)
        near = np.where(ended & ~over, [_away(simulator, play, row) for row in range(ROWS)], near)
        outcome = play.act(action)
        previous, spent = action, spent + ~over
        won += int((outcome.success & ~over).sum())
        over |= outcome.terminated
    assert won >= 0.95 * ROWS
    play.begin(np.arange(ROWS), np.arange(ROWS))
    over[:] = False
    for _ in range(400):
        outcome = play.act(knowing.actions(play.episodes))
        direct += ~over
        over |= outcome.terminated
    assert spent.mean() > direct.mean()
    assert np.median(near[np.isfinite(near)]) < 1.6  # it comes nearer than the 2 m that the task asks for


def _away(simulator: EmbeddedSimulator, play: Play, row: int) -> float:
    """From the body to the nearest edge of a target's box, from above."""
    world, episode = simulator.world(), play.episodes[row]
    first = simulator.pack.object_start[world.house[row]]
    box = simulator.pack.object_box[first + np.array(episode.targets)]
    gap = np.hypot(box[:, 0] - world.position[row, 0], box[:, 2] - world.position[row, 2]) - np.hypot(box[:, 3], box[:, 5])
    return float(gap.min())


def test_it_does_not_know_what_its_camera_has_not_shown(houses: ScenePack) -> None:
    simulator, sampler, play = stage(houses, "stretch_re1", seed=3)
    others = []
    for row, episode in enumerate(play.episodes):  # another type of the same house in place of the one that is asked for
        types = simulator.object_types(episode.start.house)
        names = [name for name in sampler.task.types if name in types and name != episode.target_type]
        targets = tuple(at for at, name in enumerate(types) if name == names[row % len(names)])
        others.append(replace(episode, target_type=names[row % len(names)], targets=targets))
    previous = np.full(ROWS, -1, dtype=np.int64)
    asked, other = (SearchingExpert(simulator, sampler).actions(list(which), previous) for which in (play.episodes, others))
    kinds = [max(len(episode.targets) for episode in which) for which in (play.episodes, others)]
    shown = np.zeros(ROWS, np.bool_)
    for which, most in zip((play.episodes, others), kinds, strict=True):
        targets = np.array([(*episode.targets, *[-1] * (most - len(episode.targets))) for episode in which])
        shown |= simulator.visible(targets, sampler.camera, 5.0).any(axis=1)
    unseen = ~shown
    assert unseen.sum() >= ROWS // 2
    assert (asked == other)[unseen].all()
    told = Expert(simulator, sampler)
    assert not (told.actions(list(play.episodes)) == told.actions(others))[unseen].all()  # who knows the way gives it away


def test_a_turn_is_rather_gone_on_with_than_taken_back() -> None:
    body = load_embodiment("stretch_re1")[0]
    turns = headings(body)
    right = next(at for at, action in enumerate(body.actions) if action.name == "rotate_right")
    after = turns_after(body, turns)[right]
    cost = {round(math.degrees(yaw)): (float(c), int(first)) for yaw, c, first in zip(turns.yaw, after.cost, after.first, strict=True)}
    left = next(at for at, action in enumerate(body.actions) if action.name == "rotate_left")
    assert cost[30] == (1.0, right)
    assert cost[-30] == (5.0, left)  # one turn back counts four more; eleven on round would be dearer
    assert cost[-150] == (7.0, right)  # seven on round against five back and four more
    assert cost[0][0] == 0.0
