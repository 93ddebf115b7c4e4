"""A `spoc` policy with every part of the real one, small enough for a test, and inputs for it."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from flare_core.policies.spec import View
from flare_core.policies.spoc.inputs import PADDING, SpocInputs
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.policies.spoc.tokenizer import held

WORDS = ("find", "go", "to", "a", "the", "mug", "sofa", "apple", "red")
ACTIONS = ("wait", "left", "right", "never")
DINOV2 = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2, "patch_size": 4, "image_size": 20}
T5 = {
    "d_model": 16, "d_ff": 24, "d_kv": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 2 + len(WORDS), "feed_forward_proj": "relu",
    "decoder_start_token_id": 0,
}  # fmt: skip
SIGLIP_IMAGE = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 4, "image_size": 16,
}  # fmt: skip
SIGLIP_TEXT = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 2 + len(WORDS),
    "max_position_embeddings": 6,
}  # fmt: skip
SPEC = SpocSpec(
    views=(View(name="navigation", width=26, height=12), View(name="manipulation", width=26, height=12)), actions=ACTIONS,
    body_inputs=("lift", "holding"), image_config=DINOV2, text_config=T5, feature_width=16, grid=(2, 3), compress_width=20, width=32,
    heads=2, fusion_layers=3, fusion_feed=48, decoder_layers=2, decoder_feed=40, context=6,
)  # fmt: skip
RING = replace(
    SPEC, views=(View(name="navigation", width=16, height=16), View(name="manipulation", width=16, height=16)), image_encoder="siglip",
    image_config=SIGLIP_IMAGE, text_encoder="siglip", text_config=SIGLIP_TEXT, text_length=6, decoder="llama_cross",
    fusion_order="text_views", uses_holding=False,
)  # fmt: skip
SPOC = replace(SPEC, decoder="torch_cross")
POLIFORMER = replace(SPEC, views=SPEC.views[:1], has_join=True, has_adapter=False, has_view_tokens=False, uses_holding=False)
FAMILIES = {"flare": SPEC, "ring": RING, "spoc": SPOC, "poliformer": POLIFORMER}


def tokenizer_json() -> bytes:
    """A tokenizer of whole words that ends every instruction as T5's does."""
    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1} | {word: at for at, word in enumerate(WORDS, start=2)}, "<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer.to_str().encode()


def policy(spec: SpocSpec = SPEC, seed: int = 0) -> SpocPolicy:
    """Random weights that all matter: embeddings of the size of what they are added to."""
    torch.manual_seed(seed)
    made = SpocPolicy(spec)
    made.encoder.keep_tokenizer(held(tokenizer_json()))
    with torch.no_grad():
        made.actor.previous.weight.normal_()
    return made.requires_grad_(False)


def inputs(spec: SpocSpec = SPEC, steps: int = 9, rows: int = 3, seed: int = 1, words: int = 4) -> SpocInputs:
    """Random inputs (T, B, ...); instructions differ in length from row to row unless the text has a fixed length."""
    make = torch.Generator().manual_seed(seed)
    length = spec.text_length or words
    text = torch.randint(2, 2 + len(WORDS), (1, rows, length), generator=make).repeat(steps, 1, 1)
    if spec.text_length is None:
        for row in range(rows):
            text[:, row, length - row % (length - 1) :] = PADDING
    views = len(spec.views)
    return SpocInputs(
        features=torch.randn(steps, rows, views, spec.patches, spec.feature_width, generator=make),
        views=torch.arange(views).expand(steps, rows, views),
        text=text,
        previous=torch.randint(0, len(spec.actions) + 1, (steps, rows), generator=make),
        holding=torch.randint(0, 2, (steps, rows), generator=make),
        step=torch.arange(steps).unsqueeze(1).expand(steps, rows),
    )


def observation(rows: int = 2, seed: int = 0, **more: Any) -> dict[str, Any]:
    """As an environment with one camera gives it."""
    make = np.random.default_rng(seed)
    return {
        "camera/eye": make.integers(0, 255, (rows, 12, 26, 3), dtype=np.uint8), "goal": np.array([[1, 4, 6, 0]] * rows, dtype=np.int32),
        "previous_action": np.full(rows, len(ACTIONS)), "body": np.array([[0.3, 1.0]] * rows, dtype=np.float32),
        "step": np.zeros(rows, dtype=np.int32),
    } | more  # fmt: skip


class PlainViews:
    """The camera as the first view, unchanged; the second is absent."""

    def apply(self, images: Any) -> Any:
        return {"navigation": images["eye"]}
