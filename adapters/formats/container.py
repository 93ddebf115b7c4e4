"""Read the tensors of a foreign checkpoint file without running any code that it holds.

Two kinds of file are read: safetensors, and the zip files of `torch.save`. The latter hold a pickle, which can run code. So
the pickle is first read as a list of instructions, and refused if it names anything but tensors and a few plain records;
then `torch.load(weights_only=True)` reads it with stand-ins for those records, so that not even they are made.
"""

import hashlib
import pickle
import pickletools
import struct
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from flare_core.errors import CheckpointError

Kind = Literal["lightning", "allenact", "plain"]
MAX_FILE_BYTES: Final = 32_000_000_000
MAX_PICKLE_BYTES: Final = 64_000_000  # names, shapes and the trainer's notes; the largest honest one has a few MB
MAX_ENTRIES: Final = 100_000
_DAMAGED: Final = (ArithmeticError, EOFError, LookupError, OSError, RuntimeError, ValueError, struct.error)
"""What the readers of zip files and pickles raise at bytes that make no sense."""

_TENSORS: Final = frozenset(
    {"collections.OrderedDict", "_codecs.encode", "torch.Size", "torch.device", "torch._utils._rebuild_tensor_v2"}
    | {"torch._utils._rebuild_parameter"}
    | {f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")}
    | {f"torch.{kind}" for kind in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")}
)
"""What tensors and their state dicts are made of; the real thing is made."""

TABLES: Final = (
    "builtins.dict",
    "collections.defaultdict",
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
RECORDS: Final = (
    *TABLES,
    "argparse.Namespace",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.set",
    "datetime.datetime",
    "datetime.timedelta",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
)
"""What trainers (Lightning, AllenAct) write beside tensors. None of these is made: a stand-in takes its place and is thrown away."""


class _Record:
    """Stands for any of RECORDS while a file is read: takes whatever it is given and does nothing with it."""

    def __init__(self, *_: object) -> None:
        pass

    def __new__(cls, *_: object) -> "_Record":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        del state


class _Table:
    """Stands for any of TABLES: an empty dict, because torch fills nothing else."""

    def __new__(cls, *_: object) -> "_Table":
        return {}  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The tensors of a foreign file.

    Attributes:
        kind: who wrote it: "lightning" (`state_dict`), "allenact" (`model_state_dict`), or "plain": nothing but tensors.
        tensors: by foreign name; they may lie in the file still, so copy before use.
        sha256: of the file.
        notes: numbers that the trainer wrote beside them, such as `global_step`.
    """

    path: Path
    kind: Kind
    tensors: Mapping[str, Tensor]
    sha256: str
    notes: Mapping[str, int | float]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file.

    Args:
        path: a safetensors file or one that `torch.save` wrote (torch 1.6 or later).

    Raises:
        CheckpointError: it is no such file, damaged, larger than can be honest, or its pickle holds something that could run code.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder. Name the checkpoint file in it")
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise CheckpointError(f"{path}: has {size / 1e9:.0f} GB, more than the {MAX_FILE_BYTES / 1e9:.0f} GB that are read")
    kind: Kind
    if path.suffix == ".safetensors":
        kind, tensors, notes = "plain", _read_safetensors(path), dict[str, int | float]()
    else:
        _check_zip(path)
        kind, tensors, notes = _unwrap(path, _load(path))
    _check_tensors(path, tensors)
    return Checkpoint(path=path, kind=kind, tensors=tensors, sha256=_digest(path), notes=notes)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        found: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError) as fault:
        raise CheckpointError(f"{path}: is not a safetensors file: {fault}. Download it again") from None
    return found


def _check_zip(path: Path) -> None:
    """Refuse what is not a plain zip of `torch.save` before torch sees it, and a pickle that names a strange type."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            pickles = [entry for entry in entries if entry.filename.count("/") == 1 and entry.filename.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise CheckpointError(f"{path}: is a zip file, but not one that torch.save wrote: it holds {len(pickles)} data.pkl, not 1")
            _check_directory(path, entries, pickles[0].file_size)
            data = archive.read(pickles[0])
    except (zipfile.BadZipFile, *_DAMAGED) as fault:
        raise CheckpointError(
            f"{path}: is neither a safetensors file (by its ending) nor a zip file of torch.save: {fault}. If the download broke off, "
            "repeat it; a file of torch older than 1.6 has to be saved again by whoever trusts it"
        ) from None
    strange = sorted(set(_globals(path, data)) - _TENSORS - set(RECORDS))
    if strange:
        raise CheckpointError(
            f"{path}: its pickle names {', '.join(f'`{name}`' for name in strange)}, and a pickle can run what it names. Only tensors "
            f"and {len(RECORDS)} kinds of plain records are let in, so nothing of the file was loaded. If you trust its author, load it "
            "where that is safe and save only its state dict, best as safetensors"
        )


def _check_directory(path: Path, entries: list[zipfile.ZipInfo], pickle_bytes: int) -> None:
    """The zip's own list of contents: nothing compressed (so nothing grows when read), nothing larger than the file."""
    if len(entries) > MAX_ENTRIES:
        raise CheckpointError(f"{path}: holds {len(entries):,} entries, more than the {MAX_ENTRIES:,} that are read")
    packed = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise CheckpointError(
            f"{path}: entry '{packed[0]}' is compressed, which torch.save never does. Save the file again with torch.save"
        )
    total = sum(entry.file_size for entry in entries)
    if total > path.stat().st_size:
        raise CheckpointError(f"{path}: says that it holds {total:,} bytes, but the file has {path.stat().st_size:,}. Download it again")
    if pickle_bytes > MAX_PICKLE_BYTES:
        what = f"its pickle has {pickle_bytes / 1e6:.0f} MB beside the tensors, more than the {MAX_PICKLE_BYTES / 1e6:.0f} MB that are read"
        raise CheckpointError(f"{path}: {what}. Save only its state dict")


def _globals(path: Path, data: bytes) -> Iterator[str]:
    """Full names of everything that a pickle asks for, read as instructions without following any."""
    try:
        for instruction, argument, _ in pickletools.genops(data):
            if instruction.name == "GLOBAL":
                yield _modern(*str(argument).split(" ", 1))
            elif instruction.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
                # A name that is put together while the pickle runs cannot be checked before; torch.save writes none.
                yield f"({instruction.name}: a name made while loading)"
    except ValueError as fault:
        raise CheckpointError(f"{path}: its pickle is damaged: {fault}. Download it again") from None


def _modern(module: str, name: str) -> str:
    """Full name in Python 3 of what a pickle of protocol 2 calls by its name in Python 2, such as __builtin__.eval."""
    if (module, name) in NAME_MAPPING:
        module, name = NAME_MAPPING[module, name]
    else:
        module = IMPORT_MAPPING.get(module, module)
    return f"{module}.{name}"


def _load(path: Path) -> object:
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (_Table if name in TABLES else _Record, name) for name in RECORDS
    ]
    try:
        # mmap: what is not taken (an optimiser's state is twice the model) is never read, and no tensor can be larger than its file.
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, *_DAMAGED, TypeError, AttributeError, AssertionError) as fault:
        reason = str(fault).partition("WeightsUnpickler error:")[2].strip() or str(fault) or type(fault).__name__
        reason = reason.splitlines()[0]
        raise CheckpointError(f"{path}: cannot be read: {reason}. Download it again") from None


def _unwrap(path: Path, loaded: object) -> tuple[Kind, dict[str, Tensor], dict[str, int | float]]:
    """The state dict within what a trainer saved."""
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{path}: holds a {type(loaded).__name__}, not a dict of tensors")
    notes = {name: value for name, value in loaded.items() if isinstance(name, str) and type(value) in (int, float)}
    wrapped: tuple[tuple[str, Kind], ...] = (("model_state_dict", "allenact"), ("state_dict", "lightning"))
    for key, kind in wrapped:
        inner = loaded.get(key)
        if isinstance(inner, Mapping):
            return kind, _tensors_of(path, inner), notes
    return "plain", _tensors_of(path, loaded), {}


def _tensors_of(path: Path, state: Mapping[Any, Any]) -> dict[str, Tensor]:
    strange = [name for name, value in state.items() if not isinstance(name, str) or not isinstance(value, Tensor)]
    if strange:
        what = f"{path}: '{strange[0]}' is no tensor"
        raise CheckpointError(f"{what}. Looked for tensors in `model_state_dict` (AllenAct), `state_dict` (Lightning) and the file itself")
    return dict(state)


def _check_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Dense tensors with all their numbers in the file; without numbers that are not finite."""
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensor")
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise CheckpointError(f"{path}: {name} is not a plain dense tensor. Save it again as one")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(f"{path}: {name} claims the shape {[*tensor.shape]}, but the file holds fewer numbers. Download it again")
    for name, tensor in tensors.items():
        broken = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
        if broken:
            raise CheckpointError(f"{path}: {name} has {broken} numbers that are not finite. Training had failed or the file is damaged")
