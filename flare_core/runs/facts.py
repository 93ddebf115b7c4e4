"""Where and from what a run was made: commit, machine, hashes."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any


def commit() -> str:
    """Commit of the checkout that the code runs from, '+' behind it with uncommitted changes; 'unknown' outside a checkout.

    An installed package that happens to lie inside somebody else's checkout is outside of its own.
    """
    here = Path(__file__).resolve().parent
    try:
        mine = ["git", "-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name]
        subprocess.run(mine, capture_output=True, check=True, timeout=10)
        asked = ["git", "-C", str(here), "rev-parse", "HEAD"]
        found = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(here), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found + ("+" if changed else "")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(terse=True),
        "torch": metadata.version("torch"), "numba": metadata.version("numba"),
    }  # fmt: skip


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
