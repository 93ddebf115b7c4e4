"""The ways kernels are compiled, in one place and typed.

`kernel` keeps IEEE arithmetic (poses, contact, sight). `fast_kernel` allows reassociation and is for pixels only.
Both give the same bits on one machine whatever the batch, since no kernel sums over rows.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile with IEEE arithmetic, cached on disk, without the interpreter lock."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def fast_kernel(function: F) -> F:
    """Compile with relaxed arithmetic, cached on disk, without the interpreter lock."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function))


def fast_part(function: F) -> F:
    """As `fast_kernel`, for what such a kernel calls; it becomes a part of the kernel's own code.

    Called as a function of its own it would exist twice, compiled by itself and within its caller, with other roundings: the
    process that compiles runs the one, a process that finds the caller on disk the other.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True, forceinline=True)(function))


def parallel_kernel(function: F) -> F:
    """As `fast_kernel`, with `prange` loops spread over numba's threads."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True, parallel=True)(function))
