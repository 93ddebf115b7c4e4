"""Tasks read from YAML."""

from pathlib import Path

import pytest

from flare_core.errors import SpecError, TaskError
from flare_core.tasks.predicates import Visible
from flare_core.tasks.spec import load_task
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

SHORT = """kind: task
targets: {Apple: apple, Bed: bed}
templates: ["go to {a} {target}"]
success: "visible(target, navigation, within_m: 2.0)"
horizon: 50
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_objectnav_is_the_one_of_chores() -> None:
    task, _ = load_task("objectnav")
    assert len(task.types) == 15
    assert task.success == Visible(role="navigation", within_m=2.0)
    assert (task.reward.success, task.reward.failure, task.reward.step, task.horizon) == (10.0, 0.0, 0.0, 600)
    assert task.nouns["GarbageCan"] == "trash can"
    assert {task.instruction("Apple", at) for at in range(5)} == {
        "go to an apple", "locate an apple", "find an apple", "search for an apple", "navigate to an apple",
    }  # fmt: skip


def test_the_short_task_differs_in_its_horizon_alone() -> None:
    full, short = load_task("objectnav")[0], load_task("objectnav_short")[0]
    assert short.horizon == 250
    assert (short.types, short.templates, short.success, short.reward) == (full.types, full.templates, full.success, full.reward)


@pytest.mark.parametrize("name", ["objectnav", "objectnav_short"])
def test_every_instruction_of_a_shipped_task_has_its_words(name: str) -> None:
    words, task = Vocabulary.load(), load_task(name)[0]
    assert all(3 <= len(words.encode(text)) <= 16 for text in task.instructions())


def test_the_reward_is_sparse_unless_said_otherwise(tmp_path: Path) -> None:
    task, _ = load_task(written(tmp_path, SHORT))
    assert (task.reward.success, task.reward.failure, task.reward.step, task.ends_with) == (10.0, 0.0, 0.0, "done")
    assert task.name == "mine"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("visible(", "seen(", 4, "no predicate 'seen'"),
        ("{target}\"", "{thing}\"", 3, "templates.0: there is no gap {thing} here. Use {target}, {a}"),
        (" {target}\"", "\"", 3, "templates.0: needs the gap {target} once, not 0 times"),
        ("Apple: apple", "Aple: apple", 2, "targets.Aple: there is no object type 'Aple' in any house. Did you mean 'Apple'?"),
        ("Apple: apple", "Apple: aple", 2, "targets.Apple: the word 'aple' has no vector."),
        ("go to", "goto", 3, "templates.0: the word 'goto' has no vector."),
        ("visible(target, navigation, within_m: 2.0)", "in_room(target)", 4, "success: in_room(target) asks about rooms"),
        ("visible(target, navigation, within_m: 2.0)", "rooms_marked(all)", 4, "rooms_marked() is about the house as a whole"),
        ("horizon: 50", "rooms: {Kitchen: kitchen}\nhorizon: 50", 5, "rooms: an episode is about `targets` already"),
        ("horizon: 50", "in_rooms: {Kichen: kitchen}\nhorizon: 50", 5, "there is no room type 'Kichen'. Use Kitchen, LivingRoom"),
        ("horizon: 50", "selections: [{by: largest, says: 'the {target}', references: {Bed: bed}}]\nhorizon: 50", 5,
         "`by: largest` has no `references`"),
        ("targets: {Apple: apple, Bed: bed}", "affordances: {sitting: [Chair, Soffa]}", 2, "no object type 'Soffa' in any house. Did you"),
        ("targets: {Apple: apple, Bed: bed}", "rooms: {Kitchen: kitchen}", 4, "visible(target) asks about objects"),
        ("horizon: 50", "reward: {terms: [{when: rooms_marked(all), value: 1}]}\nhorizon: 50", 5,
         "reward.terms.0.when: rooms_marked() is about the house as a whole"),
        ("horizon: 50", "reward: {terms: [{when: held(target), value: 1}]}\nhorizon: 50", 5, "no predicate 'held'"),
        ("horizon: 50", "horizon: 0", 5, "greater than 0"),
        ("horizon: 50", "horizn: 50", 5, "Did you mean 'horizon'?"),
    ],
)  # fmt: skip
def test_a_fault_names_file_and_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(SpecError) as bad:
        load_task(written(tmp_path, SHORT.replace(old, new)))
    assert f"mine.yaml:{line}:" in str(bad.value)
    assert message in str(bad.value)


def test_a_task_is_made_of_values_that_cannot_change() -> None:
    task, _ = load_task("objectnav")
    assert isinstance(task, Task)
    with pytest.raises(TypeError):
        task.nouns["Apple"] = "pear"  # type: ignore[index]


def test_a_body_that_cannot_say_done_is_refused() -> None:
    from dataclasses import replace

    from flare_core.embodiments.spec import load_embodiment

    task, (body, _) = load_task("objectnav")[0], load_embodiment("locobot")
    mute = replace(body, actions=tuple(action for action in body.actions if action.effect.axis != "done"))
    with pytest.raises(TaskError, match="locobot has no action that says 'done'"):
        task.check(mute)
