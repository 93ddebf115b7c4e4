"""Older bundles, rewritten in the present format. The weights keep every byte.

Version 1 had weights.safetensors, source.yaml and results.json for what are now model.safetensors, source_embodiment.yaml
and evaluation.json; the recipe and the account of the tensors were in lineage.json, and lineages were nested.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flare_core.bundles.bundle import Bundle, load_bundle, refuse_taken, save_bundle
from flare_core.bundles.folder import inside
from flare_core.bundles.layout import FORMAT, MANIFEST, OLDER, VERSION
from flare_core.bundles.spec import read_json
from flare_core.embodiments.body import Embodiment
from flare_core.errors import BundleError

Draw = Callable[[Embodiment], Mapping[str, bytes]]


def migrate(folder: Path, out: Path, *, licence: str | None = None, draw: Draw | None = None) -> Bundle:
    """Write a bundle of an older version anew.

    Args:
        folder: the older bundle; it is left as it is.
        out: folder of the new one.
        licence: of the weights, as the Hub abbreviates it, where it is known: version 1 did not record it.
        draw: makes the pictures of the robot; without, there are none.

    Returns:
        The new bundle.

    Raises:
        BundleError: there is no older bundle, it is damaged, or `out` is taken.
    """
    refuse_taken(out)
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder}: has no {MANIFEST}, so it is not a bundle. Name the folder of one")
    data = read_json(inside(folder, MANIFEST))
    version = data.get("version")
    if data.get("format") == FORMAT and version == VERSION:
        raise BundleError(f"{folder}: is of format version {VERSION} already. Use it as it is")
    layout = OLDER.get(version) if data.get("format") == FORMAT and type(version) is int else None
    if layout is None:
        raise BundleError(f"{folder}: format {data.get('format')!r} version {version!r} is not one that is migrated: {sorted(OLDER)}")
    fresh = from_first(load_bundle(folder, layout), licence)
    save_bundle(out, fresh if draw is None else replace(fresh, pictures=draw(fresh.embodiment)))
    return load_bundle(out)


def from_first(bundle: Bundle, licence: str | None = None) -> Bundle:
    """A bundle of version 1 as one of the present version."""
    old = dict(bundle.lineage)
    lineage = {name: value for name, value in old.items() if name not in ("recipe", "tensors", "source", "source_lineage", "policy")}
    ancestors = _ancestors(old.get("source_lineage"))
    lineage["licence"] = licence
    if ancestors:
        lineage["ancestors"] = ancestors
    if "source" in old:
        lineage["parent"] = _parent(str(old["source"]), old.get("policy"), licence)
    elif ancestors:
        lineage["parent"] = _parent(str(old.get("pretraining", {}).get("start")), None, licence)
    results = None if bundle.results is None else {**bundle.results, "about": _about(old, bundle.task)}
    return replace(
        bundle,
        lineage=lineage,
        recipe=old.get("recipe"),
        account=tuple(old.get("tensors", ())),
        results=results,
    )


def _ancestors(nested: Any) -> list[dict[str, Any]]:
    """Nested lineages of version 1 as a list, the latest first."""
    found = []
    while isinstance(nested, Mapping):
        found.append({name: value for name, value in nested.items() if name != "source_lineage"})
        nested = nested.get("source_lineage")
    return found


def _parent(reference: str, weights: str | None, licence: str | None) -> dict[str, Any]:
    return {"reference": reference, "repo": None, "revision": None, "weights": weights, "licence": licence}


def _about(lineage: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, Any]:
    known = {"simulator": lineage.get("simulator", "embedded simulator"), "split": lineage.get("split", "test"), "seed": lineage["seed"]}
    return known | {"task": str(task.get("name", "task"))}
