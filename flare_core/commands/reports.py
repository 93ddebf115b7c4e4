"""report: a run as one HTML page."""

from pathlib import Path

import click

from flare_core.errors import TrainError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE.html", type=click.Path(path_type=Path, dir_okay=False), help="File to write; RUN/report.html by default."
)
def report(run: Path, out: Path | None) -> None:
    """Write a run as one HTML page: what it is, results, learning curves, plan and every held-out episode.

    RUN is the --out of a `flare train`; it may have ended, have been stopped or still go on. The page needs no server and no network.
    """
    if out is not None:
        _refuse(out)
    from flare_core.runs.report_page.folder import read_run
    from flare_core.runs.report_page.page import status, write_page

    path = write_page(run, out)
    click.echo(status(read_run(run)))
    click.echo(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB). Open it in a browser.")


def _refuse(out: Path) -> None:
    """A file that is no report is not replaced.

    Raises:
        TrainError: it is none, or its name does not end in .html.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{out}: a report is an HTML file; give a name that ends in .html", param_hint="--out")
    if not out.exists():
        return
    from flare_core.runs.report_page.page import is_report

    if not is_report(out):
        raise TrainError(f"{out}: is no report of `flare report`, and is not replaced. Remove it, or choose another --out")
