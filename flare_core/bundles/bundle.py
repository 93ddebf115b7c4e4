"""Read and write bundles: a folder with everything that is needed to reuse a policy, and nothing that could run code.

Which files it has: `layout`.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch

from flare_core.adapters.plan import NEW, Plan
from flare_core.bundles import folder as files
from flare_core.bundles import tensors
from flare_core.bundles.card import write_card
from flare_core.bundles.layout import (
    CARD,
    EMBODIMENT,
    EVALUATION,
    FORMAT,
    LICENCE,
    LINEAGE,
    MANIFEST,
    NOW,
    PICTURES,
    PLAN,
    POLICY,
    RECIPE,
    SOURCE,
    TASK,
    VERSION,
    WEIGHTS,
    Layout,
    largest,
)  # fmt: skip
from flare_core.bundles.parts import describe, header_in
from flare_core.bundles.places import locate
from flare_core.bundles.spec import Lineage, check, read_json, read_text, write_json
from flare_core.embodiments.body import Embodiment
from flare_core.errors import BundleError
from flare_core.reading import dump

OUTLINE: Final = (POLICY, EMBODIMENT, SOURCE, PLAN)
"""Files that `load_outline` reads besides bundle.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a bundle was read from.

    Attributes:
        reference: as the user wrote it.
        repo, revision: repository of the Hub and its commit; None for a folder.
    """

    reference: str
    repo: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A policy with all that is known of it.

    Attributes:
        state: tensors by name, on the CPU.
        policy: `family`, `actions` and `body_inputs` (both in the order of the weights), and what the family adds.
        embodiment: the body, with the masks that the plan adds.
        embodiment_spec: its whole YAML document, as `Loaded.resolved`; without the plan's masks.
        task: whole YAML document of the task, as `Loaded.resolved`.
        plan: how the weights came onto this body, or None.
        source_spec: whole YAML document of the body whose cameras the policy's images are made after: the one that it was
            first trained on. With it, `load_bundle` fills in `source`.
        source: that body.
        lineage: `command`, `commit`, `seed`, and more: `bundles.spec.Lineage`.
        results: summaries as `evaluation.report` writes them, and under `about` what they rest on; or None.
        recipe: whole YAML document of the recipe that it was trained by, or None.
        account: what became of every tensor of the source, as `adapters.head.Account` tells it; with `plan`.
        licence_text: of the policy that it came from, or None.
        pictures: PNG files by bare name: `robot`, and the cameras.
        origin: where it was read from; not saved.
    """

    name: str
    state: Mapping[str, torch.Tensor]
    policy: Mapping[str, Any]
    embodiment: Embodiment
    embodiment_spec: Mapping[str, Any]
    task: Mapping[str, Any]
    lineage: Mapping[str, Any]
    plan: Plan | None = None
    source_spec: Mapping[str, Any] | None = None
    source: Embodiment | None = None
    results: Mapping[str, Any] | None = None
    recipe: Mapping[str, Any] | None = None
    account: tuple[Mapping[str, Any], ...] = ()
    licence_text: str | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    origin: Origin | None = field(default=None, compare=False)

    @property
    def licence(self) -> str | None:
        """Licence of the weights as the Hub abbreviates it, or None where it is not known."""
        found = self.lineage.get("licence")
        return found if isinstance(found, str) else None

    @property
    def eyes(self) -> Embodiment:
        """The body whose cameras the policy's images are made after: its own, unless it was carried."""
        return self.embodiment if self.source is None else self.source

    @property
    def eyes_spec(self) -> Mapping[str, Any]:
        """Whole YAML document of that body."""
        return self.embodiment_spec if self.source_spec is None else self.source_spec


def load_bundle(reference: str | Path, layout: Layout = NOW) -> Bundle:
    """Read a bundle and check all of it.

    Args:
        reference: `shipped:NAME` or the path of a folder. `hub.references.open_bundle` takes places on the Hub too.
        layout: version of the format.

    Raises:
        BundleError: a file is missing, damaged, of another format, leads out of the folder or could run code; or the
            files do not fit each other.
        SpecError: embodiment.yaml is not a valid embodiment.
    """
    folder = locate(reference)
    manifest = files.read_manifest(folder, layout)
    small = [name for name in manifest.files if name != layout.weights]
    files.check_files(folder, manifest, small, layout)
    files.inside(folder, CARD)  # it has no digest, but is published too
    # What the weights' file declares is compared before any of it is read.
    header = header_in(folder, layout)
    described = describe(folder, manifest.files, header, layout)
    files.check_files(folder, manifest, [layout.weights], layout)
    lineage = read_json(folder / LINEAGE)
    check(Lineage, lineage, folder / LINEAGE)
    return Bundle(
        name=manifest.name,
        state=tensors.read_tensors(folder / layout.weights),
        task=files.read_document(folder / TASK, "task"),
        lineage=lineage,
        results=read_json(folder / layout.evaluation) if layout.evaluation in manifest.files else None,
        recipe=files.read_document(folder / RECIPE, "recipe") if RECIPE in manifest.files else None,
        licence_text=read_text(folder / LICENCE) if LICENCE in manifest.files else None,
        pictures=files.read_pictures(folder, manifest),
        origin=Origin(reference=str(reference)),
        **described,
    )


