"""From a foreign checkpoint file to a bundle."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from flare_core.adapters.formats.container import Checkpoint, read_checkpoint
from flare_core.adapters.formats.conversion import Imported, convert
from flare_core.adapters.formats.image_encoders import put_image_encoder, width_faults
from flare_core.adapters.formats.known_checkpoints import KnownCheckpoint, known_by_file
from flare_core.adapters.formats.known_formats import FORMATS, recognise
from flare_core.adapters.formats.shapes import ROBOT
from flare_core.adapters.formats.table import KeyAccount
from flare_core.bundles.bundle import Bundle, refuse_taken, save_bundle
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import CheckpointError
from flare_core.policies.shapes import shapes_only
from flare_core.policies.spoc.policy import TOKENIZER, SpocPolicy
from flare_core.policies.spoc.spec import HUB
from flare_core.policies.spoc.tokenizer import Words, held
from flare_core.runs.facts import commit
from flare_core.tasks.spec import load_task

ENCODER_FILE: Final = "model.safetensors"
DEFAULT_TASK: Final = "objectnav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What was imported.

    Attributes:
        path: the bundle's folder.
        format: name of the format; why: how it was told.
        known: the public checkpoint that the file is by its name, or None.
        account: every tensor of the file.
    """

    path: Path
    format: str
    why: str
    known: KnownCheckpoint | None
    account: tuple[KeyAccount, ...]
    image_source: str

    def counts(self) -> dict[str, int]:
        """How many tensors were carried and left out."""
        fates = [key.fate for key in self.account]
        return {"carried": fates.count("carried"), "left out": fates.count("left out")}


def import_checkpoint(
    path: Path, out: Path, *, form: str = "auto", image_encoder: str | None = None, tokenizer: Path | None = None,
    task: str | None = None, command: str,
) -> Import:  # fmt: skip
    """Carry a foreign checkpoint over and write it as a bundle.

    Args:
        path: the checkpoint file.
        out: the bundle's folder.
        form: a name of FORMATS, or "auto" to tell it by the names of the tensors.
        image_encoder: file or folder with DINOv2, or hub://REPO@REVISION, to put into the bundle; None leaves a policy whose
            checkpoint lacks it with the address of the public one.
        tokenizer: the text encoder's `tokenizer.json`, to keep in the bundle, which then needs no network for it.
        task: packaged name or file; None for the one that a public checkpoint is known to be for, else objectnav.

    Raises:
        CheckpointError: the file cannot be read, is of no known format, or not quite of the one that it resembles.
        PolicyError: `tokenizer` is none.
        BundleError: `out` holds something already.
    """
    refuse_taken(out)
    checkpoint = read_checkpoint(path)
    found, why = recognise(checkpoint) if form == "auto" else (FORMATS[form], "asked for")
    imported = convert(checkpoint, found)
    if image_encoder is not None:
        imported = put_image_encoder(imported, read_checkpoint(_encoder_file(image_encoder)))
    faults = width_faults(imported)
    if faults:
        raise CheckpointError("\n  ".join([f"{path}: cannot be used as it is:", *faults]))
    if tokenizer is not None:
        imported = _with_tokenizer(imported, tokenizer)
    known = known_by_file(path.name, found.name)
    body, embodiment = load_embodiment(ROBOT if known is None else known.robot)
    _, task_spec = load_task(task or (DEFAULT_TASK if known is None else known.task))
    spec = replace(imported.spec, body_inputs=body.body_inputs)
    _check_fits(path, replace(imported, spec=spec))
    bundle = Bundle(
        name=out.resolve().name,
        state=imported.state,
        policy=spec.to_json(),
        embodiment=body,
        embodiment_spec=embodiment.resolved,
        task=task_spec.resolved,
        lineage=_lineage(checkpoint, imported, known, image_encoder, command),
    )
    return Import(
        path=save_bundle(out, bundle), format=found.name, why=why, known=known, account=imported.account, image_source=spec.image_source
    )


def _encoder_file(reference: str) -> Path:
    """File of an encoder; one on the Hub is fetched at the revision that is asked for.

    Raises:
        CheckpointError: no revision is named, or the Hub does not give it.
    """
    if not reference.startswith(HUB):
        path = Path(reference)
        return path / ENCODER_FILE if path.is_dir() else path
    repo, _, revision = reference.removeprefix(HUB).partition("@")
    if not revision:
        raise CheckpointError(f"{reference}: names no revision, so it could be another one tomorrow. Write {HUB}{repo}@REVISION")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repo, ENCODER_FILE, revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as fault:
        what = str(fault).splitlines()[0]
        raise CheckpointError(f"{reference}: {ENCODER_FILE} cannot be had: {what}. Download it elsewhere and give its path") from None


def _with_tokenizer(imported: Imported, path: Path) -> Imported:
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault.strerror}. Give the tokenizer.json of {imported.spec.tokenizer}") from None
    Words(imported.spec, content)
    return replace(imported, state={**imported.state, TOKENIZER: held(content)})


def _check_fits(path: Path, imported: Imported) -> None:
    """The tensors are those of a policy of this shape, name by name; encoders that stay outside are the only ones that may lack."""
    with shapes_only():
        wanted: dict[str, Tensor] = SpocPolicy(imported.spec).state_dict()
    wanted |= {TOKENIZER: imported.state[TOKENIZER]} if TOKENIZER in imported.state else {}
    missing = [name for name in wanted if name not in imported.state and not name.startswith(imported.spec.outside)]
    unknown = [name for name in imported.state if name not in wanted]
    odd = [name for name, value in imported.state.items() if name in wanted and wanted[name].shape != value.shape]
    if missing or unknown or odd:
        raise CheckpointError(f"{path}: makes no whole policy: lacks {missing[:3]}, has {unknown[:3]} too much, {odd[:3]} of another shape")


def _lineage(
    checkpoint: Checkpoint, imported: Imported, known: KnownCheckpoint | None, image_encoder: str | None, command: str
) -> dict[str, Any]:
    licence = None if known is None else known.licence
    return {
        "command": command,
        "commit": commit(),
        "seed": 0,
        "licence": licence,
        "parent": {
            "reference": checkpoint.path.name if known is None else known.where,
            "repo": _repo(known),
            "revision": None,
            "weights": checkpoint.sha256,
            "licence": licence,
        },
        "checkpoint": {
            "file": checkpoint.path.name,
            "sha256": checkpoint.sha256,
            "bytes": checkpoint.path.stat().st_size,
            "format": imported.format.name,
            "layout_known_from": imported.format.origin,
            "notes": dict(checkpoint.notes),
            "image_encoder": image_encoder or imported.spec.image_source,
        },
        "tensors": [[key.name, key.fate, list(key.targets), key.note] for key in imported.account],
    }


def _repo(known: KnownCheckpoint | None) -> str | None:
    """ORG/NAME of a checkpoint on the Hub."""
    if known is None or not known.where.startswith(HUB):
        return None
    return known.where.removeprefix(HUB).rpartition("/")[0]
