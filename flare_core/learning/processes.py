"""Workers in processes of their own, forked from this one: nobody waits for the interpreter lock of another.

Forked and not spawned, so that every worker begins as it was made here, houses and all. The parameters lie in memory that all
processes share, and so do the gradients of every worker but the first, which stays in this process. Calls and answers
go through pipes.
"""

import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from flare_core.errors import FlareError, TrainError
from flare_core.learning.threads import Crew, Threads, replicas

M = TypeVar("M")
N = TypeVar("N", bound=nn.Module)
R = TypeVar("R")
ALIGNED = 64  # bytes, as torch's own memory: small products may round by where their numbers begin
PATIENCE_S = 10.0  # for a process that was told to end


def to_be_forked(count: int) -> bool:
    """Whether so many workers are to be processes: several, and on Linux, as long as no GPU is in use."""
    return count > 1 and sys.platform == "linux" and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def replicas_for(module: N, count: int, *, apart: bool) -> list[N]:
    """As `threads.replicas`, for workers that will be forked if they are to be `apart`."""
    if apart:
        share_parameters([module])
    found = replicas(module, count)
    if apart:
        share_gradients(found[1:])
    return found


class Processes(Crew[M]):
    """Workers as forked processes but for the first, which works in the caller's."""

    def __init__(self, members: Sequence[M], meanwhile: Callable[[], None] | None = None) -> None:
        """Fork; what members change from here on, their own process alone sees, but for what lies in shared memory.

        Args:
            meanwhile: called here about once a second while the first member is done and others are not.
        """
        torch.set_num_threads(1)  # in this process too: each worker has a core
        super().__init__(members)
        self._meanwhile = meanwhile
        self._waiting = False  # for answers, which a stop in the middle leaves in the pipes
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._pipes: list[Connection] = []
        context = multiprocessing.get_context("fork")
        for at, member in enumerate(self.members[1:], 1):
            mine, theirs = context.Pipe()
            self._pipes.append(mine)
            process = context.Process(target=_serve, args=(member, theirs, tuple(self._pipes)), name=f"worker {at}", daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)

    def deal(self, work: Callable[..., R], args: Sequence[tuple[Any, ...]]) -> list[R]:
        """As `each`, with arguments of its own for every member.

        Raises:
            TrainError: a process is gone.
            Exception: the first that a member raised, in their order.
        """
        if self._waiting:
            raise TrainError("the workers were stopped in the middle of a step; go on with --resume")
        self._waiting = True
        for at, pipe in enumerate(self._pipes, 1):
            self._send(at, pipe, pickle.dumps((work, args[at])))
        answers = [_answer(work, self.members[0], args[0]), *(self._receive(at, pipe) for at, pipe in enumerate(self._pipes, 1))]
        self._waiting = False
        for _, fault in answers:
            if fault is not None:
                raise fault
        return [found for found, _ in answers]

    def close(self) -> None:
        """End the processes; they do so by themselves as soon as nobody can ask them anything any more."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if self._waiting:
                process.terminate()
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._pipes, self._processes = [], []

    def _send(self, at: int, pipe: Connection, message: bytes) -> None:
        try:
            pipe.send_bytes(message)
        except OSError:
            raise self._gone(at) from None

    def _receive(self, at: int, pipe: Connection) -> tuple[Any, Exception | None]:
        while self._meanwhile is not None and not pipe.poll(1.0):
            self._meanwhile()
        try:
            found: tuple[Any, Exception | None] = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from the worker's own process
        except (EOFError, OSError):
            raise self._gone(at) from None
        return found

    def _gone(self, at: int) -> TrainError:
        process = self._processes[at - 1]
        process.join(PATIENCE_S)
        code = process.exitcode
        how = f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with exit code {code}"
        memory = "; too little memory is the usual reason: use fewer --workers" if code == -signal.SIGKILL else ""
        return TrainError(f"the process of worker {at + 1} {how}{memory}. A run goes on from its last checkpoint with --resume")


def crew_of(members: Sequence[M], *, apart: bool, meanwhile: Callable[[], None] | None = None) -> Crew[M]:
    """Processes if the members are to be `apart`, else threads, which need no `meanwhile`."""
    return Processes(members, meanwhile) if apart else Threads(members)


def share_parameters(modules: Iterable[nn.Module]) -> None:
    """Move parameters to memory that processes forked from now on share with this one; they stay the same `Parameter`s."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    for parameter, place in zip(parameters, _places(parameters), strict=True):
        place.copy_(parameter.data)
        parameter.data = place


def share_gradients(modules: Iterable[nn.Module]) -> None:
    """Give every parameter that learns a gradient of zeros in memory that processes forked from now on share with this one.

    A backward pass adds to a gradient that is there, so that this is where the process of a worker leaves what it finds.
    """
    parameters = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    for parameter, place in zip(parameters, _places(parameters), strict=True):
        parameter.grad = place.zero_()


def shared_counts(count: int) -> npt.NDArray[np.int64]:
    """So many zeros (count,) in memory that processes forked from now on share with this one."""
    return np.frombuffer(mmap.mmap(-1, max(1, count) * np.dtype(np.int64).itemsize), dtype=np.int64, count=count)


def _places(like: Sequence[Tensor]) -> list[Tensor]:
    """Memory for tensors of these shapes and types, in one piece that forked processes share."""
    sizes = [-(-tensor.numel() * tensor.element_size() // ALIGNED) * ALIGNED for tensor in like]
    if not sum(sizes):
        return [torch.empty_like(tensor) for tensor in like]
    block = torch.frombuffer(mmap.mmap(-1, sum(sizes)), dtype=torch.uint8)
    parts = torch.split(block, sizes)
    return [part[: t.numel() * t.element_size()].view(t.dtype).view(t.shape) for part, t in zip(parts, like, strict=True)]


def _answer(work: Callable[..., R], member: Any, args: tuple[Any, ...]) -> tuple[R | None, Exception | None]:
    try:
        return work(member, *args), None
    except Exception as fault:  # noqa: BLE001 - raised again by who asked
        return None, fault


def _serve(member: Any, pipe: Connection, others: Sequence[Connection]) -> None:
    """What a worker's process does: answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    for other in others:  # else a pipe would stay open although the process that asks is gone
        other.close()
    torch.set_num_threads(1)
    try:
        while True:
            work, args = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from the process that forked this one
            pipe.send_bytes(_portable(_answer(work, member, args)))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)  # and nothing of what the process that was forked would do at its end


def _portable(answer: tuple[Any, Exception | None]) -> bytes:
    """An answer as bytes; a fault that cannot be sent becomes one that can and says the same."""
    fault = answer[1]
    if fault is not None and not isinstance(fault, FlareError):  # of ours, and where it was raised is not sent with it
        fault.add_note("".join(traceback.format_exception(fault)))
    try:
        message = pickle.dumps(answer)
        if fault is not None:
            pickle.loads(message)  # noqa: S301 - made in the line before
    except Exception as unfit:  # noqa: BLE001 - whatever its class does when it is sent or made again
        told = unfit if fault is None else fault
        return pickle.dumps((None, TrainError(f"{type(told).__name__}: {told}")))
    return message
