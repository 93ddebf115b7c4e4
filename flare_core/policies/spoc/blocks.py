"""Layers of the decoder over time, one for each kind of decoder; each attends with keys and values that may come from a memory.

Shapes: B rows, S steps, N slots that are attended to, L words, W width, H heads.

References: Touvron et al. 2023, arXiv:2302.13971 (pre-norm with RMSNorm, SwiGLU); Vaswani et al. 2017, arXiv:1706.03762.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.policies.spoc.spec import SpocSpec

EPSILON = 1e-5  # of every RMSNorm, as the releases have it


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, S, W) to (B, H, S, W / H)."""
    rows, steps, width = x.shape
    return x.view(rows, steps, heads, width // heads).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of (B, H, S, W / H) to (B, H, N, W / H) where mask is True, joined to (B, S, W)."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Multi-head attention without biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.v, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)

    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of (B, N, W)."""
        return split_heads(self.k(x), self.heads), split_heads(self.v(x), self.heads)

    def look(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """What (B, S, W) finds among the keys."""
        out: Tensor = self.o(attend(split_heads(self.q(x), self.heads), k, v, mask))
        return out


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate x) * up x)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return out


class DecoderLayer(nn.Module, ABC):
    """One layer: `keys` of the steps first, so that a memory can be put before them, then `forward` with all of them."""

    @abstractmethod
    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of (B, S, W), each (B, H, S, W / H)."""

    @abstractmethod
    def forward(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor, words: "Words | None") -> Tensor:
        """(B, S, W) to the same, attending to k and v where mask (B, 1, S, N) is True."""


class Words:
    """The adapted instruction of every row and step, for layers that look at it."""

    def __init__(self, unique: Tensor, allowed: Tensor | None, which: Tensor) -> None:
        """Args: unique (U, L, W) of each different instruction; allowed bool (U, L) or None for all; which (B, S) of them is meant."""
        self.unique, self.allowed, self.which = unique, allowed, which

    def seen_by(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of (B, H, S, D) to the keys (U, H, L, D) of its own instruction: (B, S, H * D)."""
        rows, heads, steps, size = q.shape
        which = self.which.flatten()
        alone = q.transpose(1, 2).reshape(rows * steps, heads, 1, size)
        mask = None if self.allowed is None else self.allowed[which][:, None, None]
        return attend(alone, k[which], v[which], mask).reshape(rows, steps, heads * size)


class LlamaLayer(DecoderLayer):
    """Pre-norm self-attention and SwiGLU (FLaRe)."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.norm_attend, self.norm_feed = nn.RMSNorm(spec.width, EPSILON), nn.RMSNorm(spec.width, EPSILON)
        self.attend, self.feed = Attention(spec.width, spec.heads), FeedForward(spec.width, spec.decoder_feed)

    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.attend.keys(self.norm_attend(x))

    def forward(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor, words: Words | None) -> Tensor:
        x = x + self.attend.look(self.norm_attend(x), k, v, mask)
        return self._feed(self._cross(x, words))

    def _cross(self, x: Tensor, words: Words | None) -> Tensor:
        del words
        return x

    def _feed(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.feed(self.norm_feed(x))
        return out


class LlamaCrossLayer(LlamaLayer):
    """The same with a look at the instruction between the two (RING)."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__(spec)
        self.norm_cross, self.norm_text = nn.RMSNorm(spec.width, EPSILON), nn.RMSNorm(spec.width, EPSILON)
        self.cross = Attention(spec.width, spec.heads)

    def _cross(self, x: Tensor, words: Words | None) -> Tensor:
        assert words is not None
        k, v = self.cross.keys(self.norm_text(words.unique))
        q = split_heads(self.cross.q(self.norm_cross(x)), self.cross.heads)
        out: Tensor = x + self.cross.o(words.seen_by(q, k, v))
        return out


class TorchCrossLayer(DecoderLayer):
    """torch's post-norm decoder layer, by its own names, with a look at the instruction (SPOC)."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        width, self.heads = spec.width, spec.heads
        self.self_attn = nn.MultiheadAttention(width, spec.heads, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(width, spec.heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, spec.decoder_feed), nn.Linear(spec.decoder_feed, width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)

    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return projected_keys(self.self_attn, x)

    def forward(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor, words: Words | None) -> Tensor:
        assert words is not None
        x = self.norm1(x + self.self_attn.out_proj(attend(projected_queries(self.self_attn, x), k, v, mask)))
        k, v = projected_keys(self.multihead_attn, words.unique)
        x = self.norm2(x + self.multihead_attn.out_proj(words.seen_by(projected_queries(self.multihead_attn, x), k, v)))
        out: Tensor = self.norm3(x + self.linear2(F.relu(self.linear1(x))))
        return out


def projected_queries(attention: nn.MultiheadAttention, x: Tensor) -> Tensor:
    """Queries (B, H, S, W / H) of (B, S, W), as torch's attention makes them."""
    assert attention.in_proj_bias is not None
    width = x.shape[-1]
    return split_heads(F.linear(x, attention.in_proj_weight[:width], attention.in_proj_bias[:width]), attention.num_heads)


def projected_keys(attention: nn.MultiheadAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values (B, H, S, W / H) of (B, S, W), as torch's attention makes them."""
    assert attention.in_proj_bias is not None
    width = x.shape[-1]
    k, v = F.linear(x, attention.in_proj_weight[width:], attention.in_proj_bias[width:]).chunk(2, dim=-1)
    return split_heads(k, attention.num_heads), split_heads(v, attention.num_heads)


LAYERS: Final[Mapping[str, Callable[[SpocSpec], DecoderLayer]]] = MappingProxyType(
    {"llama": LlamaLayer, "llama_cross": LlamaCrossLayer, "torch_cross": TorchCrossLayer}
)
