"""pretrain, train: what makes a policy better."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from flare_core.commands.options import out_option, override_option, own_override_option, seed_option, use_one_thread, workers_option
from flare_core.errors import AdapterError, StoppedError

Pairs = tuple[tuple[str, str], ...]
Trackers = tuple[Literal["tensorboard", "trackio"], ...]
STOPPED = "Stopped. What was found so far is kept."
SPLIT_HELP = "Held-out houses to judge in; val while you still choose settings, so that test stays unseen."
TRACK_HELP = "Also show the log's numbers there; may be given twice. Needs `pip install 'flare-core[tensorboard]'` or [trackio]."
resume_option = click.option("--resume", is_flag=True, help="Go on with the run that --out holds.")


@click.command()
@click.argument("spec")
@out_option("Folder of the run.")
@resume_option
@seed_option
@workers_option
@own_override_option
@click.pass_obj
def pretrain(command: str, spec: str, out: Path, resume: bool, seed: int, workers: int, overrides: Pairs) -> None:
    """Make a policy: a lesson in seeing, imitation of an expert, practice; judge it."""
    from flare_core.evaluation.report import table, turned
    from flare_core.runs import pretrain as job
    from flare_core.runs.console import ConsoleWatcher, print_table
    from flare_core.runs.pretraining import load_pretraining
    from flare_core.runs.stopping import Stopping

    use_one_thread()
    pretraining = load_pretraining(spec, overrides)
    with ConsoleWatcher() as console, Stopping(console) as watcher, _saying_how_to_go_on(command):
        found = job.pretrain(pretraining, out, seed=seed, workers=workers, resume=resume, watcher=watcher, command=command)
    print_table(turned(table(found)), f"{pretraining.loaded.name}, embedded simulator")
    click.echo(f"95 % intervals, {pretraining.spec.evaluation_episodes:,} held-out episodes, 1 seed ({seed}). Bundle: {out / 'bundle'}")


@click.command()
@click.argument("transfer", required=False)
@click.option("--policy", metavar="BUNDLE", help="Instead of TRANSFER: the policy to carry.")
@click.option("--embodiment", metavar="ROBOT", help="Instead of TRANSFER: the robot that it goes to.")
@click.option("--task", metavar="TASK", help="Instead of TRANSFER: what it is to do.")
@click.option("--recipe", metavar="RECIPE", default="graft", show_default=True, help="Instead of TRANSFER: how it is trained.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help=SPLIT_HELP)
@click.option("--estimate", is_flag=True, help="Only measure what the run will take: hours, memory, disk. Trains nothing.")
@out_option("Folder of the run.")
@resume_option
@seed_option
@workers_option
@click.option("--track", "trackers", type=click.Choice(["tensorboard", "trackio"]), multiple=True, help=TRACK_HELP)
@override_option
@click.pass_obj
def train(
    command: str, transfer: str | None, policy: str | None, embodiment: str | None, task: str | None, recipe: str,
    split: Literal["test", "val"], estimate: bool, out: Path, resume: bool, seed: int, workers: int, trackers: Trackers, overrides: Pairs,
) -> None:  # fmt: skip
    """Carry a policy onto a robot and fine-tune it there; measure it before and after.

    Give a TRANSFER (a YAML file or a packaged name), or --policy, --embodiment and --task: then one is written into the
    run's folder.
    """
    reference = _reference(transfer, policy, embodiment, task, recipe, out)
    use_one_thread()
    if estimate:
        _estimate(reference, overrides, seed, workers)
        return
    _run(reference, transfer is None, out, overrides, command, split=split, resume=resume, seed=seed, workers=workers, trackers=trackers)


@contextmanager
def _saying_how_to_go_on(command: str) -> Iterator[None]:
    """Ctrl-C, at a safe point or not, ends with the whole command that goes on, to copy."""
    words = shlex.split(command)
    go_on = f"Go on with:\n  {shlex.join(words if '--resume' in words else [*words, '--resume'])}"
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"{STOPPED} {go_on}") from None
    except StoppedError as stop:
        raise StoppedError(f"{stop} {go_on}") from None


def _reference(transfer: str | None, policy: str | None, embodiment: str | None, task: str | None, recipe: str, out: Path) -> str:
    """The transfer that was named, or the one written from its parts."""
    parts = {"--policy": policy, "--embodiment": embodiment, "--task": task}
    missing = [name for name, value in parts.items() if value is None]
    recipe_given = click.get_current_context().get_parameter_source("recipe") is not click.core.ParameterSource.DEFAULT
    if transfer is not None:
        if len(missing) < len(parts) or recipe_given:
            raise click.UsageError("give TRANSFER or --policy, --embodiment and --task, not both; -o KEY=VALUE changes a value of TRANSFER")
        return transfer
    if policy is None or embodiment is None or task is None:
        raise click.UsageError(f"without TRANSFER, {' and '.join(missing)} must be given too")
    from flare_core.runs.compose import compose

    path = compose(out, policy=policy, embodiment=embodiment, task=task, recipe=recipe)
    click.echo(f"{path}:\n{path.read_text(encoding='utf-8')}")
    return str(path)


def _estimate(reference: str, overrides: Pairs, seed: int, workers: int) -> None:
    from flare_core.runs.compose import load_plan
    from flare_core.runs.console import print_table
    from flare_core.runs.estimating import estimate

    click.echo("Measuring a few steps ...", err=True)
    found = estimate(load_plan(reference, overrides), seed=seed, workers=workers)
    print_table(found.rows_of_table(), f"{found.rows} rows, {workers} workers; measured over {found.measured:,} steps")
    click.echo("Nothing was trained. Give the same command without --estimate to begin.")


def _run(
    reference: str, composed: bool, out: Path, overrides: Pairs, command: str, *, split: Literal["test", "val"], resume: bool, seed: int,
    workers: int, trackers: Trackers,
) -> None:  # fmt: skip
    from flare_core.commands.transfers import print_plan
    from flare_core.evaluation.report import comparison_table, turned
    from flare_core.runs.compose import load_plan
    from flare_core.runs.console import ConsoleWatcher, print_table
    from flare_core.runs.finetune import check_folder, check_rows, finetune
    from flare_core.runs.reporting import summary_line, use_table, write_report
    from flare_core.runs.scalars import check_trackers
    from flare_core.runs.stopping import Stopping

    try:
        found = load_plan(reference, overrides)
    except AdapterError as fault:
        hint = f"\n`flare plan {reference} --write` adds every line that has a proposal; then give the same command again."
        raise AdapterError(f"{fault}{hint if composed else ''}") from None
    check_trackers(trackers)
    check_rows(found, workers)
    check_folder(out, found, seed, workers, split, resume)
    print_plan(found)
    sys.stdout.flush()
    with ConsoleWatcher() as console, Stopping(console) as watcher, _saying_how_to_go_on(command):
        outcome = finetune(
            found, out, seed=seed, workers=workers, split=split, resume=resume, watcher=watcher, command=command, trackers=trackers
        )
        watcher.say("Drawing ...")
        written = write_report(found, outcome, out, seed)
    print_table(turned(comparison_table(outcome.comparison.to_json())), f"{found.plan.source} to {found.plan.target}, {outcome.simulator}")
    if outcome.greedy is not None:
        print_table(turned(comparison_table(outcome.greedy.to_json())), "The same with the most probable action instead of a sampled one")
    print_table(use_table(outcome))
    click.echo(summary_line(outcome, seed))
    click.echo(f"Wrote {outcome.bundle}, {out / 'results.json'}, {', '.join(map(str, written))}")
