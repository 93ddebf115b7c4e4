"""doctor: the machine that all of this runs on."""

import json
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flare_core.runs.doctor.diagnosis import Diagnosis


@click.command()
@click.option("as_json", "--json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Tell what this machine lacks, and the command that mends it.

    Exit code 1 if the toolkit itself cannot work here. What only a GPU, AI2-THOR or the Hub needs is optional.
    """
    from flare_core.runs.doctor.examine import examine
    from flare_core.runs.doctor.machine import this_machine

    found = examine(this_machine(os.environ))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1))
    else:
        _print(found)
    if found.lacking:
        context.exit(1)


def _print(found: "Diagnosis") -> None:
    from flare_core.runs.console import print_table

    print_table(found.rows(), "This machine")
    remedies = found.remedies()
    click.echo("\n".join((*found.reasons(), found.verdict(), *(["One command for each thing to mend:"] if remedies else []))))
    for command, names in remedies.items():
        click.echo(f"\n# {', '.join(names)}\n{command}")
