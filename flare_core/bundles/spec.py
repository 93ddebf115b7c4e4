"""The JSON files of a bundle: what must stand in them before anything else looks at them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

import pydantic

from flare_core.errors import BundleError

FORMAT: Final = "flare-bundle"
VERSION: Final = 1
MAX_TEXT_BYTES: Final = 20_000_000  # of a JSON or YAML file; the largest honest one has a few hundred kB

Sha256 = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]
Model = TypeVar("Model", bound=pydantic.BaseModel)


class Manifest(pydantic.BaseModel):
    """`bundle.json`: what the folder is, and the digest of every file that counts.

    Attributes:
        files: SHA-256 by file name; names only, never paths.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    format: Literal["flare-bundle"]
    version: int
    name: str
    files: dict[str, Sha256]


class PolicyFacts(pydantic.BaseModel):
    """What every family of policies says of itself in `policy.json`; the rest is the family's own."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    family: str
    actions: tuple[str, ...] = pydantic.Field(min_length=1)
    body_inputs: tuple[str, ...]


class Lineage(pydantic.BaseModel):
    """What made the bundle; more may stand beside these.

    Attributes:
        command: the command line, to be typed again.
        commit: of the code, or "unknown" outside a clone.
        seed: of the run.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    command: str
    commit: str
    seed: int


def read_text(path: Path) -> str:
    """Text of a small file.

    Raises:
        BundleError: it is larger than any honest one, or not UTF-8.
    """
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise BundleError(f"{path}: has {size / 1e6:.0f} MB, more than the {MAX_TEXT_BYTES / 1e6:.0f} MB that such a file may have")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise BundleError(f"{path}: is not UTF-8 text (byte {fault.start}). Copy the bundle again from where it was made") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BundleError: it is too large, not UTF-8, not JSON or not an object.
    """
    try:
        data = json.loads(read_text(path), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as fault:
        raise BundleError(f"{path}:{fault.lineno}: is not JSON: {fault.msg}. Copy the bundle again from where it was made") from None
    except (ValueError, RecursionError) as fault:
        raise BundleError(f"{path}: {fault}. Copy the bundle again from where it was made") from None
    if not isinstance(data, dict):
        raise BundleError(f"{path}: must hold one JSON object, not a {type(data).__name__}")
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


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is not JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"names '{next(name for name in names if names.count(name) > 1)}' twice")
    return found
