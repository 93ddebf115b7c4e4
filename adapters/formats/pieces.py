"""Rows that several formats share, and what is done to the tensors that do not go over as they are.

Letters: W width of the policy, F width of the image encoder, X its feed-forward, N its positions, P its patch, H feed-forward of
fusion, D feed-forward of the decoder, A actions, V words, Q width of a word, U all heads of a word's attention, Y feed-forward of text.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import torch
from torch import Tensor

from flare_core.adapters.formats.table import Row, Sizes

TIME_TOLERANCE: Final = 1e-4
HEAD_WIDTH: Final = 64
"""Of DINOv2's attention, whatever its size: ViT-S/14 has 6 heads in 384."""
PADDING: Final = "without the row for padding"
FROZEN: Final = "frozen; the public encoder, named in policy.json, takes its place"


def linear(source: str, target: str, out: int | str, into: int | str, *, group: str = "", why: str = "") -> tuple[Row, ...]:
    """Weight (out, into) and bias (out,) of a Linear layer; left out if `why` is given."""
    return (
        Row(source=f"{source}.weight", shape=(out, into), targets=() if why else (f"{target}.weight",), group=group, why=why),
        Row(source=f"{source}.bias", shape=(out,), targets=() if why else (f"{target}.bias",), group=group, why=why),
    )


def allenact_heads() -> tuple[Row, ...]:
    """The two heads of an AllenAct policy: actions, and the value, which is left out."""
    return (
        *linear("actor.linear", "actor.head", "A", "W"),
        *linear("critic.fc", "", 1, "W", why="the head that values states; training starts a critic anew"),
    )


def norm(source: str, target: str, width: int | str, *, why: str = "") -> tuple[Row, ...]:
    """Weight and bias of a LayerNorm; left out if `why` is given."""
    return tuple(
        Row(source=f"{source}.{part}", shape=(width,), targets=() if why else (f"{target}.{part}",), why=why) for part in ("weight", "bias")
    )


def scale(source: str, target: str, width: int | str) -> Row:
    """The weight of an RMSNorm."""
    return Row(source=f"{source}.weight", shape=(width,), targets=(f"{target}.weight",))


def plain(source: str, target: str, out: int | str, into: int | str) -> Row:
    """The weight of a Linear layer without bias."""
    return Row(source=f"{source}.weight", shape=(out, into), targets=(f"{target}.weight",))


def adapter(source: str, target: str, out: int | str, into: int | str) -> tuple[Row, ...]:
    """Linear, LayerNorm (and a ReLU without tensors)."""
    return (*linear(f"{source}.0", f"{target}.0", out, into), *norm(f"{source}.1", f"{target}.1", out))


def compressor(source: str, *, channels: int | str, middle: int | str) -> tuple[Row, ...]:
    """Two 1x1 convolutions."""
    return (
        Row(source=f"{source}.0.weight", shape=(middle, channels, 1, 1), targets=("actor.compress.0.weight",)),
        Row(source=f"{source}.0.bias", shape=(middle,), targets=("actor.compress.0.bias",)),
        Row(source=f"{source}.2.weight", shape=("W", middle, 1, 1), targets=("actor.compress.2.weight",)),
        Row(source=f"{source}.2.bias", shape=("W",), targets=("actor.compress.2.bias",)),
    )


def attention(source: str, target: str, width: str) -> tuple[Row, ...]:
    """torch.nn.MultiheadAttention."""
    return (
        Row(source=f"{source}.in_proj_weight", shape=(f"3*{width}", width), targets=(f"{target}.in_proj_weight",)),
        Row(source=f"{source}.in_proj_bias", shape=(f"3*{width}",), targets=(f"{target}.in_proj_bias",)),
        *linear(f"{source}.out_proj", f"{target}.out_proj", width, width),
    )


def fusion(source: str) -> tuple[Row, ...]:
    """torch.nn.TransformerEncoder, whose layers keep their names."""
    here, there = f"{source}.layers.{{i}}", "actor.fusion.layers.{i}"
    return (
        *attention(f"{here}.self_attn", f"{there}.self_attn", "W"),
        *linear(f"{here}.linear1", f"{there}.linear1", "H", "W"),
        *linear(f"{here}.linear2", f"{there}.linear2", "W", "H"),
        *norm(f"{here}.norm1", f"{there}.norm1", "W"),
        *norm(f"{here}.norm2", f"{there}.norm2", "W"),
    )


