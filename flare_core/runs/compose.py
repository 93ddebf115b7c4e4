"""Transfers: read with overrides, completed with the choices that are missing, or written from a policy, a body and a task."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from flare_core.adapters.planning import missing_choices
from flare_core.adapters.spec import TransferSpec, load_transfer
from flare_core.adapters.writing import add_choices
from flare_core.bundles.places import locate
from flare_core.errors import SpecError, TrainError
from flare_core.hub.references import is_elsewhere
from flare_core.reading import Loaded, dump, find, list_specs
from flare_core.runs.carry import Transfer, pair_of, plan_of
from flare_core.runs.overrides import Overrides, share_out

FILE = "transfer.yaml"
Pairs = Sequence[tuple[str, str]]


def read_transfer(reference: str | Path, given: Pairs = ()) -> tuple[Loaded[TransferSpec], Overrides]:
    """A transfer with the overrides that are its own laid over it, and the others.

    Raises:
        SpecError: the file or an override cannot be used.
    """
    overrides = share_out(given)
    return load_transfer(reference, overrides.transfer), overrides


def load_plan(reference: str | Path, given: Pairs = (), *, weights: bool = True) -> Transfer:
    """Read a transfer with overrides and plan it.

    Args:
        weights: as for `plan_of`.

    Raises:
        FlareError: something that it names cannot be used, or the plan lacks a choice.
    """
    loaded, overrides = read_transfer(reference, given)
    return plan_of(loaded, overrides, weights=weights)


def write_missing(reference: str | Path, given: Pairs = ()) -> Mapping[str, Mapping[str, str]]:
    """Add the choices that a transfer lacks to its file, each as an explicit line.

    Returns:
        What was added, by section and key; empty where nothing was missing.

    Raises:
        SpecError: the file is a packaged one, which is not written to.
        FlareError: it names something that cannot be used.
    """
    loaded, overrides = read_transfer(reference, given)
    pair = pair_of(loaded, overrides, weights=False)
    lines = missing_choices(pair.bundle.embodiment, pair.target, pair.views, loaded.spec, pair.bundle.eyes)
    if lines:
        if isinstance(reference, str) and reference in list_specs("transfer"):
            raise SpecError(f"{reference}: is a packaged transfer. Copy it to a file of your own and add the lines there")
        text = loaded.path.read_text(encoding="utf-8")
        loaded.path.write_text(add_choices(text, lines), encoding="utf-8")
    return lines


def compose(out: Path, *, policy: str, embodiment: str, task: str, recipe: str) -> Path:
    """Write out/transfer.yaml, or take the one that is there if it means the same ends.

    References that are paths are written as seen from `out`, so that the folder can be moved along with what it names.

    Raises:
        TrainError: `out` holds a transfer of something else.
        BundleError, SpecError: there is no such policy, embodiment, task or recipe.
    """
    path = out / FILE
    if not is_elsewhere(policy):
        locate(policy)
    ends = {
        "policy": policy if is_elsewhere(policy) else _seen_from(out, policy),
        "embodiment": _reference(out, embodiment, "embodiment"),
        "task": _reference(out, task, "task"),
        "recipe": _reference(out, recipe, "recipe"),
    }
    if path.exists():
        there = load_transfer(path).spec
        odd = [f"{name} {getattr(there, name)}" for name, wanted in ends.items() if getattr(there, name) != wanted]
        if odd:
            raise TrainError(f"{path}: is there already and has another {', another '.join(odd)}. Remove it, or choose another --out")
        return path
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(dump({"kind": "transfer", "name": out.resolve().name, **ends}), encoding="utf-8")
    return path


def _reference(out: Path, reference: str, kind: str) -> str:
    path = find(reference, kind, where=f"--{kind}")
    return reference if reference in list_specs(kind) else _seen_from(out, str(path))


def _seen_from(out: Path, reference: str) -> str:
    seen = Path(os.path.relpath(reference, out)).as_posix()
    return seen if seen.startswith("../") else f"./{seen}"
