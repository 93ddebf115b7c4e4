"""What every new file needs: a legal name, a place that is free, and text that can be read before it is there."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

import yaml

from flare_core.errors import SpecError
from flare_core.reading import list_specs

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_DEVICE: Final = re.compile(r"con|nul|aux|prn|com[0-9]|lpt[0-9]", re.IGNORECASE)


def check_name(name: str, kind: str) -> None:
    """Refuse a name that would not be read back as text, or that means a packaged spec already.

    Raises:
        SpecError: with a name that would do.
    """
    if not _NAME.fullmatch(name):
        plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
        near = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:64] or "mybot"
        near = near if near[0].isalpha() else f"robot_{near}"
        what = "a name is up to 64 letters, digits, '_' and '-', and begins with a letter"
        raise SpecError(f"{name!r}: {what}. Try {near!r}; another place for the file goes to --out")
    if _DEVICE.fullmatch(name):
        raise SpecError(f"{name!r}: Windows allows no file of this name. Try 'my_{name}'")
    if not isinstance(yaml.safe_load(name), str):
        raise SpecError(f"{name!r}: YAML reads this as {yaml.safe_load(name)!r}, not as text. Take another name, such as '{name}_bot'")
    if name in list_specs(kind):
        raise SpecError(f"{name!r}: there is a packaged {kind} of this name, and commands would mean that one. Try 'my_{name}'")


def check_place(path: Path) -> None:
    """Refuse a place that is taken or cannot hold a spec.

    Raises:
        SpecError: something is there already, or the name does not end in .yaml.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise SpecError(f"{path}: a spec's file ends in .yaml. Give --out {path}.yaml")
    if path.exists() or path.is_symlink():
        raise SpecError(f"{path}: is there already and is left as it is. Give another place with --out, or move it away")


def save_checked(text: str, path: Path, check: Callable[[Path], object]) -> None:
    """Write a new file, once it was read back without a fault; nothing is left behind if not.

    Args:
        check: reads the file; it gets one beside `path`, so that relative references lead where they will.

    Raises:
        SpecError: from `check`, or because something has come to be at `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".yaml", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        draft.chmod(0o666 & ~_umask())
        check(draft)
        try:
            os.link(draft, path)  # unlike a rename, this never replaces a file that has come to be there meanwhile
        except FileExistsError:
            check_place(path)
        except OSError:  # a file system without hard links
            check_place(path)
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    """The mask of this process; there is no way to read it but to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def next_commands(path: Path) -> str:
    """What to type after a robot was written."""
    embodiment = path if path.is_absolute() or len(path.parts) > 1 else f"./{path}"
    commands = (
        (f"flare check {path}", "every fault, with line and remedy"),
        (f"flare show {path}", "a drawing: is this your robot?"),
        (f"flare show {path} --photo PICTURE.jpg", "the horizon and the floor's lines on a picture of your camera"),
        ("flare plan TRANSFER.yaml --write", "what of a policy survives on it; TRANSFER.yaml has these four lines:"),
    )
    width = max(len(command) for command, _ in commands)
    return "\n".join(
        (
            "Next:",
            *(f"  {command:<{width}}  # {about}" for command, about in commands),
            "      kind: transfer",
            "      policy: shipped:stretch_objectnav",
            f"      embodiment: {embodiment}",
            "      task: objectnav_short",
        )
    )
