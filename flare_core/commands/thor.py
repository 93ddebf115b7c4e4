"""thor-engine: what the ai2thor client starts in place of AI2-THOR's own build."""

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
