"""Any sensible robot that somebody describes passes check, plan and ten updates."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flare_core.learning.finetune import FineTuner
from flare_core.reading import dump
from flare_core.runs.compose import load_plan, write_missing
from flare_core.runs.finetune import calibrated_policy, scene_for, senses_of
from flare_core.runs.stages import Randomisation, training_stages
from tests.cli_tools import tiny_bundle

pytestmark = pytest.mark.usefixtures("brief_calibration")


@st.composite
def robots(draw: st.DrawFn) -> dict[str, Any]:
    """A base that fits through doors, a camera that looks ahead, turns and steps; pan, tilt, strafing and a mask at times."""

    def number(low: float, high: float) -> float:
        return round(draw(st.floats(low, high)), 3)

    step, turn = number(0.1, 0.4), number(10, 60)
    camera: dict[str, Any] = {
        "role": "navigation",
        "mount": {"up_m": number(0.2, 1.5), "pitch_down_deg": number(0, 30)},
        "vertical_fov_deg": number(35, 90),
        "width_px": 160,
        "height_px": draw(st.sampled_from([90, 120, 160])),
    }
    actions: list[dict[str, Any]] = [
        {"go": {"move_base": {"forward_m": step}}},
        {"turn_l": {"turn_base": {"left_deg": turn}}},
        {"turn_r": {"turn_base": {"right_deg": turn}}},
        {"done": {"say": "done"}},
    ]
    if draw(st.booleans()):
        camera |= {"pan": {"left_deg": 90, "right_deg": 90}, "tilt": {"up_deg": 30, "down_deg": 45}}
        actions.append({"tilt": {"turn_camera": {"camera": "eye", "down_deg": number(5, 30)}}})
    if draw(st.booleans()):
        actions.insert(draw(st.integers(0, 3)), {"side": {"move_base": {"left_m": step}}})
    if draw(st.booleans()):
        actions.append({"back": {"move_base": {"back_m": step}, "masked": "no bumper behind"}})
    base: dict[str, Any] = {"height_m": number(0.2, 1.6), "centre": {"back_m": number(0, 0.1)}}
    base |= draw(st.sampled_from([{"radius_m": number(0.1, 0.22)}, {"width_m": number(0.2, 0.4), "length_m": number(0.2, 0.4)}]))
    return {
        "kind": "embodiment", "name": "somebody", "base": base,
        "cameras": {"eye": camera}, "actions": actions, "noise": {"move_m": number(0, 0.02), "turn_deg": number(0, 2)},
    }  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(robots())
def test_any_sensible_robot_passes_check_plan_and_ten_updates(robot: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_bundle(folder / "policy")
        (folder / "somebody.yaml").write_text(dump(robot), encoding="utf-8")
        transfer = folder / "transfer.yaml"
        lines = ["kind: transfer", "policy: policy", "embodiment: somebody.yaml", "task: objectnav_short", "recipe: graft"]
        transfer.write_text("\n".join([*lines, "new_actions: {start: mean, probability: 0.02}", ""]), encoding="utf-8")
        write_missing(transfer)
        budget = [
            ("recipe.rows", "4"),
            ("recipe.rollout", "8"),
            ("recipe.minibatches", "1"),
            ("recipe.houses", "4"),
            ("recipe.critic_warmup_steps", "64"),
        ]
        plan = load_plan(transfer, budget)
        policy, senses = calibrated_policy(plan, 0), senses_of(plan)
        stages = training_stages(scene_for(plan, "train", 4, senses), 4, 1, 0, Randomisation(materials=1.0))
        shared = [row for row, _ in plan.plan.head.shared_rows if plan.body.actions[row].masked is None]
        tuner = FineTuner(policy, plan.recipe, stages, senses, folder / "run", new_rows=plan.plan.head.new_rows, shared=shared, seed=0)
        records = [tuner.update() for _ in range(10)]
        assert records[-1]["steps"] == 10 * 4 * 8
        banned = [action.name for action in plan.body.actions if action.masked is not None]
        assert all(record["use"][name] == 0.0 for record in records for name in banned)
