"""The shape of the `spoc` policy that a checkpoint's sizes stand for, and what the families agree on."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from torch import Tensor

from flare_core.adapters.formats.pieces import HEAD_WIDTH
from flare_core.adapters.formats.table import Sizes
from flare_core.embodiments.presets import ACTIONS
from flare_core.policies.spec import View
from flare_core.policies.spoc.spec import DINOV2_SMALL, SIGLIP_BASE_TEXT, SIGLIP_BASE_VISION, SpocSpec

SPOC_ACTIONS: Final = tuple(name for row in ACTIONS["spoc"] for name in row)
"""The 20 actions in the order of the head's rows: FLaRe, SPOC, RING, PoliFormer and SafeVLA have the same list."""
ROBOT: Final = "stretch_spoc"
"""Packaged embodiment that all of them were trained on (RING among random bodies)."""
FILL: Final = (123, 117, 104)
"""What the normalisation takes away: an uncovered pixel is zero to the encoder."""
NAVIGATION: Final = View(name="navigation", width=384, height=224, fill=FILL)
MANIPULATION: Final = View(name="manipulation", width=384, height=224, fill=FILL)
SQUARE: Final = tuple(View(name=view.name, width=256, height=256, fill=(128, 128, 128)) for view in (NAVIGATION, MANIPULATION))
"""What SigLIP is given: the whole image pressed into a square."""

HEADS: Final = 8
"""Of every attention of the policy. Tensors do not tell; all published versions of small_3 have 8."""
DINOV2_SOURCE: Final = "hub://facebook/dinov2-small@ed25f3a31f01632728cabb09d1542f84ab7b0056"
SIGLIP_SOURCE: Final = "hub://google/siglip-base-patch16-256@b078df89e446d623010d890864d4207fe6399f61"
SIGLIP_TOKENIZER: Final = SIGLIP_SOURCE.removeprefix("hub://")
FLAN_TOKENIZER: Final = "google/flan-t5-small@0fc9ddf78a1e988dac52e2dac162b0ede4fd74ab"


def views_of(groups: frozenset[str]) -> tuple[View, ...]:
    """The manipulation camera is there if its token is; with it comes what is held."""
    return (NAVIGATION, MANIPULATION) if "manipulation" in groups else (NAVIGATION,)


def dinov2_config(sizes: Sizes, stem: str) -> dict[str, Any]:
    """Configuration of a Dinov2Model, from the sizes of its tensors; `stem` is what stands before the layer's number."""
    width, patch = sizes["F"], sizes["P"]
    return {
        "hidden_size": width,
        "num_hidden_layers": sizes[stem],
        "num_attention_heads": width // HEAD_WIDTH,
        "mlp_ratio": sizes["X"] // width,
        "patch_size": patch,
        "image_size": math.isqrt(sizes["N"] - 1) * patch,
    }


def t5_config(sizes: Sizes, stem: str, *, gated: bool = False) -> dict[str, Any]:
    """Configuration of a T5EncoderModel, from the sizes of its tensors."""
    return {
        "d_model": sizes["Q"],
        "d_ff": sizes["Y"],
        "d_kv": sizes["U"] // sizes["R"],
        "num_layers": sizes[stem],
        "num_heads": sizes["R"],
        "vocab_size": sizes["V"],
        "feed_forward_proj": "gated-gelu" if gated else "relu",
    }


def policy(sizes: Sizes, *, fusion_stem: str, decoder_stem: str, **rest: Any) -> SpocSpec:
    """A policy of these sizes; a stem is what stands before the numbers of layers."""
    return SpocSpec(
        actions=SPOC_ACTIONS, body_inputs=(), feature_width=sizes["F"], compress_width=sizes["M"], width=sizes["W"], heads=HEADS,
        fusion_layers=sizes[fusion_stem], fusion_feed=sizes["H"], decoder_layers=sizes[decoder_stem], decoder_feed=sizes["D"], **rest,
    )  # fmt: skip


def public_dinov2() -> dict[str, Any]:
    """What a policy says of an image encoder that is not in its checkpoint: ViT-S/14."""
    return {"image_source": DINOV2_SOURCE, "image_config": dict(DINOV2_SMALL)}


def public_siglip() -> dict[str, Any]:
    """What a policy says of SigLIP encoders that are not in its checkpoint: ViT-B/16 at 256 pixels, 64 words and a pooled one."""
    half = (0.5, 0.5, 0.5)
    return {
        "image_encoder": "siglip", "image_source": SIGLIP_SOURCE, "image_config": dict(SIGLIP_BASE_VISION), "image_mean": half,
        "image_std": half, "text_encoder": "siglip", "text_source": SIGLIP_SOURCE, "text_config": dict(SIGLIP_BASE_TEXT),
        "tokenizer": SIGLIP_TOKENIZER, "text_length": 64,
    }  # fmt: skip


def action_faults(tensors: Mapping[str, Tensor], sizes: Sizes) -> Iterator[str]:
    """The head has the rows of the action list, and heads share out the width."""
    del tensors
    if sizes["A"] != len(SPOC_ACTIONS):
        yield f"the head has {sizes['A']} actions; the {len(SPOC_ACTIONS)} of SPOC's list are known, so what its rows mean cannot be told"
    if sizes["W"] % HEADS:
        yield f"width {sizes['W']} cannot be shared out among {HEADS} heads"
