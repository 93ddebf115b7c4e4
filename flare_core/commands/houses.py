"""houses: generate house files, or look into one."""

from pathlib import Path

import click

from flare_core.commands.options import picture as png
from flare_core.commands.options import use_one_thread


@click.command()
@click.argument("file", metavar="[FILE.json]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--picture", metavar="PNG", type=click.Path(path_type=Path, dir_okay=False), callback=png, help="Draw FILE from above and from inside."
)
@click.option("--embodiment", metavar="ROBOT", default="locobot", show_default=True, help="Through whose camera --picture looks.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train", show_default=True, help="Whose houses to generate.")
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many to generate.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder to generate them into.")
def houses(file: Path | None, picture: Path | None, embodiment: str, split: str, count: int, out: Path | None) -> None:
    """Generate houses as JSON that AI2-THOR's CreateHouse takes too, or inspect one.

    With FILE.json: tell about it, and draw it with --picture. Without: write --count houses of --split to --out.
    """
    if file is not None:
        if out is not None:
            raise click.UsageError("--out generates houses and goes without FILE.json; a picture is written with --picture")
        _inspect(file, picture, embodiment)
        return
    if out is None:
        raise click.UsageError("give FILE.json to inspect a house, or --out to generate some")
    if picture is not None:
        raise click.UsageError("--picture draws FILE.json; give the file")
    from flare_core.runs.console import ConsoleWatcher
    from flare_core.runs.house_files import write_houses

    with ConsoleWatcher() as watcher:
        watcher.stage("houses", count)
        paths = write_houses(split, count, out, watcher.advance)
    click.echo(f"Wrote {len(paths):,} houses of '{split}' to {out}")


def _inspect(file: Path, picture: Path | None, embodiment: str) -> None:
    from flare_core.embodiments.spec import load_embodiment
    from flare_core.houses.procthor import read_house
    from flare_core.runs.console import print_table
    from flare_core.runs.house_files import house_picture, house_rows, object_line

    house = read_house(file)
    print_table(house_rows(house), house.id)
    click.echo(object_line(house))
    for warning in house.warnings:
        click.echo(f"Note: {warning}")
    if picture is not None:
        use_one_thread()
        body, _ = load_embodiment(embodiment)
        click.echo(f"Wrote {house_picture(house, body, picture)}")
