"""From a run's folder to one HTML file that needs nothing else: no server, no network, no other file."""

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from flare_core.evaluation.report import Episodes, comparison_table, summarise, table, turned
from flare_core.runs.kept import write_json
from flare_core.runs.report_page.curves import curves
from flare_core.runs.report_page.episodes import KINDS, MEASURES, columns, counts, rows_of, rule, same_episodes
from flare_core.runs.report_page.folder import DRAWINGS, RunFolder, read_run
from flare_core.runs.report_page.shots import HouseOf, data_uri, drawings_for, shots_of

PAGE: Final = "report.html"
HEAD: Final = ("action", "effect", "how", "from", "size ratio", "start probability", "why")
VIEWS: Final = ("view", "size", "camera", "fit", "source camera", "why")
INPUTS: Final = ("body input", "from", "scale")
PLOT_FIRST: Final = 4  # pictured episodes that are shown without a click

Table = Sequence[Sequence[str]]


def write_page(folder: Path, out: Path | None = None, house_of: HouseOf | None = None) -> Path:
    """Write the report of a run, finished or not.

    Args:
        folder: of the run.
        out: file to write; report.html in the folder if none is named.
        house_of: a house by the index that episodes name, where it is no held-out house of the generator.

    Returns:
        The file.

    Raises:
        TrainError: the folder is no run, or a file in it is damaged.
    """
    run = read_run(folder)
    rows = rows_of(same_episodes(run.before, run.after))
    drawings = drawings_for(run, rows, house_of)
    if len(drawings) > len(run.drawings):
        write_json(folder / DRAWINGS, {str(house): drawing for house, drawing in drawings.items()}, indent=None)
    text = render(run, drawings)
    path = folder / PAGE if out is None else out
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path


