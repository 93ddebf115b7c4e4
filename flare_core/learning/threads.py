"""Workers as threads of one process: rendering and torch kernels release the interpreter lock.

Every worker has its own environments and its own replica of the networks. Replicas share the parameters' storage,
so that only gradients are their own; these are added in worker order, and the result does not depend on timing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import torch
from torch import nn

M = TypeVar("M")
N = TypeVar("N", bound=nn.Module)
P = ParamSpec("P")
R = TypeVar("R")


class Crew(ABC, Generic[M]):
    """A fixed number of workers that do the same thing to different data."""

    def __init__(self, members: Sequence[M]) -> None:
        self.members = list(members)

    def each(self, work: Callable[Concatenate[M, P], R], *args: P.args, **options: P.kwargs) -> list[R]:
        """Results of `work(member, *args)` in order of the members; `work` is a method of theirs."""
        if options:
            raise TypeError("workers are asked with positional arguments")
        return self.deal(work, [args] * len(self.members))

    @abstractmethod
    def deal(self, work: Callable[..., R], args: Sequence[tuple[Any, ...]]) -> list[R]:
        """As `each`, with arguments of its own for every member."""

    @abstractmethod
    def close(self) -> None:
        """End what the workers run in."""


class Threads(Crew[M]):
    """Workers as threads; a single one works in the caller's."""

    def __init__(self, members: Sequence[M]) -> None:
        super().__init__(members)
        count = len(self.members)
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None

    def deal(self, work: Callable[..., R], args: Sequence[tuple[Any, ...]]) -> list[R]:
        """As `each`, with arguments of its own for every member; side by side when there is more than one."""
        if self._pool is None:
            return [work(self.members[0], *args[0])]
        return list(self._pool.map(lambda at: work(self.members[at], *args[at]), range(len(self.members))))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def replicas(module: N, count: int) -> list[N]:
    """The module itself and count - 1 replicas that share its parameters but not its gradients."""
    out = [module]
    for _ in range(count - 1):
        twin = deepcopy(module)
        for mine, shared in zip(twin.parameters(), module.parameters(), strict=True):
            mine.data = shared.data
        out.append(twin)
    return out


def gather_gradients(modules: Sequence[nn.Module], *, keep: bool = False) -> None:
    """Add the replicas' gradients to the first module's, in order, and clear them.

    Args:
        keep: leave the replicas' tensors as they are, which other processes write to. There a parameter that nobody used has a
            gradient of zeros; it counts as none, since an optimiser that decays weights would move it.
    """
    for parameters in zip(*(module.parameters() for module in modules), strict=True):
        first = parameters[0]
        for twin in parameters[1:]:
            if twin.grad is None or (keep and first.grad is None and not twin.grad.any()):
                continue
            if first.grad is None:
                first.grad = twin.grad.clone() if keep else twin.grad
            else:
                first.grad.add_(twin.grad)
            if not keep:
                twin.grad = None


def clear_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Set what is left of the last gradients to zero where their tensors outlive them, as those that processes share do."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.zero_()
