"""The causal decoder over time, with a memory of keys and values.

Shapes: T steps, B rows, W width.
"""

import torch
from torch import Tensor, nn

from flare_core.policies.memory import Memory, age_after, window
from flare_core.policies.spoc.blocks import EPSILON, LAYERS, DecoderLayer, Words
from flare_core.policies.spoc.spec import SpocSpec


class Decoder(nn.Module):
    """Layers of the spec's kind; those in Llama's manner end with a norm and a linear layer."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.context, self.heads, self.size = spec.context, spec.heads, spec.width // spec.heads
        self.layers = nn.ModuleList(LAYERS[spec.decoder](spec) for _ in range(spec.decoder_layers))
        ends = spec.decoder != "torch_cross"
        self.norm = nn.RMSNorm(spec.width, EPSILON) if ends else nn.Identity()
        self.output = nn.Linear(spec.width, spec.width, bias=False) if ends else nn.Identity()

    def empty_memory(self, rows: int) -> Memory:
        """Memory without slots."""
        none = tuple(torch.zeros(rows, self.heads, 0, self.size) for _ in self.layers)
        return Memory(keys=none, values=none, age=torch.zeros(rows, dtype=torch.int64))

    def forward(self, x: Tensor, starts: Tensor, memory: Memory, words: Words | None) -> tuple[Tensor, Memory]:
        """(T, B, W) to the same, and the memory after the last step (detached).

        Args:
            starts: bool (T, B), True where an episode begins.
        """
        x, slots = x.transpose(0, 1), memory.keys[0].shape[2]
        mask = window(starts, memory.age, self.context, slots).unsqueeze(1)  # (B, 1, T, N + T)
        age = age_after(starts, memory.age, self.context)
        kept = max(1, int(age.max()))  # older slots belong to no row's present episode
        keys, values = [], []
        for at, layer in enumerate(self.layers):
            assert isinstance(layer, DecoderLayer)
            k, v = layer.keys(x)
            k, v = torch.cat([memory.keys[at], k], dim=2), torch.cat([memory.values[at], v], dim=2)
            keys.append(k[:, :, -kept:].detach())
            values.append(v[:, :, -kept:].detach())
            x = layer(x, k, v, mask, words)
        return self.output(self.norm(x)).transpose(0, 1), Memory(keys=tuple(keys), values=tuple(values), age=age)

    def after(self, x: Tensor, starts: Tensor, words: Words, y: Tensor, at: Tensor, row: Tensor, more: Words) -> Tensor:
        """What becomes of steps y (E, W) that each follow step `at` of row `row` of x in the same episode: (E, W).

        Args:
            x: (T, B, W), words: of these; starts: bool (T, B), the first step counts as one.
            at, row: int64 (E,). more: words of y.
        """
        steps = torch.arange(len(x))
        begin = torch.where(starts, steps.unsqueeze(1), 0).cummax(dim=0).values[at, row]  # (E,)
        at = at.unsqueeze(1)
        seen = (steps <= at) & (steps >= begin.unsqueeze(1)) & (steps > at + 1 - self.context)  # (E, T)
        own = torch.cat([seen, seen.new_ones(len(y), 1)], dim=1)[:, None, None]
        x, y = x.transpose(0, 1), y.unsqueeze(1)
        mask = window(starts, starts.new_zeros(starts.shape[1], dtype=torch.int64), self.context, 0).unsqueeze(1)
        for layer in self.layers:
            assert isinstance(layer, DecoderLayer)
            k, v = layer.keys(x)
            own_k, own_v = layer.keys(y)
            y = layer(y, torch.cat([k[row], own_k], dim=2), torch.cat([v[row], own_v], dim=2), own, more)
            x = layer(x, k, v, mask, words)
        out: Tensor = self.output(self.norm(y))
        return out[:, 0]
