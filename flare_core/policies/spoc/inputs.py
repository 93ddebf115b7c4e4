"""What a `spoc` tower sees of a step: pooled image features, the instruction's tokens, and three numbers.

Shapes: V views that are fed, P patches, F channels, L tokens of the longest instruction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from torch import Tensor
from torch.nn import functional as F

from flare_core.policies.interface import PolicyInputs

PADDING: Final = -1  # beyond the end of an instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class SpocInputs(PolicyInputs):
    """(T, B, ...) for a sequence or (B, ...) for one step.

    Attributes:
        features: (..., V, P, F) of the frozen image encoder, pooled to the grid; absent views are left out.
        views: int64 (..., V), which of the spec's views each of them is; the same in every row.
        text: int64 (..., L) token ids of the instruction, PADDING behind its end.
        previous: int64 (...), the previous action; A at the start of an episode.
        holding: int64 (...), 1 with something in the gripper.
        step: int64 (...), step within the episode.
    """

    is_large: ClassVar[bool] = True
    features: Tensor
    views: Tensor
    text: Tensor
    previous: Tensor
    holding: Tensor
    step: Tensor

    @classmethod
    def aligned(cls, parts: Sequence["SpocInputs"]) -> Sequence["SpocInputs"]:
        """The parts with instructions padded to the longest."""
        longest = max(part.text.shape[-1] for part in parts)
        return [replace(part, text=F.pad(part.text, (0, longest - part.text.shape[-1]), value=PADDING)) for part in parts]
