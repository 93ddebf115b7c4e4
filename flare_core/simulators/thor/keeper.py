"""Keeps one controller's worker alive: starts it, waits no longer than it may take, and ends it with everything that it started."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any, Final

from flare_core.errors import SimError
from flare_core.simulators.thor.messages import Fault, Start, Told, Work

_MOST_STARTS: Final = 3  # in a row that fail before the first answer: then it is the user's to mend
LOOK_S: Final = 1.0  # memory is looked at so often
_GONE_S: Final = 10.0  # what was killed is gone by then, but for a process that the kernel cannot end
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_DEAD: Final = "ZX"  # states of a process whose first thread runs no more


class LostError(Exception):
    """The controller was lost, and with it the state of its scene. A new one is being started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an answer may take, and how much memory a worker and its simulator may use."""

    timeout_s: float = 100.0
    start_timeout_s: float = 300.0
    memory_gb: float = 16.0


class Keeper:
    """One worker. `ask` sends, `answer` receives: many keepers can work at the same time.

    A process that is forked may go on with a keeper in the place of the one that made it, which from then on only closes it.
    """

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
            self._process, self._parent = subprocess.Popen(command, pass_fds=[descriptor], start_new_session=True), os.getpid()
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
                return f"the worker ended ({_ending(self._process.poll() if self._parent == os.getpid() else None)})"
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
        """Kill the group, and see that nothing of it runs.

        What is left of a process is cleared away by its parent, if that is another one: the process that made the keeper, or the
        one that takes in orphans, which in a container may take seconds.
        """
        self._connection.close()
        deadline = time.monotonic() + _GONE_S
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self._process.pid, signal.SIGKILL)
                runs = _runs(self._process.pid)
                self._process.poll()
                with contextlib.suppress(ChildProcessError):  # ours where nobody else takes orphans in, as in a container
                    while os.waitpid(-self._process.pid, os.WNOHANG)[0]:
                        pass
                if not runs:
                    break
                time.sleep(0.002)
        self._process.wait()  # at once where it is another's child


def _ending(code: int | None) -> str:
    if code is None:
        return "without a word"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def memory_gb(group: int) -> float:
    """Resident memory of a process group, as it was LOOK_S ago at most; 0 where there is no /proc."""
    return _memory_of_groups(int(time.monotonic() / LOOK_S))[group] / 1e9


@lru_cache(maxsize=1)
def _memory_of_groups(moment: int) -> Counter[int]:
    """Resident bytes of every process group; one look, which takes milliseconds, is enough for all keepers of a moment."""
    del moment
    found = Counter[int]()
    for group, _, resident in _processes():
        found[group] += resident
    return found


def _runs(group: int) -> bool:
    """Whether any thread of a process group still runs; True where that cannot be known."""
    return not os.path.isdir("/proc/self") or any(runs for leader, runs, _ in _processes() if leader == group)


def _processes() -> Iterator[tuple[int, bool, int]]:
    """Group of every process, whether any thread of it runs, and its resident bytes; nothing where there is no /proc (proc_pid_stat(5))."""
    with contextlib.suppress(FileNotFoundError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                yield int(fields[2]), fields[0] not in _DEAD or int(fields[17]) > 1, int(fields[21]) * _PAGE
