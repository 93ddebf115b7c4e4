"""An engine that goes wrong on purpose: `faulty_engine.py HOW NUMBER`, at its NUMBER-th answer; 0 is before it opens its pipe."""

import os
import signal
import sys
import time

from flare_core.simulators.thor.engine.serve import open_pipes


def main(how: str, number: int) -> None:
    if number == 0:
        sys.exit(3)
    pipes = open_pipes(os.environ)
    from flare_core.simulators.thor.engine.engine import Engine
    from flare_core.simulators.thor.engine.stage import empty_stage

    engine = Engine("nanna", 32, 32, empty_stage())
    pipes.send(engine.first())
    for count in range(1, 1_000_000):
        call = pipes.receive()
        if count == number:
            misbehave(how, pipes._out)  # this is what the test is about
        pipes.send(engine.answer(call))


def misbehave(how: str, pipe: int) -> None:
    match how:
        case "exit":
            sys.exit(0)
        case "abort":
            os.abort()
        case "hang":
            time.sleep(1e6)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "garbage":
            os.write(pipe, os.urandom(4096))
            time.sleep(1e6)
        case "half":
            os.write(pipe, b"\x01\x00\x01\x00\x00" + b"x" * 100)
            sys.exit(1)
        case "memory":
            hoard = [bytearray(b"x" * 2**20) for _ in range(600)]
            time.sleep(1e6)
            del hoard
        case "slow":
            time.sleep(1.0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
