"""check, list, show, describe, schema: what is written in YAML."""

from pathlib import Path

import click

from flare_core.commands.options import picture, seed_option, use_one_thread, workers_option
from flare_core.errors import FlareError


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def check(files: tuple[str, ...]) -> None:
    """Read specs of any kind in full and report every fault.

    FILE is a YAML file or the name of a packaged spec. A transfer is planned too.
    """
    from flare_core.runs import checking

    faults = []
    for file in files:
        try:
            click.echo("\n".join(checking.check(file)))
        except FlareError as fault:
            faults.append(str(fault))
    if faults:
        raise FlareError("\n".join(faults))


@click.command(name="list")
def list_() -> None:
    """List the packaged specs of each kind and the shipped bundles."""
    from flare_core.bundles.places import shipped
    from flare_core.reading import KINDS, list_specs

    for kind in KINDS:
        click.echo(f"{kind}: {', '.join(list_specs(kind)) or 'none'}")
    click.echo(f"bundle: {', '.join(f'shipped:{name}' for name in shipped()) or 'none'}")


@click.command()
@click.argument("embodiment")
@click.option(
    "--out",
    metavar="PNG",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=picture,
    help="Picture to write. [default: EMBODIMENT.png; EMBODIMENT_CAMERA.png with --photo]",
)
@click.option(
    "--photo",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A picture that the robot's camera took: draw onto it where its horizon and the floor 1, 2 and 4 m away must be.",
)
@click.option("--camera", metavar="NAME", help="With --photo, the camera that took it. [default: the one that navigates]")
@click.option("--seed", type=int, help="Of a robot with ranges: a body drawn with this seed. [default: the middle of every range]")
def show(embodiment: str, out: Path | None, photo: Path | None, camera: str | None, seed: int | None) -> None:
    """Draw a robot from its side and from above, with its cameras' cones, what they see in three houses, and its actions.

    EMBODIMENT is a YAML file or the name of a packaged robot.
    """
    from flare_core.embodiments.drawing import shown_body
    from flare_core.runs import showing
    from flare_core.runs.console import print_table
    from flare_core.runs.warnings.table import body_warnings

    if camera is not None and photo is None:
        raise click.UsageError("--camera goes with --photo: without, every camera is shown")
    use_one_thread()
    body, loaded = shown_body(embodiment, seed)
    if photo is None:
        path = out or Path(f"{body.name}.png")
        click.echo(showing.shape_line(body))
        print_table(showing.camera_rows(body))
        print_table(showing.action_rows(body))
        told = showing.portrait(body, path)
    else:
        seen_by = camera or showing.first_camera(body).name
        path = out or Path(f"{body.name}_{seen_by}.png")
        told = showing.over_photograph(body, seen_by, photo, path)
        print_table(showing.camera_rows(body))
    for line in (*told, *body_warnings(body, loaded)):
        click.echo(line)
    click.echo(f"Wrote {path}")


@click.command()
@click.argument("task")
@click.option("--embodiment", metavar="ROBOT", default="stretch_re1", show_default=True, help="Who does it.")
@click.option("--episodes", type=click.IntRange(min=1), default=200, show_default=True, help="Held-out episodes for the scores.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder for pictures of ten episodes.")
@workers_option
@seed_option
def describe(task: str, embodiment: str, episodes: int, out: Path | None, workers: int, seed: int) -> None:
    """Tell what a task is, show ten of its episodes, and score an expert and a random policy.

    TASK is a YAML file or the name of a packaged task: what to look at before training on it.
    """
    from flare_core.embodiments.spec import load_embodiment
    from flare_core.evaluation.report import table, turned
    from flare_core.runs import describing
    from flare_core.runs.console import print_table
    from flare_core.tasks.spec import load_task

    use_one_thread()
    found, (body, _) = load_task(task)[0], load_embodiment(embodiment)
    told = describing.describe(found, body, episodes=episodes, workers=workers, seed=seed, out=out)
    click.echo("\n".join((f"{found.name}, done by {body.name}.", *told.lines, "")))
    print_table(list(told.episodes), "Ten episodes")
    print_table(turned(table({who: summary.to_json() for who, summary in told.scores.items()})), "Scores, embedded simulator")
    click.echo(f"{episodes:,} held-out test episodes, 95 % intervals. Embedded simulator, not AI2-THOR.")
    for path in told.pictures:
        click.echo(f"Wrote {path}")


@click.command()
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder to write KIND.json files to.")
def schema(out: Path | None) -> None:
    """Write the JSON Schema of every kind of spec, for completion in editors; without --out, print them."""
    import json

    from flare_core.schemas import schemas, write_schemas

    if out is None:
        click.echo(json.dumps(schemas(), indent=2, sort_keys=True))
        return
    for path in write_schemas(out):
        click.echo(f"Wrote {path}")
