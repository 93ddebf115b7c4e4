"""The bundles that are damaged in tests, and ways to damage them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Put other bytes into a file and record their digest, as someone would who wants them to be read."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(manifest))


def edit_json(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change an object in a JSON file, and record the file's digest."""
    data = json.loads((folder / name).read_text())
    change(data)
    if name == "bundle.json":
        (folder / name).write_text(json.dumps(data))
    else:
        rewrite(folder, name, json.dumps(data).encode())
