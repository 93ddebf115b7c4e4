"""The forward pass of the releases, straight down, on the names in their files: an oracle that shares nothing with the product.

Shapes: T steps of B episodes that begin at step 0, P patches of a view, L words, W width, A actions. No caching, no dropout;
padded words are attended to by all but T5, as the releases do. Sources: FLaRe, RING, SPOC and PoliFormer, their architectures as published.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

State = Mapping[str, Tensor]
CLIP_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
CLIP_STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])
HEADS = 8


def linear(s: State, name: str, x: Tensor) -> Tensor:
    return x @ s[f"{name}.weight"].T + s.get(f"{name}.bias", torch.zeros(()))


def layer_norm(s: State, name: str, x: Tensor, eps: float) -> Tensor:
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps) * s[f"{name}.weight"] + s[f"{name}.bias"]


def rms(s: State, name: str, x: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * s[f"{name}.weight"]


def attend(
    q: Tensor, k: Tensor, v: Tensor, heads: int, *, bias: Tensor | float = 0.0, unseen: Tensor | float = 0.0, scale: float | None = None
) -> Tensor:
    """(N, Lq, W), (N, Lk, W) -> (N, Lq, W), head by head."""
    size = q.shape[-1] // heads
    out = []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        score = q[..., part] @ k[..., part].transpose(-1, -2) * (size**-0.5 if scale is None else scale)
        score = score + (bias[h] if isinstance(bias, Tensor) and bias.dim() == 3 else bias) + unseen
        out.append(torch.softmax(score, -1) @ v[..., part])
    return torch.cat(out, -1)


def dinov2(s: State, at: str, x: Tensor) -> Tensor:
    """(N, 3, h, w) -> (N, h / 14 * w / 14, E): the official ViT, with its resampling of positions (offset 0.1, bicubic)."""
    w = s[f"{at}patch_embed.proj.weight"]
    width, patch = w.shape[0], w.shape[-1]
    x = F.conv2d(x, w, s[f"{at}patch_embed.proj.bias"], stride=patch)
    rows, columns = x.shape[-2:]
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([s[f"{at}cls_token"].expand(len(x), -1, -1), x], 1)
    pos = s[f"{at}pos_embed"]
    side = math.isqrt(pos.shape[1] - 1)
    grid = pos[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=((rows + 0.1) / side, (columns + 0.1) / side), mode="bicubic", antialias=False)
    assert grid.shape[-2:] == (rows, columns)
    x = x + torch.cat([pos[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, width)], 1)
    b = 0
    while f"{at}blocks.{b}.norm1.weight" in s:
        k = f"{at}blocks.{b}."
        q_, k_, v_ = linear(s, f"{k}attn.qkv", layer_norm(s, f"{k}norm1", x, 1e-6)).split(width, -1)
        x = x + s[f"{k}ls1.gamma"] * linear(s, f"{k}attn.proj", attend(q_, k_, v_, width // 64))
        y = F.gelu(linear(s, f"{k}mlp.fc1", layer_norm(s, f"{k}norm2", x, 1e-6)))
        x = x + s[f"{k}ls2.gamma"] * linear(s, f"{k}mlp.fc2", y)
        b += 1
    return layer_norm(s, f"{at}norm", x, 1e-6)[:, 1:]


def image_features(s: State, at: str, frames: Tensor) -> Tensor:
    """uint8 (T, B, 224, 384, 3) -> (T * B, E, 7, 12)."""
    x = (frames.flatten(0, 1).float() / 255 - CLIP_MEAN) / CLIP_STD
    x = x.permute(0, 3, 1, 2)[..., 3:-3]
    tokens = dinov2(s, at, x)
    grid = tokens.transpose(1, 2).reshape(len(x), -1, x.shape[-2] // 14, x.shape[-1] // 14)
    return F.adaptive_avg_pool2d(grid, (7, 12))


def _bucket(distance: int) -> int:
    """T5's bucket of a relative position: 16 for each side, 8 exact, the rest in logarithmic steps up to 128."""
    side = 16 if distance > 0 else 0
    far = abs(distance)
    if far < 8:
        return side + far
    return side + min(15, 8 + int(math.log(far / 8) / math.log(128 / 8) * 8))


