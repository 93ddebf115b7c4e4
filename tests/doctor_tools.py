"""A machine made of a folder and of programs that answer what a test wants."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flare_core.runs.doctor.machine import Answer, Machine, Run, Which

GB = 1_000_000_000
TORCH = '{"version": "2.13.0+cpu", "cuda": null, "threads": 4, "gpus": []}'
VERSIONS = {"torch": "2.13.0+cpu", "ai2thor": "5.0.0", "huggingface-hub": "2.4.0", "numpy": "2.4.6", "flask": "3.1.3", "werkzeug": "3.1.9"}
NVIDIA_LISTS = "GPU 0: NVIDIA H200 (UUID: GPU-1)\nGPU 1: NVIDIA H200 (UUID: GPU-2)\n"


def programs(**answers: Answer) -> tuple[Which, Run]:
    """Programs by name, an underscore for a hyphen, and with it their first word if they have an answer of its own."""
    told = {name.replace("_", "-"): answer for name, answer in answers.items()}

    def run(command: Any, limit_s: float) -> Answer:
        assert 0 < limit_s <= 60
        name = Path(command[0]).name
        return told.get("".join((name, *command[1:2])), told.get(name, Answer(code=None, complaint="no such program")))

    return lambda name: f"/usr/bin/{name}" if name in told else None, run


def which(*names: str) -> Which:
    """Programs that are there, to be found only."""
    return lambda name: f"/usr/bin/{name}" if name in names else None


def versions(**changes: str | None) -> Callable[[str], str | None]:
    """Installed packages."""
    return (VERSIONS | changes).get


def machine(folder: Path, answers: Mapping[str, Answer] | None = None, **changes: Any) -> Machine:
    """A Linux machine without GPU and display that has all that the toolkit needs."""
    for place in ("proc", "dev/shm", "home", "here", "tmp/.X11-unix", "flare_core/simulators/embedded"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / "proc" / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
    finds, runs = programs(**({"python": Answer(code=0, text=TORCH), "apt-get": Answer(code=0), **(answers or {})}))
    usual = Machine(
        environment={}, root=folder, home=folder / "home", here=folder / "here", temporary=folder / "tmp", package=folder / "flare_core",
        system="Linux", python="/venv/bin/python", version="3.11.7", requires_python=">=3.11",
        requirements=("torch>=2.6", "numpy>=2.0", "ai2thor>=5.0.0", "huggingface-hub>=1.0", "ruff>=0.9; extra == 'dev'"),
        installed=versions(), which=finds, run=runs, find_library=lambda name: f"lib{name}.so.1", free=lambda folder: 50 * GB,
        make_fifo=lambda path: path.touch(),
    )  # fmt: skip
    return replace(usual, **changes)
