"""Keeps one controller's worker alive: starts it, waits no longer than it may take, and ends it with everything that it started."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from flare_core.errors import SimError
from flare_core.simulators.thor.messages import Fault, Start, Told, Work

_MOST_STARTS: Final = 3  # in a row that fail before the first answer: then it is the user's to mend
LOOK_S: Final = 1.0  # memory is looked at so often
_GONE_S: Final = 10.0  # what was killed is gone by then, but for a process that the kernel cannot end
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class LostError(Exception):
    """The controller was lost, and with it the state of its scene. A new one is being started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an answer may take, and how much memory a worker and its simulator may use."""

    timeout_s: float = 100.0
    start_timeout_s: float = 300.0
    memory_gb: float = 16.0


class Keeper:
    """One worker. `ask` sends, `answer` receives: many keepers can work at the same time."""

    def __init__(self, arguments: dict[str, Any], limits: Limits) -> None:
        """Start a worker; `ready` waits for its controller.

        Args:
            arguments: of `Controller`.
        """
        self._arguments, self._limits = arguments, limits
        self.restarts = 0
        self.reasons: list[str] = []
        self._launch()

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            command = [sys.executable, "-m", "flare_core.simulators.thor.worker", str(descriptor)]
            self._process = subprocess.Popen(command, pass_fds=[descriptor], start_new_session=True)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):  # a stopped worker may leave half a message
            ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", max(1, round(self._limits.timeout_s)), 0))
        self._connection = Connection(ours.detach())
        self._is_new = True
        self._connection.send(Start(arguments=self._arguments))
        self._limit_s = self._limits.start_timeout_s
        self._deadline = time.monotonic() + self._limit_s
        self._looked = time.monotonic()

    def ready(self) -> None:
        """Wait for the controller's first frame, starting it again where it fails.

        Raises:
            SimError: it does not start.
        """
        for attempt in range(_MOST_STARTS):
            found = self._receive()
            if isinstance(found, Told):
                self._is_new = False
                return
            self._end()
            if attempt + 1 == _MOST_STARTS:
                raise SimError(f"ai2thor: the controller does not start: {found}. `flare doctor` looks at what it needs")
            self._launch()

    def ask(self, work: Work) -> None:
        """Send work, once the controller has started; there is one answer to each.

        Raises:
            SimError: it does not start.
        """
        if self._is_new:
            self.ready()
        self._limit_s = self._limits.timeout_s
        self._deadline = time.monotonic() + self._limit_s
        with contextlib.suppress(OSError):  # a dead worker is found out when it is to answer
            self._connection.send(work)

    def answer(self) -> Told:
        """The answer to what was sent.

        Raises:
            LostError: there is none; a new controller is being started, and the next `ask` waits for it.
        """
        found = self._receive()
        if isinstance(found, Told):
            return found
        self._end()
        self.restarts += 1
        self.reasons.append(found)
        self._launch()
        raise LostError(found)

    def _receive(self) -> Told | str:
        """An answer, or why there is none."""
        while True:
            left = self._deadline - time.monotonic()
            try:  # what has come is taken, however late others have let it be asked for
                found = self._connection.recv() if self._connection.poll(max(0.0, min(left, LOOK_S))) else None
            except (EOFError, OSError, ValueError):
                return f"the worker ended ({_ending(self._process.poll())})"
            except Exception as fault:  # noqa: BLE001  # what came is no message
                return f"the worker sent what cannot be read ({type(fault).__name__})"
            if time.monotonic() - self._looked > LOOK_S:
                self._looked, used = time.monotonic(), memory_gb(self._process.pid)
                if used > self._limits.memory_gb:
                    return f"it uses {used:.1f} GB of memory, of {self._limits.memory_gb:g} GB allowed"
            if found is not None:
                return found.message if isinstance(found, Fault) else found
            if left <= 0:
                return f"no answer within {self._limit_s:g} s"

    def close(self) -> None:
        """End the worker and everything that it started."""
        self._end()

    @property
    def pid(self) -> int:
        """Process and process group of the worker."""
        return self._process.pid

    def _end(self) -> None:
        """Kill the group, and see it gone."""
        self._connection.close()
        deadline = time.monotonic() + _GONE_S
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.poll()
                with contextlib.suppress(ChildProcessError):  # ours where nobody else takes orphans in, as in a container
                    os.waitpid(-self._process.pid, os.WNOHANG)
                time.sleep(0.002)
        self._process.wait()


def _ending(code: int | None) -> str:
    if code is None:
        return "without a word"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def memory_gb(group: int) -> float:
    """Resident memory of a process group, from /proc."""
    total = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{entry.name}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            if int(fields[2]) == group:
                total += int(fields[21]) * _PAGE
    return total / 1e9