def decoder(source: str, norms: Mapping[str, str], attentions: Mapping[str, str]) -> tuple[Row, ...]:
    """A decoder of RMSNorm and SwiGLU blocks: `norms` and `attentions` give our names for theirs."""
    here, there = f"{source}.layers.{{i}}", "actor.decoder.layers.{i}"
    return (
        *(scale(f"{here}.{theirs}", f"{there}.{ours}", "W") for theirs, ours in norms.items()),
        *(plain(f"{here}.{theirs}.w{part}", f"{there}.{ours}.{part}", "W", "W") for theirs, ours in attentions.items() for part in "qkvo"),
        plain(f"{here}.feed_forward.w1", f"{there}.feed.gate", "D", "W"),
        plain(f"{here}.feed_forward.w3", f"{there}.feed.up", "D", "W"),
        plain(f"{here}.feed_forward.w2", f"{there}.feed.down", "W", "D"),
        scale(f"{source}.norm", "actor.decoder.norm", "W"),
        plain(f"{source}.output", "actor.decoder.output", "W", "W"),
    )


def time(source: str) -> Row:
    """The rates of the sinusoidal time code, which ours computes; `time_faults` compares them."""
    return Row(source=f"{source}.div_term", shape=("T",), why="a formula, compared with ours")


def time_faults(source: str, *, double: str) -> "tuple[_TimeCheck]":
    """A check that the source's time code is the formula; `double` is the letter of twice its length."""
    return (_TimeCheck(source, double),)


