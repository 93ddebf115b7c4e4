from pathlib import Path

import pytest

from flare_core.adapters.plan import NEW
from flare_core.adapters.planning import plan_transfer
from flare_core.adapters.spec import TransferSpec, load_transfer
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SpecError
from flare_core.reading import find, list_specs

VIEWS = {"navigation": (128, 72), "manipulation": (128, 72)}


@pytest.mark.parametrize("name", list_specs("transfer"))
def test_every_packaged_transfer_names_real_specs_and_can_be_planned(name: str) -> None:
    loaded = load_transfer(name)
    source, _ = load_embodiment("stretch_re1")
    target, _ = load_embodiment(loaded.spec.embodiment)
    assert find(loaded.spec.task, "task").is_file()
    assert find(loaded.spec.recipe, "recipe").is_file()
    plan = plan_transfer(source, target, VIEWS, loaded.spec, loaded.line_of)
    assert tuple(entry.action for entry in plan.head.entries) == target.action_names


def hows(name: str) -> dict[str, tuple[str, str | None]]:
    loaded = load_transfer(name)
    source, _ = load_embodiment("stretch_re1")
    target, _ = load_embodiment(loaded.spec.embodiment)
    entries = plan_transfer(source, target, VIEWS, loaded.spec).head.entries
    return {entry.action: (entry.how, entry.source) for entry in entries if entry.how != "keep"}


def test_locobot_starts_its_camera_anew_and_the_other_way_reuses_arm_rows() -> None:
    assert hows("stretch_to_locobot") == {
        "look_left": ("like", "rotate_left"),
        "look_right": ("like", "rotate_right"),
        "look_up": ("mean", None),
        "look_down": ("mean", None),
    }
    assert hows("stretch_to_locobot_reuse") == {
        "look_left": ("reuse", "move_arm_in"),
        "look_right": ("reuse", "move_arm_out"),
        "look_up": ("reuse", "move_arm_up"),
        "look_down": ("reuse", "move_arm_down"),
    }


def test_another_robot_s_actions_are_the_stretch_s_of_another_size() -> None:
    assert {how for how, _ in hows("stretch_to_turtlebot4").values()} <= {"rescale", "masked"}
    assert not NEW & {how for how, _ in hows("stretch_to_turtlebot4").values()}


def test_an_override_displaces_the_choice_it_replaces() -> None:
    loaded = load_transfer("stretch_to_locobot", overrides=[("head.look_up.reuse", "move_arm_up")])
    choice = loaded.spec.head["look_up"]
    assert (choice.reuse, choice.start) == ("move_arm_up", None)


def test_contradicting_choices_are_refused_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    head = "head:\n  look_up: {like: rotate_left, reuse: move_arm_up}\n  look_down: {masked: stuck, probability: 0.1}\n"
    path.write_text(f"kind: transfer\npolicy: shipped:x\nembodiment: locobot\ntask: objectnav\n{head}", "utf-8")
    with pytest.raises(SpecError) as caught:
        load_transfer(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}:6: head.look_up: ")
    assert "give exactly one of rescale, reuse, like, start or masked, not reuse and like" in lines[0]
    assert lines[1].startswith(f"{path}:7: head.look_down: ")
    assert "'masked' keeps the bias as it is; 'probability' goes only with 'like' or 'start'" in lines[1]


def test_the_schema_of_a_transfer_can_be_written() -> None:
    schema = TransferSpec.model_json_schema()
    assert schema["required"] == ["policy", "embodiment", "task"]
    assert "from" in schema["$defs"]["ViewChoice"]["properties"]
