"""The card says what is in the other files."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from flare_core.adapters.plan import HeadEntry, HeadPlan, InputPlan, Plan, ViewEntry, ViewPlan
from flare_core.bundles.card import came_from, is_untouched, with_licence, write_card
from flare_core.cli import main
from flare_core.embodiments.body import Action, Camera, Effect, Embodiment, Footprint

BODY = Embodiment(
    name="lowbot",
    footprint=Footprint(radius_m=0.17, height_m=0.35),
    cameras=(Camera(name="front", role="navigation", up_m=0.25, fx=64.0, fy=64.0, cx=64.0, cy=36.0, width_px=128, height_px=72),),
    arm=None,
    gripper="none",
    actions=(
        Action(name="move_ahead", effect=Effect(kind="move_base", axis="forward", amount=0.25)),
        Action(name="grasp", effect=Effect(kind="grasp"), masked="no gripper | none"),
        Action(name="done", effect=Effect(kind="say", axis="done")),
    ),
)
PLAN = Plan(
    source="stretch",
    target="lowbot",
    head=HeadPlan(
        source_actions=("move_ahead", "lift"),
        trained=(0, 1),
        entries=(
            HeadEntry(
                action="move_ahead", effect="move_base {forward_m: 0.25}", how="rescale", source="move_ahead", source_row=0, ratio=1.25
            ),
        ),
        dropped=("lift",),
    ),
    views=ViewPlan(
        entries=(ViewEntry(view="navigation", width=128, height=72, camera="front", fit="reproject", source_camera="head"),), unused=()
    ),
    inputs=InputPlan(source_inputs=(), entries=(), dropped=()),
)
INTERVAL = {"mean": 0.2, "low": 0.15, "high": 0.25}
LINEAGE = {"command": "flare train stretch_to_lowbot.yaml", "commit": "abc123", "seed": 7, "steps": 600_000, "account": {"kept": 3}}


def card(**changes: object) -> str:
    facts = {"name": "low", "body": BODY, "policy": {"family": "small"}, "task": {"name": "objectnav"}, "lineage": LINEAGE}
    return write_card(**(facts | {"plan": None, "results": None} | changes))  # type: ignore[arg-type]


def test_the_front_matter_is_yaml_that_names_robot_and_task() -> None:
    front = yaml.safe_load(card().split("---")[1])
    assert front["license"] == "unknown", "nobody has said"
    assert front["tags"][-2:] == ["lowbot", "objectnav"]
    assert "base_model" not in front


def test_the_front_matter_names_licence_and_parent() -> None:
    parent = {"reference": "hub://org/stretch@main", "repo": "org/stretch", "revision": "a" * 40, "weights": "b" * 64, "licence": "mit"}
    text = card(lineage=LINEAGE | {"licence": "mit", "parent": parent})
    front = yaml.safe_load(text.split("---")[1])
    assert (front["license"], front["base_model"], front["base_model_relation"]) == ("mit", "org/stretch", "finetune")
    assert f"- parent: hub://org/stretch@main, revision {'a' * 40}, weights {'b' * 12}" in text
    assert "mit, which the weights have from where they began." in text


def test_the_hub_reads_the_figures_back_with_their_intervals() -> None:
    before = {"episodes": 500, "success": 0.3, "success_low": 0.26, "success_high": 0.34}
    about = {"simulator": "AI2-THOR build x", "split": "val"}
    results = {"before": before, "after": before | {"success": 0.5}, "difference": INTERVAL, "differences": {}, "about": about}
    found = ModelCard(card(results=results)).data.eval_results
    assert [(one.metric_name, one.metric_value) for one in found] == [("success, %, after", 50.0), ("success, %, before", 30.0)]
    assert found[0].metric_args == {"interval_95": [26.0, 34.0], "episodes": 500}
    assert found[0].dataset_name == "objectnav in held-out houses, AI2-THOR build x"
    assert found[0].dataset_split == "val"


def test_who_is_judged_beside_the_policy_does_not_count_as_the_policy() -> None:
    summary = {"episodes": 9, "success": 0.5, "success_low": 0.4, "success_high": 0.6}
    found = ModelCard(card(results={"policy": summary, "expert": summary, "random": summary})).data.eval_results
    assert [one.metric_name for one in found] == ["success, %, policy"]


def test_the_card_says_who_made_it_and_how() -> None:
    text = card()
    assert "```bash\nflare train stretch_to_lowbot.yaml\n```" in text
    assert "- commit: abc123\n- seed: 7\n- steps: 600000" in text


def test_the_card_names_every_command_that_came_before() -> None:
    first = {"command": "flare pretrain see.yaml", "commit": "a1", "seed": 0}
    second = {"command": "flare pretrain do.yaml", "commit": "b2", "seed": 1}
    text = card(lineage=LINEAGE | {"ancestors": [second, first]})
    assert "- `flare pretrain do.yaml` (commit b2, seed 1)\n- `flare pretrain see.yaml` (commit a1, seed 0)" in text
    assert "began with" not in card()


def test_the_card_shows_the_body_with_units_and_reasons() -> None:
    text = card()
    assert "Base: radius 0.170 m, 0.35 m high; no arm; gripper: none." in text
    assert "gripper: none; senses: contact." in card(body=replace(BODY, senses=("contact",)))
    assert (
        "| front | navigation | 0.25 m | 0.00 m | 0° | 90° x 59° | 128 x 72 px | 64.0, 64.0, 64.0, 36.0 | fixed |" in text
    )  # 2 atan(64 / 64), 2 atan(36 / 64)
    assert "| 0 | `move_ahead` | `move_base {forward_m: 0.25}` | always |" in text
    assert "| 1 | `grasp` | `grasp` | never: no gripper \\| none |" in text


def test_figures_carry_their_intervals_and_say_where_they_are_from() -> None:
    summary = {"episodes": 1000, "success": 0.5, "success_low": 0.469, "success_high": 0.531}
    text = card(results={"sampled": summary, "seconds": 3.0})
    assert "|  | sampled |\n|---|---|\n| episodes | 1,000 |\n| success, % | 50.0 [46.9, 53.1] |" in text
    assert "embedded simulator, not from AI2-THOR" in text
    assert "None yet" in card()


def test_before_and_after_show_the_paired_difference() -> None:
    before = {"episodes": 500, "success": 0.3, "success_low": 0.26, "success_high": 0.34}
    results = {
        "before": before,
        "after": before | {"success": 0.5},
        "difference": INTERVAL,
        "differences": {},
    }
    text = card(results=results)
    assert "|  | before | after | difference, paired |" in text
    assert "| success, % | 30.0 [26.0, 34.0] | 50.0 [26.0, 34.0] | +20.0 [+15.0, +25.0] |" in text


@pytest.mark.parametrize(("plan", "said"), [(None, "trained on this body from the start"), (PLAN, "carried over from stretch")])
def test_the_card_says_where_the_policy_comes_from(plan: Plan | None, said: str) -> None:
    assert said in card(plan=plan)


def test_an_imported_checkpoint_is_not_said_to_be_trained_here() -> None:
    text = card(lineage=LINEAGE | {"checkpoint": {"file": "x.ckpt"}, "parent": {"reference": "https://example.org/x.ckpt"}})
    assert "taken over from https://example.org/x.ckpt" in text
    assert "It was trained in houses of a simulator." in text
    assert "furnished with boxes" in card(lineage=LINEAGE | {"simulator": "embedded simulator"})


def test_the_plan_is_part_of_the_card() -> None:
    text = card(plan=PLAN)
    assert (
        "| 0 | `move_ahead` | `move_base {forward_m: 0.25}` | always | `move_ahead`, whose effect is of another size: now 1.25 times |"
        in text
    )
    assert "Source actions left behind: `lift`." in text
    assert "| navigation | 128x72 | front | reproject | head |" in text


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"how": "keep", "source": "lift"}, "`lift`"),
        ({"how": "reuse", "source": "lift"}, "`lift`, with a new meaning"),
        ({"how": "like", "source": "lift", "probability": 0.005}, "new: begun with a copy of `lift`, at probability 0.005"),
        ({"how": "mean", "probability": 0.02}, "new: begun with the mean of all rows, at probability 0.02"),
        ({"how": "masked", "reason": "no arm"}, "nothing: never used"),
    ],
)
def test_every_row_says_what_it_came_from(entry: dict[str, Any], said: str) -> None:
    assert came_from(HeadEntry(action="x", effect="", **entry)) == said


def test_pictures_and_the_way_to_ask_are_shown() -> None:
    task = {"name": "objectnav", "targets": {"Apple": "apple", "Mug": "mug"}, "templates": ["go to {a} {target}", "find {a} {target}"]}
    text = card(task=task, pictures=("robot", "front", "elsewhere"))
    assert re.findall(r"!\[.*?\]\((.*?)\)", text) == ["pictures/robot.png", "pictures/front.png"]
    assert 'policy.reset("find a mug")' in text
    assert "Instructions that it was trained on: `go to a [target]`, `find a [target]`. Targets: apple, mug." in text


def test_a_card_knows_whether_somebody_has_edited_it() -> None:
    text = card(repo="org/low")
    assert is_untouched(text)
    assert not is_untouched(text.replace("lowbot", "highbot"))
    assert not is_untouched(text + "It works.\n")


def test_no_path_of_this_machine_is_in_the_card() -> None:
    assert str(Path.home()) not in card(plan=PLAN)


@pytest.mark.parametrize("repo", [None, "org/low"])
def test_the_commands_of_the_card_are_commands(repo: str | None) -> None:
    (use,) = re.findall(r"## Use\n(.*?)\n## ", card(repo=repo), flags=re.DOTALL)
    lines = [line for block in re.findall(r"```bash\n(.*?)```", use, flags=re.DOTALL) for line in block.splitlines()]
    assert len(lines) == (5 if repo else 4)
    for line in lines:
        name, *words = shlex.split(line)[1:]
        command = main.commands[name]
        command.make_context(name, words)  # refuses what it does not know and names what it lacks


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\nlicense: unknown\ntags:\n- a\n---\nlicense: no\n", "---\nlicense: mit\ntags:\n- a\n---\nlicense: no\n"),
        ("---\r\na: 1\r\nlicense: 'x' # why\r\n---\r\nText", "---\r\na: 1\r\nlicense: mit # why\r\n---\r\nText"),
        ("---\nlicense:\n- mit\n- x\na: 1\n---\n", "---\nlicense: mit\na: 1\n---\n"),
        ("---\nlicense: >-\n  x\na:\n  license: x\n---\n", "---\nlicense: mit\na:\n  license: x\n---\n"),
        ("---\na: 1\nlicense_name: x\n---\n", "---\nlicense: mit\na: 1\nlicense_name: x\n---\n"),
        ("---\n---\n", "---\nlicense: mit\n---\n"),
        ("# Mine\n\n---\n", "---\nlicense: mit\n---\n\n# Mine\n\n---\n"),
        ("---\nlicense: mit\n---", "---\nlicense: mit\n---"),
    ],
)
def test_a_licence_is_set_and_all_else_stays(before: str, after: str) -> None:
    assert with_licence(before, "mit") == after
