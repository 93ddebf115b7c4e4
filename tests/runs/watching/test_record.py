"""What is recorded is what an evaluation plays, and every picture of it can be taken again to the bit."""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import SimError
from flare_core.evaluation.episodes import Actor, policy_actor
from flare_core.policies.interface import Observation
from flare_core.runs.judge import play_all
from flare_core.runs.stages import Thor
from flare_core.runs.watching import record as recording_module
from flare_core.runs.watching.record import record
from flare_core.runs.watching.replay import Replay
from flare_core.simulators.embedded.pack import ScenePack
from tests.runs.watching.scenes import scene_with


def evaluated(scene: Any, policy: Any, senses: Any, episodes: int, greedy: bool) -> tuple[dict[int, list[int]], list[Any], dict[int, Any]]:
    """Actions and views of every episode as the evaluation's own loop plays them, and its records."""
    actions, seen = defaultdict[int, list[int]](list), defaultdict[int, list[Any]](list)

    def make(stage: FlareVectorEnv) -> Actor:
        actor = policy_actor(stage, senses(policy), 7, greedy)

        def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
            chosen = actor(observation, masks, starting)
            cameras = {name.removeprefix("camera/"): image for name, image in observation.items() if name.startswith("camera/")}
            views = senses.views.apply(cameras)
            for row, number in enumerate(stage.episode_numbers.tolist()):
                actions[number].append(int(chosen[row]))
                seen[number].append({name: view[row].copy() for name, view in views.items()})
            return chosen

        return act

    records = play_all(scene, make, episodes, 1, lambda done: None)
    return actions, records, seen


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize(("robot", "task"), [("stretch_re1", "fetch"), ("locobot", "objectnav_short"), ("random_body", "objectnav_short")])
def test_actions_accounts_and_views_are_those_of_an_evaluation(houses: ScenePack, robot: str, task: str, greedy: bool) -> None:
    scene, policy, senses, _ = scene_with(houses, robot, task)
    actions, records, seen = evaluated(scene, policy, senses, 5, greedy)
    replay = Replay(scene, senses.views)
    for recording in record(scene, policy, senses, [4, 0, 3], seed=7, greedy=greedy):
        number = recording.episode.number
        assert recording.actions.tolist() == actions[number][: recording.length]
        assert recording.length == records[number]["length"]
        assert recording.succeeded == records[number]["success"]
        assert recording.record["path_m"] == records[number]["path_m"]
        for step in range(recording.length):
            replay.go_to(recording, step)
            for name, view in replay.views().items():
                np.testing.assert_array_equal(view, seen[number][step][name])


def test_recordings_come_in_the_order_asked_for_even_where_rows_take_turns(houses: ScenePack, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, policy, senses, _ = scene_with(houses, "turtlebot4", "objectnav_short", horizon=6)
    together = record(scene, policy, senses, [5, 1, 3, 0])
    monkeypatch.setattr(recording_module, "ROWS", 2)
    in_turns = record(scene, policy, senses, [5, 1, 3, 0])
    assert [one.episode.number for one in in_turns] == [5, 1, 3, 0]
    for one, other in zip(together, in_turns, strict=True):
        assert one.actions.tolist() == other.actions.tolist()
        np.testing.assert_array_equal(one.world.position, other.world.position)


def test_chances_sum_to_one_and_masked_actions_have_none(houses: ScenePack) -> None:
    scene, policy, senses, body = scene_with(houses, "stretch_re1", "fetch")
    for recording in record(scene, policy, senses, [0, 1]):
        np.testing.assert_allclose(recording.probabilities.sum(axis=1), 1.0, atol=1e-5)
        assert (recording.probabilities[~recording.allowed] == 0.0).all()
        assert not recording.allowed[0, body.action_names.index("dropoff")], "nothing is held at first"
        assert recording.allowed[np.arange(recording.length), recording.actions].all()


def test_a_recording_holds_the_step_after_its_last_action(houses: ScenePack) -> None:
    scene, policy, senses, _ = scene_with(houses, "turtlebot4", "objectnav_short", horizon=6)
    for recording in record(scene, policy, senses, [0, 1, 2]):
        steps = recording.length + 1
        assert len(recording.states) == len(recording.world.yaw) == len(recording.targets) == len(recording.marked) == steps
        moved = np.hypot(*np.diff(recording.world.position[:, [0, 2]], axis=0).T)
        assert moved.sum() == pytest.approx(recording.record["path_m"])
        if recording.ending == "time":
            assert recording.length == 6


def test_a_scene_of_ai2_thor_is_refused(houses: ScenePack) -> None:
    scene, policy, senses, _ = scene_with(houses, "turtlebot4", "objectnav_short")
    thor = object.__new__(Thor)
    with pytest.raises(SimError, match="recorded in the embedded simulator"):
        record(type(scene)(**{name: getattr(scene, name) for name in scene.__slots__} | {"thor": thor}), policy, senses, [0])