def t5(s: State, at: str, ids: Tensor, *, gated: bool) -> Tensor:
    """(B, L) -> (B, L, Q); words below 0 are padding, which T5 does not look at but says something of."""
    unseen = torch.where(ids < 0, -math.inf, 0.0)[:, None, :]
    ids = ids.clamp(min=0)
    x = s[f"{at}shared.weight"][ids]
    table = s[f"{at}encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    length, heads = ids.shape[1], table.shape[1]
    bias = torch.stack([torch.stack([table[_bucket(j - i)] for j in range(length)]) for i in range(length)]).permute(2, 0, 1)
    b = 0
    while f"{at}encoder.block.{b}.layer.0.layer_norm.weight" in s:
        k = f"{at}encoder.block.{b}.layer."
        y = rms(s, f"{k}0.layer_norm", x, 1e-6)
        q_, k_, v_ = (linear(s, f"{k}0.SelfAttention.{p}", y) for p in "qkv")
        x = x + linear(s, f"{k}0.SelfAttention.o", attend(q_, k_, v_, heads, bias=bias, unseen=unseen, scale=1.0))
        y = rms(s, f"{k}1.layer_norm", x, 1e-6)
        d = f"{k}1.DenseReluDense"
        up = F.gelu(linear(s, f"{d}.wi_0", y), approximate="tanh") * linear(s, f"{d}.wi_1", y) if gated else F.relu(linear(s, f"{d}.wi", y))
        x = x + linear(s, f"{d}.wo", up)
        b += 1
    return rms(s, f"{at}encoder.final_layer_norm", x, 1e-6)


def torch_attention(s: State, name: str, query: Tensor, memory: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    w = query.shape[-1]
    weight, b = s[f"{name}.in_proj_weight"], s[f"{name}.in_proj_bias"]
    q_ = query @ weight[:w].T + b[:w]
    k_, v_ = memory @ weight[w : 2 * w].T + b[w : 2 * w], memory @ weight[2 * w :].T + b[2 * w :]
    return linear(s, f"{name}.out_proj", attend(q_, k_, v_, HEADS, bias=bias))


def fuse(s: State, name: str, x: Tensor) -> Tensor:
    """Torch's encoder layers, norm after; the first token of what comes out."""
    i = 0
    while f"{name}.layers.{i}.norm1.weight" in s:
        k = f"{name}.layers.{i}"
        x = layer_norm(s, f"{k}.norm1", x + torch_attention(s, f"{k}.self_attn", x, x), 1e-5)
        x = layer_norm(s, f"{k}.norm2", x + linear(s, f"{k}.linear2", F.relu(linear(s, f"{k}.linear1", x))), 1e-5)
        i += 1
    return x[:, 0]


def adapter(s: State, name: str, x: Tensor) -> Tensor:
    return F.relu(layer_norm(s, f"{name}.1", linear(s, f"{name}.0", x), 1e-5))


def compress(s: State, name: str, grid: Tensor) -> Tensor:
    """(N, C, 7, 12) -> (N, 84, W)."""
    x = F.relu(F.conv2d(grid, s[f"{name}.0.weight"], s[f"{name}.0.bias"]))
    return F.relu(F.conv2d(x, s[f"{name}.2.weight"], s[f"{name}.2.bias"])).flatten(2).transpose(1, 2)


def time_code(width: int, steps: Tensor) -> Tensor:
    """(T, B) -> (T, B, W): sine in even, cosine in odd places."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = steps[..., None].float() * rate
    return torch.stack([torch.sin(angle), torch.cos(angle)], -1).flatten(-2)


def _earlier(length: int) -> Tensor:
    return torch.full((length, length), -math.inf).triu(1)


def llama(s: State, name: str, x: Tensor, text: Tensor | None = None) -> Tensor:
    """(B, T, W) -> (B, T, W); `text` (B, L, W) is looked at between self-attention and feed-forward where there is one."""
    i = 0
    while f"{name}.layers.{i}.attention_norm.weight" in s:
        k = f"{name}.layers.{i}"
        y = rms(s, f"{k}.attention_norm", x, 1e-5)
        q_, k_, v_ = (linear(s, f"{k}.attention.w{p}", y) for p in "qkv")
        x = x + linear(s, f"{k}.attention.wo", attend(q_, k_, v_, HEADS, bias=_earlier(x.shape[1])))
        if text is not None:
            y, z = rms(s, f"{k}.ffn_norm", x, 1e-5), rms(s, f"{k}.ffn_norm_kv", text, 1e-5)
            c = f"{k}.cross_attention"
            x = x + linear(s, f"{c}.wo", attend(linear(s, f"{c}.wq", y), linear(s, f"{c}.wk", z), linear(s, f"{c}.wv", z), HEADS))
        y = rms(s, f"{k}.{'ffn_norm' if text is None else 'cross_ffn_norm'}", x, 1e-5)
        x = x + linear(s, f"{k}.feed_forward.w2", F.silu(linear(s, f"{k}.feed_forward.w1", y)) * linear(s, f"{k}.feed_forward.w3", y))
        i += 1
    return linear(s, f"{name}.output", rms(s, f"{name}.norm", x, 1e-5))


def see(s: State, grids: Mapping[str, Tensor], token: str, text: Tensor, steps: int, xformer: str, *, text_first: bool) -> Tensor:
    """Fused tokens (T, B, W) of feature grids (T * B, C, 7, 12) by camera; `token` is the name of a camera's token with {} for it."""
    v = "visual_encoder"
    seen = [
        adapter(s, f"{v}.visual_adapter", compress(s, f"{v}.visual_compressor", grid)) + s[token.format(cam)] for cam, grid in grids.items()
    ]
    count = len(seen[0])
    first = s[f"{v}.fusion_token"].expand(count, 1, -1)
    words = text.repeat(steps, 1, 1)  # T * B: step by step
    tokens = torch.cat([first, words, *seen] if text_first else [first, *seen, words], 1)
    return fuse(s, xformer, tokens).unflatten(0, (steps, -1))


def flare(
    s: State,
    images: Mapping[str, Tensor],
    ids: Tensor,
    previous: Sequence[Sequence[int | None]],
    holding: Tensor | None,
    dino: State,
    at: str,
) -> Tensor:
    """FLaRe: IL, RL and SafeVLA alike. Returns logits (T, B, A).

    Args:
        s: names without `model.`.
        images: camera -> uint8 (T, B, 224, 384, 3).
        ids: (B, L), previous: [T][B] action or None at the start, holding: (T, B) 0 or 1.
        dino, at: where the image encoder's tensors are.
    """
    text = adapter(s, "visual_encoder.text_adapter", t5(s, "visual_encoder.text_encoder.", ids, gated=False))
    grids = {cam: image_features(dino, at, frames) for cam, frames in images.items()}
    steps = len(previous)
    x = see(s, grids, "visual_encoder.visual_sensor_token_raw_{}_camera", text, steps, "visual_encoder.fusion_xformer", text_first=False)
    x = x + s["last_actions_embed.weight"][torch.tensor([[20 if p is None else p for p in row] for row in previous])]
    if holding is not None:
        x = x + s["object_in_hand_embed.weight"][holding]
    x = x + time_code(x.shape[-1], torch.arange(steps)[:, None].expand(x.shape[:2]))
    if "action_classifier.weight" in s:
        return linear(s, "action_classifier", _torch_decoder(s, x.transpose(0, 1), text)).transpose(0, 1)
    head = "actor.linear" if "actor.linear.weight" in s else "actor"
    return linear(s, head, llama(s, "decoder", x.transpose(0, 1))).transpose(0, 1)


def _torch_decoder(s: State, x: Tensor, text: Tensor) -> Tensor:
    """SPOC's: torch's decoder layers, norm after, none at the end."""
    i = 0
    while f"decoder.layers.{i}.norm3.weight" in s:
        k = f"decoder.layers.{i}"
        x = layer_norm(s, f"{k}.norm1", x + torch_attention(s, f"{k}.self_attn", x, x, _earlier(x.shape[1])), 1e-5)
        x = layer_norm(s, f"{k}.norm2", x + torch_attention(s, f"{k}.multihead_attn", x, text), 1e-5)
        x = layer_norm(s, f"{k}.norm3", x + linear(s, f"{k}.linear2", F.relu(linear(s, f"{k}.linear1", x))), 1e-5)
        i += 1
    return x


def ring(s: State, grids: Mapping[str, Tensor], words: Tensor, previous: Sequence[Sequence[int | None]]) -> Tensor:
    """RING: feature grids (T * B, C, 7, 12) by camera and encoded words (B, L, Q) come from outside. Returns logits (T, B, A)."""
    text = adapter(s, "visual_encoder.text_adapter", words)
    steps = len(previous)
    token = "visual_encoder.visual_feature_token_raw_{}_camera_features"
    x = see(s, grids, token, text, steps, "visual_encoder.fusion_xformer.encoder", text_first=True)
    d = "action_decoder"
    x = x + s[f"{d}.last_actions_embed.weight"][torch.tensor([[21 if p is None else p for p in row] for row in previous])]
    x = x + time_code(x.shape[-1], torch.arange(steps)[:, None].expand(x.shape[:2]))
    return linear(s, "actor.linear", llama(s, f"{d}.decoder", x.transpose(0, 1), text)).transpose(0, 1)


def poliformer(s: State, grid: Tensor, ids: Tensor, previous: Sequence[Sequence[int | None]]) -> Tensor:
    """PoliFormer for text goals: one feature grid (T * B, C, 7, 12). Returns logits (T, B, A)."""
    g, b = "goal_visual_encoder", "single_belief"
    text = adapter(s, f"{g}.text_adapter", t5(s, f"{g}.text_goal_encoder.", ids, gated=True))
    steps = len(previous)
    seen = compress(s, f"{g}.dino_compressor", grid)
    tokens = torch.cat([s[f"{g}.fusion_token"].expand(len(seen), 1, -1), seen, text.repeat(steps, 1, 1)], 1)
    x = fuse(s, f"{g}.target_obs_combiner", tokens).unflatten(0, (steps, -1))
    x = x + s["prev_action_embedder.fc.weight"][torch.tensor([[0 if p is None else p + 1 for p in row] for row in previous])]
    x = linear(s, f"state_encoders_linear.{b}", x)
    x = x + time_code(x.shape[-1], torch.arange(steps)[:, None].expand(x.shape[:2]))
    return linear(s, "actor.linear", llama(s, f"state_encoders.{b}", x.transpose(0, 1))).transpose(0, 1)
