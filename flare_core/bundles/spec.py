"""The JSON files of a bundle: what must stand in them before anything else looks at them."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

import pydantic

from flare_core.bundles.layout import MAX_TEXT_BYTES
from flare_core.errors import BundleError

MAX_DEPTH: Final = 64  # of nested lists and objects; the deepest honest file has 10

_ODD: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of surrogate pairs."""

Sha256 = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]
Model = TypeVar("Model", bound=pydantic.BaseModel)


class Manifest(pydantic.BaseModel):
    """`bundle.json`: what the folder is, and the digest of every file that counts.

    Attributes:
        files: SHA-256 by file name, as `layout` lists them.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    format: Literal["flare-bundle"]
    version: int
    name: str = pydantic.Field(min_length=1, max_length=200)
    files: dict[str, Sha256]


class PolicyFacts(pydantic.BaseModel):
    """What every family of policies says of itself in `policy.json`; the rest is the family's own.

    Attributes:
        tensors: dtype and shape of every tensor by its name, such as "F32[20, 128]"; None in format version 1.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    family: str
    actions: tuple[str, ...] = pydantic.Field(min_length=1)
    body_inputs: tuple[str, ...]
    tensors: dict[str, str] | None = None


class Parent(pydantic.BaseModel):
    """The policy that a bundle was made from.

    Attributes:
        reference: as the user wrote it.
        repo, revision: repository of the Hub and the commit that was read, or None where it was a folder.
        weights: SHA-256 of its tensors, or None where it is not known.
        licence: its licence, as the Hub abbreviates it; None where it is not known.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    reference: str
    repo: str | None = None
    revision: str | None = None
    weights: str | None = None
    licence: str | None = None


class Lineage(pydantic.BaseModel):
    """What made the bundle; more may stand beside these.

    Attributes:
        command: the command line, to be typed again.
        commit: of the code, or "unknown" outside a clone.
        seed: of the run.
        licence: of the weights, as the Hub abbreviates it; None where it is not known.
        ancestors: lineages of the parent, of its parent and so on, without their own `ancestors`.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    command: str
    commit: str
    seed: int
    licence: str | None = None
    parent: Parent | None = None
    ancestors: tuple[dict[str, Any], ...] = ()


def read_text(path: Path, most: int = MAX_TEXT_BYTES) -> str:
    """Text of a small file.

    Raises:
        BundleError: it is larger than any honest one, or not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        size = path.stat().st_size
        raise BundleError(f"{path}: has {size / 1e6:.1f} MB, more than the {most / 1e6:g} MB that such a file may have")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise BundleError(f"{path}: is not UTF-8 text (byte {fault.start}). Copy the bundle again from where it was made") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BundleError: it is too large, not UTF-8, not JSON, too deep, or not an object.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, label: str) -> dict[str, Any]:
    """The object in a JSON text, of which `label` names the place.

    Raises:
        BundleError: it is not JSON, nested too deep, no object, or holds text that is not fit to be shown.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_repeats)
        _check_values(data)
    except json.JSONDecodeError as fault:
        raise BundleError(f"{label}:{fault.lineno}: is not JSON: {fault.msg}. Copy the bundle again from where it was made") from None
    except RecursionError:
        raise BundleError(f"{label}: is nested more than {MAX_DEPTH} deep. Copy the bundle again from where it was made") from None
    except ValueError as fault:
        raise BundleError(f"{label}: {fault}. Copy the bundle again from where it was made") from None
    if not isinstance(data, dict):
        raise BundleError(f"{label}: must hold one JSON object, not a {type(data).__name__}")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write an object as JSON with sorted keys, so that equal content gives equal bytes.

    Raises:
        BundleError: it holds something that JSON does not have, such as NaN.
    """
    try:
        text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError) as fault:
        raise BundleError(f"{path.name}: cannot be written as JSON: {fault}") from None
    path.write_text(text + "\n", encoding="utf-8")


def check(model: type[Model], data: Mapping[str, Any], path: Path) -> Model:
    """Check the content of one of the bundle's files.

    Raises:
        BundleError: with every fault of the file.
    """
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as fault:
        found = [f"{path}: {'.'.join(map(str, error['loc']))}: {error['msg']}" for error in fault.errors()]
        raise BundleError("\n".join(found)) from None


def _check_values(data: Any) -> None:
    """No deep nests, and no text that a terminal would act on or that cannot be written as UTF-8."""
    level = [data]
    for _ in range(MAX_DEPTH):
        texts = [item for item in level if isinstance(item, str)]
        texts += [key for item in level if isinstance(item, dict) for key in item]
        for text in texts:
            odd = _ODD.search(text)
            if odd is not None:
                raise ValueError(f"holds the control character U+{ord(odd.group()):04X}")
        level = [inner for item in level if isinstance(item, dict | list) for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return
    raise ValueError(f"is nested more than {MAX_DEPTH} deep")


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"holds the number {text[:20]}, which is too large")
    return number


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"names '{next(name for name in names if names.count(name) > 1)}' twice")
    return found
