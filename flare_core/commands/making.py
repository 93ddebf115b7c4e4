"""new: files to begin with."""

from pathlib import Path

import click


@click.group(name="new")
def new() -> None:
    """Write a file to begin with: a robot of your own."""


@new.command()
@click.argument("name")
@click.option("--from", "parent", metavar="ROBOT", help="A robot to begin from: a packaged name (see `flare list`) or a YAML file.")
@click.option("--urdf", metavar="FILE", type=click.Path(path_type=Path), help="Instead: read what a URDF knows, and ask for the rest.")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), help="Metres of one unit of the URDF; 0.001 for millimetres.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="File to write. [default: NAME.yaml]")
def robot(name: str, parent: str | None, urdf: Path | None, scale: float | None, out: Path | None) -> None:
    """Write a robot's file, NAME.yaml, with comments that say what to measure and how.

    With --from, it extends a packaged robot. With --urdf, base, cameras and joints are taken from the URDF.
    """
    from flare_core.runs.making.new_files import next_commands

    if (parent is None) == (urdf is None):
        raise click.UsageError("give one of --from ROBOT (such as --from locobot, see `flare list`) and --urdf FILE")
    if scale is not None and urdf is None:
        raise click.UsageError("--scale is for --urdf; a robot of --from is in metres")
    path = out if out is not None else Path(f"{name}.yaml")
    if parent is not None:
        from flare_core.runs.making.from_robot import robot_like

        robot_like(name, parent, path)
    elif urdf is not None:
        _from_urdf(name, urdf, scale or 1.0, path)
    click.echo(f"Wrote {path}")
    click.echo(next_commands(path))


def _from_urdf(name: str, urdf: Path, scale: float, path: Path) -> None:
    from flare_core.runs.console import print_table
    from flare_core.runs.making.from_urdf import robot_of_urdf

    found = robot_of_urdf(name, urdf, path, scale=scale)
    print_table([("key", "value", "from"), *found.rows()], f"Taken from {urdf}")
    for line in found.remarks():
        click.echo(line)
