"""The weights' file: what its header declares, checked before anything of that size is allocated, and the tensors themselves.

A safetensors file is 8 bytes with the header's length (little-endian), the header (JSON: name -> dtype, shape and
[begin, end) of its bytes), and the tensors' bytes without gaps.

Reference: https://github.com/huggingface/safetensors, "Format".
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import safetensors
import safetensors.torch
import torch

from flare_core.bundles.spec import parse_json
from flare_core.errors import BundleError

MAX_HEADER_BYTES: Final = 2_000_000  # 312 tensors take some 40 kB
MAX_TENSORS: Final = 10_000
MAX_DIMENSIONS: Final = 8
_AGAIN: Final = "Copy the bundle again from where it was made"

_DTYPES: Final[Mapping[str, torch.dtype]] = MappingProxyType(
    {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
        "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    }
)  # fmt: skip
_NAMES: Final[Mapping[torch.dtype, str]] = MappingProxyType({dtype: name for name, dtype in _DTYPES.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFacts:
    """Type and shape of a tensor whose numbers have not been read."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"

    @property
    def size_bytes(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.shape) * _DTYPES[self.dtype].itemsize


def facts_of(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Type and shape of every tensor, as policy.json lists them.

    Raises:
        BundleError: a tensor is of a type that bundles do not hold.
    """
    odd = [f"{name} ({tensor.dtype})" for name, tensor in state.items() if tensor.dtype not in _NAMES]
    if odd:
        raise BundleError(f"{odd[0]}: is of a type that a bundle does not hold. Use one of {', '.join(_DTYPES)}")
    return {name: str(TensorFacts(dtype=_NAMES[tensor.dtype], shape=tuple(tensor.shape))) for name, tensor in sorted(state.items())}


def read_header(file: BinaryIO, size: int, label: str) -> dict[str, TensorFacts]:
    """The header of a safetensors file of `size` bytes, which `file` is at the beginning of.

    Reads the header alone, and at most MAX_HEADER_BYTES of it.

    Raises:
        BundleError: the file is no safetensors file, is cut short or too long, or declares what does not add up.
    """
    start = file.read(8)
    if start[:2] == b"PK" or start[:1] == b"\x80":  # torch.save writes a zip file or a bare pickle
        raise BundleError(f"{label}: is a pickle under another name, which can run code. Weights must be safetensors")
    if len(start) < 8:
        raise BundleError(f"{label}: is cut short: it has {len(start)} bytes. {_AGAIN}")
    (length,) = struct.unpack("<Q", start)
    if length > MAX_HEADER_BYTES or length + 8 > size:
        raise BundleError(
            f"{label}: is not a safetensors file: it declares a header of {length} bytes; it has {size} bytes in all, "
            f"and a header has at most {MAX_HEADER_BYTES}. {_AGAIN}"
        )
    raw = file.read(length)
    if len(raw) < length:
        raise BundleError(f"{label}: is cut short within its header. {_AGAIN}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{label}: is not a safetensors file: its header is not UTF-8 text. {_AGAIN}") from None
    return _checked(parse_json(text, f"{label}: is not a safetensors file: header"), size - 8 - length, label)


def header_of(path: Path) -> dict[str, TensorFacts]:
    """`read_header` of a file."""
    with path.open("rb") as file:
        return read_header(file, path.stat().st_size, str(path))


def compare_with(listed: Mapping[str, str], header: Mapping[str, TensorFacts], label: str, where: str) -> None:
    """The weights' file declares the tensors that policy.json lists, and no others.

    Raises:
        BundleError: it does not, with the first difference.
    """
    declared = {name: str(facts) for name, facts in header.items()}
    for name in sorted(declared.keys() | listed.keys()):
        one, other = declared.get(name, "no such tensor"), listed.get(name, "no such tensor")
        if one != other:
            raise BundleError(f"{label}: {name}: {one}, but {other} in {where}: they belong to different policies. {_AGAIN}")


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a file whose header has been checked.

    Raises:
        BundleError: it cannot be read after all, or holds numbers that are not finite.
    """
    try:
        state: dict[str, torch.Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError) as fault:
        raise BundleError(f"{path}: is not a safetensors file: {fault}. {_AGAIN}") from None
    for name, tensor in state.items():
        broken = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
        if broken:
            raise BundleError(
                f"{path}: {name} has {broken} numbers that are not finite. The run that wrote it had failed; use an earlier one"
            )
    return state


def hollow(header: Mapping[str, TensorFacts]) -> dict[str, torch.Tensor]:
    """Tensors of these types and shapes on torch's `meta` device: they have no numbers and take no memory."""
    return {name: torch.empty(facts.shape, dtype=_DTYPES[facts.dtype], device="meta") for name, facts in header.items()}


def write_tensors(state: Mapping[str, torch.Tensor]) -> bytes:
    """Bytes of a safetensors file: equal for equal tensors."""
    # One metadata key only: the order of several is not fixed, and equal weights have to give equal bytes.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(state.items())}
    data: bytes = safetensors.torch.save(tensors, metadata={"format": "pt"})
    return data


def _checked(header: Mapping[str, Any], data_bytes: int, label: str) -> dict[str, TensorFacts]:
    found, spans = dict[str, TensorFacts](), list[tuple[int, int, str]]()
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if not entries:
        raise BundleError(f"{label}: holds no tensor. {_AGAIN}")
    if len(entries) > MAX_TENSORS:
        raise BundleError(f"{label}: declares {len(entries)} tensors; at most {MAX_TENSORS} are read")
    for name, entry in entries.items():
        facts, begin, end = _entry(entry, f"{label}: {name}")
        if end - begin != facts.size_bytes:
            raise BundleError(f"{label}: {name}: {facts} takes {facts.size_bytes} bytes, but {end - begin} are set aside for it. {_AGAIN}")
        found[name] = facts
        spans.append((begin, end, name))
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at:
            raise BundleError(f"{label}: {name}: its bytes begin at {begin} instead of {at}. {_AGAIN}")
        at = end
    if at != data_bytes:
        what = "cut short" if at > data_bytes else "too long"
        raise BundleError(f"{label}: is {what}: its tensors take {at} bytes, and it has {data_bytes} for them. {_AGAIN}")
    return found


def _entry(entry: Any, label: str) -> tuple[TensorFacts, int, int]:
    """One tensor's entry in the header: facts, begin, end."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise BundleError(f"{label}: its entry in the header must have dtype, shape and data_offsets. {_AGAIN}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise BundleError(f"{label}: is of type {str(dtype)[:20]!r}; a bundle holds {', '.join(_DTYPES)}")
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS or not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BundleError(f"{label}: shape and data_offsets in the header must be numbers of at least 0. {_AGAIN}")
    return TensorFacts(dtype=dtype, shape=tuple(shape)), offsets[0], offsets[1]


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(number) is int and 0 <= number < 2**48 for number in numbers)
