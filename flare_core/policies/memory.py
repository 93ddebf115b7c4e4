"""What a tower remembers of a row's episode: a causal transformer's keys and values with who may look at what, a recurrent one's state.

Shapes: T steps, B rows, N slots of memory, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Keys and values of the last steps, kept right-aligned: the newest step stands in the last of the N slots.

    Attributes:
        keys, values: for each layer (B, heads, N, W / heads).
        age: int64 (B,), how many of the slots, counted from the right, belong to the row's present episode.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    age: Tensor

    def forget(self, rows: Tensor) -> "Memory":
        """The same memory with these rows (bool (B,)) at the start of an episode."""
        return replace(self, age=self.age.masked_fill(rows, 0))

    def at(self, rows: Tensor) -> "Memory":
        """Memory of some rows only."""
        return Memory(keys=tuple(k[rows] for k in self.keys), values=tuple(v[rows] for v in self.values), age=self.age[rows])

    @staticmethod
    def cat(parts: "Sequence[Memory]") -> "Memory":
        """Memories of different rows as one."""
        keys = tuple(torch.cat(layer) for layer in zip(*(part.keys for part in parts), strict=True))
        values = tuple(torch.cat(layer) for layer in zip(*(part.values for part in parts), strict=True))
        return Memory(keys=keys, values=values, age=torch.cat([part.age for part in parts]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrent(Memory):
    """The state of a recurrent tower, (B, W), in place of keys and values.

    It holds all of an episode's past, which a window of stored inputs does not. A collector therefore takes it from one rollout into
    the next as it stands, made by older weights, instead of building it again.
    """

    state: Tensor

    @classmethod
    def of(cls, state: Tensor) -> "Recurrent":
        """Memory of B rows whose states these are."""
        return cls(keys=(), values=(), age=torch.zeros(len(state), dtype=torch.int64), state=state)

    def forget(self, rows: Tensor) -> "Recurrent":
        """The same memory with these rows (bool (B,)) at the start of an episode."""
        return Recurrent.of(self.state.masked_fill(rows.unsqueeze(1), 0.0))

    def at(self, rows: Tensor) -> "Recurrent":
        """Memory of some rows only."""
        return Recurrent.of(self.state[rows])


def window(starts: Tensor, age: Tensor, context: int, slots: int) -> Tensor:
    """Which of the N + T slots each step may attend to: same episode, not later, at most context - 1 back; (B, T, N + T).

    Args:
        starts: bool (T, B), True where an episode begins.
        age: (B,) of the memory's N = `slots` slots.
    """
    steps = starts.shape[0]
    query = torch.arange(steps).unsqueeze(1) + slots  # slot of each step
    slot = torch.arange(slots + steps).unsqueeze(0)
    near = (slot <= query) & (slot > query - context)  # (T, N + T)
    begin = torch.where(starts, torch.arange(steps).unsqueeze(1) + slots, -1).cummax(dim=0).values  # (T, B)
    begin = torch.where(begin < 0, slots - age, begin)  # no start yet: the part of memory that is this episode
    return near & (slot.unsqueeze(0) >= begin.T.unsqueeze(-1))


def age_after(starts: Tensor, age: Tensor, context: int) -> Tensor:
    """Steps of the present episode that the memory holds after the sequence, at most context; (B,)."""
    steps = starts.shape[0]
    last = torch.where(starts, torch.arange(steps).unsqueeze(1), -1).amax(dim=0)  # (B,)
    return torch.where(last >= 0, steps - last, age + steps).clamp(max=context)
