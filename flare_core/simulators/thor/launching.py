"""From a transfer's `simulator:` to the arguments of the client, refusing what the client would fail at with other words, or never."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flare_core.adapters.spec import SimulatorSpec
from flare_core.errors import SimError
from flare_core.simulators.thor.keeper import Limits

X_SOCKETS: Final = Path("/tmp/.X11-unix")  # where X servers have theirs
_NO_DISPLAY: Final = ":0"  # the engine draws to none, but the client wants one to be named


def spec_of(executable: str | None, platform: str | None, commit_id: str | None, x_display: str | None) -> SimulatorSpec:
    """A simulator named by options of a command.

    Raises:
        SimError: they do not go together.
    """
    given = {"executable": executable, "platform": platform, "commit_id": commit_id, "x_display": x_display}
    try:
        return SimulatorSpec.model_validate({"kind": "thor"} | {name: value for name, value in given.items() if value is not None})
    except ValidationError as fault:
        raise SimError("; ".join(str(one["msg"]).removeprefix("Value error, ") for one in fault.errors())) from None


def limits_of(spec: SimulatorSpec) -> Limits:
    """What every controller is held to."""
    return Limits(timeout_s=spec.timeout_s, start_timeout_s=spec.start_timeout_s, memory_gb=spec.memory_gb)


def controller_arguments(spec: SimulatorSpec) -> dict[str, Any]:
    """Arguments of `Controller`, but for the size of its window and the GPU.

    Raises:
        SimError: the executable cannot be started.
    """
    arguments: dict[str, Any] = {"server_timeout": spec.timeout_s, "server_start_timeout": spec.start_timeout_s}
    if spec.executable is not None:
        arguments["local_executable_path"] = checked_command(spec.executable)
        arguments["x_display"] = spec.x_display or os.environ.get("DISPLAY") or _NO_DISPLAY
        return arguments
    draws_to_x = sys.platform == "linux" and spec.platform in (None, "Linux64")
    if draws_to_x and not (spec.x_display or os.environ.get("DISPLAY") or any(X_SOCKETS.glob("X*"))):
        raise SimError(
            "ai2thor: there is no X display for platform Linux64 to draw to. Use `simulator.platform: CloudRendering`, which needs none, "
            "or name one with `simulator.x_display`; `flare doctor` looks for both"
        )
    given = {"platform": spec.platform, "commit_id": spec.commit_id, "x_display": spec.x_display}
    return arguments | {name: value for name, value in given.items() if value is not None}


def checked_command(text: str) -> str:
    """A command line whose program is there and may be run, as the client starts it: by its parts, not by a shell.

    Raises:
        SimError: it is not; with what to write instead.
    """
    if Path(text).is_file() and len(shlex.split(text)) > 1:
        raise SimError(
            f"simulator.executable: {text!r} has spaces, and the client takes what follows them for options. Write {shlex.quote(text)!r}"
        )
    try:
        parts = shlex.split(text)
    except ValueError as fault:
        raise SimError(f"simulator.executable: {text!r} cannot be read as a command ({fault})") from None
    if not parts:
        raise SimError("simulator.executable: is empty. Name a build, or leave the key out to have the client download one")
    program = Path(parts[0]).expanduser()
    found = shutil.which(str(program))
    if found is not None:
        return shlex.join([found, *parts[1:]])
    if program.is_dir():
        raise SimError(f"simulator.executable: {program} is a folder. Name the executable in it")
    if program.is_file():
        raise SimError(f"simulator.executable: {program} may not be run. `chmod +x {shlex.quote(str(program))}` lets it")
    raise SimError(f"simulator.executable: there is no {program}. Check the path; `flare doctor` lists the builds that it finds")
