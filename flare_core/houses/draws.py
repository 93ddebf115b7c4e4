"""Cheap random choices for the house generator: one Philox stream, read through a buffer."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")
_BUFFER = 512


class Draws:
    """Choices that all come from one stream of uniform numbers, in the order in which they are asked for."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._numbers = self._read(generator)

    @staticmethod
    def _read(generator: np.random.Generator) -> Iterator[float]:
        while True:
            yield from generator.random(_BUFFER).tolist()

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return next(self._numbers)

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * next(self._numbers)

    def whole(self, low: int, high: int) -> int:
        """Uniform over low..high, both included."""
        return low + int(next(self._numbers) * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return next(self._numbers) < probability

    def one(self, choices: Sequence[_T]) -> _T:
        return choices[int(next(self._numbers) * len(choices))]

    def weighted(self, choices: Sequence[_T], weights: Sequence[float]) -> _T:
        """One of the choices, each with a probability in proportion to its weight."""
        left = next(self._numbers) * math.fsum(weights)  # the same in every version of Python
        for choice, weight in zip(choices, weights, strict=True):
            left -= weight
            if left < 0.0:
                return choice
        return choices[-1]

    def shuffled(self, items: Sequence[_T]) -> list[_T]:
        keyed = [(next(self._numbers), at) for at in range(len(items))]
        return [items[at] for _, at in sorted(keyed)]
