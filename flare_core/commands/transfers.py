"""plan, adapt: from one body to another, without training."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flare_core.commands.options import out_option, override_option, seed_option, use_one_thread

if TYPE_CHECKING:
    from flare_core.runs.carry import Transfer

Pairs = tuple[tuple[str, str], ...]
HEAD = ("action", "effect", "how", "from", "size ratio", "start probability", "why")
VIEWS = ("view", "size", "camera", "fit", "source camera", "why", "covered")
INPUTS = ("body input", "from", "scale")


@click.command()
@click.argument("transfer")
@click.option("as_json", "--json", is_flag=True, help="Print the plan as JSON.")
@click.option("--write", is_flag=True, help="First add the choices that are missing to the file, as explicit lines.")
@override_option
def plan(transfer: str, as_json: bool, write: bool, overrides: Pairs) -> None:
    """Print what of the policy survives on the target: action head, views, body inputs.

    Refuses what is unpaired or unfed and names the line to add.
    """
    from flare_core.runs.carry import view_map
    from flare_core.runs.compose import load_plan, write_missing

    if write:
        for section, lines in write_missing(transfer, overrides).items():
            for key, value in lines.items():
                click.echo(f"Added to {transfer}: {section}: {key}: {value}", err=True)
    found = load_plan(transfer, overrides, weights=False)
    if as_json:
        click.echo(json.dumps(json.loads(found.plan.to_json()) | {"covered": dict(view_map(found).covered)}, indent=1))
        return
    print_plan(found)


@click.command()
@click.argument("transfer")
@out_option("Folder of the bundle.")
@click.option("--calibrate/--no-calibrate", default=True, show_default=True, help="Give new actions their start probabilities.")
@seed_option
@override_option
@click.pass_obj
def adapt(command: str, transfer: str, out: Path, calibrate: bool, seed: int, overrides: Pairs) -> None:
    """Write the carried policy as a bundle, without training it, and account for every tensor."""
    from flare_core.runs.adapting import adapt as carry_over
    from flare_core.runs.compose import load_plan
    from flare_core.runs.console import print_table

    use_one_thread()
    path, account = carry_over(load_plan(transfer, overrides), out, seed=seed, calibrate=calibrate, command=command)
    print_table([("tensor", "what became of it", "shape", "kept", "new", "dropped", "note"), *account.rows()], "Tensors")
    click.echo(f"Wrote {path}")


def print_plan(found: "Transfer") -> None:
    """The three tables of a plan, with what is left behind; before them, what of the robot is still a question."""
    from flare_core.runs.carry import view_map
    from flare_core.runs.console import print_table
    from flare_core.runs.warnings.table import questions_left

    for line in questions_left(found.embodiment):
        click.echo(line)
    head, views = found.plan.head, found.plan.views
    covered = view_map(found).covered
    click.echo(f"{found.loaded.name}: {found.plan.source} to {found.plan.target}, task {found.task.name}, recipe {found.recipe_spec.name}")
    print_table([HEAD, *head.rows()], "Action head")
    click.echo(f"Source actions left behind: {', '.join(head.dropped) or 'none'}.\n")
    shares = [f"{100 * covered[entry.view]:.0f} %" for entry in views.entries]
    print_table([VIEWS, *((*row, share) for row, share in zip(views.rows(), shares, strict=True))], "Views")
    click.echo(f"Cameras that feed no view: {', '.join(views.unused) or 'none'}.\n")
    print_table([INPUTS, *found.plan.inputs.rows()], "Body inputs")
