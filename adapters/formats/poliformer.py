"""PoliFormer: one camera, flan-T5, no visual adapter, a linear layer before the decoder, the previous action counted from 1."""

from typing import Final

from flare_core.adapters.formats import flare_il, pieces, shapes
from flare_core.adapters.formats.table import Format, Row, Sizes
from flare_core.policies.spoc.spec import SpocSpec

SEE: Final = "goal_visual_encoder"
TEXT: Final = f"{SEE}.text_goal_encoder"
BELIEF: Final = "single_belief"
UNUSED: Final = "PoliFormer's model has it but never uses it"
ROWS: Final = (
    Row(source=f"{SEE}.fusion_token", shape=("W",), targets=("actor.fusion_token",)),
    *pieces.compressor(f"{SEE}.dino_compressor", channels="F", middle="M"),
    *pieces.t5(TEXT, gated=True),
    *pieces.adapter(f"{SEE}.text_adapter", "actor.text_adapt", "W", "Q"),
    *pieces.fusion(f"{SEE}.target_obs_combiner"),
    *pieces.linear(f"state_encoders_linear.{BELIEF}", "actor.join", "W", "W"),
    pieces.time(f"state_encoders_time.{BELIEF}"),
    *pieces.linear(f"state_encoders_text.{BELIEF}.0", "", "W", "Q", why=UNUSED),
    *pieces.norm(f"state_encoders_text.{BELIEF}.1", "", "W", why=UNUSED),
    *pieces.decoder(f"state_encoders.{BELIEF}", flare_il.NORMS, {"attention": "attend"}),
    Row(
        source="prev_action_embedder.fc.weight",
        shape=("A+1", "W"),
        targets=("actor.previous.weight",),
        turn=pieces.first_last,
        note="the row for the start of an episode goes from first to last",
    ),
    *pieces.allenact_heads(),
)


def spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy with one view, flan-T5 in the file and DINOv2 ViT-S/14 from the Hub."""
    del groups
    return shapes.policy(
        sizes,
        fusion_stem=f"{SEE}.target_obs_combiner.layers.",
        decoder_stem=f"state_encoders.{BELIEF}.layers.",
        views=(shapes.NAVIGATION,),
        uses_holding=False,
        has_adapter=False,
        has_view_tokens=False,
        has_join=True,
        text_config=shapes.t5_config(sizes, f"{TEXT}.encoder.block.", gated=True),
        tokenizer=shapes.FLAN_TOKENIZER,
        **shapes.public_dinov2(),
    )


FORMAT: Final = Format(
    name="poliformer",
    about="PoliFormer for text goals, PPO, AllenAct, 162 tensors",
    kind="allenact",
    rows=ROWS,
    spec=spec,
    checks=(
        *pieces.time_faults(f"state_encoders_time.{BELIEF}", double="W"),
        pieces.Heads(TEXT),
        pieces.Tied(f"{TEXT}.shared.weight", f"{TEXT}.encoder.embed_tokens.weight"),
        shapes.action_faults,
    ),
    refused={
        rf"{SEE}\.(bbox_pos_encoder|coord_pos_enc)\..*": "this policy is also given detected boxes; the spoc policy has no such input",
    },
    origin="PoliFormer's public code, read; its model was not built",
)
