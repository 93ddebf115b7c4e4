"""SPOC's own checkpoints: torch's TransformerDecoder looks at the text, and the head is called `action_classifier`."""

from typing import Final

from flare_core.adapters.formats import flare_il, pieces, shapes
from flare_core.adapters.formats.table import Format, Row, Sizes
from flare_core.policies.spoc.spec import SpocSpec

BOXES: Final = "this is a double-det policy, which is also given detected boxes; the spoc policy has no such input"
REFUSED: Final = {r"visual_encoder\.(bbox_pos_encoder|coord_pos_enc)\..*": BOXES}
ORIGIN: Final = "SPOC's public code, read; its model was not built"


def _decoder() -> tuple[Row, ...]:
    """torch.nn.TransformerDecoder without a last norm, whose layers keep their names."""
    here, there = "decoder.layers.{i}", "actor.decoder.layers.{i}"
    return (
        *pieces.attention(f"{here}.self_attn", f"{there}.self_attn", "W"),
        *pieces.attention(f"{here}.multihead_attn", f"{there}.multihead_attn", "W"),
        *pieces.linear(f"{here}.linear1", f"{there}.linear1", "D", "W"),
        *pieces.linear(f"{here}.linear2", f"{there}.linear2", "W", "D"),
        *(row for at in (1, 2, 3) for row in pieces.norm(f"{here}.norm{at}", f"{there}.norm{at}", "W")),
    )


_ROWS: Final = (
    *flare_il.eyes(),
    *_decoder(),
    *flare_il.embeddings(),
    *pieces.linear("action_classifier", "actor.head", "A", "W"),
)


def _spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy with DINOv2 and T5 in the file."""
    return flare_il.shape(sizes, groups, decoder="torch_cross", **flare_il.encoders(sizes))


def _siglip_spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy with SigLIP ViT-B/16 from the Hub."""
    views = shapes.SQUARE[: len(shapes.views_of(groups))]
    return flare_il.shape(sizes, groups, views=views, decoder="torch_cross", **shapes.public_siglip())


DINOV2: Final = Format(
    name="spoc",
    about="SPOC with DINOv2 and T5, behaviour cloning, Lightning, 337 tensors",
    kind="lightning",
    rows=(*pieces.dinov2(flare_il.IMAGE), *pieces.t5(flare_il.TEXT), *_ROWS),
    spec=_spec,
    checks=(pieces.Grid(flare_il.IMAGE), *flare_il.CHECKS),
    refused=REFUSED,
    origin=ORIGIN,
)
SIGLIP: Final = Format(
    name="spoc-siglip",
    about="SPOC with SigLIP, behaviour cloning, Lightning, 110 tensors beside the encoders",
    kind="lightning",
    rows=_ROWS,
    spec=_siglip_spec,
    checks=(*pieces.time_faults("time_encoder", double="W"), shapes.action_faults),
    refused=REFUSED,
    # open_clip's names for SigLIP; no file with them was at hand, so they are neither checked nor taken. The two words begin T5's.
    outside={r"visual_encoder\.image_encoder\..*": pieces.FROZEN, r"visual_encoder\.text_encoder\.(?!shared|encoder).*": pieces.FROZEN},
    origin=ORIGIN,
)
