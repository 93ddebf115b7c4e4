"""What a fine-tuning run leaves for its reader: a table, the learning curve, and episodes before and after from above."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flare_core.bundles.bundle import load_bundle
from flare_core.evaluation.pictures import Mark, learning_curve, top_down_grid
from flare_core.evaluation.report import comparison_table, markdown, turned
from flare_core.learning.finetune import RECENT
from flare_core.policies.families import policy_of
from flare_core.runs.carry import Transfer
from flare_core.runs.finetune import Outcome, calibrated_policy, scene_for, senses_of
from flare_core.runs.stages import HELD_OUT_HOUSES
from flare_core.runs.trails import panels, trails


def new_actions(transfer: Transfer) -> list[str]:
    """Actions of the target whose rows begin anew and that it may take."""
    return [transfer.body.actions[row].name for row in transfer.plan.head.new_rows if transfer.body.actions[row].masked is None]


def write_report(transfer: Transfer, outcome: Outcome, out: Path, seed: int) -> list[Path]:
    """Write results.md, learning_curve.png and top_down.png beside results.json.

    Returns:
        The three paths.
    """
    table, curve, above = out / "results.md", out / "learning_curve.png", out / "top_down.png"
    table.write_text(results_text(transfer, outcome, seed), encoding="utf-8")
    marks = (
        Mark(steps=0, label=f"{outcome.split} episodes, before", success=outcome.comparison.before.success),
        Mark(steps=outcome.steps, label=f"{outcome.split} episodes, after", success=outcome.comparison.after.success),
    )
    title = f"{transfer.plan.source} to {transfer.plan.target}, {transfer.task.name}, {outcome.simulator}"
    learning_curve(settled(read_log(out / "log.jsonl")), curve, marks, new_actions(transfer), title)
    senses = senses_of(transfer)
    scene = scene_for(transfer, outcome.split, HELD_OUT_HOUSES, senses)
    before = trails(scene, calibrated_policy(transfer, seed), senses, seed, "before")
    tuned = policy_of(transfer.policy, load_bundle(outcome.bundle).state)
    after = trails(scene, tuned, senses, seed, "after")
    top_down_grid(panels(scene, before, after), above)
    return [table, curve, above]


def results_text(transfer: Transfer, outcome: Outcome, seed: int) -> str:
    """Markdown: the comparison and what it rests on."""
    lines = [f"# {transfer.plan.source} to {transfer.plan.target}: {transfer.task.name}", ""]
    lines += [markdown(turned(comparison_table(outcome.comparison.to_json()))), "", summary_line(outcome, seed), ""]
    if outcome.greedy is not None:
        told = "The same with the most probable action instead of a sampled one:"
        lines += [told, "", markdown(turned(comparison_table(outcome.greedy.to_json()))), ""]
    lines += [markdown(use_table(outcome)), ""]
    return "\n".join(lines)


def summary_line(outcome: Outcome, seed: int) -> str:
    """What the figures rest on, in one line."""
    return (
        f"{outcome.comparison.after.episodes:,} held-out {outcome.split} episodes, the same before and after, 1 seed ({seed}), "
        "sampled actions; "
        "95 % intervals (success: Wilson; the rest: bootstrap over houses, differences paired). All figures are from "
        f"{from_where(outcome.simulator)}. "
        f"{outcome.randomness} {outcome.steps:,} steps in {outcome.training_seconds:,.0f} s of training, {outcome.seconds:,.0f} s in all."
    )


def from_where(simulator: str) -> str:
    """The simulator in a sentence; what is not AI2-THOR says so."""
    return simulator if "AI2-THOR" in simulator else f"the {simulator}, not from AI2-THOR"


def use_table(outcome: Outcome) -> list[tuple[str, ...]]:
    """Share of the steps that took each action, before and after."""
    before, after = outcome.comparison.before.use, outcome.comparison.after.use
    rows: list[tuple[str, ...]] = [("use of actions, %", "before", "after")]
    return rows + [(name, f"{100 * before[name]:.2f}", f"{100 * after[name]:.2f}") for name in before]


def settled(records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """A log without the success of its beginning, where the running mean rests on the few episodes that end first: they are short.

    A log that is over before that is left as it is.
    """
    if not records or records[-1]["episodes"] < RECENT:
        return records
    return [record if record["episodes"] >= RECENT else record | {"success": None} for record in records]


def read_log(path: Path) -> Sequence[dict[str, Any]]:
    """Records of a training log, one for each update."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
