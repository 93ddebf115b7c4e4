"""The whole look at a machine: every check, in the order in which they are told and in which their remedies are best given."""

from collections.abc import Sequence
from pathlib import Path

from flare_core.runs.doctor import builds, gpu, hub, room, thor, toolkit
from flare_core.runs.doctor.diagnosis import Diagnosis, Finding
from flare_core.runs.doctor.machine import Machine, is_writable


def examine(machine: Machine) -> Diagnosis:
    """Look at everything. Nothing is changed, downloaded or started but programs that tell about themselves."""
    return Diagnosis(findings=(*_toolkit(machine), *_thor(machine), *_hub(machine)))


def _toolkit(machine: Machine) -> list[Finding]:
    spare = _spare(machine)
    torch = toolkit.ask_torch(machine.python, machine.run)
    wish = _wish(machine.requirements, "torch")
    return [
        toolkit.check_python(machine.version, machine.requires_python, machine.which),
        toolkit.check_packages(machine.requirements, machine.installed, machine.python),
        toolkit.check_torch(torch, wish, machine.installed("torch"), machine.python),
        toolkit.check_kernels(machine.environment, machine.home, machine.package, spare, machine.system),
        toolkit.check_houses(machine.home, spare),
        room.check_home_disk(machine.home, machine.free, machine.python, spare),
        room.check_here_disk(machine.here, machine.home, machine.free),
        room.check_memory(machine.root, machine.which),
        room.check_shared_memory(machine.root, machine.system, machine.free, machine.which),
        gpu.check_gpu(torch, machine.environment, machine.python, machine.which, machine.run),
    ]


def _thor(machine: Machine) -> list[Finding]:
    sockets = machine.root / "tmp" / ".X11-unix"
    has_display = bool(thor.find_display(machine.environment, sockets))
    loader = thor.check_loader(machine.system, machine.find_library, machine.which)
    told, nvidia = thor.ask_vulkan(machine.which, machine.run), gpu.ask_nvidia(machine.which, machine.run, "-L")
    pipes = thor.check_pipes((machine.temporary, machine.root / "dev" / "shm", machine.home), machine.make_fifo)
    wsgi = thor.check_wsgi(machine.installed("flask"), machine.installed("werkzeug"), machine.python)
    return [
        thor.check_client(machine.installed("ai2thor"), _wish(machine.requirements, "ai2thor"), machine.python),
        loader,
        thor.check_vulkaninfo(machine.environment, machine.home, told, nvidia, machine.which),
        thor.check_display(machine.environment, sockets, machine.system, loader),
        pipes,
        *([wsgi] if pipes.state != "ok" else []),
        room.check_build_disk(machine.home, machine.free, machine.python, _spare(machine)),
        *builds.check_builds(machine.home, machine.system, machine.python, machine.which, has_display=has_display),
    ]


def _hub(machine: Machine) -> list[Finding]:
    wish = _wish(machine.requirements, "huggingface-hub")
    return [
        hub.check_hub_client(machine.installed("huggingface-hub"), wish, machine.python),
        hub.check_login(machine.environment, machine.home, machine.python, machine.which),
        hub.check_hub_settings(machine.environment),
    ]


def _wish(requirements: Sequence[str], name: str) -> str:
    """What the toolkit's metadata asks of a package; its bare name where there is no metadata."""
    return next((wish for wish in requirements if wish.startswith(name)), name)


def _spare(machine: Machine) -> Path:
    """A folder that can be written to, if there is one."""
    places = (machine.temporary, machine.root / "dev" / "shm")
    return next((folder for folder in places if is_writable(folder)), machine.temporary)
