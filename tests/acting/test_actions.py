"""Actions leave with the directions and units of the embodiment's YAML, and no sign can be mistaken."""

from pathlib import Path

import pytest

from flare_core.acting.actions import Action, Effect, action_of, read_action
from flare_core.embodiments.body import Action as Row
from flare_core.embodiments.body import Effect as Signed
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import ActingError
from flare_core.reading import dump

ROBOTS = sorted(path.stem for path in (Path(__file__).parents[2] / "specs" / "embodiments").glob("*.yaml"))


@pytest.mark.parametrize("robot", ROBOTS)
def test_an_embodiment_with_these_effects_is_the_same_embodiment(robot: str, tmp_path: Path) -> None:
    body, _ = load_embodiment(robot, random="middle")
    entries = [{action.name: action_of(action).to_json()["effect"]} for action in body.actions]
    path = tmp_path / "again.yaml"
    path.write_text(dump({"kind": "embodiment", "extends": robot, "name": "again", "actions": entries}))
    again, _ = load_embodiment(path, random="middle")
    for one, two in zip(body.actions, again.actions, strict=True):
        assert (one.name, one.effect.kind, one.effect.axis, one.effect.camera) == (
            two.name,
            two.effect.kind,
            two.effect.axis,
            two.effect.camera,
        )
        assert one.effect.amount == pytest.approx(two.effect.amount, abs=1e-9)


@pytest.mark.parametrize("robot", ROBOTS)
def test_actions_read_back_as_they_were_written(robot: str) -> None:
    body, _ = load_embodiment(robot, random="middle")
    for action in body.actions:
        assert read_action(action_of(action).to_json()) == action_of(action)


@pytest.mark.parametrize(
    ("effect", "said", "written"),
    [
        (Signed(kind="move_base", axis="forward", amount=0.25), "move_base forward 0.25 m", {"move_base": {"forward_m": 0.25}}),
        (Signed(kind="move_base", axis="right", amount=-0.1), "move_base left 0.1 m", {"move_base": {"left_m": 0.1}}),
        (Signed(kind="turn_base", axis="right", amount=-0.5235987755982988), "turn_base left 30 deg", {"turn_base": {"left_deg": 30.0}}),
        (
            Signed(kind="turn_camera", axis="tilt", amount=0.2617993877991494, camera="head"), "turn_camera head down 15 deg",
            {"turn_camera": {"camera": "head", "down_deg": 15.0}},
        ),
        (Signed(kind="move_arm", axis="extend", amount=-0.1), "move_arm retract 0.1 m", {"move_arm": {"retract_m": 0.1}}),
        (Signed(kind="grasp"), "grasp", {"grasp": {}}),
        (Signed(kind="say", axis="sub_done"), "say sub_done", {"say": "sub_done"}),
    ],
)  # fmt: skip
def test_effects_in_words_and_in_json(effect: Signed, said: str, written: object) -> None:
    action = action_of(Row(name="it", effect=effect))
    assert str(action) == f"it ({said})"
    assert action.to_json() == {"name": "it", "effect": written}


def test_an_action_is_a_value() -> None:
    assert Action(name="a", effect=Effect(kind="grasp")) == Action(name="a", effect=Effect(kind="grasp"))


NO_ACTIONS = (
    None, [], {}, {"name": 3, "effect": {"grasp": {}}}, {"name": "a", "effect": {}}, {"name": "a", "effect": {"x": {"left_rad": 1}}},
    {"name": "a", "effect": {"x": 3}}, {"name": "a", "effect": {"x": {"left_deg": "far"}}},
)  # fmt: skip


@pytest.mark.parametrize("data", NO_ACTIONS)
def test_what_is_no_action_is_refused(data: object) -> None:
    with pytest.raises(ActingError, match="is no action"):
        read_action(data)
