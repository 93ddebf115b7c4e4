"""push, pull, migrate: bundles to the Hub and back, and older ones in the present format."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flare_core.commands.options import out_option

if TYPE_CHECKING:
    from flare_core.hub.pushing import Pushed

LICENCE_HELP = "Licence of weights whose licence is not known, as the Hub abbreviates it: apache-2.0, mit, ..."
MAY_HELP = "With --license: you have made sure that you may pass these weights on."


@click.command()
@click.argument("bundle", metavar="BUNDLE")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--private", is_flag=True, help="If the repository does not exist yet: only you and your organisation see it.")
@click.option("--revision", metavar="BRANCH", help="Branch to publish to; made if it is not there.  [default: main]")
@click.option("--dry-run", is_flag=True, help="Check everything, list what would be sent, and send nothing.")
@click.option("--license", "licence", metavar="LICENCE", help=LICENCE_HELP)
@click.option("--i-may-redistribute", "may_redistribute", is_flag=True, help=MAY_HELP)
@click.option("--benchmark", metavar="ORG/DATASET:TASK", help="The Hub's benchmark that the evaluation counts for.")
def push(
    bundle: str, repo: str, private: bool, revision: str | None, dry_run: bool, licence: str | None, may_redistribute: bool,
    benchmark: str | None,
) -> None:  # fmt: skip
    """Publish a bundle on the Hugging Face Hub.

    Sends the bundle's own files and nothing else, in one commit. What the Hub has already is not sent again.
    """
    from flare_core.hub.address import MAIN, parse_address
    from flare_core.hub.client import Hub, be_quiet
    from flare_core.hub.leaderboard import parse_benchmark
    from flare_core.hub.pushing import Push, Terms
    from flare_core.hub.pushing import push as publish
    from flare_core.hub.references import folder_of

    be_quiet()
    place = parse_address(repo)
    if revision is not None and place.revision != MAIN:
        raise click.UsageError("give the branch once: as ORG/NAME@BRANCH or with --revision")
    asked = Push(
        address=place if revision is None else parse_address(f"{place.repo}@{revision}"),
        terms=Terms(licence=licence, may_redistribute=may_redistribute),
        private=private,
        benchmark=None if benchmark is None else parse_benchmark(benchmark),
    )
    folder, _ = folder_of(bundle)
    found = publish(Hub(), folder, asked, dry_run=dry_run)
    _print(found, asked.address)


@click.command()
@click.argument("place", metavar="ORG/NAME[@REVISION]")
@out_option("Folder of the bundle.")
def pull(place: str, out: Path) -> None:
    """Fetch a bundle from the Hugging Face Hub, check all of it, and put it into a folder.

    REVISION is a branch, a tag or a commit. A fetch that was cut off goes on with the same command.
    """
    from flare_core.hub.address import parse_address
    from flare_core.hub.client import Hub, be_quiet
    from flare_core.hub.fetching import pull as fetch

    be_quiet()
    address = parse_address(place)
    bundle, commit = fetch(Hub(), address, out)
    click.echo(f"Wrote {out}: {bundle.name} for {bundle.embodiment.name}, from {address.repo} at commit {commit}")
    click.echo(f"Licence: {bundle.licence or 'not known'}. To mean this commit and no later one: hub://{address.repo}@{commit}")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@out_option("Folder of the new bundle.")
@click.option("--license", "licence", metavar="LICENCE", help="Licence of the weights, where you know it: older bundles did not record it.")
def migrate(bundle: Path, out: Path, licence: str | None) -> None:
    """Write a bundle of an older format in the present one; its weights keep every byte."""
    from flare_core.bundles.migration import migrate as rewrite
    from flare_core.runs.showing import bundle_pictures

    fresh = rewrite(bundle, out, licence=licence, draw=bundle_pictures)
    click.echo(f"Wrote {out}: {fresh.name} for {fresh.embodiment.name}")


def _print(found: "Pushed", address: object) -> None:
    from flare_core.runs.console import print_table

    print_table([("file", "bytes"), *((name, f"{size:,}") for name, size in found.files)], f"{address}, licence {found.licence}")
    if found.commit is None:
        click.echo("Nothing was sent: --dry-run.")
    elif found.is_new:
        click.echo(f"Published {address} at commit {found.commit}, tag {found.tag}")
    else:
        click.echo(f"Nothing new: {address} has all of it at commit {found.commit}, tag {found.tag}")
