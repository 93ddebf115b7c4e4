"""RING: SigLIP encoders outside of the file, a decoder that also looks at the text, rows 20 and 21 the other way round than FLaRe's."""

from typing import Final

from flare_core.adapters.formats import pieces, shapes
from flare_core.adapters.formats.table import Format, Row, Sizes
from flare_core.policies.spoc.spec import SpocSpec

SEE: Final = "visual_encoder"
DECODER: Final = "action_decoder.decoder"
CAMERA: Final = f"{SEE}.visual_feature_token_raw"
NORMS: Final = {
    "attention_norm": "norm_attend",
    "ffn_norm": "norm_cross",
    "ffn_norm_kv": "norm_text",
    "cross_ffn_norm": "norm_feed",
}
ROWS: Final = (
    Row(source=f"{SEE}.fusion_token", shape=("W",), targets=("actor.fusion_token",)),
    Row(source=f"{CAMERA}_navigation_camera_features", shape=("W",), targets=("actor.view_tokens.navigation",)),
    Row(source=f"{CAMERA}_manipulation_camera_features", shape=("W",), targets=("actor.view_tokens.manipulation",)),
    *pieces.compressor(f"{SEE}.visual_compressor", channels="F", middle="M"),
    *pieces.adapter(f"{SEE}.visual_adapter", "actor.adapt", "W", "W"),
    *pieces.adapter(f"{SEE}.text_adapter", "actor.text_adapt", "W", "Q"),
    *(Row(source=row.source, shape=row.shape, targets=row.targets) for row in pieces.fusion(f"{SEE}.fusion_xformer.encoder")),
    *pieces.decoder(DECODER, NORMS, {"attention": "attend", "cross_attention": "cross"}),
    pieces.time("action_decoder.time_encoder"),
    Row(
        source="action_decoder.last_actions_embed.weight",
        shape=("A+2", "W"),
        targets=("actor.previous.weight",),
        turn=pieces.without_second_last,
        note=pieces.PADDING,
    ),
    Row(
        source="action_decoder.object_in_hand_embed.weight",
        shape=(3, "W"),
        why="RING's model has it but is never told what is held",
    ),
    *pieces.allenact_heads(),
)


def spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy with SigLIP ViT-B/16 from the Hub."""
    del groups
    return shapes.policy(
        sizes,
        fusion_stem=f"{SEE}.fusion_xformer.encoder.layers.",
        decoder_stem=f"{DECODER}.layers.",
        views=shapes.SQUARE,
        uses_holding=False,
        fusion_order="text_views",
        decoder="llama_cross",
        **shapes.public_siglip(),
    )


CHECKS: Final = (*pieces.time_faults("action_decoder.time_encoder", double="W"), shapes.action_faults)
ORIGIN: Final = "the model of RING's public code, built and listed"

SHARED: Final = Format(
    name="ring-shared",
    about="RING, actor and critic with one body, AllenAct, 105 tensors",
    kind="allenact",
    rows=ROWS,
    spec=spec,
    checks=CHECKS,
    origin=ORIGIN,
)
SEPARATE: Final = Format(
    name="ring",
    about="RING, separate critic, AllenAct, 210 tensors",
    kind="allenact",
    rows=ROWS,
    copies=("critic_spoc_model.",),
    spec=spec,
    checks=CHECKS,
    origin=ORIGIN,
)
