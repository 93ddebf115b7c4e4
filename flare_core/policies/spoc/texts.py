"""Instructions through the frozen text encoder, each of them once.

Shapes: N rows, L tokens, U different instructions, D width of an encoded token.
"""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from flare_core.policies.spoc.encoders import SpocEncoder
from flare_core.policies.spoc.inputs import PADDING

KEPT: Final = 256
"""Encodings that are kept, the latest asked for: what comes over a wire is not to take memory without end."""
KEPT_TOKENS: Final = 256
"""A longer instruction is encoded again every time; none of a task's is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The different instructions of a batch.

    Attributes:
        tokens: (U, L, D).
        allowed: bool (U, L), False for padding that is not to be attended to; None if there is none.
        which: int64 (N,), the instruction of every row.
    """

    tokens: Tensor
    allowed: Tensor | None
    which: Tensor


class Texts:
    """Encodes instructions and keeps what it found last, for all towers of a policy.

    An instruction is encoded alone and without padding, so that what it becomes depends on nothing beside it. With `exact`
    it is encoded with its padding, which is then attended to like any token, as the releases do.
    """

    def __init__(self, encoder: SpocEncoder, exact: bool) -> None:
        self._encoder, self.exact = encoder, exact
        self._kept: dict[tuple[int, ...], Tensor] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Texts":
        return self  # replicas of a tower read the same instructions through the same frozen encoder

    def forget(self) -> None:
        """Drop what was found, as after a change of the encoder's weights."""
        self._kept = {}

    @torch.no_grad()
    def encode(self, text: Tensor) -> Encoded:
        """Token ids (N, L), PADDING behind the end, to their encodings."""
        unique, which = torch.unique(text, dim=0, return_inverse=True)
        found = [self._one(tuple(row)) for row in unique.tolist()]
        longest = max(len(one) for one in found)
        tokens = torch.stack([torch.nn.functional.pad(one, (0, 0, 0, longest - len(one))) for one in found])
        lengths = torch.tensor([len(one) for one in found])
        allowed = torch.arange(longest) < lengths.unsqueeze(1)
        return Encoded(tokens=tokens, allowed=None if bool(allowed.all()) else allowed, which=which)

    def _one(self, row: tuple[int, ...]) -> Tensor:
        """(L, D) of one instruction."""
        ids = row if self.exact else tuple(token for token in row if token != PADDING)
        found = self._kept.pop(ids, None)
        if found is None:
            tokens = torch.tensor([ids], dtype=torch.int64)
            with torch.autocast("cpu", enabled=False):  # what is kept must not depend on who asked first
                found = self._encoder.words(tokens.clamp(min=0), tokens != PADDING)[0]
        if len(ids) <= KEPT_TOKENS:
            self._kept[ids] = found  # behind all others: the first is the one that was asked for longest ago
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found
