"""A straight-line re-creation of what the FLaRe release computes for one actor-critic, to compare ours with.

Two whole networks, each with a text encoder of its own. Every forward pass runs the text encoder on the instruction of every row and
step, and every fusion layer on every token; padding is attended to; the critic runs in the rollout too. Dropout is off, which
favours it: the release has it on. Its re-tokenising of every instruction is left out as well.

Shapes: T steps, B rows, V views, C channels, L tokens, W width, A actions.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LlamaLayer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.ffn_norm = nn.RMSNorm(width, 1e-5), nn.RMSNorm(width, 1e-5)
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.w1, self.w3 = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, mask: Tensor, cache: tuple[Tensor, Tensor, int] | None) -> Tensor:
        rows, steps, width = x.shape
        h = self.attention_norm(x)
        q, k, v = (layer(h).view(rows, steps, self.heads, -1) for layer in (self.wq, self.wk, self.wv))
        if cache is not None:
            keys, values, at = cache
            keys[:rows, at : at + 1], values[:rows, at : at + 1] = k, v
            k, v = keys[:rows, : at + 1], values[:rows, : at + 1]
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.wo(found.transpose(1, 2).reshape(rows, steps, width))
        h = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(h)) * self.w3(h))


class Half(nn.Module):
    """One of the two networks. `sizes` are those of a SpocSpec."""

    def __init__(self, sizes: Any, text_encoder: nn.Module, outputs: int) -> None:
        super().__init__()
        w, views = sizes.width, len(sizes.views)
        self.text_encoder = text_encoder
        self.fusion_token = nn.Parameter(torch.zeros(w))
        self.sensor_tokens = nn.ParameterList(nn.Parameter(torch.zeros(w)) for _ in range(views))
        self.visual_compressor = nn.Sequential(nn.Conv2d(sizes.feature_width, w, 1), nn.ReLU(), nn.Conv2d(w, w, 1), nn.ReLU())
        self.visual_adapter = nn.Sequential(nn.Linear(w, w), nn.LayerNorm(w), nn.ReLU())
        self.text_adapter = nn.Sequential(nn.Linear(sizes.text_width, w), nn.LayerNorm(w), nn.ReLU())
        layer = nn.TransformerEncoderLayer(w, sizes.heads, sizes.fusion_feed, dropout=0.0, batch_first=True)
        self.fusion_xformer = nn.TransformerEncoder(layer, sizes.fusion_layers, enable_nested_tensor=False)
        self.last_actions_embed, self.object_in_hand_embed = nn.Embedding(len(sizes.actions) + 1, w), nn.Embedding(2, w)
        self.layers = nn.ModuleList(LlamaLayer(w, sizes.heads, sizes.decoder_feed) for _ in range(sizes.decoder_layers))
        self.norm, self.output = nn.RMSNorm(w, 1e-5), nn.Linear(w, w, bias=False)
        self.head = nn.Linear(w, outputs)
        self.register_buffer("div_term", torch.exp(torch.arange(0, w, 2) * (-math.log(10000.0) / w)), persistent=False)
        self.heads = sizes.heads
        self.cache: list[tuple[Tensor, Tensor]] = []

    def begin(self, rows: int, steps: int) -> None:
        """Empty the cache of keys and values."""
        shape = (rows, steps, self.heads, self.fusion_token.shape[0] // self.heads)
        self.cache = [(torch.zeros(shape), torch.zeros(shape)) for _ in self.layers]

    def forward(
        self, maps: Tensor, tokens: Tensor, real: Tensor, previous: Tensor, holding: Tensor, time: Tensor, episode: Tensor
    ) -> Tensor:
        """Maps (T, B, V, C, rows, columns), tokens and real (T, B, L), the rest (T, B); one step goes through the cache."""
        steps, rows, views = maps.shape[:3]
        with torch.no_grad():
            words = self.text_encoder(input_ids=tokens.flatten(0, 1), attention_mask=real.flatten(0, 1).long()).last_hidden_state
        words = self.text_adapter(words)
        seen = []
        for view in range(views):
            compressed = self.visual_compressor(maps[:, :, view].flatten(0, 1))
            seen.append(self.visual_adapter(compressed.flatten(2).permute(0, 2, 1)) + self.sensor_tokens[view])
        fusion = self.fusion_token.reshape(1, 1, -1).tile(steps * rows, 1, 1)
        fused = self.fusion_xformer(torch.cat([fusion, torch.cat(seen, dim=1), words], dim=1))[:, 0].reshape(steps, rows, -1)
        phase = time.unsqueeze(-1) * self.get_buffer("div_term")
        code = torch.zeros_like(fused)
        code[..., 0::2], code[..., 1::2] = phase.sin(), phase.cos()
        x = (fused + self.last_actions_embed(previous) + self.object_in_hand_embed(holding) + code).transpose(0, 1)
        at = int(time[0, 0])
        if steps > 1:
            same = episode.T.unsqueeze(1) == episode.T.unsqueeze(2)
            mask = (same & torch.ones(steps, steps, dtype=torch.bool).tril()).unsqueeze(1)
        else:
            mask = torch.ones(rows, 1, 1, at + 1, dtype=torch.bool)
        for index, layer in enumerate(self.layers):
            x = layer(x, mask, None if steps > 1 else (*self.cache[index], at))
        return self.head(self.output(self.norm(x))).transpose(0, 1)


NAMES = {
    "fusion_token": "fusion_token", "view_tokens.navigation": "sensor_tokens.0", "view_tokens.manipulation": "sensor_tokens.1",
    "compress": "visual_compressor", "adapt": "visual_adapter", "text_adapt": "text_adapter", "fusion.layers": "fusion_xformer.layers",
    "previous": "last_actions_embed", "holding": "object_in_hand_embed", "decoder.layers": "layers", "decoder.norm": "norm",
    "decoder.output": "output", "head": "head",
}  # fmt: skip
LAYER = {
    "norm_attend": "attention_norm", "norm_feed": "ffn_norm", "attend.q": "wq", "attend.k": "wk", "attend.v": "wv", "attend.o": "wo",
    "feed.gate": "w1", "feed.up": "w3", "feed.down": "w2",
}  # fmt: skip


def name_here(name: str) -> str:
    """The name that a tensor of a SpocTower has in a Half."""
    before = next(start for start in NAMES if name == start or name.startswith(start + "."))
    rest = name[len(before) :]
    if before == "decoder.layers":
        number, _, part = rest[1:].partition(".")
        rest = f".{number}.{LAYER[part.removesuffix('.weight')]}.weight"
    return NAMES[before] + rest


def half_of(sizes: Any, text_encoder: nn.Module, tower: nn.Module, outputs: int) -> Half:
    """The same weights as a SpocTower's."""
    half = Half(sizes, text_encoder, outputs)
    state = {name_here(name): value for name, value in tower.state_dict().items()}
    missing = half.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert all(name.startswith("text_encoder.") for name in missing.missing_keys)
    return half.eval()
