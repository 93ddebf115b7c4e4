"""import: foreign checkpoints."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flare_core.commands.options import use_one_thread

if TYPE_CHECKING:
    from flare_core.runs.importing import Import

FORMATS = ("auto", "flare-il", "flare-rl", "flare-rl-shared", "safevla", "ring", "ring-shared", "spoc", "spoc-siglip", "poliformer")
KNOWN = ("checkpoint", "format", "robot", "task", "size", "licence of the weights", "where", "note")


@click.command(name="import")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("form", "--format", type=click.Choice(FORMATS), default="auto", show_default=True, help="Layout of FILE.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder of the bundle.")
@click.option("--image-encoder", metavar="PATH|hub://REPO@REV", help="DINOv2, to put into the bundle of a policy that lacks it.")
@click.option(
    "--tokenizer", metavar="PATH", type=click.Path(path_type=Path, dir_okay=False),
    help="The text encoder's tokenizer.json, to put into the bundle; else it comes from the Hub when the policy is used.",
)  # fmt: skip
@click.option("--task", metavar="TASK", help="Task of the bundle. [default: the known one of a public checkpoint, else objectnav]")
@click.option("--known", is_flag=True, help="List public checkpoints instead, and where they are.")
@click.pass_obj
def import_(
    command: str, file: Path | None, form: str, out: Path | None, image_encoder: str | None, tokenizer: Path | None, task: str | None,
    known: bool,
) -> None:  # fmt: skip
    """Make a bundle out of a checkpoint of FLaRe, SPOC, SafeVLA, RING or PoliFormer.

    FILE is a .ckpt, .pt or .safetensors file. Nothing in it is run, and every tensor is accounted for.
    """
    if known:
        _print_known()
        return
    if file is None or out is None:
        raise click.UsageError("Give FILE and --out DIR, or --known to see what there is.")
    from flare_core.runs.importing import import_checkpoint

    use_one_thread()
    _print(import_checkpoint(file, out, form=form, image_encoder=image_encoder, tokenizer=tokenizer, task=task, command=command))


def _print(done: "Import") -> None:
    from flare_core.runs.console import print_table

    rows = [(key.name, key.fate, str([*key.shape]), ", ".join(key.targets), key.note) for key in done.account]
    print_table([("tensor", "what became of it", "shape", "as", "note"), *rows], "Tensors")
    click.echo(f"Format {done.format}: {done.why}.")
    click.echo(", ".join(f"{count} {fate}" for fate, count in done.counts().items()) + f" of {len(done.account)} tensors.")
    if done.image_source.startswith("hub://"):
        click.echo(f"The image encoder is not in it; it comes from {done.image_source} when the policy is used.")
    licence = None if done.known is None else done.known.licence
    if licence is None:
        click.echo("The licence of these weights is unknown: ask whoever made them before you pass them on.")
    click.echo(f"Wrote {done.path}")


def _print_known() -> None:
    from flare_core.adapters.formats.known_checkpoints import known_checkpoints
    from flare_core.runs.console import print_table

    rows = []
    for one in known_checkpoints():
        size = "unknown" if one.bytes is None else f"{one.bytes / 1e6:,.0f} MB"
        rows.append((one.id, one.format, one.robot, one.task, size, one.licence or "unknown", one.where, one.note))
    print_table([KNOWN, *rows], "Public checkpoints")
    click.echo("None is downloaded by this command, and none was at hand when it was written: layouts come from the public code.")
