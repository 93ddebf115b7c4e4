"""Read and write bundles: a folder with everything that is needed to reuse a policy, and nothing that could run code.

bundle.json          what this is, and the digest of every other file
weights.safetensors  the policy's tensors
policy.json          its shape: family, actions, body inputs, views, sizes
embodiment.yaml      the body, whole: no `extends`
task.yaml            the task, whole
plan.json            how the weights came onto this body (absent in a policy that was trained on it from the start)
source.yaml          the body whose cameras the policy's images are made after, whole (absent as plan.json is)
lineage.json         command, commit, seed, and what it was made from
results.json         what was measured (absent before an evaluation)
README.md            the card, made from all of these
"""

import difflib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch

from flare_core.adapters.head import mask_body
from flare_core.adapters.plan import Plan
from flare_core.bundles.card import write_card
from flare_core.bundles.spec import FORMAT, VERSION, Lineage, Manifest, PolicyFacts, check, read_json, read_text, write_json
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import AdapterError, BundleError
from flare_core.reading import dump
from flare_core.yaml_tree import Place, parse

MANIFEST, CARD = "bundle.json", "README.md"
WEIGHTS, POLICY, EMBODIMENT, TASK = "weights.safetensors", "policy.json", "embodiment.yaml", "task.yaml"
PLAN, SOURCE, LINEAGE, RESULTS = "plan.json", "source.yaml", "lineage.json", "results.json"
NEEDED: Final = (WEIGHTS, POLICY, EMBODIMENT, TASK, LINEAGE)
OPTIONAL: Final = (PLAN, SOURCE, RESULTS)
_MAX_WEIGHT_BYTES: Final = 8_000_000_000
_PICKLES: Final = (".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth")
_SHIPPED: Final = "shipped:"


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
        lineage: `command`, `commit`, `seed`, and more.
        results: summaries as `evaluation.report` writes them, or None.
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

    @property
    def eyes(self) -> Embodiment:
        """The body whose cameras the policy's images are made after: its own, unless it was carried."""
        return self.embodiment if self.source is None else self.source

    @property
    def eyes_spec(self) -> Mapping[str, Any]:
        """Whole YAML document of that body."""
        return self.embodiment_spec if self.source_spec is None else self.source_spec


def shipped() -> list[str]:
    """Names of the bundles that come with the package."""
    folder = _shipped_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))


def locate(reference: str | Path) -> Path:
    """Folder of a bundle.

    Args:
        reference: `shipped:NAME` or the path of a folder.

    Raises:
        BundleError: there is no such bundle, or it is a file, with what to do instead.
    """
    if isinstance(reference, str) and reference.startswith(_SHIPPED):
        return _locate_shipped(reference.removeprefix(_SHIPPED))
    if isinstance(reference, str) and "://" in reference:
        raise BundleError(f"{reference}: is not a folder. Download it first, or use one of {_list_shipped()}")
    path = Path(reference)
    if path.is_dir():
        return path
    if path.suffix in _PICKLES and path.exists():
        raise BundleError(f"{path}: is a pickle, which can run code when it is read. A bundle is a folder with {WEIGHTS}")
    if path.exists():
        raise BundleError(f"{path}: is a file. A bundle is a folder; name the folder that holds {MANIFEST}")
    raise BundleError(f"{path}: there is no such folder. Name a bundle's folder or one of {_list_shipped()}")


def load_bundle(reference: str | Path) -> Bundle:
    """Read a bundle and check all of it.

    Args:
        reference: `shipped:NAME` or the path of a folder.

    Raises:
        BundleError: a file is missing, damaged, of another format, leads out of the folder or could run code; or the
            files do not fit each other.
        SpecError: embodiment.yaml is not a valid embodiment.
    """
    folder = locate(reference)
    manifest = _read_manifest(folder)
    for name, digest in manifest.files.items():
        if _digest(_inside(folder, name)) != digest:
            raise BundleError(f"{folder / name}: is not the file that {MANIFEST} records. Copy the bundle again from where it was made")
    policy, lineage = read_json(folder / POLICY), read_json(folder / LINEAGE)
    facts = check(PolicyFacts, policy, folder / POLICY)
    check(Lineage, lineage, folder / LINEAGE)
    task = _whole_document(folder / TASK, "task")
    _whole_document(folder / EMBODIMENT, "embodiment")
    body, loaded = load_embodiment(folder / EMBODIMENT, self_contained=True)
    plan = _read_plan(folder / PLAN) if PLAN in manifest.files else None
    _compare(facts, body, plan, folder)
    source, source_spec = _read_source(folder) if SOURCE in manifest.files else (None, None)
    return Bundle(
        name=manifest.name,
        state=_read_weights(folder / WEIGHTS),
        policy=policy,
        embodiment=body if plan is None else mask_body(body, plan.head),
        embodiment_spec=loaded.resolved,
        task=task,
        lineage=lineage,
        plan=plan,
        source_spec=source_spec,
        source=source,
        results=read_json(folder / RESULTS) if RESULTS in manifest.files else None,
    )


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
    return hashlib.sha256(_weights_bytes(state)).hexdigest()