def load_outline(folder: Path, header: Mapping[str, tensors.TensorFacts] | None = None) -> Bundle:
    """What planning takes of a bundle: body, policy, plan, and names and shapes of the tensors; no weights are read.

    Args:
        folder: holds bundle.json, policy.json, embodiment.yaml and, where the manifest lists them, plan.json and
            source_embodiment.yaml. The others may be missing.
        header: of the weights' file; None to read it from the folder.

    Returns:
        A bundle whose tensors are on the `meta` device and whose task and lineage are empty.

    Raises:
        BundleError, SpecError: as `load_bundle`.
    """
    manifest = files.read_manifest(folder)
    listed = {name: manifest.files[name] for name in OUTLINE if name in manifest.files}
    files.check_files(folder, manifest, listed)
    found = header_in(folder, NOW) if header is None else header
    return Bundle(
        name=manifest.name, state=tensors.hollow(found), task={}, lineage={}, origin=Origin(reference=str(folder)),
        **describe(folder, listed, found, NOW),
    )  # fmt: skip


def refuse_taken(path: Path, *, replace: bool = False) -> None:
    """Refuse a folder that a bundle is not to be written to.

    Raises:
        BundleError: `path` holds something else than a bundle, or a bundle that is not to be replaced.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path}: exists and is not a bundle, so it is not overwritten. Name another folder or remove it")
    if not replace:
        raise BundleError(f"{path}: holds a bundle already, which is not overwritten. Name another folder or remove it")


def save_bundle(path: Path, bundle: Bundle, *, replace: bool = False) -> Path:
    """Write a bundle: all of it or nothing.

    It is written beside `path`, read back and compared, and then renamed.

    Args:
        replace: an older bundle at `path` is replaced, as by a run that owns the folder.

    Raises:
        BundleError: `path` holds something else than a bundle, or one that is not to be replaced; or the bundle would not
            read back as it is.
    """
    path = Path(path)
    refuse_taken(path, replace=replace)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        fresh, old = Path(scratch) / "new", Path(scratch) / "old"
        _write(fresh, bundle)
        if load_bundle(fresh).embodiment != bundle.embodiment:
            raise BundleError(f"{path}: {EMBODIMENT} would not describe the body of this policy; embodiment_spec belongs to another body")
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    return path


def weights_digest(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of the weights as a bundle stores them: equal for equal tensors."""
    return sha256(tensors.write_tensors(state)).hexdigest()


def card_of(bundle: Bundle, repo: str | None = None) -> str:
    """Text of the bundle's card.

    Args:
        repo: repository of the Hub that it is published in; None for a folder.
    """
    return write_card(
        name=bundle.name,
        body=bundle.embodiment,
        policy=bundle.policy,
        task=bundle.task,
        lineage=bundle.lineage,
        plan=bundle.plan,
        results=bundle.results,
        recipe=bundle.recipe,
        pictures=tuple(bundle.pictures),
        has_licence_text=bundle.licence_text is not None,
        repo=repo,
    )


def _write(folder: Path, bundle: Bundle) -> None:
    folder.mkdir()
    facts = tensors.facts_of(bundle.state)
    (folder / WEIGHTS).write_bytes(tensors.write_tensors(bundle.state))
    for name, document in (
        (EMBODIMENT, bundle.embodiment_spec),
        (TASK, bundle.task),
        (SOURCE, bundle.source_spec),
        (RECIPE, bundle.recipe),
    ):
        if document is not None:
            (folder / name).write_text(dump(dict(document)), encoding="utf-8")
    policy = {**bundle.policy, "tensors": facts}
    for name, data in ((POLICY, policy), (LINEAGE, bundle.lineage), (EVALUATION, bundle.results)):
        if data is not None:
            write_json(folder / name, data)
    if bundle.plan is not None:
        whole = json.loads(bundle.plan.to_json()) | {"summary": _summary(bundle.plan), "tensors": list(bundle.account)}
        write_json(folder / PLAN, whole)
    if bundle.licence_text is not None:
        (folder / LICENCE).write_text(bundle.licence_text, encoding="utf-8")
    if bundle.pictures:
        (folder / PICTURES).mkdir()
    for name, picture in bundle.pictures.items():
        (folder / PICTURES / f"{name}.png").write_bytes(picture)
    written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    listed = {name: files.digest_of(folder / name, largest(name)) for name in written}
    write_json(folder / MANIFEST, {"format": FORMAT, "version": VERSION, "name": bundle.name, "files": listed})
    (folder / CARD).write_text(card_of(bundle), encoding="utf-8")
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as opened:
                os.fsync(opened.fileno())


def _summary(plan: Plan) -> dict[str, list[str]]:
    """Actions of the target by what became of them, for the reader of plan.json."""
    kinds = {"kept": ("keep", "rescale"), "reused": ("reuse",), "new": tuple(sorted(NEW)), "masked": ("masked",)}
    return {kind: [entry.action for entry in plan.head.entries if entry.how in ways] for kind, ways in kinds.items()}
