"""The fusion transformer: torch's own encoder layers, of which the last is evaluated for the fusion token alone.

Shapes: N frames, K tokens of a frame (the fusion token is the first), W width, H heads, D = W / H.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.policies.spoc.blocks import attend, projected_keys, projected_queries
from flare_core.policies.spoc.spec import SpocSpec


class Fusion(nn.Module):
    """Post-norm encoder layers without dropout."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(spec.width, spec.heads, spec.fusion_feed, dropout=0.0, batch_first=True)
            for _ in range(spec.fusion_layers)
        )

    def forward(self, tokens: Tensor, allowed: Tensor | None) -> Tensor:
        """Tokens (N, K, W) to what becomes of the first, (N, W).

        Args:
            allowed: bool (N, K), tokens that are attended to; None for all.
        """
        *layers, last = self.layers
        mask = None if allowed is None else allowed[:, None, None]
        for layer in layers:
            assert isinstance(layer, nn.TransformerEncoderLayer)
            q, (k, v) = projected_queries(layer.self_attn, tokens), projected_keys(layer.self_attn, tokens)
            tokens = _finish(layer, tokens, attend(q, k, v, mask))
        assert isinstance(last, nn.TransformerEncoderLayer)
        return _finish(last, tokens[:, 0], found_by_first(last.self_attn, tokens, allowed))


def found_by_first(attention: nn.MultiheadAttention, tokens: Tensor, allowed: Tensor | None) -> Tensor:
    """What the first of the tokens (N, K, W) finds among all of them, (N, W), before the output's layer.

    The same as attention, in another order of its products: with one query it is cheaper to take the query through the keys' weights,
    and the mean of the tokens through the values' weights, than every token. The keys' bias adds the same to every score, and
    softmax does not see it.
    """
    assert attention.in_proj_bias is not None
    rows, width, heads = len(tokens), tokens.shape[-1], attention.num_heads
    to_q, to_k, to_v = attention.in_proj_weight.view(3, heads, width // heads, width)
    q_bias, _, v_bias = attention.in_proj_bias.view(3, heads, width // heads)
    with torch.autocast(tokens.device.type, enabled=False):  # little work, and scores want every digit
        tokens = tokens.to(to_q.dtype)
        q = (torch.einsum("nw,hdw->nhd", tokens[:, 0], to_q) + q_bias) * (width // heads) ** -0.5
        scores = torch.einsum("nhd,hdw->nhw", q, to_k) @ tokens.mT  # (N, H, K)
        if allowed is not None:
            scores = scores.masked_fill(~allowed.unsqueeze(1), -torch.inf)
        mean = torch.softmax(scores, dim=-1) @ tokens  # (N, H, W)
        found: Tensor = torch.einsum("nhw,hdw->nhd", mean, to_v) + v_bias
        return found.reshape(rows, width)


def _finish(layer: nn.TransformerEncoderLayer, x: Tensor, found: Tensor) -> Tensor:
    """A layer behind its attention: tokens x (..., W) and what they found."""
    x = layer.norm1(x + layer.self_attn.out_proj(found))
    out: Tensor = layer.norm2(x + layer.linear2(F.relu(layer.linear1(x))))
    return out
