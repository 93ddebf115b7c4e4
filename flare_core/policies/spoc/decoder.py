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
