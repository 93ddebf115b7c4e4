"""What a fine-tuning run leaves for its reader: a table, the learning curve, and episodes before and after from above."""

from pathlib import Path

from flare_core.bundles.bundle import load_bundle
from flare_core.evaluation.pictures import Mark, Panel, learning_curve, top_down_grid
from flare_core.evaluation.report import comparison_table, markdown, turned
from flare_core.policies.families import policy_of
from flare_core.runs.carry import Transfer
from flare_core.runs.finetune import Outcome, calibrated_policy, scene_for, senses_of
from flare_core.runs.kept import LOG, read_log
from flare_core.runs.report_page.curves import settled
from flare_core.runs.report_page.folder import RunFolder, read_run
from flare_core.runs.report_page.page import write_page
from flare_core.runs.report_page.shots import HouseOf
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene
from flare_core.runs.trails import EPISODES, held_out_house, panels, trail_label, trails


def new_actions(transfer: Transfer) -> list[str]:
    """Actions of the target whose rows begin anew and that it may take."""
    return [transfer.body.actions[row].name for row in transfer.plan.head.new_rows if transfer.body.actions[row].masked is None]


def write_report(transfer: Transfer, outcome: Outcome, out: Path, seed: int) -> list[Path]:
    """Write results.md, learning_curve.png, top_down.png and report.html beside results.json.

    Nothing is played again: the ways are those that were recorded when the policies were judged.

    Returns:
        The four paths.
    """
    table, curve, above = out / "results.md", out / "learning_curve.png", out / "top_down.png"
    table.write_text(results_text(transfer, outcome, seed), encoding="utf-8")
    marks = (
        Mark(steps=0, label=f"{outcome.split} episodes, before", success=outcome.comparison.before.success),
        Mark(steps=outcome.steps, label=f"{outcome.split} episodes, after", success=outcome.comparison.after.success),
    )
    title = f"{transfer.plan.source} to {transfer.plan.target}, {transfer.task.name}, {outcome.simulator}"
    learning_curve(settled(read_log(out / LOG)), curve, marks, new_actions(transfer), title)
    scene = scene_for(transfer, outcome.split, HELD_OUT_HOUSES, senses_of(transfer))
    house_of = scene.house_of or held_out_house
    recorded = recorded_panels(read_run(out), house_of)
    top_down_grid(recorded or replayed_panels(transfer, outcome, scene, seed), above)
    return [table, curve, above, write_page(out, house_of=house_of)]


def recorded_panels(run: RunFolder, house_of: HouseOf) -> list[Panel]:
    """The first episodes with the ways that both policies took; none where they were not recorded."""
    found = []
    for at, (number, first) in enumerate(sorted(run.before_takes.takes.items())[:EPISODES]):
        ways = []
        for label, episodes, kept in (("before", run.before, run.before_takes), ("after", run.after, run.after_takes)):
            if episodes is None or number not in kept.takes:
                return []
            succeeded, length = bool(episodes.success[at]), int(episodes.measures["length"][at])
            ways.append(kept.takes[number].trail(trail_label(label, succeeded, length), succeeded))
        found.append(Panel(house=house_of(first.house), trails=tuple(ways), title=f"held-out episode {number}: {first.instruction}"))
    return found


def replayed_panels(transfer: Transfer, outcome: Outcome, scene: Scene, seed: int) -> list[Panel]:
    """The same for a run that was begun by a version which recorded nothing."""
    senses = senses_of(transfer)
    before = trails(scene, calibrated_policy(transfer, seed), senses, seed, "before")
    tuned = policy_of(transfer.policy, load_bundle(outcome.bundle).state)
    return panels(scene, before, trails(scene, tuned, senses, seed, "after"))


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
