"""The learning curves of a run: which series of the log are shown, and what each one tells."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from flare_core.evaluation.pictures import series
from flare_core.evaluation.statistics import Interval
from flare_core.learning.finetune import RECENT
from flare_core.runs.report_page.charts import Chart, Dot, Line, chart
from flare_core.runs.report_page.folder import RunFolder


class Curve(NamedTuple):
    """One series of the log."""

    key: str
    title: str
    help: str
    floor: float | None = 0.0


CURVES: Final = (
    Curve("return", "return, episodes that ended in the update", "Mean sum of rewards. With a sparse reward it follows success.", None),
    Curve("length", "actions in an episode", "Of episodes that ended. Falls where targets are found sooner; very low: it gives up early."),
    Curve(
        "entropy",
        "entropy of the policy, nats",
        "Falls slowly as the policy makes up its mind. To 0 within a few updates: collapsed.",
    ),
    Curve("source_kl", "KL to the source policy, nats", "How far shared actions have moved. The pull back fades out by the recipe."),
    Curve("clip_fraction", "clipped share of steps, %", "Below some 20 %. More: steps are too large; nothing at all: nothing is learned."),
    Curve("ratio_spread", "largest change of a probability ratio", "Greatest |ratio - 1|. Lasting peaks: the learning rate is too high."),
    Curve("value_loss", "value loss", "Error of the critic. Falls in its warm-up and may rise again when success does."),
    Curve("steps_per_second", "steps per second", "Of this machine, rollout and update together."),
)


def settled(records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """A log without the success of its beginning, where the running mean rests on the few episodes that end first: they are short.

    A log that is over before that is left as it is.
    """
    if not records or records[-1]["episodes"] < RECENT:
        return records
    return [record if record["episodes"] >= RECENT else {**record, "success": None} for record in records]


def new_action_names(run: RunFolder) -> list[str]:
    """Actions whose rows begin anew."""
    return [] if run.plan is None else [run.plan.head.entries[row].action for row in run.plan.head.new_rows]


def curves(run: RunFolder, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Chart]:
    """All charts that the log allows.

    Args:
        before, after: summaries of held-out episodes, as `Summary.to_json` writes them.
    """
    end = float(max(run.planned_steps or 0, run.steps))  # the last update may end beyond the plan
    steps, success = series(settled(run.log), "success")
    dots = [
        Dot(label=f"held-out episodes {when}, %", x=at, y=_percent(found))
        for when, at, found in (("before", 0.0, before), ("after", float(run.steps), after))
        if found is not None and found.get("success") is not None
    ]
    top = chart(
        "success", "success, %", f"Line: in training, running mean over {RECENT} episodes. Points: held-out episodes with 95 % intervals.",
        [Line(label="in training", x=steps, y=100 * success)], end=end, dots=dots, floor=0.0,
    )  # fmt: skip
    return [top, *(_single(run, curve, end) for curve in CURVES if len(series(run.log, curve.key)[0])), *_use(run, end), *_costs(run, end)]


def _single(run: RunFolder, curve: Curve, end: float) -> Chart:
    x, y = series(run.log, curve.key)
    scale = 100.0 if curve.key == "clip_fraction" else 1.0
    return chart(curve.key, curve.title, curve.help, [Line(label="", x=x, y=scale * y)], end=end, floor=curve.floor)


def _use(run: RunFolder, end: float) -> list[Chart]:
    lines = []
    for action in new_action_names(run):
        uses = [{"steps": record["steps"], "use": record.get("use", {}).get(action)} for record in run.log]
        x, y = series(uses, "use")
        if len(x):
            lines.append(Line(label=action, x=x, y=100 * y))
    told = "Share of all steps in training. Falling to 0: the policy has no use for it, or has unlearned it."
    return [chart("use", "use of new actions, %", told, lines, end=end, floor=0.0)] if lines else []


def _costs(run: RunFolder, end: float) -> list[Chart]:
    """Costs and multipliers of a task with constraints, one line for each in the task's order."""
    found = []
    for key, title in (("episode_costs", "costs of an episode"), ("multipliers", "multipliers of the costs")):
        records = [(record["steps"], record[key]) for record in run.log if record.get(key)]
        if not records:
            continue
        x, y = np.array([steps for steps, _ in records], dtype=float), np.array([values for _, values in records], dtype=float)
        lines = [Line(label=f"constraint {at + 1}", x=x, y=y[:, at]) for at in range(y.shape[1])]
        found.append(chart(key, title, "In the order of the task's constraints.", lines, end=end, floor=0.0))
    return found


def _percent(summary: Mapping[str, Any]) -> Interval:
    return Interval(mean=100 * summary["success"], low=100 * summary["success_low"], high=100 * summary["success_high"])