class _TimeCheck:
    """Compares div_term (T,) with exp(-2 k ln(10000) / width), k = 0..T-1."""

    def __init__(self, source: str, double: str) -> None:
        self._name, self._double = f"{source}.div_term", double

    def __call__(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Iterator[str]:
        rates = tensors[self._name].double()
        if 2 * len(rates) != sizes[self._double]:
            yield f"{self._name} has {len(rates)} rates, not half of the width {sizes[self._double]}"
            return
        ours = torch.exp(torch.arange(0, 2 * len(rates), 2, dtype=torch.float64) * (-math.log(10000.0) / (2 * len(rates))))
        apart = float((rates - ours).abs().max())
        if apart > TIME_TOLERANCE:
            yield f"{self._name} differs by {apart:.2g} from exp(-2k ln(10000) / width), so this policy counts time differently"


class Heads:
    """A check that T5's heads share out its attention."""

    def __init__(self, text: str) -> None:
        self._name = f"{text}.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"

    def __call__(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Iterable[str]:
        del tensors
        if sizes["U"] % sizes["R"]:
            yield f"{self._name} has {sizes['R']} heads, which cannot share out {sizes['U']} numbers"


class Tied:
    """A check that two tensors are one."""

    def __init__(self, one: str, other: str) -> None:
        self._one, self._other = one, other

    def __call__(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Iterable[str]:
        del sizes
        if not torch.equal(tensors[self._one], tensors[self._other]):
            yield f"{self._other} differs from {self._one}; the model has them as one tensor"


class Grid:
    """A check that DINOv2's positions are a class token and a square, and that its width goes into heads and feed-forward."""

    def __init__(self, image: str) -> None:
        self._image = f"{image}." if image else ""

    def __call__(self, tensors: Mapping[str, Tensor], sizes: Sizes) -> Iterable[str]:
        del tensors
        if math.isqrt(sizes["N"] - 1) ** 2 != sizes["N"] - 1:
            yield f"{self._image}pos_embed has {sizes['N']} positions, which are not one and a square"
        if sizes["X"] % sizes["F"] or sizes["F"] % HEAD_WIDTH:
            what = f"a width of {sizes['F']} and {sizes['X']} behind it"
            yield f"{self._image}blocks: {what} are those of no DINOv2 with heads of {HEAD_WIDTH}"


def without_last(tensor: Tensor, sizes: Sizes) -> tuple[Tensor, ...]:
    """All rows but the last, which is for padding: of 20 start, 21 padding (FLaRe, SPOC), and of held no, yes, padding."""
    del sizes
    return (tensor[:-1],)


def without_second_last(tensor: Tensor, sizes: Sizes) -> tuple[Tensor, ...]:
    """Rows of the actions and the last one: of 20 padding, 21 start (RING)."""
    del sizes
    return (torch.cat([tensor[:-2], tensor[-1:]]),)


def first_last(tensor: Tensor, sizes: Sizes) -> tuple[Tensor, ...]:
    """The first row last: of 0 start, 1 + a action a (PoliFormer)."""
    del sizes
    return (torch.cat([tensor[1:], tensor[:1]]),)


def _thirds(tensor: Tensor, sizes: Sizes) -> tuple[Tensor, ...]:
    del sizes
    query, key, value = tensor.chunk(3)
    return query, key, value


def dinov2(source: str) -> tuple[Row, ...]:
    """The official DINOv2 names to those of transformers' Dinov2Model."""
    there = "encoder.image"
    here_layer, there_layer = f"{source}.blocks.{{i}}", f"{there}.encoder.layer.{{i}}"
    parts = tuple(f"{there_layer}.attention.{part}_proj" for part in "qkv")
    split = "split into query, key and value"
    return (
        Row(source=f"{source}.cls_token", shape=(1, 1, "F"), targets=(f"{there}.embeddings.cls_token",)),
        Row(source=f"{source}.pos_embed", shape=(1, "N", "F"), targets=(f"{there}.embeddings.position_embeddings",)),
        Row(source=f"{source}.mask_token", shape=(1, "F"), targets=(f"{there}.embeddings.mask_token",)),
        Row(
            source=f"{source}.patch_embed.proj.weight",
            shape=("F", 3, "P", "P"),
            targets=(f"{there}.embeddings.patch_embeddings.projection.weight",),
        ),
        Row(source=f"{source}.patch_embed.proj.bias", shape=("F",), targets=(f"{there}.embeddings.patch_embeddings.projection.bias",)),
        *norm(f"{here_layer}.norm1", f"{there_layer}.norm1", "F"),
        Row(
            source=f"{here_layer}.attn.qkv.weight",
            shape=("3*F", "F"),
            targets=tuple(f"{part}.weight" for part in parts),
            turn=_thirds,
            note=split,
        ),
        Row(
            source=f"{here_layer}.attn.qkv.bias", shape=("3*F",), targets=tuple(f"{part}.bias" for part in parts), turn=_thirds, note=split
        ),
        *linear(f"{here_layer}.attn.proj", f"{there_layer}.attention.o_proj", "F", "F"),
        Row(source=f"{here_layer}.ls1.gamma", shape=("F",), targets=(f"{there_layer}.layer_scale1.lambda1",)),
        *norm(f"{here_layer}.norm2", f"{there_layer}.norm2", "F"),
        *linear(f"{here_layer}.mlp.fc1", f"{there_layer}.mlp.fc1", "X", "F"),
        *linear(f"{here_layer}.mlp.fc2", f"{there_layer}.mlp.fc2", "F", "X"),
        Row(source=f"{here_layer}.ls2.gamma", shape=("F",), targets=(f"{there_layer}.layer_scale2.lambda1",)),
        *norm(f"{source}.norm", f"{there}.layernorm", "F"),
    )


def t5(source: str, *, gated: bool = False) -> tuple[Row, ...]:
    """Transformers' T5EncoderModel, whose names are kept. Only the first layer has the bias of relative positions."""
    layer = "encoder.block.{i}"
    up = ("wi_0", "wi_1") if gated else ("wi",)
    kept: dict[str, tuple[int | str, ...]] = {
        "shared.weight": ("V", "Q"),
        **{f"{layer}.layer.0.SelfAttention.{part}.weight": ("U", "Q") for part in "qkv"},
        f"{layer}.layer.0.SelfAttention.o.weight": ("Q", "U"),
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (32, "R"),
        f"{layer}.layer.0.layer_norm.weight": ("Q",),
        **{f"{layer}.layer.1.DenseReluDense.{part}.weight": ("Y", "Q") for part in up},
        f"{layer}.layer.1.DenseReluDense.wo.weight": ("Q", "Y"),
        f"{layer}.layer.1.layer_norm.weight": ("Q",),
        "encoder.final_layer_norm.weight": ("Q",),
    }
    second = Row(source=f"{source}.encoder.embed_tokens.weight", shape=("V", "Q"), why="the table of words under its second name")
    return (second, *(Row(source=f"{source}.{name}", shape=shape, targets=(f"encoder.text.{name}",)) for name, shape in kept.items()))
