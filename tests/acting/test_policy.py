"""A policy on a robot chooses as it does in an evaluation, and refuses what it cannot act on, before it acts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flare_core
from flare_core.acting.policy import Policy
from flare_core.errors import ActingError, BundleError
from flare_core.evaluation.episodes import policy_actor
from flare_core.runs.candidate import ready
from flare_core.simulators.embedded.pack import ScenePack
from tests.acting.rig import bundle_for, grey, noise, pictures, stage_for, state
from tests.cli_tools import flare, tiny_bundle

STEPS = 90
Pictures = dict[str, np.ndarray[Any, np.dtype[np.uint8]]]


@pytest.fixture(scope="module")
def locobot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_for("locobot", tmp_path_factory.mktemp("bundles") / "locobot")


@pytest.fixture(scope="module")
def feeling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_for("stretch_re1_feeling", tmp_path_factory.mktemp("bundles") / "feeling")


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Stretch's policy on a LoCoBot: one view absent, the other made by the plan."""
    folder = tmp_path_factory.mktemp("bundles")
    done = flare(
        "adapt", "stretch_to_locobot", "--no-calibrate", "--out", folder / "carried", "-o", f"policy={tiny_bundle(folder / 'tiny')}"
    )
    assert done.exit_code == 0, done.output
    return folder / "carried"


def walk(policy: Policy, steps: int) -> list[str]:
    """Names of so many actions, in as many episodes as it takes."""
    found = []
    for step in range(steps):
        if step == 0 or policy.over:
            policy.reset("find a mug")
        found.append(policy.act(noise(policy, step), policy.home_state()).name)
    return found


def both_ways(
    reference: str, houses: ScenePack, greedy: bool, change: Callable[[Pictures], Pictures] = lambda seen: seen
) -> tuple[list[str], list[str], int]:
    """Names of the actions by the path of an evaluation and by `load().act`, and how often masks shut something out."""
    policy = flare_core.load(reference, greedy=greedy, seed=7)
    candidate = ready(reference)
    stage = stage_for(policy, candidate.bundle.embodiment, houses)
    actor = policy_actor(stage, candidate.senses(candidate.policy), 7, greedy)
    names = stage.play.simulator.body.action_names
    one, two, shut = [], [], 0
    starting, observation = np.ones(1, dtype=bool), stage.observe()
    for _ in range(STEPS):
        if starting[0]:
            policy.reset(str(stage.play.instructions[0]), state(stage))
        masks = stage.masks()
        action = actor(observation, masks, starting)
        two.append(policy.act(change(pictures(observation)), state(stage)).name)
        one.append(names[action[0]])
        assert [policy.probabilities[name] > 0 for name in names] == masks[0].tolist()
        shut += int((~masks).sum())
        observation, _, terminated, truncated, _ = stage.step(action)
        starting = terminated | truncated
    return one, two, shut


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("which", ["locobot", "feeling", "carried", "shipped:stretch_objectnav"])
def test_actions_are_those_of_an_evaluation(
    which: str, greedy: bool, houses: ScenePack, request: pytest.FixtureRequest
) -> None:  # fmt: skip
    reference = which if ":" in which else str(request.getfixturevalue(which))
    one, two, shut = both_ways(reference, houses, greedy)
    assert one == two
    assert shut > 0 or which == "carried"  # its camera hardly turns
    assert greedy or len(set(one)) > 2


def test_other_pictures_give_other_actions(houses: ScenePack) -> None:
    one, two, _ = both_ways("shipped:stretch_objectnav", houses, False, lambda seen: {name: 255 - image for name, image in seen.items()})
    assert one != two


def test_what_it_has_touched_and_said_reaches_the_policy(feeling: Path) -> None:
    policy = flare_core.load(feeling, greedy=True)
    policy.reset("find a mug")
    policy.act(grey(policy), policy.home_state())
    free = dict(policy.probabilities)
    policy.reset("find a mug")
    policy.act(grey(policy), policy.home_state() | {"contact": True})
    assert free != dict(policy.probabilities)


def test_the_same_seed_chooses_the_same_and_another_memory_is_its_own(locobot: Path) -> None:
    policy = flare_core.load(locobot, seed=5)
    same, other = policy.another(seed=5), policy.another(seed=6)
    found = []
    for one in (policy, same, other):
        found.append(walk(one, 12))
    assert found[0] == found[1] != found[2]


def test_a_second_episode_knows_nothing_of_the_first(locobot: Path) -> None:
    policy = flare_core.load(locobot, greedy=True)
    policy.reset("find a mug")
    policy.act(noise(policy, 1), policy.home_state())
    first = dict(policy.probabilities)
    policy.act(noise(policy, 2), policy.home_state())
    policy.reset("find a mug")
    assert dict(policy.probabilities) == {}
    policy.act(noise(policy, 1), policy.home_state())
    assert dict(policy.probabilities) == first


def test_a_refused_call_changes_nothing(locobot: Path) -> None:
    policy, undisturbed = flare_core.load(locobot, seed=1), flare_core.load(locobot, seed=1)
    for step in range(12):
        if policy.steps == 0 or policy.over:
            policy.reset("find a mug")
            undisturbed.reset("find a mug")
        for bad in ({}, policy.home_state() | {"head.pan_right_deg": float("nan")}):
            with pytest.raises(ActingError):
                policy.act(noise(policy, step), bad)
        with pytest.raises(ActingError):
            policy.reset("fnord")
        assert policy.act(noise(policy, step), policy.home_state()) == undisturbed.act(noise(policy, step), policy.home_state())
    assert dict(policy.probabilities) == dict(undisturbed.probabilities)


