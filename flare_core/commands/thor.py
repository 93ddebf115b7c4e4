"""thor-engine: what the ai2thor client starts in place of AI2-THOR's own build. thor-record: golden traces."""

from pathlib import Path

import click

_UNITY = {"ignore_unknown_options": True, "help_option_names": ["--help"]}  # an -h would be found in -screen-height


@click.command("thor-engine", context_settings=_UNITY)
@click.option(
    "--build", type=click.Choice(["5.0.0", "nanna"]), default="5.0.0", show_default=True,
    help="Whose actions to have: those of the build of ai2thor 5.0.0, or of the later ones that SPOC, FLaRe and RING use.",
)  # fmt: skip
@click.argument("unity", nargs=-1, type=click.UNPROCESSED)
def thor_engine(build: str, unity: tuple[str, ...]) -> None:
    """Answer the ai2thor client from the embedded simulator. It is not AI2-THOR.

    It is not started by hand: Controller(local_executable_path="flare thor-engine", ...) starts it, with Unity's own options,
    of which the size of the window counts.
    """
    import os

    from flare_core.simulators.thor.engine.serve import open_pipes, serve

    pipes = open_pipes(os.environ)
    serve(pipes, "nanna" if build == "nanna" else "5.0.0", _size(unity, "width"), _size(unity, "height"))


def _size(unity: tuple[str, ...], side: str) -> int:
    """Pixels that Unity's options ask for; the client asks for any other size after the start."""
    name = f"-screen-{side}"
    at = unity.index(name) + 1 if name in unity else len(unity)
    text = unity[at] if at < len(unity) else "300"
    if not text.isdigit() or not 1 <= int(text) <= 8192:
        raise click.UsageError(f"{name} is {text!r}; it is a number of pixels")
    return int(text)


@click.command("thor-record")
@click.option("--out", metavar="FILE.json", type=click.Path(path_type=Path, dir_okay=False), help="Write the trace here.")
@click.option("--against", metavar="FILE.json", type=click.Path(path_type=Path, dir_okay=False), help="List what differs from this trace.")
@click.option("--mode", type=click.Choice(["default", "locobot", "stretch"]), default="default", show_default=True, help="Agent mode.")
@click.option("--executable", metavar="COMMAND", help="What the client starts, such as 'flare thor-engine'; else it takes its own build.")
@click.option("--platform", type=click.Choice(["CloudRendering", "Linux64"]), help="Which of AI2-THOR's builds.")
@click.option("--commit-id", metavar="SHA", help="The build of one commit.")
@click.option("--x-display", metavar=":N", help="X display that platform Linux64 draws to.")
def thor_record(
    out: Path | None, against: Path | None, mode: str, executable: str | None, platform: str | None, commit_id: str | None,
    x_display: str | None,
) -> None:  # fmt: skip
    """Record what AI2-THOR makes of a fixed list of calls, or compare with a trace.

    To be run on a machine with AI2-THOR's Unity build. A trace of it is what shows how far flare's own engine is from the real thing:
    please contribute it to tests/data/ai2thor/traces.
    """
    if out is None and against is None:
        raise click.UsageError("give --out to record a trace, or --against to compare with one")
    from flare_core.simulators.thor.launching import controller_arguments, spec_of
    from flare_core.simulators.thor.trace import deviations, read_trace, record, write_trace

    golden = None if against is None else read_trace(against)
    arguments = controller_arguments(spec_of(executable, platform, commit_id, x_display))
    trace = record(arguments, mode if golden is None else golden.mode, None if golden is None else golden.house)
    click.echo(f"{trace.simulator}, client {trace.client}, agent mode {trace.mode}: {len(trace.steps)} steps")
    if out is not None:
        write_trace(trace, out)
        click.echo(f"Wrote {out}")
    if golden is not None:
        found = deviations(golden, trace)
        click.echo("\n".join([*found, f"{len(found)} of {len(trace.steps)} steps differ from {golden.simulator} in {against}"]))
