"""A lineage tells of the parent and all before it, as a list that does not grow deeper."""

from dataclasses import replace

from flare_core.bundles.bundle import Bundle, Origin, load_bundle, weights_digest
from flare_core.runs.descent import descent


def child_of(parent: Bundle, reference: str) -> Bundle:
    return replace(parent, lineage={"command": f"from {reference}", "commit": "c", "seed": 1, **descent(parent, reference)})


def test_parent_revision_and_licence_come_along_and_ancestors_stay_flat() -> None:
    first = replace(load_bundle("shipped:stretch_objectnav"), origin=Origin(reference="x", repo="org/x", revision="a" * 40))
    second = child_of(first, "hub://org/x@main")
    third = child_of(replace(second, origin=None), "../b")
    assert second.lineage["parent"] == {
        "reference": "hub://org/x@main", "repo": "org/x", "revision": "a" * 40, "weights": weights_digest(first.state),
        "licence": "apache-2.0",
    }  # fmt: skip
    assert (third.lineage["parent"]["repo"], third.licence) == (None, "apache-2.0")
    commands = [one["command"] for one in third.lineage["ancestors"]]
    assert commands[:2] == ["from hub://org/x@main", first.lineage["command"]]
    assert not any("ancestors" in one for one in third.lineage["ancestors"])
    assert descent(None)["licence"] is None
