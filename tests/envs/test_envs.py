"""The environment: what it shows, when episodes begin and end, and what it accounts for."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.envs.single import FlareEnv
from flare_core.envs.vector import FlareVectorEnv, Schedule
from flare_core.errors import SimError
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import Expert
from flare_core.tasks.predicates import parse
from flare_core.tasks.rewards import Reward
from flare_core.tasks.spec import load_task
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

WORDS = Vocabulary.load()


def parts(
    houses: ScenePack, robot: str, batch: int, *, horizon: int = 40, body: Embodiment | None = None
) -> tuple[EmbeddedSimulator, Task, EpisodeSampler]:
    task = replace(load_task("objectnav")[0], horizon=horizon)
    simulator = EmbeddedSimulator(houses, body or load_embodiment(robot)[0], batch, 0)
    return simulator, task, EpisodeSampler(task, simulator, WORDS, 0)


def vector(houses: ScenePack, batch: int, *, robot: str = "locobot", horizon: int = 40, schedule: Schedule = "striped") -> FlareVectorEnv:
    simulator, task, sampler = parts(houses, robot, batch, horizon=horizon)
    camera = simulator.body.cameras[0].name
    return FlareVectorEnv(simulator, task, sampler, {camera: (24, 16)}, schedule)


def chosen(seed: int, step: int, masks: np.ndarray[Any, Any], *, never: int | None = None) -> np.ndarray[Any, Any]:
    """One allowed action for every row, by a draw that depends on step and row alone."""
    scores = np.random.Generator(np.random.Philox(key=seed, counter=step)).random((64, masks.shape[1]))[: len(masks)] * masks
    if never is not None:
        scores[:, never] = 0.0
    return np.asarray(scores.argmax(axis=1))


def test_the_first_observation_has_the_shapes_types_and_contents_that_are_promised(houses: ScenePack) -> None:
    env = vector(houses, 3)
    seen, info = env.reset()
    assert env.observation_space.contains(seen)
    assert {name: (array.shape, str(array.dtype)) for name, array in seen.items()} == {
        "camera/head": ((3, 16, 24, 3), "uint8"), "goal": ((3, 16), "int32"), "previous_action": ((3,), "int64"),
        "body": ((3, 2), "float32"), "step": ((3,), "int32"),
    }  # fmt: skip
    actions = len(env.play.simulator.body.actions)
    assert seen["previous_action"].tolist() == [actions] * 3
    assert seen["step"].tolist() == [0] * 3
    for row, text in enumerate(info["instruction"]):
        words = WORDS.encode(text)
        assert seen["goal"][row].tolist() == [*words, *[0] * (16 - len(words))]
    assert info["action_mask"].shape == (3, actions)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP


def test_the_body_observation_is_scaled_by_its_limits(houses: ScenePack) -> None:
    env = vector(houses, 1)
    env.reset()
    names = env.play.simulator.body.action_names
    seen = env.step(np.array([names.index("look_right")]))[0]
    # By hand: pan +30 of -90..90 is 1/3.
    assert seen["body"][0, 0] == pytest.approx(1 / 3)
    assert seen["previous_action"].tolist() == [names.index("look_right")]
    assert seen["step"].tolist() == [1]


def test_senses_tell_of_contact_and_of_what_was_said_and_begin_anew_with_the_episode(houses: ScenePack) -> None:
    body = replace(load_embodiment("stretch_re1")[0], senses=("contact", "said"))
    simulator, task, sampler = parts(houses, "", 2, body=body)
    env = FlareVectorEnv(simulator, task, sampler, {"navigation": (24, 16)}, "striped")
    env.reset()
    names, first = body.action_names, body.body_inputs.index("contact")
    assert body.body_inputs[first:] == ("contact", *(f"said_{count}" for count in range(1, 9)))
    ahead, mark, turn = names.index("move_ahead"), names.index("sub_done"), names.index("rotate_left")
    touched = [False, False]
    for _ in range(20):  # until a wall is met
        seen = env.step(np.array([ahead, turn]))[0]
        assert seen["body"][:, first].tolist() == simulator.world().collided.tolist()
        touched = [was or bool(now) for was, now in zip(touched, seen["body"][:, first], strict=True)]
    assert touched == [True, False]
    for count in (1, 2):
        seen = env.step(np.array([mark, turn]))[0]
        assert seen["body"][0, first + 1 :].tolist() == [1.0] * count + [0.0] * (8 - count)
    assert not seen["body"][1, first + 1 :].any()
    assert env.observation_space["body"].shape == seen["body"].shape
    seen = env.step(np.array([names.index("done"), turn]))[0]
    assert not seen["body"][0, first:].any()


def test_a_joint_at_its_limit_is_masked_until_it_leaves_it(houses: ScenePack) -> None:
    env = vector(houses, 1)
    _, info = env.reset()
    names = env.play.simulator.body.action_names
    right, left = names.index("look_right"), names.index("look_left")
    for _ in range(3):
        assert info["action_mask"][0, right]
        info = env.step(np.array([right]))[-1]
    assert not info["action_mask"][0, right]
    assert info["action_mask"][0, left]
    assert env.step(np.array([left]))[-1]["action_mask"][0, right]


def test_needs_of_the_gripper_are_masked_while_it_is_empty(houses: ScenePack) -> None:
    env = vector(houses, 1, robot="stretch_re1")
    _, info = env.reset()
    body = env.play.simulator.body
    for at, action in enumerate(body.actions):
        if "holding" in action.needs:
            assert not info["action_mask"][0, at]
        if action.effect.kind in ("move_base", "turn_base") or "empty_gripper" in action.needs:
            assert info["action_mask"][0, at]


def test_done_ends_the_episode_and_the_step_returns_the_next_ones_first_view(houses: ScenePack) -> None:
    env = vector(houses, 2)
    first, info = env.reset()
    done, ahead = env.play.end_action, env.play.simulator.body.action_names.index("move_ahead")
    texts = info["instruction"].copy()
    seen, reward, terminated, truncated, info = env.step(np.array([done, ahead]))
    assert terminated.tolist() == [True, False]
    assert not truncated.any()
    assert reward.tolist() == [0.0, 0.0]
    assert seen["step"].tolist() == [0, 1]
    assert env.episode_numbers.tolist() == [2, 1]
    assert info["instruction"][1] == texts[1]
    assert info["_final_obs"].tolist() == [True, False]
    assert info["final_obs"][1] is None
    last = info["final_obs"][0]
    assert (last["step"], last["previous_action"]) == (1, done)
    assert (last["camera/head"] == first["camera/head"][0]).all()  # `done` moves nothing
    assert info["final_info"]["instruction"][0] == texts[0]
    assert info["episode"]["number"][0] == 0
    assert info["episode"]["length"].tolist() == [1, 0]
    assert info["episode"]["action_counts"].sum(axis=1).tolist() == [1, 0]


def test_the_horizon_cuts_off_without_success_and_is_no_termination(houses: ScenePack) -> None:
    env = vector(houses, 2, horizon=5)
    env.reset()
    turn = env.play.simulator.body.action_names.index("rotate_left")
    for step in range(5):
        _, reward, terminated, truncated, info = env.step(np.array([turn, turn]))
        assert truncated.tolist() == [step == 4] * 2
        assert not terminated.any()
        assert not reward.any()
    assert info["episode"]["length"].tolist() == [5, 5]
    assert not info["episode"]["success"].any()
    assert info["episode"]["path_m"].tolist() == [0.0, 0.0]


def test_success_pays_once_and_the_account_adds_up(houses: ScenePack) -> None:
    env = vector(houses, 4, horizon=600)
    env.reset()
    expert = Expert(env.play.simulator, env.play.sampler)
    won = 0
    for _ in range(150):
        actions = expert.actions(env.episodes)
        before = env.play.simulator.world().position.copy()
        _, reward, terminated, _, info = env.step(actions)
        assert set(reward.tolist()) <= {0.0, 10.0}
        for row in np.flatnonzero(terminated):
            result = {name: array[row] for name, array in info["episode"].items()}
            won += 1
            assert result["success"]
            assert result["reward"] == reward[row] == 10.0
            assert result["action_counts"].sum() == result["length"]
            moved = result["action_counts"][env.play.simulator.body.action_names.index("move_ahead")]
            assert result["path_m"] == pytest.approx(0.2 * (moved - result["collisions"]), abs=1e-9)
            there = env.play.sampler.episode(int(result["number"]))
            objects = env.play.simulator.object_positions(there.start.house)[list(there.targets)]
            want = min(math.hypot(x - before[row, 0], z - before[row, 2]) for x, _, z in objects)
            assert result["final_distance_m"] == pytest.approx(want)
            assert result["shortest_m"] == there.shortest_m
    assert won > 5


def test_striped_rows_keep_their_own_episodes_and_a_queue_leaves_none_out(houses: ScenePack) -> None:
    played: dict[Schedule, list[int]] = {"striped": [], "queue": []}
    schedules: tuple[Schedule, ...] = ("striped", "queue")
    running: list[int] = []
    for schedule in schedules:
        env = vector(houses, 3, horizon=9, schedule=schedule)
        env.reset(options={"first": 100})
        done, left = env.play.end_action, env.play.simulator.body.action_names.index("rotate_left")
        for step in range(24):
            info = env.step(np.array([done if step % 2 else left, left, left]))[-1]
            played[schedule] += info["episode"]["number"][info["_episode"]].tolist() if "episode" in info else []
        running = env.episode_numbers.tolist()
    assert [number for number in played["striped"] if number % 3 == 1] == list(range(100, 136, 3))
    assert sorted(played["queue"] + running) == list(range(100, 103 + len(played["queue"])))


def test_a_rows_future_depends_neither_on_its_neighbours_nor_on_the_batch(houses: ScenePack) -> None:
    views: dict[int, list[bytes]] = {2: [], 6: []}
    for batch, found in views.items():
        env = vector(houses, batch, horizon=12)
        seen, info = env.reset()
        for step in range(11):
            actions = chosen(1, step, info["action_mask"], never=env.play.end_action)
            seen, _, _, _, info = env.step(actions)
            found.append(b"".join(seen[name][:2].tobytes() for name in sorted(seen)))
    assert views[2] == views[6]


def errands(houses: ScenePack) -> FlareVectorEnv:
    """Everything that an episode can remember, at once."""
    body = replace(load_embodiment("stretch_re1")[0], senses=("contact", "said"))
    simulator = EmbeddedSimulator(houses, body, 4, 0)
    metrics = {"near": parse("near(target, within_m: 2)"), "left": parse("then(near(target, within_m: 3), not(near(target, within_m: 3)))")}
    task = replace(load_task("objectnav_two")[0], horizon=15, metrics=metrics, reward=Reward(new_square=0.5))
    return FlareVectorEnv(simulator, task, EpisodeSampler(task, simulator, WORDS, 0), {"navigation": (24, 16)}, "queue")


@pytest.mark.parametrize("made", [lambda houses: vector(houses, 4, horizon=15, schedule="queue"), errands])
def test_restoring_a_snapshot_gives_a_bit_identical_future(houses: ScenePack, made: Callable[[ScenePack], FlareVectorEnv]) -> None:
    def run(env: FlareVectorEnv, masks: np.ndarray[Any, Any], first: int) -> list[bytes]:
        out = []
        for step in range(first, first + 30):
            seen, reward, terminated, _, info = env.step(chosen(2, step, masks))
            masks = info["action_mask"]
            out.append(
                b"".join([*(seen[name].tobytes() for name in sorted(seen)), reward.tobytes(), terminated.tobytes(), masks.tobytes()])
            )
            if "episode" in info:
                out.append(b"".join(array.tobytes() for array in info["episode"].values()))
        return out

    env = made(houses)
    masks = env.reset()[1]["action_mask"]
    run(env, masks, 0)
    kept = {name: array.copy() for name, array in env.snapshot().items()}
    want = run(env, env.masks(), 30)
    other = made(houses)
    other.restore(kept)
    assert all(isinstance(array, np.ndarray) for array in kept.values())
    assert (other.observe()["step"] == kept["steps"]).all()
    assert run(other, other.masks(), 30) == want


def test_a_random_policy_hardly_ever_succeeds(houses: ScenePack) -> None:
    for robot in ("stretch_re1", "locobot", "turtlebot4"):
        simulator, task, sampler = parts(houses, robot, 32, horizon=250)
        play = Play(simulator, task, sampler, {})
        play.begin(np.arange(32), np.arange(32))
        ended, won, following = 0, 0, 32
        for step in range(400):
            outcome = play.act(chosen(3, step, play.masks()))
            rows = np.flatnonzero(outcome.terminated | outcome.truncated)
            ended, won = ended + len(rows), won + int(outcome.success.sum())
            if len(rows):
                play.begin(rows, np.arange(following, following + len(rows)))
                following += len(rows)
        assert ended > 300
        assert won < 0.05 * ended


@pytest.mark.parametrize("robot", ["stretch_re1", "locobot", "turtlebot4"])
def test_the_single_environment_passes_gymnasiums_own_check(houses: ScenePack, robot: str) -> None:
    simulator, task, sampler = parts(houses, robot, 1)
    env = FlareEnv(simulator, task, sampler, {camera.name: (16, 12) for camera in simulator.body.cameras})
    check_env(env, skip_render_check=True)
    one, _ = env.reset(seed=7)
    two, _ = env.reset(seed=7)
    assert all((np.asarray(one[name]) == np.asarray(two[name])).all() for name in one)
    done = env.unwrapped._play.end_action
    _, _, terminated, _, info = env.step(np.int64(done))
    assert terminated
    assert info["episode"]["number"] == 7


def test_faults_of_set_up_name_the_remedy(houses: ScenePack) -> None:
    simulator, task, sampler = parts(houses, "locobot", 2)
    with pytest.raises(SimError, match=r"locobot has no camera 'rear'\. Render one of: head\."):
        FlareVectorEnv(simulator, task, sampler, {"rear": (8, 8)})
    with pytest.raises(SimError, match=r"needs a simulator of batch 1, not 2\. Use FlareVectorEnv\."):
        FlareEnv(simulator, task, sampler, {"head": (8, 8)})


def test_an_episode_that_ends_itself_does_so_at_the_first_step_of_success(houses: ScenePack) -> None:
    simulator, task, sampler = parts(houses, "locobot", 6, horizon=200)
    ended = {}
    for itself in (False, True):
        play = Play(simulator, replace(task, ends_itself=itself), sampler, {})
        expert, over = Expert(simulator, sampler), np.zeros(6, dtype=bool)
        play.begin(np.arange(6), np.arange(6))
        lengths = np.zeros(6, dtype=int)
        for _ in range(200):
            outcome = play.act(expert.actions(play.episodes))
            assert not (outcome.success & ~outcome.terminated).any()
            lengths[outcome.success & ~over] = play.steps[outcome.success & ~over]
            over |= outcome.terminated
            if over.all():
                break
        ended[itself] = lengths
    assert (ended[True] > 0).all()
    assert (ended[True] < ended[False]).all()  # nothing has to be said, and the target was in view before the expert stopped


def test_what_an_episode_of_rooms_or_hands_came_to_is_told_and_of_others_is_not(houses: ScenePack) -> None:
    for name, known in (("roomvisit", "rooms"), ("fetch", "held"), ("objectnav", "")):
        task, simulator = load_task(name)[0], EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], 2, 0)
        play = Play(simulator, task, EpisodeSampler(task, simulator, WORDS, 0), {})
        play.begin(np.arange(2), np.arange(2))
        turn = simulator.body.action_names.index("rotate_right")
        for _ in range(3):
            play.act(np.full(2, turn))
        results = play.results(np.ones(2, dtype=bool))
        assert results["turned_deg"] == pytest.approx([90, 90])
        for measure in ("rooms", "held"):
            assert np.isnan(results[measure]).all() == (measure != known)
        if known == "rooms":
            rooms = [len(simulator.room_types(episode.start.house)) for episode in play.episodes]
            assert results["rooms"] == pytest.approx([1 / count for count in rooms])