def _write(folder: Path, bundle: Bundle) -> None:
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(_weights_bytes(bundle.state))
    (folder / EMBODIMENT).write_text(dump(dict(bundle.embodiment_spec)), encoding="utf-8")
    (folder / TASK).write_text(dump(dict(bundle.task)), encoding="utf-8")
    if bundle.source_spec is not None:
        (folder / SOURCE).write_text(dump(dict(bundle.source_spec)), encoding="utf-8")
    if bundle.plan is not None:
        (folder / PLAN).write_text(bundle.plan.to_json(), encoding="utf-8")
    for name, data in ((POLICY, bundle.policy), (LINEAGE, bundle.lineage), (RESULTS, bundle.results)):
        if data is not None:
            write_json(folder / name, data)
    files = {file.name: _digest(file) for file in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"format": FORMAT, "version": VERSION, "name": bundle.name, "files": files})
    card = write_card(
        name=bundle.name,
        body=bundle.embodiment,
        policy=bundle.policy,
        task=bundle.task,
        lineage=bundle.lineage,
        plan=bundle.plan,
        results=bundle.results,
    )
    (folder / CARD).write_text(card, encoding="utf-8")
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _weights_bytes(state: Mapping[str, torch.Tensor]) -> bytes:
    # One metadata key only: the order of several is not fixed, and equal weights have to give equal bytes.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(state.items())}
    data: bytes = safetensors.torch.save(tensors, metadata={"format": "pt"})
    return data


def _shipped_folder() -> Path:
    return Path(str(resources.files("flare_core") / "bundles" / "shipped"))


def _list_shipped() -> str:
    return ", ".join(f"{_SHIPPED}{name}" for name in shipped()) or "the shipped ones (none is there)"


def _locate_shipped(name: str) -> Path:
    if name not in shipped():
        near = difflib.get_close_matches(name, shipped(), n=1)
        hint = f" Did you mean '{_SHIPPED}{near[0]}'?" if near else ""
        raise BundleError(f"{_SHIPPED}{name}: no such bundle is shipped. There are: {_list_shipped()}.{hint}")
    return _shipped_folder() / name


def _read_manifest(folder: Path) -> Manifest:
    """Check what the folder says of itself, and that it holds what it has to and no pickle."""
    if not (folder / MANIFEST).is_file():
        inner = folder / "bundle"
        hint = f"Did you mean {inner}?" if (inner / MANIFEST).is_file() else "`flare adapt` and `flare train` write one"
        raise BundleError(f"{folder}: has no {MANIFEST}, so it is not a bundle. {hint}")
    data = read_json(_inside(folder, MANIFEST))
    if data.get("format") == FORMAT and isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise BundleError(f"{folder / MANIFEST}: is of format version {data['version']}; this flare reads {VERSION}. Install a newer flare")
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        raise BundleError(f"{folder / MANIFEST}: format {data.get('format')!r} version {data.get('version')!r} is not '{FORMAT}' {VERSION}")
    manifest = check(Manifest, data, folder / MANIFEST)
    odd = sorted(set(manifest.files) - {*NEEDED, *OPTIONAL})
    if odd:
        raise BundleError(f"{folder / MANIFEST}: files: '{odd[0]}' is no file of a bundle. Allowed are {', '.join((*NEEDED, *OPTIONAL))}")
    missing = [name for name in NEEDED if name not in manifest.files] + [name for name in manifest.files if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder}: lacks {', '.join(dict.fromkeys(missing))}. Copy the bundle again from where it was made")
    pickles = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix.lower() in _PICKLES)
    if pickles:
        raise BundleError(f"{folder / pickles[0]}: could run code when it is read. A bundle holds its weights in {WEIGHTS} only; remove it")
    return manifest


def _inside(folder: Path, name: str) -> Path:
    """A file of the bundle, unless a link leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{path}: is a link that leads out of the bundle. Copy the file itself into the folder")
    return path


def _digest(path: Path) -> str:
    if path.stat().st_size > _MAX_WEIGHT_BYTES:
        raise BundleError(f"{path}: has {path.stat().st_size / 1e9:.0f} GB, more than the {_MAX_WEIGHT_BYTES / 1e9:.0f} GB that are read")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_document(path: Path, kind: str) -> dict[str, Any]:
    """A spec that stands alone: it came from somewhere else, so it may not pull in files of this machine."""
    tree = parse(read_text(path), Place(label=str(path), line=1, path=path))
    if tree.faults:
        raise BundleError("\n".join(str(fault) for fault in tree.faults))
    document = tree.value
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise BundleError(f"{path}: must begin with `kind: {kind}`")
    if "extends" in document:
        raise BundleError(f"{path}: a bundle's spec stands alone, so it has no `extends`. Write the bundle again with `flare adapt`")
    return dict(document)


def _read_plan(path: Path) -> Plan:
    try:
        return Plan.from_json(read_text(path))
    except AdapterError as fault:
        raise BundleError(f"{path}: {fault}") from None


def _read_source(folder: Path) -> tuple[Embodiment, dict[str, Any]]:
    _whole_document(folder / SOURCE, "embodiment")
    body, loaded = load_embodiment(folder / SOURCE, self_contained=True)
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


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: dict[str, torch.Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError) as fault:
        with path.open("rb") as file:
            start = file.read(2)
        if start == b"PK" or start[:1] == b"\x80":  # torch.save writes a zip file or a bare pickle
            raise BundleError(f"{path}: is a pickle under another name, which can run code. Weights must be safetensors") from None
        raise BundleError(f"{path}: is not a safetensors file: {fault}") from None
    if not state:
        raise BundleError(f"{path}: holds no tensor")
    for name, tensor in state.items():
        broken = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
        if broken:
            raise BundleError(
                f"{path}: {name} has {broken} numbers that are not finite. The run that wrote it had failed; use an earlier one"
            )
    return state
