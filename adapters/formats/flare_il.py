"""FLaRe's policy as behaviour cloning leaves it: a Lightning file of 312 tensors under `model.`, encoders and all."""

from typing import Any, Final

from flare_core.adapters.formats import pieces, shapes
from flare_core.adapters.formats.table import Format, Row, Sizes
from flare_core.policies.spec import View
from flare_core.policies.spoc.spec import SpocSpec

SEE: Final = "visual_encoder"
IMAGE: Final = f"{SEE}.image_encoder.model"
TEXT: Final = f"{SEE}.text_encoder"
CAMERA: Final = f"{SEE}.visual_sensor_token_raw"
NORMS: Final = {"attention_norm": "norm_attend", "ffn_norm": "norm_feed"}


def embeddings(source: str = "") -> tuple[Row, ...]:
    """Of the previous action (20 start, 21 padding) and of what is held (2 padding; not in policies without the second camera)."""
    return (
        pieces.time(f"{source}time_encoder"),
        Row(
            source=f"{source}last_actions_embed.weight",
            shape=("A+2", "W"),
            targets=("actor.previous.weight",),
            turn=pieces.without_last,
            note=pieces.PADDING,
        ),
        Row(
            source=f"{source}object_in_hand_embed.weight",
            shape=(3, "W"),
            targets=("actor.holding.weight",),
            turn=pieces.without_last,
            note=pieces.PADDING,
            group="manipulation",
        ),
    )


def eyes(middle: str = "M") -> tuple[Row, ...]:
    """What turns encoded images and words into tokens, and fuses them."""
    return (
        Row(source=f"{SEE}.fusion_token", shape=("W",), targets=("actor.fusion_token",)),
        Row(source=f"{CAMERA}_navigation_camera", shape=("W",), targets=("actor.view_tokens.navigation",)),
        Row(source=f"{CAMERA}_manipulation_camera", shape=("W",), targets=("actor.view_tokens.manipulation",), group="manipulation"),
        *pieces.compressor(f"{SEE}.visual_compressor", channels="F", middle=middle),
        *pieces.adapter(f"{SEE}.visual_adapter", "actor.adapt", "W", "W"),
        *pieces.adapter(f"{SEE}.text_adapter", "actor.text_adapt", "W", "Q"),
        *pieces.fusion(f"{SEE}.fusion_xformer"),
    )


def body() -> tuple[Row, ...]:
    """Everything but the image encoder and the head."""
    return (
        *eyes(),
        *pieces.t5(TEXT),
        *pieces.decoder("decoder", NORMS, {"attention": "attend"}),
        *embeddings(),
    )


def shape(sizes: Sizes, groups: frozenset[str], views: tuple[View, ...] | None = None, **rest: Any) -> SpocSpec:
    """Shape of a policy with these eyes and embeddings; `views` where they are not those of DINOv2, `rest` its encoders and decoder."""
    return shapes.policy(
        sizes,
        fusion_stem=f"{SEE}.fusion_xformer.layers.",
        decoder_stem="decoder.layers.",
        views=views or shapes.views_of(groups),
        uses_holding="manipulation" in groups,
        **rest,
    )


def encoders(sizes: Sizes) -> dict[str, Any]:
    """DINOv2 and T5, both in the file."""
    return {"image_config": shapes.dinov2_config(sizes, f"{IMAGE}.blocks."), **words(sizes)}


def words(sizes: Sizes) -> dict[str, Any]:
    """T5, in the file."""
    return {"text_config": shapes.t5_config(sizes, f"{TEXT}.encoder.block.")}


def spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy with both encoders in the file."""
    return shape(sizes, groups, **encoders(sizes))


CHECKS: Final = (
    *pieces.time_faults("time_encoder", double="W"),
    pieces.Heads(TEXT),
    pieces.Tied(f"{TEXT}.shared.weight", f"{TEXT}.encoder.embed_tokens.weight"),
    shapes.action_faults,
)

FORMAT: Final = Format(
    name="flare-il",
    about="FLaRe, behaviour cloning, Lightning, 312 tensors",
    kind="lightning",
    rows=(*pieces.dinov2(IMAGE), *body(), *pieces.linear("actor", "actor.head", "A", "W")),
    spec=spec,
    checks=(pieces.Grid(IMAGE), *CHECKS),
    origin="the model of FLaRe's public code, built and listed",
)
