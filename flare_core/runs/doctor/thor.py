"""What AI2-THOR needs: its client, a way to draw, and a way to talk to the engine. Facts are of client 5.0.0."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Answer, Run, Which, floor, numbers
from flare_core.runs.doctor.remedies import install_command, pip_command, quoted

VULKAN_LIMIT_S: Final = 20.0
MAPPING: Final = "cuda-vulkan-mapping.json"  # of GPU numbers, in ~/.ai2thor; the client makes it
KEEPS_CONNECTIONS: Final = "2.1"  # the first Werkzeug that closes a connection after each answer; the engine waits for ever then


def check_client(version: str | None, requirement: str, python: str) -> Finding:
    """The Python package `ai2thor`. Versions that begin with 0+ are builds of a commit, older than 5.0.0."""
    if version is not None and numbers(version) >= numbers(floor(requirement)):
        return Finding(name="AI2-THOR client", needed_for="AI2-THOR", state="ok", found=version)
    if version is None:
        found, mend = "none", pip_command(python, requirement)
    else:
        found, mend = f"{version}; {requirement} is needed", pip_command(python, "--upgrade", requirement)
    return Finding(name="AI2-THOR client", needed_for="AI2-THOR", state="missing", found=found, mend=mend)


def check_loader(system: str, library: Callable[[str], str | None], which: Which) -> Finding:
    """The Vulkan loader, which the platform CloudRendering asks for."""
    name = "Vulkan loader"
    if system != "Linux":
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"not needed on {system}")
    there = library("vulkan")
    if there is not None:
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=there)
    mend = install_command("vulkan loader", which)
    return Finding(name=name, needed_for="AI2-THOR", state="missing", found="no libvulkan.so.1: no platform CloudRendering", mend=mend)


def ask_vulkan(which: Which, run: Run) -> Answer | None:
    """What vulkaninfo says; None where there is none."""
    return run(["vulkaninfo"], VULKAN_LIMIT_S) if which("vulkaninfo") else None


def check_vulkaninfo(
    environment: Mapping[str, str], home: Path, told: Answer | None, nvidia: Answer | None, which: Which
) -> Finding:  # fmt: skip
    """The program that the client runs as soon as CUDA_VISIBLE_DEVICES names a GPU by its number, whatever the platform.

    Args:
        environment: where CUDA_VISIBLE_DEVICES stands.
        home: where the client keeps its mapping from CUDA's numbers to Vulkan's; with it, nothing is asked.
        told: what vulkaninfo says; None where there is none.
        nvidia: what `nvidia-smi -L` says, which the client asks besides; None where there is none.
        which: finds programs.
    """
    name, asked = "vulkaninfo", environment.get("CUDA_VISIBLE_DEVICES", "")
    wanted = [word.strip() for word in asked.split(",") if word.strip().isdigit()]
    mapping = home / ".ai2thor" / MAPPING
    if not wanted:
        return _without_choice(told, which)
    because = f"CUDA_VISIBLE_DEVICES={asked} makes the client ask"
    known = _mapped(mapping)
    if known is not None:
        if wanted[0] in known:
            return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"not needed: {mapping} knows GPU {wanted[0]}")
        found, mend = f"{mapping} does not know GPU {wanted[0]}", f"rm {quoted(mapping)}"
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=mend)
    if nvidia is None or nvidia.code != 0:
        found = f"not looked at: {because} for NVIDIA's GPUs, and nvidia-smi finds none"
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend="unset CUDA_VISIBLE_DEVICES")
    if told is None:
        found, mend = f"none, and {because} for it", install_command("vulkaninfo", which)
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=mend)
    if told.code != 0:
        found = f"fails ({told.complaint}), and {because} for it"
        return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend="unset CUDA_VISIBLE_DEVICES")
    return Finding(name=name, needed_for="AI2-THOR", state="ok", found=_devices(told))


def _without_choice(told: Answer | None, which: Which) -> Finding:
    """Nobody asks for vulkaninfo; where it is there, it tells whether a driver is."""
    if told is None:
        found = "none; the client asks for it only once CUDA_VISIBLE_DEVICES or gpu_device chooses a GPU"
        return Finding(name="vulkaninfo", needed_for="AI2-THOR", state="ok", found=found)
    if told.code == 0:
        return Finding(name="vulkaninfo", needed_for="AI2-THOR", state="ok", found=_devices(told))
    found = f"fails: {told.complaint}. NVIDIA's own driver needs NVIDIA_DRIVER_CAPABILITIES=all in a container; the command brings Mesa's"
    mend = install_command("vulkan driver", which)
    return Finding(name="vulkaninfo", needed_for="AI2-THOR", state="warning", found=found, mend=mend)


def _devices(told: Answer) -> str:
    names = dict.fromkeys(re.findall(r"deviceName\s*=\s*(.+)", told.text))
    return f"Vulkan draws with {', '.join(name.strip() for name in names)}" if names else "it runs"


def _mapped(path: Path) -> tuple[str, ...] | None:
    """GPU numbers in the client's mapping, none where it cannot be read; None where there is no such file."""
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    except (OSError, ValueError, TypeError):
        return ()


