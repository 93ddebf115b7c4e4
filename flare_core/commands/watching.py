"""watch: a video of what a policy sees, is told and does."""

from pathlib import Path
from typing import Literal

import click

from flare_core.commands.options import picture, seed_option, use_one_thread
from flare_core.errors import StoppedError

EPISODES = 3


def _video(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    del context, parameter
    if value is not None and value.suffix.lower() != ".mp4":
        raise click.BadParameter(f"{value}: videos are MP4 files; give a name that ends in .mp4")
    return value


@click.command()
@click.argument("bundle")
@click.option("--episodes", type=click.IntRange(min=1), help=f"Held-out episodes 0 to N - 1. [default: {EPISODES}]")
@click.option("numbers", "--episode", metavar="NUMBER", type=click.IntRange(min=0), multiple=True, help="This episode, in place of them.")
@click.option("--task", metavar="TASK", help="Another task than the bundle's own: a packaged name or a file.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Held-out houses to play in.")
@click.option("--greedy", is_flag=True, help="Take the most probable action instead of a sampled one.")
@click.option("--fps", type=click.FloatRange(min=1, max=60), default=8, show_default=True, help="Steps a second.")
@click.option(
    "--out",
    metavar="FILE.mp4",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_video,
    help="Video to write. [default: the bundle's name]",
)
@click.option(
    "--poster",
    metavar="PNG",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=picture,
    help="Also write the last step of the first success as a picture.",
)
@click.option("replaces", "--replace", is_flag=True, help="Write over files that are there already.")
@seed_option
def watch(
    bundle: str, episodes: int | None, numbers: tuple[int, ...], task: str | None, split: Literal["test", "val"], greedy: bool, fps: float,
    out: Path | None, poster: Path | None, replaces: bool, seed: int,
) -> None:  # fmt: skip
    """Write a video of a policy at work.

    BUNDLE is a bundle's folder, shipped:NAME or hub://ORG/NAME@REVISION. The episodes, and the actions in them, are those that
    `flare evaluate` plays with the same --seed. They are played in the embedded simulator.
    """
    from flare_core.runs.candidate import ready
    from flare_core.runs.console import ConsoleWatcher
    from flare_core.runs.stopping import Stopping
    from flare_core.runs.watching import watch as watching
    from flare_core.runs.watching.video import check_extra

    if episodes is not None and numbers:
        raise click.UsageError("--episodes and --episode do not go together: name the episodes one by one, or say how many")
    use_one_thread()
    check_extra()
    candidate = ready(bundle, task)
    wish = watching.Wish(
        numbers=tuple(dict.fromkeys(numbers)) or tuple(range(episodes or EPISODES)), split=split, greedy=greedy, seed=seed, fps=fps,
        out=out or Path(f"{candidate.bundle.name}.mp4"), poster=poster, replaces=replaces,
    )  # fmt: skip
    with ConsoleWatcher() as console, Stopping(console) as watcher:
        try:
            found = watching.watch(candidate, wish, watcher)
        except KeyboardInterrupt:
            raise StoppedError("Stopped. A video that is not finished is not kept; give the same command again") from None
    for recording, ending in zip(found.recordings, found.endings, strict=True):
        how = "success" if recording.succeeded else "no success"
        click.echo(f"episode {recording.episode.number}, {recording.episode.instruction!r}: {how}, {ending}")
    length = f"{found.frames:,} frames, {found.frames / fps:.0f} s at {fps:g} a second"
    click.echo(f"Wrote {wish.out}: {length}. Embedded simulator, not AI2-THOR.")
    if poster is not None:
        click.echo(f"Wrote {poster}")
