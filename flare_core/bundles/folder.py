"""A bundle's folder: what it says of itself, that it holds that and nothing dangerous, and where each file lies."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from flare_core.bundles.layout import CARD, FORMAT, MANIFEST, MAX_PICTURES, NOW, OLDER, VERSION, Layout, is_picture, largest
from flare_core.bundles.spec import Manifest, check, read_json, read_text
from flare_core.errors import BundleError
from flare_core.yaml_tree import MAX_BYTES, Place, parse

PICKLES: Final = (".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth")
PNG: Final = b"\x89PNG\r\n\x1a\n"
_AGAIN: Final = "Copy the bundle again from where it was made"


def read_manifest(folder: Path, layout: Layout = NOW) -> Manifest:
    """What the folder says of itself; that it is of this version of the format, and lists what it has to and nothing else.

    Raises:
        BundleError: it is not, with what to do.
    """
    if not (folder / MANIFEST).is_file():
        inner = folder / "bundle"
        hint = f"Did you mean {inner}?" if (inner / MANIFEST).is_file() else "`flare adapt` and `flare train` write one"
        raise BundleError(f"{folder}: has no {MANIFEST}, so it is not a bundle. {hint}")
    data = read_json(inside(folder, MANIFEST))
    _check_version(data, folder, layout)
    manifest = check(Manifest, data, folder / MANIFEST)
    if not manifest.name.isprintable():
        raise BundleError(f"{folder / MANIFEST}: name: holds a line break. {_AGAIN}")
    odd = sorted(name for name in manifest.files if not layout.allows(name))
    if odd:
        allowed = ", ".join((*layout.needed, *layout.optional, "pictures/NAME.png"))
        raise BundleError(f"{folder / MANIFEST}: files: {odd[0]!a} is no file of a bundle. Allowed are {allowed}")
    missing = [name for name in layout.needed if name not in manifest.files]
    if missing:
        raise BundleError(f"{folder}: lacks {', '.join(missing)}. {_AGAIN}")
    if sum(map(is_picture, manifest.files)) > MAX_PICTURES:
        raise BundleError(f"{folder / MANIFEST}: files: lists more than {MAX_PICTURES} pictures")
    return manifest


def check_files(folder: Path, manifest: Manifest, names: Collection[str], layout: Layout = NOW) -> None:
    """These files of the bundle are there, are files of this folder, are not too large and are the ones that were recorded.

    Raises:
        BundleError: one is not; or a pickle lies in the folder.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder}: lacks {', '.join(missing)}. {_AGAIN}")
    pickles = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix.lower() in PICKLES)
    if pickles:
        place = f"{folder}/{ascii(pickles[0])[1:-1]}"
        raise BundleError(f"{place}: could run code when it is read. A bundle holds its weights in {layout.weights} only; remove it")
    for name in names:
        if digest_of(inside(folder, name), largest(name, layout)) != manifest.files[name]:
            raise BundleError(f"{folder / name}: is not the file that {MANIFEST} records. {_AGAIN}")


def inside(folder: Path, name: str) -> Path:
    """A file of the bundle, unless a link leads out of the folder.

    Raises:
        BundleError: one does.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{path}: is a link that leads out of the bundle. Copy the file itself into the folder")
    return path


def digest_of(path: Path, most: int) -> str:
    """SHA-256 of a file.

    Raises:
        BundleError: it has more than `most` bytes.
    """
    size = path.stat().st_size
    if size > most:
        raise BundleError(f"{path}: has {size / 1e6:.1f} MB, more than the {most / 1e6:g} MB that are read")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_document(path: Path, kind: str) -> dict[str, Any]:
    """A spec that stands alone: it came from somewhere else, so it may not pull in files of this machine.

    Raises:
        BundleError: it is not YAML of this kind, or it needs another file.
    """
    tree = parse(read_text(path, MAX_BYTES), Place(label=str(path), line=1, path=path))
    if tree.faults:
        raise BundleError("\n".join(str(fault) for fault in tree.faults[:5]))
    document = tree.value
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise BundleError(f"{path}: must begin with `kind: {kind}`")
    if "extends" in document:
        raise BundleError(f"{path}: a bundle's spec stands alone, so it has no `extends`. Write the bundle again with `flare adapt`")
    return dict(document)


def read_pictures(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Bytes of the bundle's pictures by their bare name; they are never decoded here.

    Raises:
        BundleError: one is no PNG.
    """
    found = {}
    for name in sorted(filter(is_picture, manifest.files)):
        data = (folder / name).read_bytes()
        if not data.startswith(PNG):
            raise BundleError(f"{folder / name}: is no PNG picture. {_AGAIN}")
        found[name.partition("/")[2].removesuffix(".png")] = data
    return found


def names_of(manifest: Manifest) -> tuple[str, ...]:
    """Every file that belongs to the bundle, the manifest and the card among them: what is copied and published, and nothing else."""
    return (MANIFEST, *sorted(manifest.files), CARD)


def _check_version(data: dict[str, Any], folder: Path, layout: Layout) -> None:
    place, version = folder / MANIFEST, data.get("version")
    if data.get("format") != FORMAT or type(version) is not int:
        raise BundleError(f"{place}: format {data.get('format')!r} version {version!r} is not '{FORMAT}' {VERSION}")
    if version == layout.version:
        return
    if version > VERSION:
        raise BundleError(f"{place}: is of format version {version}; this flare reads {VERSION}. Install a newer flare")
    if version in OLDER:
        raise BundleError(f"{place}: is of format version {version}, an older one. `flare migrate {folder} --out NEW` rewrites it")
    raise BundleError(f"{place}: is of format version {version}, which there never was. This flare reads {VERSION}")
