"""Commands that mend things, so that every check words them alike and each is told once."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from flare_core.runs.doctor.machine import Which, numbers

MANAGERS: Final[Mapping[str, str]] = MappingProxyType({
    "apt-get": "{sudo}apt-get update && {sudo}apt-get install -y {package}",
    "dnf": "{sudo}dnf install -y {package}",
    "pacman": "{sudo}pacman -S --noconfirm {package}",
    "zypper": "{sudo}zypper --non-interactive install {package}",
})  # fmt: skip
PACKAGES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "python": {"apt-get": "python3.11-venv", "dnf": "python3.11", "pacman": "python", "zypper": "python311"},
    "vulkan loader": {"apt-get": "libvulkan1", "dnf": "vulkan-loader", "pacman": "vulkan-icd-loader", "zypper": "libvulkan1"},
    "vulkan driver": {
        "apt-get": "mesa-vulkan-drivers", "dnf": "mesa-vulkan-drivers", "pacman": "vulkan-swrast", "zypper": "libvulkan_lvp",
    },
    "vulkaninfo": dict.fromkeys(MANAGERS, "vulkan-tools"),
})  # fmt: skip
# What PyPI has by default wants a driver of CUDA 13. For an older driver: the index of torch's own, and the first torch that it lacks.
OLDER_CUDA: Final[Mapping[int, tuple[str, str]]] = MappingProxyType({11: ("cu118", "2.8"), 12: ("cu126", "2.15")})
FIRST_TORCH: Final = "2.6"  # the oldest that the toolkit takes


def install_command(thing: str, which: Which) -> str:
    """How this machine's package manager brings something; apt-get's words where no manager is known."""
    manager = next((name for name in MANAGERS if which(name)), "apt-get")
    return MANAGERS[manager].format(sudo=sudo(which), package=PACKAGES[thing][manager])


def sudo(which: Which) -> str:
    """What goes before a command for the administrator; nothing where there is no sudo, as in most containers."""
    return "sudo " if which("sudo") else ""


def pip_command(python: str, *words: str) -> str:
    """`pip install` into the environment that `flare` runs in."""
    return shlex.join([python, "-m", "pip", "install", *words])


def folder_command(variable: str, spare: Path) -> str:
    """Point a variable to a new folder that nobody else can read."""
    return f'export {variable}="$(mktemp -d -p {quoted(spare)})"'


def torch_command(python: str, version: str, driver: tuple[int, ...] = ()) -> str:
    """Replace torch by a build that uses CUDA.

    Args:
        python: the interpreter.
        version: of the torch that is there, which is kept where the index has it.
        driver: the newest CUDA that the driver speaks, () where that is not known.
    """
    kept = f"torch=={version.split('+')[0]}"
    if not driver or driver[0] not in OLDER_CUDA:
        return pip_command(python, "--force-reinstall", kept)
    index, end = OLDER_CUDA[driver[0]]
    is_there = numbers(FIRST_TORCH) <= numbers(version) < numbers(end)
    wheel = kept if is_there else f"torch>={FIRST_TORCH},<{end}"
    return pip_command(python, "--force-reinstall", wheel, "--index-url", f"https://download.pytorch.org/whl/{index}")


def driver_cuda(text: str) -> tuple[int, ...]:
    """The newest CUDA that the driver speaks, out of what nvidia-smi prints."""
    said = re.search(r"CUDA (?:UMD )?Version:\s*([0-9.]+)", text)
    return numbers(said.group(1)) if said else ()


def quoted(path: Path | str) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))