def render(run: RunFolder, drawings: Mapping[int, Mapping[str, Any]]) -> str:
    """The page's text. Whatever comes from a file or the Hub is text to the template, never markup."""
    played = same_episodes(run.before, run.after)
    rows = rows_of(played)
    shots = shots_of(run, rows, drawings)
    before, after = _summaries(run, played)
    script, style = _asset("page.js"), _asset("page.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["unbroken"] = unbroken
    template = environment.from_string(_asset("template.html"))
    policies = ("before", "after")[: len(played)]
    return template.render(
        title=title(run), status=status(run), is_finished=run.results is not None, facts=facts(run), headline=headline(run),
        results=result_tables(run, before), basis=basis(run), curves=curves(run, before, after), steps=run.steps,
        rows=rows, policies=policies, columns=[MEASURES[name][0] for name in (columns(played) if played else [])], kinds=KINDS,
        counts=counts(rows), shots=shots, pictured={shot.number for shot in shots}, rule=rule(), inline=PLOT_FIRST,
        plan=plan_tables(run), dropped=", ".join(run.plan.head.dropped) if run.plan else "", account=account_line(run.account),
        use=use_rows(before, after), pictures=_pictures(run), target=run.plan.target if run.plan else "", simulator=simulator_line(run),
        script=Markup(script), style=Markup(style), script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        missing=missing(run, played),
    )  # fmt: skip


def unbroken(cell: str) -> str:
    """A cell whose intervals stay on one line, on a narrow screen too."""
    return re.sub(r"\[[^\]]*\]", lambda interval: interval[0].replace(" ", "\N{NO-BREAK SPACE}"), cell)


def title(run: RunFolder) -> str:
    """Source, target and task in one line."""
    bodies = f"{run.plan.source} to {run.plan.target}" if run.plan else str(run.about.get("name", run.path.resolve().name))
    return f"{bodies}: {run.about['task']}" if "task" in run.about else bodies


def status(run: RunFolder) -> str:
    """How far the run has got; a report of one that goes on shows what there is so far."""
    if run.results is not None:
        return f"Finished: {max(run.steps, run.results['steps']):,} steps of training."
    of = f" of {run.planned_steps:,}" if run.planned_steps else ""
    if run.before is None:
        where = "nothing has been judged yet"
    elif not run.log:
        where = "judged before training; no update is done yet"
    elif run.planned_steps and run.steps >= run.planned_steps:
        where = f"all {run.steps:,} steps are done, held-out episodes after training are not"
    else:
        where = f"{run.steps:,}{of} steps are done"
    return f"Not finished (in progress or stopped): {where}. This page shows what there is so far."


def simulator_line(run: RunFolder) -> str:
    """The simulator named plainly; what is not AI2-THOR says so."""
    name = str(run.about.get("simulator", "a simulator that was not kept"))
    return name if "AI2-THOR" in name else f"{name}, not AI2-THOR"


def facts(run: RunFolder) -> list[tuple[str, str]]:
    """What the run is."""
    about, results = run.about, run.results or {}
    made = about.get("machine") or {}
    budget = f"{run.steps:,} of {run.planned_steps:,}" if run.planned_steps else f"{run.steps:,}"
    found = [
        ("source", run.plan.source if run.plan else None),
        ("target", run.plan.target if run.plan else None),
        ("task", about.get("task")),
        ("recipe", about.get("recipe")),
        ("simulator", simulator_line(run)),
        ("seed", about.get("seed")),
        ("steps", budget),
        ("training", _time(results["training_seconds"]) if "training_seconds" in results else None),
        ("in all", _time(results["seconds"]) if "seconds" in results else None),
        ("workers", about.get("workers")),
        ("houses judged in", f"held-out, {about['split']}" if "split" in about else None),
        ("machine", ", ".join(str(made[key]) for key in ("cpu", "system") if key in made)),
        ("versions", ", ".join(f"{key} {made[key]}" for key in ("python", "torch", "numba") if key in made)),
        ("cores", made.get("cores")),
        ("commit", about.get("commit")),
        ("overrides", ", ".join(map(str, about.get("overrides", ()))) or "none"),
        ("command", run.command),
    ]  # fmt: skip
    return [(name, str(value)) for name, value in found if value not in (None, "")]


def headline(run: RunFolder) -> list[tuple[str, str, str]]:
    """Success before, after and the difference: (what, number, interval) each; empty before the end."""
    if run.results is None:
        return []
    found = []
    for what, summary in (("before", run.results["before"]), ("after", run.results["after"])):
        low, high = (100 * summary[f"success_{end}"] for end in ("low", "high"))
        found.append((f"success {what}", f"{100 * summary['success']:.1f} %", f"{low:.1f} to {high:.1f} %"))
    change = run.results["difference"]
    if change["mean"] is not None:
        mean, low, high = (100 * change[part] for part in ("mean", "low", "high"))
        found.append(("difference, paired", f"{mean:+.1f} points", f"{low:+.1f} to {high:+.1f} points"))
    return found


def result_tables(run: RunFolder, before: Mapping[str, Any] | None) -> list[tuple[str, Table]]:
    """(caption, table) with the heading first."""
    if run.results is None:
        return [] if before is None else [("Before training, sampled actions", turned(table({"before": before})))]
    found: list[tuple[str, Table]] = [("Sampled actions", turned(comparison_table(run.results)))]
    if "greedy" in run.results:
        found.append(("Greedy: the most probable action", turned(comparison_table(run.results["greedy"]))))
    return found


def basis(run: RunFolder) -> str:
    """What the intervals are."""
    number = f"{run.about['episodes']:,} " if "episodes" in run.about else ""
    return (
        f"{number}held-out episodes, the same before and after, 1 seed. 95 % intervals: success by Wilson, the rest by bootstrap over "
        "houses; differences are paired, episode by episode. An interval of one seed says nothing about other seeds."
    )


def plan_tables(run: RunFolder) -> list[tuple[str, Table]]:
    """Head, views and body inputs."""
    if run.plan is None:
        return []
    tables: list[tuple[str, Table]] = [("Action head", [HEAD, *run.plan.head.rows()])]
    covered = run.about.get("covered", {})
    views = [
        (*row, f"{100 * covered[entry.view]:.0f} %") if entry.view in covered else row
        for entry, row in zip(run.plan.views.entries, run.plan.views.rows(), strict=True)
    ]
    whole = all(len(row) > len(VIEWS) for row in views)
    tables.append(("Views", [(*VIEWS, "covered") if whole else VIEWS, *(row if whole else row[: len(VIEWS)] for row in views)]))
    if run.plan.inputs.rows():
        tables.append(("Body inputs", [INPUTS, *run.plan.inputs.rows()]))
    return tables


def account_line(account: Sequence[Mapping[str, Any]]) -> str:
    """What became of the source's tensors, in one line."""
    if not account:
        return ""
    fates: dict[str, int] = {}
    for tensor in account:
        fates[str(tensor.get("fate", "?"))] = fates.get(str(tensor.get("fate", "?")), 0) + 1
    return f"Of the source's {len(account):,} tensors: " + ", ".join(f"{number:,} {fate}" for fate, number in fates.items()) + "."


def use_rows(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Table:
    """Share of the steps that took each action in held-out episodes, the heading first."""
    if before is None:
        return []
    rows: list[tuple[str, ...]] = [("action", "before, %", *(("after, %",) if after else ()))]
    for name, share in before["use"].items():
        rows.append((name, f"{100 * share:.2f}", *((f"{100 * after['use'].get(name, 0.0):.2f}",) if after else ())))
    return rows


def missing(run: RunFolder, played: Sequence[Episodes]) -> list[str]:
    """What a reader may look for and why it is not here."""
    told = []
    if run.results is not None and run.after is None:
        told.append("This run was made by an earlier version, which kept no single episodes after training: the table shows those before.")
    elif run.before is not None and run.after is not None and len(played) == 1:
        told.append("before.json and after.json hold different episodes, so that they cannot be put side by side.")
    if played and not run.before_takes.takes:
        told.append("No pictures of episodes: this run was begun by an earlier version, which recorded none.")
    return told


def _summaries(run: RunFolder, played: Sequence[Episodes]) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Of the results, or of what has been judged so far."""
    if run.results is not None:
        return run.results["before"], run.results["after"]
    found = [summarise(one, int(run.about.get("seed", 0))).to_json() for one in played]
    return (found[0] if found else None), (found[1] if len(found) > 1 else None)


def _pictures(run: RunFolder) -> list[tuple[str, Markup]]:
    """(name, source) of the robot first, then of what each camera sees."""
    names = sorted(run.pictures, key=lambda name: (name != "robot", name))
    return [(name, source) for name in names if (source := data_uri(run.pictures[name])) is not None]


def _time(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min" if seconds < 36000 else f"{seconds / 3600:,.1f} h"


def _asset(name: str) -> str:
    return (resources.files("flare_core.runs.report_page") / name).read_text(encoding="utf-8")


def is_report(path: Path) -> bool:
    """Whether a file is a report that may be written anew."""
    with path.open("rb") as file:
        return b'<meta name="generator" content="flare report">' in file.read(2000)
