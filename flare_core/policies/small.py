"""The `small` policy: a convolutional encoder, goal words, previous action and body state, fused into a causal transformer.

Shapes: T steps, B rows, F features, G goal width, L words, D body inputs, W width, A actions, N any number of frames.
The encoder is trained by cloning and frozen afterwards; its features are computed once and stored.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.policies.encoder import Encoder
from flare_core.policies.interface import Actor, Policy, PolicyInputs, step_rates
from flare_core.policies.memory import Memory, age_after, window
from flare_core.policies.spec import PolicySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs(PolicyInputs):
    """What a tower sees, (T, B, ...) for a sequence or (B, ...) for one step.

    Attributes:
        features: (..., F) of the frozen encoder.
        goal: (..., G) encoded instruction.
        previous: int64 (...), the previous action; A at the start of an episode.
        body: float32 (..., D).
        step: int64 (...), step within the episode.
    """

    features: Tensor
    goal: Tensor
    previous: Tensor
    body: Tensor
    step: Tensor


class Block(nn.Module):
    """Pre-norm causal self-attention and feed-forward layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, S, W) to query, key and value, each (B, heads, S, W / heads)."""
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def finish(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """Attend where mask is True and add the feed-forward part; (B, S, W)."""
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        x = x + self.join(y)
        out: Tensor = x + self.down(F.gelu(self.up(self.norm2(x))))
        return out


class Tower(Actor):
    """Fused inputs through a causal transformer to a head: action logits (actor) or a value (critic)."""

    spec: PolicySpec

    def __init__(self, spec: PolicySpec, outputs: int) -> None:
        super().__init__()
        self.spec = spec
        w = spec.width
        self.see, self.gate = nn.Linear(spec.feature_width, w), nn.Linear(spec.goal_width, w)
        self.goal = nn.Linear(spec.goal_width, w)
        self.previous = nn.Embedding(len(spec.actions) + 1, w)
        self.body = nn.Linear(len(spec.body_inputs) or 1, w, bias=False)
        if not spec.body_inputs:  # nothing to draw for a body without joints; torch warns of an empty layer
            self.body.in_features, self.body.weight = 0, nn.Parameter(torch.empty(w, 0))
        self.mix_norm, self.mix_up, self.mix_down = nn.LayerNorm(w), nn.Linear(w, 4 * w), nn.Linear(4 * w, w)
        self.blocks = nn.ModuleList(Block(w, spec.heads) for _ in range(spec.layers))
        self.norm = nn.LayerNorm(w)
        self.head = nn.Linear(w, outputs)
        self.register_buffer("rate", step_rates(w, 2000.0), persistent=False)
        nn.init.normal_(self.previous.weight, std=0.1)

    def fuse(self, inputs: Inputs) -> Tensor:
        """(..., W) from one step's inputs; the goal gates what is seen, so that 'a sofa is there' becomes 'the target is there'."""
        rate = self.get_buffer("rate")
        phase = inputs.step.unsqueeze(-1) * rate
        time = torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2)
        x = self.see(inputs.features) * (1.0 + self.gate(inputs.goal)) + self.goal(inputs.goal)
        x = x + self.previous(inputs.previous) + self.body(inputs.body) + 0.1 * time
        out: Tensor = x + self.mix_down(F.gelu(self.mix_up(self.mix_norm(x))))
        return out

    def empty_memory(self, rows: int) -> Memory:
        """Memory of rows that all stand at the start of an episode."""
        shape = (rows, self.spec.heads, self.spec.context, self.spec.width // self.spec.heads)
        zeros = tuple(torch.zeros(shape) for _ in range(self.spec.layers))
        return Memory(keys=zeros, values=zeros, age=torch.zeros(rows, dtype=torch.int64))

    def trunk(self, inputs: Inputs, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """As `sequence`, up to the head: (T, B, W)."""
        context = self.spec.context
        x = self.fuse(inputs).transpose(0, 1)  # (B, T, W)
        mask = window(starts, memory.age, context, context).unsqueeze(1)  # (B, 1, T, context + T)
        keys, values = [], []
        for at, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            q, k, v = block.project(x)
            k, v = torch.cat([memory.keys[at], k], dim=2), torch.cat([memory.values[at], v], dim=2)
            keys.append(k[:, :, -context:].detach())
            values.append(v[:, :, -context:].detach())
            x = block.finish(x, q, k, v, mask)
        age = age_after(starts, memory.age, context)
        return self.norm(x).transpose(0, 1), Memory(keys=tuple(keys), values=tuple(values), age=age)


class SmallPolicy(Policy):
    """Encoder and actor: everything that a bundle holds."""

    spec: PolicySpec
    actor: Tower

    def __init__(self, spec: PolicySpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = Encoder(spec)
        self.actor = Tower(spec, len(spec.actions))

    def freeze_encoder(self) -> None:
        """Stop training of the encoder; its features may then be stored."""
        self.encoder.requires_grad_(False)

    def tower(self, outputs: int) -> Tower:
        """A fresh one of this shape."""
        return Tower(self.spec, outputs)
