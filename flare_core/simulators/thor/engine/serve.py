"""The loop between the pipes and the engine, and the pipe that has to be open before anything else is done."""

import os
import sys
from collections.abc import Mapping

from flare_core.errors import SimError
from flare_core.simulators.thor.engine.wire import ClientGoneError, Pipes
from flare_core.simulators.thor.modes import Build

SERVER_PIPE, CLIENT_PIPE, SERVER_TYPE = "AI2THOR_FIFO_SERVER_PIPE_PATH", "AI2THOR_FIFO_CLIENT_PIPE_PATH", "AI2THOR_SERVER_TYPE"


def open_pipes(environment: Mapping[str, str]) -> Pipes:
    """Open the pipes that the client made.

    To be called before anything slow is imported: the client waits in `open` without a time limit.

    Raises:
        SimError: the engine was not started by the client, or the client wants another protocol.
    """
    if environment.get(SERVER_TYPE, "FIFO").upper() != "FIFO":
        raise SimError("thor-engine speaks FIFO alone. Leave `server_class` of the Controller at its default")
    if SERVER_PIPE not in environment or CLIENT_PIPE not in environment:
        raise SimError(
            f"thor-engine: {SERVER_PIPE} is not set. It is not started by hand: give it to the client, "
            "Controller(local_executable_path='flare thor-engine', ...)"
        )
    return Pipes(environment[SERVER_PIPE], environment[CLIENT_PIPE])


def serve(pipes: Pipes, build: Build, width: int, height: int) -> None:
    """Answer until the client goes."""
    from flare_core.simulators.thor.engine.engine import Engine
    from flare_core.simulators.thor.engine.metadata import NOT_THOR

    sys.stderr.write(f"This is {NOT_THOR}. Process {os.getpid()}, build {build}, {width} x {height}.\n")
    sys.stderr.flush()
    engine = Engine(build, width, height)
    try:
        pipes.send(engine.first())
        while True:
            try:
                call = pipes.receive()
            except ValueError as fault:
                call = {"action": f"(unreadable: {fault})"}
            pipes.send(engine.answer(call))
    except ClientGoneError:
        return
