"""What the tensors of a network are called and how large they are, before any of them takes memory."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# Of what our networks do when they are made: that for which torch, on `meta`, loads its compiler, which takes seconds.
_LEFT_OUT: Final[tuple[object, ...]] = (Tensor.normal_, torch.nn.init.normal_)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Networks that are made meanwhile have tensors on the `meta` device, without numbers.

    They keep to what that device does by itself: `torch.cat`, `torch.exp` and products of mixed types load the compiler as well.
    """
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    """Gives back as it is what would only get other numbers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        given = kwargs or {}
        if func in _LEFT_OUT:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)
