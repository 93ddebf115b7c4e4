"""evaluate, bench: how good and how fast."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from flare_core.commands.options import seed_option, simulator_option, use_one_thread, workers_option
from flare_core.errors import StoppedError

if TYPE_CHECKING:
    from flare_core.runs.evaluating import Evaluation

RANDOMISE_HELP = "Play in random colours, in random light or with augmented pictures, drawn once an episode. The result says so."
HOUSE_HELP = "Also play in this ProcTHOR house; all that are given make a row of their own."


@click.command()
@click.argument("bundle")
@click.option("--episodes", type=click.IntRange(min=1), default=500, show_default=True, help="Fixed episodes, always the same.")
@click.option("--greedy", is_flag=True, help="Also measure with the most probable action instead of a sampled one.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Held-out houses to play in.")
@click.option("--task", metavar="TASK", help="Another task than the bundle's own: a packaged name or a file.")
@click.option("houses", "--house", metavar="FILE.json", type=click.Path(path_type=Path), multiple=True, help=HOUSE_HELP)
@click.option("--against", metavar="BUNDLE", help="Compare with another bundle on the same episodes.")
@click.option("as_json", "--json", is_flag=True, help="Print the result as JSON.")
@click.option("kinds", "--randomise", type=click.Choice(["materials", "light", "augment"]), multiple=True, help=RANDOMISE_HELP)
@simulator_option
@workers_option
@seed_option
def evaluate(
    bundle: str, episodes: int, greedy: bool, split: Literal["test", "val"], task: str | None, houses: tuple[Path, ...],
    against: str | None, as_json: bool, kinds: tuple[str, ...], overrides: tuple[tuple[str, str], ...], workers: int, seed: int,
) -> None:  # fmt: skip
    """Measure a policy on held-out episodes.

    BUNDLE is a bundle's folder, shipped:NAME or hub://org/name@revision. Actions are sampled unless --greedy adds a second row.
    """
    from flare_core.adapters.spec import simulator_of
    from flare_core.runs.candidate import ready
    from flare_core.runs.console import ConsoleWatcher
    from flare_core.runs.evaluating import Plan, share_out
    from flare_core.runs.evaluating import evaluate as judge
    from flare_core.runs.randomness import in_evaluation
    from flare_core.runs.stopping import Stopping

    use_one_thread()
    of_body, elsewhere = share_out(overrides)
    simulator = simulator_of(elsewhere)
    plan = Plan(
        episodes=episodes, split=split, greedy=greedy, houses=houses, workers=workers, seed=seed, simulator=simulator,
        randomised=in_evaluation(kinds, simulator.kind),
    )  # fmt: skip
    candidate, other = ready(bundle, task, of_body), None if against is None else ready(against, task, of_body)
    with ConsoleWatcher() as console, Stopping(console) as watcher:
        try:
            found = judge(candidate, plan, watcher, other)
        except KeyboardInterrupt:
            raise StoppedError("Stopped. An evaluation keeps nothing; give the same command again, perhaps with fewer --episodes") from None
    if as_json:
        about = {"bundle": bundle, "task": candidate.task.name, "simulator": found.simulator, "split": split, "seed": seed}
        click.echo(json.dumps(about | found.to_json(), indent=1))
        return
    _print(found, f"{candidate.bundle.name}, {candidate.task.name}", f"{episodes:,} episodes in each row, 1 seed ({seed})")


def _print(found: "Evaluation", name: str, basis: str) -> None:
    from flare_core.evaluation.report import comparison_table, table, turned
    from flare_core.runs.console import print_table
    from flare_core.runs.judge import feasible_line

    print_table(turned(table({label: summary.to_json() for label, summary in found.rows.items()})), f"{name}, {found.simulator}")
    actions = list(next(iter(found.rows.values())).use)
    shares = [(action, *(f"{100 * summary.use.get(action, 0.0):.2f}" for summary in found.rows.values())) for action in actions]
    print_table([("use of actions, %", *found.rows), *shares])
    if found.against is not None:
        print_table(
            turned(comparison_table(found.against.to_json())), f"before: the bundle given by --against; after: {name}; the same episodes"
        )
    click.echo(feasible_line("The body", found.feasible_share))
    click.echo(found.randomness)
    where = found.simulator if "AI2-THOR" in found.simulator else f"{found.simulator.capitalize()}, not AI2-THOR"
    click.echo(f"{basis}. 95 % intervals; success: Wilson, the rest: bootstrap over houses. {where}.")


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="How long each part is measured.")
def bench(seconds: float) -> None:
    """Measure renderer, environment and training on one thread."""
    from flare_core.runs.benchmark import benchmark
    from flare_core.runs.console import print_table
    from flare_core.runs.facts import commit, machine

    use_one_thread()
    rows = [(measure.what, f"{measure.per_second:,.0f}") for measure in benchmark(seconds)]
    print_table([("on one thread", "per second"), *rows])
    facts = machine()
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", "torch", "numba"))
    click.echo(f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, {versions}, commit {commit()}")
