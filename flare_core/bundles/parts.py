"""The parts of a bundle that have to fit each other: body, policy, plan, and what the weights' file declares."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from flare_core.adapters.head import mask_body
from flare_core.adapters.plan import Plan
from flare_core.bundles import folder as files
from flare_core.bundles import tensors
from flare_core.bundles.layout import EMBODIMENT, PLAN, POLICY, Layout
from flare_core.bundles.spec import PolicyFacts, check, read_json
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import BundleError


def header_in(folder: Path, layout: Layout) -> dict[str, tensors.TensorFacts]:
    """What the weights' file of a bundle declares.

    Raises:
        BundleError: there is none, or what it declares does not add up.
    """
    path = files.inside(folder, layout.weights)
    if not path.is_file():
        raise BundleError(f"{folder}: lacks {layout.weights}. Copy the bundle again from where it was made")
    return tensors.header_of(path)


def describe(folder: Path, listed: Mapping[str, str], header: Mapping[str, tensors.TensorFacts], layout: Layout) -> dict[str, Any]:
    """Everything of a bundle that planning needs and that has to fit each other, as arguments of `Bundle`.

    Args:
        listed: names of the files that are there.
        header: what the weights' file declares.

    Raises:
        BundleError, SpecError: one of the files is damaged, or they belong to different bundles.
    """
    policy = read_json(folder / POLICY)
    facts = check(PolicyFacts, policy, folder / POLICY)
    if facts.tensors is not None or layout.lists_tensors:
        tensors.compare_with(facts.tensors or {}, header, str(folder / layout.weights), POLICY)
    files.read_document(folder / EMBODIMENT, "embodiment")
    body, loaded = load_embodiment(folder / EMBODIMENT, self_contained=True, random="middle")
    plan, account = _read_plan(folder / PLAN) if PLAN in listed else (None, ())
    _compare(facts, body, plan, folder)
    source, source_spec = _read_source(folder / layout.source) if layout.source in listed else (None, None)
    return {
        "policy": {name: value for name, value in policy.items() if name != "tensors"},
        "embodiment": body if plan is None else mask_body(body, plan.head),
        "embodiment_spec": loaded.resolved,
        "plan": plan,
        "account": account,
        "source": source,
        "source_spec": source_spec,
    }


def _read_plan(path: Path) -> tuple[Plan, tuple[Mapping[str, Any], ...]]:
    data = read_json(path)
    account = data.get("tensors", [])
    if not isinstance(account, list) or not all(isinstance(entry, dict) for entry in account):
        raise BundleError(f"{path}: tensors: must be a list of objects. Copy the bundle again from where it was made")
    try:
        plan = pydantic.TypeAdapter(Plan).validate_python(data)
    except pydantic.ValidationError as fault:
        where = ".".join(map(str, fault.errors()[0]["loc"]))
        raise BundleError(f"{path}: {where}: {fault.errors()[0]['msg']}. Make the bundle again with `flare adapt`") from None
    rows, columns = range(len(plan.head.source_actions)), range(len(plan.inputs.source_inputs))
    named = [entry.source_row for entry in plan.head.entries if entry.source_row is not None]
    named_columns = [entry.source_column for entry in plan.inputs.entries if entry.source_column is not None]
    if not all(row in rows for row in (*named, *plan.head.trained)) or not all(column in columns for column in named_columns):
        raise BundleError(f"{path}: names a row or column that the source does not have. Make the bundle again with `flare adapt`")
    return plan, tuple(account)


def _read_source(path: Path) -> tuple[Embodiment, dict[str, Any]]:
    files.read_document(path, "embodiment")
    body, loaded = load_embodiment(path, self_contained=True, random="middle")
    return body, loaded.resolved


def _compare(facts: PolicyFacts, body: Embodiment, plan: Plan | None, folder: Path) -> None:
    """The weights belong to this body: names and order of actions and inputs agree."""
    pairs = [(POLICY, "actions", facts.actions, body.action_names), (POLICY, "body_inputs", facts.body_inputs, body.body_inputs)]
    if plan is not None:
        pairs.append((PLAN, "head.entries", tuple(entry.action for entry in plan.head.entries), body.action_names))
    for file, what, said, spec in pairs:
        if said != spec:
            at = next(at for at in range(max(len(said), len(spec))) if said[at : at + 1] != spec[at : at + 1])
            one, other = (names[at] if at < len(names) else "nothing" for names in (said, spec))
            raise BundleError(f"{folder / file}: {what}[{at}] is '{one}', but '{other}' in {EMBODIMENT}: rows would change places")
