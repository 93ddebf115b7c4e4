"""Builds of AI2-THOR's engine that lie in the home folder, as the client unpacks them."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Which
from flare_core.runs.doctor.remedies import quoted, sudo

NAME: Final = re.compile(r"thor-(?:private-)?(Linux64|CloudRendering|OSXIntel64)-([0-9A-Za-z]+)")
# Platforms of each system: the first needs no display, the last one does.
OWN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"Linux": ("CloudRendering", "Linux64"), "Darwin": ("OSXIntel64",)})
ELF: Final = b"\x7fELF"  # how a real engine's file begins; a script in its place needs no data folder
METADATA: Final = '{"server_types": ["FIFO", "WSGI"]}'


def check_builds(home: Path, system: str, python: str, which: Which, *, has_display: bool) -> list[Finding]:
    """One finding for each build, whole or not, and one more where there is none for this system.

    Args:
        home: builds lie in its .ai2thor/releases.
        system: "Linux", "Darwin" or "Windows".
        python: the interpreter that would download one.
        which: finds programs.
        has_display: whether the platform Linux64 can draw; else CloudRendering is downloaded.
    """
    place = home / ".ai2thor"
    try:
        unpacked = _named(place / "releases")
        begun = [folder for folder in _named(place / "tmp") if folder.name not in {one.name for one in unpacked}]
        findings = [*map(_check, unpacked), *(_check_begun(folder, python) for folder in begun)]
    except OSError as fault:
        found = f"{fault.filename or place} cannot be read: {fault.strerror or fault}"
        mend = f'{sudo(which)}chown -R "$(id -un)" {quoted(place)}'
        return [Finding(name="build", needed_for="AI2-THOR", state="missing", found=found, mend=mend)]
    if any(f"-{platform}-" in one.name for one in findings for platform in OWN.get(system, ())):
        return findings
    if system not in OWN:
        found = f"there are none for {system}; AI2-THOR runs in WSL"
        return [*findings, Finding(name="build", needed_for="AI2-THOR", state="missing", found=found, mend="wsl --install")]
    platform = OWN[system][-1 if has_display else 0]
    found, mend = f"none in {place / 'releases'}; some 0.5 GB to download", download_command(python, platform)
    return [*findings, Finding(name="build", needed_for="AI2-THOR", state="missing", found=found, mend=mend)]


def download_command(python: str, platform: str, commit: str = "") -> str:
    """The client's own way to fetch a build without starting it; by default the build that belongs to the client."""
    asked = f"commit_id={commit!r}, " if commit else ""
    if platform == "CloudRendering":
        imports, asked = "; from ai2thor.platform import CloudRendering", f"{asked}platform=CloudRendering, "
    else:
        imports, asked = "", f"{asked}headless=True, "  # else it wants a display before it downloads
    return f'{quoted(python)} -c "from ai2thor.controller import Controller{imports}; Controller({asked}download_only=True)"'


def _named(folder: Path) -> list[Path]:
    """Folders that are named as builds are."""
    try:
        return sorted(one for one in folder.iterdir() if NAME.fullmatch(one.name) and one.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _check_begun(folder: Path, python: str) -> Finding:
    """A build whose unpacking was broken off, or goes on just now. The client's command waits for the latter and repeats the former."""
    platform, commit = _parts(folder)
    found = f"platform {platform}, commit {commit}: unpacking was begun and has not ended"
    mend = download_command(python, platform, commit)
    return Finding(name=_title(folder), needed_for="AI2-THOR", state="missing", found=found, mend=mend)


def _parts(folder: Path) -> tuple[str, str]:
    """Platform and commit."""
    said = NAME.fullmatch(folder.name)
    assert said is not None
    return said.group(1), said.group(2)


def _title(folder: Path) -> str:
    commit = _parts(folder)[1]
    return f"build {folder.name[: -len(commit)]}{commit[:8]}"


def _check(folder: Path) -> Finding:
    """One build.

    The client unpacks beside the releases, and takes any folder with the right name for a whole build.

    Raises:
        OSError: it cannot be read.
    """
    platform, commit = _parts(folder)
    name = _title(folder)
    about = f"platform {platform}, commit {commit}"
    program = _program(folder, platform)
    lacks = _lacks(folder, platform, program)
    if program is None or lacks:
        found = f"{about}: incomplete, no {lacks}; without the folder the client downloads it anew"
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=f"rm -r {quoted(folder)}")
    if not os.access(program, os.X_OK):
        found = f"{about}: complete, not executable"
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=f"chmod +x {quoted(program)}")
    if not (folder / "metadata.json").is_file():
        found = f"{about}: complete, executable, but without metadata.json the client downloads it once more at the next start"
        mend = f"echo {shlex.quote(METADATA)} > {quoted(folder / 'metadata.json')}"
        return Finding(name=name, needed_for="AI2-THOR", state="warning", found=found, mend=mend)
    return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"{about}: complete, executable")


def _program(folder: Path, platform: str) -> Path | None:
    """The file that is run; None if there is none."""
    if platform == "OSXIntel64":
        inside = folder / f"{folder.name}.app" / "Contents" / "MacOS"
        return next((one for one in sorted(inside.iterdir()) if one.is_file()), None) if inside.is_dir() else None
    path = folder / folder.name
    return path if path.is_file() else None


def _lacks(folder: Path, platform: str, program: Path | None) -> str:
    """What an unpacked build has and this one has not; empty if nothing."""
    if program is None or program.stat().st_size == 0:
        return "program"
    if platform == "OSXIntel64":
        return "" if (program.parents[1] / "Info.plist").is_file() else "Info.plist"
    with program.open("rb") as file:
        is_engine = file.read(len(ELF)) == ELF
    return f"{folder.name}_Data" if is_engine and not (folder / f"{folder.name}_Data").is_dir() else ""