def find_display(environment: Mapping[str, str], sockets: Path) -> str:
    """The X display that the client would draw to, empty where there is none. Nothing connects to it.

    Args:
        environment: where DISPLAY stands; one on another machine is taken at its word.
        sockets: the folder of X servers' sockets.
    """
    value, running = environment.get("DISPLAY", ""), _running(sockets)
    if not value:
        return f":{running[0]}" if running else ""
    said = re.fullmatch(r"(?:([^:]*):)?(\d+)(?:\.\d+)?", value)
    if said is None:
        return ""
    is_elsewhere = said.group(1) not in (None, "", "unix")
    return value if is_elsewhere or int(said.group(2)) in running else ""


def check_display(environment: Mapping[str, str], sockets: Path, system: str, loader: Finding) -> Finding:
    """An X server, which the platform Linux64 draws with.

    Args:
        environment: as for `find_display`.
        sockets: as for `find_display`.
        system: "Linux", "Darwin" or "Windows".
        loader: what was found of Vulkan: the platform CloudRendering draws with that and needs no display.
    """
    name, value, there = "display", environment.get("DISPLAY", ""), find_display(environment, sockets)
    if system != "Linux":
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"not needed on {system}")
    if there:
        found = f"DISPLAY={value}, not tried" if value else f"DISPLAY is not set; the client finds the X server {there} by itself"
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=found)
    if value:
        found = f"DISPLAY={value}, but no X server has that socket; without one, use platform CloudRendering"
        running = _running(sockets)
        mend = f"export DISPLAY=:{running[0]}" if running else "unset DISPLAY"
        return Finding(name=name, needed_for="AI2-THOR", state="warning", found=found, mend=mend)
    if loader.state == "ok":
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found="none; use platform CloudRendering, which needs none")
    found = "none; platform CloudRendering needs none, but it needs Vulkan"
    return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=loader.mend)


def _running(sockets: Path) -> list[int]:
    try:
        return sorted(int(one.name[1:]) for one in sockets.iterdir() if re.fullmatch(r"X\d+", one.name))
    except OSError:
        return []


def check_pipes(folders: Sequence[Path], make_fifo: Callable[[Path], None]) -> Finding:
    """Named pipes in the folder of temporary files, by which client and engine talk.

    Args:
        folders: that folder, then others that could take its place.
        make_fifo: makes one; raises OSError.
    """
    name, faults = "named pipes", [_pipe_fault(folder, make_fifo) for folder in folders]
    if not faults[0]:
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"in {folders[0]}")
    other = next((folder for folder, fault in zip(folders, faults, strict=True) if not fault), folders[-1])
    found = f"none can be made in {folders[0]}: {faults[0]}"
    return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=f"export TMPDIR={quoted(other)}")


def _pipe_fault(folder: Path, make_fifo: Callable[[Path], None]) -> str:
    """Why no named pipe can be made; empty if one can."""
    try:
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            make_fifo(Path(inside) / "pipe")
    except OSError as fault:
        return fault.strerror or str(fault)
    return ""


def check_wsgi(flask: str | None, werkzeug: str | None, python: str) -> Finding:
    """The other way to talk, which matters only where there are no named pipes."""
    if werkzeug is not None and numbers(werkzeug) < numbers(KEEPS_CONNECTIONS):
        return Finding(name="WSGI", needed_for="AI2-THOR", state="ok", found=f"Flask {flask}, Werkzeug {werkzeug}")
    found = f"Flask {flask}, Werkzeug {werkzeug}: from {KEEPS_CONNECTIONS} on AI2-THOR's engine hangs without named pipes"
    mend = pip_command(python, f"flask<{KEEPS_CONNECTIONS}", f"werkzeug<{KEEPS_CONNECTIONS}")
    return Finding(name="WSGI", needed_for="AI2-THOR", state="missing", found=found, mend=mend)
