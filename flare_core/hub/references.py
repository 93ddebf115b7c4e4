"""One way to name a bundle everywhere: `shipped:NAME`, a folder's path, or `hub://org/name@revision`."""

from dataclasses import replace
from pathlib import Path

from flare_core.bundles.bundle import Bundle, Origin, load_bundle, load_outline
from flare_core.bundles.places import SHIPPED, locate
from flare_core.hub.address import SCHEME, parse_address


def is_elsewhere(reference: str | Path) -> bool:
    """Whether a reference means something else than a path."""
    return isinstance(reference, str) and reference.startswith((SHIPPED, SCHEME))


def folder_of(reference: str | Path) -> tuple[Path, Origin]:
    """Folder of a bundle, fetched from the Hub if need be, and where it came from.

    Raises:
        FlareError: there is none, or it cannot be fetched.
    """
    if isinstance(reference, str) and reference.startswith(SCHEME):
        from flare_core.hub.client import Hub
        from flare_core.hub.fetching import fetch

        address = parse_address(reference)
        folder, commit = fetch(Hub(), address)
        return folder, Origin(reference=reference, repo=address.repo, revision=commit)
    return locate(reference), Origin(reference=str(reference))


def open_bundle(reference: str | Path) -> Bundle:
    """Read a bundle, wherever it lies, and check all of it.

    Raises:
        FlareError: it cannot be read, fetched or trusted.
    """
    folder, origin = folder_of(reference)
    return replace(load_bundle(folder), origin=origin)


def open_outline(reference: str | Path) -> Bundle:
    """What planning needs of a bundle: of one on the Hub, no weights are fetched.

    Returns:
        A bundle whose tensors have names, types and shapes, but no numbers; see `load_outline`.

    Raises:
        FlareError: it cannot be read, fetched or trusted.
    """
    if isinstance(reference, str) and reference.startswith(SCHEME):
        from flare_core.hub.client import Hub
        from flare_core.hub.fetching import fetch_outline

        address = parse_address(reference)
        bundle, commit = fetch_outline(Hub(), address)
        return replace(bundle, origin=Origin(reference=reference, repo=address.repo, revision=commit))
    return replace(load_outline(locate(reference)), origin=Origin(reference=str(reference)))
