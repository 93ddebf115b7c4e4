"""Where bundles lie: those that come with the package, and folders."""

import difflib
from importlib import resources
from pathlib import Path
from typing import Final

from flare_core.bundles.folder import PICKLES
from flare_core.bundles.layout import MANIFEST, WEIGHTS
from flare_core.errors import BundleError

SHIPPED: Final = "shipped:"


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
    if isinstance(reference, str) and reference.startswith(SHIPPED):
        return _locate_shipped(reference.removeprefix(SHIPPED))
    if isinstance(reference, str) and "://" in reference:
        raise BundleError(f"{reference}: is not a folder. `flare pull` fetches a bundle from the Hub; or use one of {_list_shipped()}")
    path = Path(reference)
    if path.is_dir():
        return path
    if path.suffix in PICKLES and path.exists():
        raise BundleError(f"{path}: is a pickle, which can run code when it is read. A bundle is a folder with {WEIGHTS}")
    if path.exists():
        raise BundleError(f"{path}: is a file. A bundle is a folder; name the folder that holds {MANIFEST}")
    raise BundleError(f"{path}: there is no such folder. Name a bundle's folder or one of {_list_shipped()}")


def _shipped_folder() -> Path:
    return Path(str(resources.files("flare_core") / "bundles" / "shipped"))


def _list_shipped() -> str:
    return ", ".join(f"{SHIPPED}{name}" for name in shipped()) or "the shipped ones (none is there)"


def _locate_shipped(name: str) -> Path:
    if name not in shipped():
        near = difflib.get_close_matches(name, shipped(), n=1)
        hint = f" Did you mean '{SHIPPED}{near[0]}'?" if near else ""
        raise BundleError(f"{SHIPPED}{name}: no such bundle is shipped. There are: {_list_shipped()}.{hint}")
    return _shipped_folder() / name
