"""Several targets in turn: judged in a world made by hand, sampled, done by the expert, and refused where they make no sense."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.rehearsal import rehearse
from flare_core.errors import SpecError, TaskError
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import guide_for
from flare_core.tasks.judging import Asked, Judge
from flare_core.tasks.predicates import about_first, in_words, parse, turns_of
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from tests.simulators.scenes import FORWARD, act, at, body, eye, house, thing

POSTS = house(thing("Post", (0.0, 1.0, 2.0), (0.1, 0.1, 0.1)), thing("Mug", (0.0, 1.0, 3.0), (0.1, 0.1, 0.1)))
ERRAND = "then(near(target, within_m: 1.3), near(target_2, within_m: 1.3))"


def reached(first: int, second: int) -> list[bool]:
    """Success after each of seven steps of 0.25 m from z = 0 towards things at z = 2 and z = 3, in that turn."""
    simulator = EmbeddedSimulator([POSTS], body(replace(eye(), role="navigation")), 1, 0)
    at(simulator, 0.0, 0.0)
    asked = replace(Asked.of(np.array([[first]])), later=(np.array([[second]]),))
    judge, found = Judge(parse(ERRAND), simulator.body, 1), []
    judge.begin(np.array([0]))
    judge.step(simulator, asked)
    for _ in range(7):
        act(simulator, FORWARD)
        found.append(bool(judge.holds(simulator, asked)[0]))
        judge.step(simulator, asked)
    return found


def test_the_second_counts_when_the_first_has_had_its_turn() -> None:
    # z = 0.25 ... 1.75. Post within 1.3 m from 0.75 on; mug from 1.75 on.
    assert reached(0, 1) == [False] * 6 + [True]
    assert reached(1, 0) == [False] * 7  # the mug is near at the last step only, and the post's turn would come after that


def test_a_question_is_asked_of_the_target_that_it_names() -> None:
    expression = parse("then(visible(target, navigation, within_m: 2), all(near(target_2, within_m: 1), holding(target_3)))")
    assert turns_of(expression) == {1, 2, 3}
    assert turns_of(about_first(expression)) == {1}
    assert "a second target" in in_words(expression)
    assert "holds a third target" in in_words(expression)
    for wrong in ("near(target_4, within_m: 1)", "near(target_1, within_m: 1)", "in_room(target_2)"):
        with pytest.raises(TaskError, match="'target' only"):
            parse(wrong)


def test_episodes_name_two_different_kinds_and_the_expert_goes_to_both(houses: Any) -> None:
    task, stretch = load_task("objectnav_two")[0], load_embodiment("stretch_re1")[0]
    simulator = EmbeddedSimulator(houses, stretch, 4, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    for number in range(12):
        episode = sampler.episode(number)
        types = simulator.object_types(episode.start.house)
        kinds = [{types[one] for one in targets} for targets in (episode.targets, *episode.later)]
        assert [len(kind) for kind in kinds] == [1, 1]
        assert kinds[0] != kinds[1]
        assert all(task.nouns[next(iter(kind))] in episode.instruction for kind in kinds)
    played = rehearse(simulator, task, sampler, range(12))
    assert played["success"].all()
    assert (played["length"] > 2).all()
    legs_m = played["shortest_m"] - [leg_m(simulator, sampler, number) for number in range(12)]
    assert (legs_m >= -1e-9).all()
    assert (legs_m > 1.0).sum() >= 3, "the way to the second counts"


def leg_m(simulator: EmbeddedSimulator, sampler: EpisodeSampler, number: int) -> float:
    """Metres from the start to where the first target can be seen."""
    episode = sampler.episode(number)
    here = np.array([episode.start.x]), np.array([episode.start.z])
    return float(simulator.navigation.distance(sampler.leg(1).field(episode), *here)[0])


def test_who_ends_the_episode_at_the_first_target_has_not_succeeded(houses: Any) -> None:
    task = load_task("objectnav_two")[0]
    simulator = EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], 6, 0)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    play, guide, rows = Play(simulator, task, sampler, {}), guide_for(simulator, sampler.leg(1)), np.arange(6)
    play.begin(rows, rows)
    over, won = np.zeros(6, np.bool_), np.zeros(6, np.bool_)
    for _ in range(200):
        outcome = play.act(np.where(over, 1, guide.actions(play.episodes)))
        won |= outcome.success & ~over
        over |= outcome.terminated
    assert over.all()
    assert won.sum() <= 1  # but for a second target that stands beside the first


FAULTS = {
    "in_turn: 1": "there is no 'target_2'",
    "in_turn: 4": "in_turn",
    "success: 'then(holding(target), near(target_2, within_m: 1))'": "of the last target only",
    "metrics: {arm_low: 'stowed()'}": "_low or _high",
    "in_turn: 3": "needs the gap {target_3}",
    "success: 'visible(target, navigation, within_m: 2.0)'": "one part about each target in turn",
    "success: 'then(near(target_2, within_m: 1), near(target, within_m: 1))'": "one part about each target in turn",
    "start: in_sight": "Begin anywhere",
    "reward: {nearer_per_m: 1}": "pays for one target",
    "in_rooms: {Kitchen: kitchen}": "does not go with several targets in turn",
    "metrics: {third: 'near(target_3, within_m: 1)'}": "Add `in_turn: 3`",
}


@pytest.mark.parametrize(("line", "words"), FAULTS.items())
def test_what_makes_no_sense_in_turn_is_refused_with_its_line(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"kind: task\nextends: objectnav_two\n{line}\n")
    with pytest.raises(SpecError) as caught:
        load_task(path)
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value) or "objectnav_two.yaml" in str(caught.value)
