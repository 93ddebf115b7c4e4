"""The machine that is looked at, as a value: a test puts another one in its place."""

import ctypes.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGE = "flare-core"
KILLED_S = 1.0  # how long a program that was killed is waited for; one that hangs in its driver does not go


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a program said.

    Attributes:
        code: its exit code; None if it could not be started or did not end in time.
        text: its output.
        complaint: the last line of its errors, or why it gave no answer.
    """

    code: int | None
    text: str = ""
    complaint: str = ""


Which = Callable[[str], str | None]
Run = Callable[[Sequence[str], float], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """All that the checks look at.

    Attributes:
        environment: environment variables.
        root: where /proc, /dev and /etc are.
        home: the user's folder.
        here: the current folder.
        temporary: the folder of temporary files.
        package: the folder that `flare_core` lies in.
        system: "Linux", "Darwin" or "Windows".
        python: path of the interpreter.
        version: its version.
        requires_python: what the toolkit's own metadata asks of it; None where the toolkit is not installed.
        requirements: the packages that the toolkit's metadata asks for, such as "numpy>=2.0".
        installed: version of an installed package, None without it.
        which: path of a program, None without it.
        run: run a program, at most so many seconds.
        find_library: name of a shared library, None without it.
        free: bytes free on the disk of a folder; raises OSError.
        make_fifo: make a named pipe; raises OSError.
    """

    environment: Mapping[str, str]
    root: Path
    home: Path
    here: Path
    temporary: Path
    package: Path
    system: str
    python: str
    version: str
    requires_python: str | None
    requirements: Sequence[str]
    installed: Callable[[str], str | None]
    which: Which
    run: Run
    find_library: Callable[[str], str | None]
    free: Callable[[Path], int]
    make_fifo: Callable[[Path], None]


def this_machine(environment: Mapping[str, str]) -> Machine:
    """The machine that this runs on."""
    about = _metadata()
    return Machine(
        environment=environment, root=Path("/"), home=_home(), here=Path(), temporary=_temporary(), package=Path(__file__).parents[2],
        system=platform.system(), python=sys.executable, version=platform.python_version(),
        requires_python=None if about is None else about["Requires-Python"],
        requirements=() if about is None else tuple(about.get_all("Requires-Dist") or ()),
        installed=installed_version, which=shutil.which, run=lambda command, limit_s: answer_of(command, limit_s, environment),
        find_library=_find_library, free=lambda folder: shutil.disk_usage(folder).free, make_fifo=_make_fifo,
    )  # fmt: skip


def answer_of(command: Sequence[str], limit_s: float, environment: Mapping[str, str]) -> Answer:
    """Run a program with nothing to read, in a group of its own, and stop it with all that it started once its time is over."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env=dict(environment), start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as fault:
        return Answer(code=None, complaint=str(fault))
    try:
        text, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return Answer(code=None, complaint=f"no answer within {limit_s:g} s")
    lines = [line.strip() for line in errors.splitlines() if line.strip()] or [f"exit code {process.returncode}"]
    return Answer(code=process.returncode, text=text, complaint=lines[-1])


def _kill(process: "subprocess.Popen[str]") -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait(KILLED_S)
    except (OSError, subprocess.TimeoutExpired):
        pass
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in a folder, or in the nearest one above it if it is still to be made."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def numbers(version: str) -> tuple[int, ...]:
    """The release of a version, to compare: "2.13.0+cpu" is (2, 13, 0)."""
    begun = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in begun.group().split(".")) if begun else ()


def floor(requirement: str) -> str:
    """The version that a requirement such as "numpy>=2.0" begins with; "0" if it names none."""
    asked = re.search(r">=\s*([0-9.]+)", requirement)
    return asked.group(1) if asked else "0"


def installed_version(name: str) -> str | None:
    """Version of an installed package, None without it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _metadata() -> "metadata.PackageMetadata | None":
    try:
        return metadata.metadata(PACKAGE)
    except metadata.PackageNotFoundError:
        return None


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no HOME and no entry for the user
        return Path("/")


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual ones can be written to
        return Path("/tmp")


def _find_library(name: str) -> str | None:
    try:
        return ctypes.util.find_library(name)
    except OSError:  # it may ask a compiler, by way of a temporary file
        return None


def _make_fifo(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        raise OSError(f"{platform.system()} has no named pipes")
    os.mkfifo(path)
