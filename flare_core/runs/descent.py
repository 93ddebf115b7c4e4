"""What a bundle says of where its weights come from."""

from importlib import metadata
from typing import Any

from flare_core.bundles.bundle import Bundle, weights_digest


def descent(parent: Bundle | None, reference: str | None = None) -> dict[str, Any]:
    """The part of a lineage that tells of the tool, the parent, its ancestors and the licence that comes with it.

    Args:
        parent: the policy that the weights began as, or None where they began at random.
        reference: what the spec calls it.
    """
    facts: dict[str, Any] = {"tool": f"flare-core {metadata.version('flare-core')}"}
    if parent is None:
        return facts | {"licence": None, "parent": None}
    old = dict(parent.lineage)
    ancestors = [{name: value for name, value in old.items() if name != "ancestors"}, *old.get("ancestors", ())]
    origin = parent.origin
    return facts | {
        "licence": parent.licence,
        "parent": {
            "reference": reference or parent.name,
            "repo": None if origin is None else origin.repo,
            "revision": None if origin is None else origin.revision,
            "weights": weights_digest(parent.state),
            "licence": parent.licence,
        },
        "ancestors": ancestors,
    }
