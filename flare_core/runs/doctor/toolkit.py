"""What the toolkit itself needs: Python, its packages, torch, and folders that compiled kernels and houses are kept in."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Run, Which, floor, is_writable, numbers
from flare_core.runs.doctor.remedies import folder_command, install_command, pip_command, quoted

NEWER_PYTHONS: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
LOOKED_AT_ELSEWHERE: Final = ("torch", "ai2thor", "huggingface-hub")
TORCH_LIMIT_S: Final = 60.0  # a cold disk takes its time
# In a process of its own: a broken build may end or stop the one that imports it. -P: no torch.py of the current folder.
TORCH_PROBE: Final = (
    "import json, torch; sees = torch.cuda.is_available(); "
    "print(json.dumps({'version': torch.__version__, 'cuda': torch.version.cuda or torch.version.hip, "
    "'threads': torch.get_num_threads(), "
    "'gpus': [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())] if sees else []}))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Torch:
    """What torch says about itself.

    Attributes:
        version: such as "2.13.0+cpu".
        cuda: the CUDA or ROCm that it was built for; None for a CPU build.
        threads: how many it would use.
        gpus: names of those that it can use.
        fault: why it cannot be imported; empty where it can.
    """

    version: str = ""
    cuda: str | None = None
    threads: int = 0
    gpus: tuple[str, ...] = ()
    fault: str = ""


def ask_torch(python: str, run: Run) -> Torch:
    """Import torch in another process and ask it."""
    answer = run([python, "-P", "-c", TORCH_PROBE], TORCH_LIMIT_S)
    if answer.code != 0:
        return Torch(fault=answer.complaint)
    try:
        told = json.loads(answer.text.strip().splitlines()[-1])
        return Torch(version=told["version"], cuda=told["cuda"], threads=told["threads"], gpus=tuple(told["gpus"]))
    except (ValueError, IndexError, KeyError, TypeError):
        return Torch(fault=f"it answered {answer.text.strip()[:80]!r}")


def check_python(version: str, requires: str | None, which: Which) -> Finding:
    """The interpreter against the toolkit's `requires-python`."""
    asked = requires or ">=0"
    if numbers(version) >= numbers(floor(asked)):
        return Finding(name="Python", needed_for="toolkit", state="ok", found=version)
    wanted = [name for name in NEWER_PYTHONS if numbers(name.removeprefix("python")) >= numbers(floor(asked))]
    newer = next((path for path in map(which, wanted) if path), None)
    mend = install_command("python", which) if newer is None else f"rm -rf .venv && PYTHON={quoted(newer)} make setup"
    return Finding(name="Python", needed_for="toolkit", state="missing", found=f"{version}; {asked} is needed", mend=mend)


def check_packages(requirements: Sequence[str], installed: Callable[[str], str | None], python: str) -> Finding:
    """Packages that the toolkit's metadata asks for, but for those that have a finding of their own."""
    asked = {re.split(r"[^A-Za-z0-9._-]", wish, maxsplit=1)[0]: wish for wish in requirements if "extra ==" not in wish}
    asked = {name: wish for name, wish in asked.items() if name not in LOOKED_AT_ELSEWHERE}
    there = {name: installed(name) for name in asked}
    old = {name: version for name, version in there.items() if version is not None and numbers(version) < numbers(floor(asked[name]))}
    absent = [name for name, version in there.items() if version is None]
    if not old and not absent:
        found = f"all {len(asked)} that it asks for" if asked else "not known: the toolkit runs without being installed"
        return Finding(name="packages", needed_for="toolkit", state="ok", found=found)
    told = [*(f"no {name}" for name in absent), *(f"{name} {version}, {asked[name]} is needed" for name, version in old.items())]
    mend = pip_command(python, *(asked[name] for name in (*absent, *old)))
    return Finding(name="packages", needed_for="toolkit", state="missing", found="; ".join(told), mend=mend)


def check_torch(torch: Torch, requirement: str, installed: str | None, python: str) -> Finding:
    """Whether torch is there, new enough, and can be imported.

    Args:
        torch: its answer.
        requirement: what the toolkit asks for, such as "torch>=2.6".
        installed: the version that is installed, whether or not it can be imported.
        python: the interpreter.
    """
    if installed is None:
        found, mend = "none", pip_command(python, requirement)
    elif torch.fault:
        found = f"{installed} cannot be imported: {torch.fault}"
        mend = pip_command(python, "--force-reinstall", f"torch=={installed.split('+')[0]}")
    elif numbers(torch.version) < numbers(floor(requirement)):
        found, mend = f"{torch.version}; {requirement} is needed", pip_command(python, "--upgrade", requirement)
    else:
        build = f"for CUDA or ROCm {torch.cuda}" if torch.cuda else "for the CPU"
        found = f"{torch.version}, {build}, {torch.threads} threads"
        return Finding(name="torch", needed_for="toolkit", state="ok", found=found)
    return Finding(name="torch", needed_for="toolkit", state="missing", found=found, mend=mend)


def check_kernels(environment: Mapping[str, str], home: Path, package: Path, spare: Path, system: str) -> Finding:
    """A folder for compiled kernels; numba refuses to compile one that is to be kept where it finds none.

    The places and their order are numba's own.

    Args:
        environment: where a place may be chosen.
        home: the user's folder.
        package: the folder that `flare_core` lies in.
        spare: a folder that can be written to.
        system: "Linux", "Darwin" or "Windows".
    """
    caches = home / "Library" / "Caches" if system == "Darwin" else Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    chosen = environment.get("NUMBA_CACHE_DIR")
    usual = [package / "simulators" / "embedded" / "__pycache__", caches / "numba"]
    place = next((folder for folder in usual if is_writable(folder)), None)
    if chosen and is_writable(Path(chosen)):
        return Finding(name="kernel cache", needed_for="toolkit", state="ok", found=chosen)
    if place is not None and not chosen:
        return Finding(name="kernel cache", needed_for="toolkit", state="ok", found=str(place))
    if place is not None:
        found = f"NUMBA_CACHE_DIR={chosen} cannot be written to; {place} is used"
        return Finding(name="kernel cache", needed_for="toolkit", state="warning", found=found, mend="unset NUMBA_CACHE_DIR")
    tried = ", ".join(str(folder) for folder in (*([Path(chosen)] if chosen else []), *usual))
    found, mend = f"none of {tried} can be written to", folder_command("NUMBA_CACHE_DIR", spare)
    return Finding(name="kernel cache", needed_for="toolkit", state="missing", found=found, mend=mend)


def check_houses(home: Path, spare: Path) -> Finding:
    """The folder that generated houses are kept in; without it they are made anew each time."""
    folder = home / ".cache" / "flare_core" / "houses"
    if is_writable(folder):
        return Finding(name="house cache", needed_for="toolkit", state="ok", found=str(folder))
    found = f"{folder} cannot be written to: houses are made anew at each start"
    return Finding(name="house cache", needed_for="toolkit", state="warning", found=found, mend=folder_command("HOME", spare))
