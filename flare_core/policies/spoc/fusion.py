"""The fusion transformer: torch's own encoder layers, of which the last is evaluated for the fusion token alone.

Shapes: N frames, K tokens of a frame (the fusion token is the first), W width.
"""

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
        mask = None if allowed is None else allowed[:, None, None]
        for at, layer in enumerate(self.layers):
            assert isinstance(layer, nn.TransformerEncoderLayer)
            # The other tokens of the last layer are read by nothing.
            asked = tokens[:, :1] if at == len(self.layers) - 1 else tokens
            tokens = _layer(layer, asked, tokens, mask)
        return tokens[:, 0]


def _layer(layer: nn.TransformerEncoderLayer, asked: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
    """What becomes of the tokens `asked` for, (N, k, W), in the company of all (N, K, W)."""
    attention = layer.self_attn
    k, v = projected_keys(attention, tokens)
    found = attend(projected_queries(attention, asked), k, v, mask)
    x = layer.norm1(asked + attention.out_proj(found))
    out: Tensor = layer.norm2(x + layer.linear2(F.relu(layer.linear1(x))))
    return out