def test_a_field_that_the_masks_need_is_missed_at_reset(locobot: Path) -> None:
    policy = flare_core.load(locobot)
    with pytest.raises(ActingError) as caught:
        policy.reset("find a mug", supplies=["head.tilt_down_deg"])
    assert str(caught.value) == (
        "state: locobot's masks and inputs need what is not supplied; without it no action is safe to allow. Supply\n"
        "  head.pan_right_deg: pan, clockwise seen from above (number, -90 to 90)"
    )
    with pytest.raises(ActingError, match="no episode has begun"):
        policy.act(grey(policy), policy.home_state())


def test_a_promise_that_is_not_kept_is_no_action(locobot: Path) -> None:
    policy = flare_core.load(locobot)
    policy.reset("find a mug")
    with pytest.raises(ActingError, match="without it no action is safe to allow"):
        policy.act(grey(policy), {"head.pan_right_deg": 0.0})
    with pytest.raises(ActingError, match="without it no action is safe to allow"):
        policy.act(grey(policy))


def test_a_joint_at_its_limit_has_no_way_left(locobot: Path) -> None:
    policy = flare_core.load(locobot)
    policy.reset("find a mug")
    policy.act(grey(policy), {"head.pan_right_deg": 90.0, "head.tilt_down_deg": 75.0})
    zero = {name for name, chance in policy.probabilities.items() if chance == 0.0}
    assert {"look_right", "look_down"} <= zero
    assert not {"look_left", "look_up"} & zero
    policy.reset("find a mug")
    policy.act(grey(policy), {"head.pan_right_deg": 91.0, "head.tilt_down_deg": -81.0})  # a little too far, as encoders say
    zero = {name for name, chance in policy.probabilities.items() if chance == 0.0}
    assert {"look_right", "look_up"} <= zero


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head.pan_right_deg": 200.0}, "is 200, far outside of its limits -90 to 90. Is it in another unit"),
        ({"head.pan_right_deg": True}, "must be a finite number, not bool True"),
        ({"head.pan_right_deg": "0"}, "must be a finite number, not str 0"),
        ({"head.pan_right_deg": float("inf")}, "must be a finite number, not float inf"),
        ({"head.pan_right_deg": 10**400}, "must be a finite number, not int of 1329 bits"),
        ({"head.pan_right_deg": -(10**5000)}, "must be a finite number, not int of 16610 bits"),
        ({"head.pan_rigth_deg": 1.0}, "Did you mean 'head.pan_right_deg'?"),
        ({"holding": False}, "locobot has no 'holding'. Its state has head.pan_right_deg, head.tilt_down_deg."),
    ],
)
def test_a_state_that_cannot_be_is_refused(locobot: Path, change: dict[str, Any], message: str) -> None:
    policy = flare_core.load(locobot)
    policy.reset("find a mug")
    with pytest.raises(ActingError) as caught:
        policy.act(grey(policy), policy.home_state() | change)
    assert message in str(caught.value)


def test_a_boolean_is_no_number(feeling: Path) -> None:
    policy = flare_core.load(feeling)
    policy.reset("find a mug")
    with pytest.raises(ActingError, match="holding of stretch_re1_feeling must be true or false, not int 1"):
        policy.act(grey(policy), policy.home_state() | {"holding": 1})


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("find a mugg", "the policy does not know the word 'mugg'. Near it are mug"),
        ("find a qqqqq", "No word that it knows is near it"),
        ("", "must be a text with words in it, not ''"),
        ("?!", "must be a text with words in it"),
        (None, "must be a text with words in it, not 'None'"),
        ("mug " * 65, "has 65 words, more than 64"),
    ],
)
def test_an_instruction_that_it_cannot_read_is_refused(locobot: Path, instruction: Any, message: str) -> None:
    with pytest.raises(ActingError) as caught:
        flare_core.load(locobot).reset(instruction)
    assert message in str(caught.value)
    assert 'It was taught instructions such as "' in str(caught.value)


def test_an_episode_ends_with_done(locobot: Path) -> None:
    policy = flare_core.load(locobot, seed=2)
    policy.reset("find a mug")
    for step in range(500):
        action = policy.act(noise(policy, step), policy.home_state())
        assert policy.over == (action.name == "done")
        if policy.over:
            break
    assert policy.over
    assert policy.steps == step + 1
    with pytest.raises(ActingError, match="has ended this episode"):
        policy.act(grey(policy), policy.home_state())
    policy.reset("find a mug")
    policy.act(grey(policy), policy.home_state())


def test_what_it_says_of_itself_can_be_sent_as_json(locobot: Path) -> None:
    policy = flare_core.load(locobot)
    about = json.loads(json.dumps(policy.describe()))
    assert about["cameras"] == {"head": {"width_px": 396, "height_px": 224, "used_width_px": 32, "used_height_px": 18}}
    assert [need["name"] for need in about["needs"]] == ["head.pan_right_deg", "head.tilt_down_deg"]
    assert {"name": "look_left", "effect": {"turn_camera": {"camera": "head", "left_deg": 30.0}}} in about["actions"]


@pytest.mark.parametrize("command", ["serve", "act"])
def test_help_names_the_three_forms_of_a_bundle(command: str) -> None:
    said = " ".join(flare(command, "--help").output.split())
    assert "a bundle's folder, shipped:NAME or hub://ORG/NAME@REVISION" in said


def test_a_bundle_that_is_not_there_is_refused() -> None:
    with pytest.raises(BundleError, match="no such bundle is shipped"):
        flare_core.load("shipped:nothing")
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        flare_core.laod  # noqa: B018


def test_a_policy_shares_weights_with_another_of_it(locobot: Path) -> None:
    policy = flare_core.load(locobot)
    assert isinstance(policy, Policy)
    assert policy.another(seed=1)._ready is policy._ready
