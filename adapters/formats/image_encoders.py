"""Weights of DINOv2 from a file of their own, for policies whose checkpoint does not hold their image encoder."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from torch import Tensor

from flare_core.adapters.formats import pieces, shapes
from flare_core.adapters.formats.container import Checkpoint
from flare_core.adapters.formats.conversion import Imported, convert
from flare_core.adapters.formats.table import Format, Row, Sizes, faults_of, match
from flare_core.errors import CheckpointError
from flare_core.policies.spoc.spec import IN_BUNDLE, SpocSpec


def _no_policy(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """An encoder alone is no policy: only the sizes count, which stand in its `image_config`."""
    del groups
    stem = next(name for name in sizes if name.endswith("."))
    return SpocSpec(views=(), actions=(), body_inputs=(), image_config=shapes.dinov2_config(sizes, stem))


def _published() -> tuple[Row, ...]:
    """DINOv2 as it lies on the Hub in the files of transformers, whose older names differ from those of the running model."""
    layer, there = "encoder.layer.{i}", "encoder.image.encoder.layer.{i}"
    older = {
        f"{layer}.attention.attention.{old}": f"{there}.attention.{new}_proj" for old, new in (("query", "q"), ("key", "k"), ("value", "v"))
    }
    older[f"{layer}.attention.output.dense"] = f"{there}.attention.o_proj"
    tables: dict[str, tuple[int | str, ...]] = {
        "embeddings.cls_token": (1, 1, "F"),
        "embeddings.position_embeddings": (1, "N", "F"),
        "embeddings.mask_token": (1, "F"),
        "embeddings.patch_embeddings.projection.weight": ("F", 3, "P", "P"),
        "embeddings.patch_embeddings.projection.bias": ("F",),
        f"{layer}.layer_scale1.lambda1": ("F",),
        f"{layer}.layer_scale2.lambda1": ("F",),
    }
    return (
        *(Row(source=name, shape=shape, targets=(f"encoder.image.{name}",)) for name, shape in tables.items()),
        *(row for old, new in older.items() for row in pieces.linear(old, new, "F", "F")),
        *pieces.norm(f"{layer}.norm1", f"{there}.norm1", "F"),
        *pieces.norm(f"{layer}.norm2", f"{there}.norm2", "F"),
        *pieces.linear(f"{layer}.mlp.fc1", f"{there}.mlp.fc1", "X", "F"),
        *pieces.linear(f"{layer}.mlp.fc2", f"{there}.mlp.fc2", "F", "X"),
        *pieces.norm("layernorm", "encoder.image.layernorm", "F"),
    )


OFFICIAL: Final = Format(
    name="dinov2",
    about="DINOv2 as Meta publishes it",
    kind="plain",
    rows=tuple(replace(row, source=row.source.removeprefix(".")) for row in pieces.dinov2("")),
    spec=_no_policy,
    checks=(pieces.Grid(""),),
    origin="the public code of DINOv2",
)
PUBLISHED: Final = Format(
    name="dinov2-hub",
    about="DINOv2 as it lies on the Hub",
    kind="plain",
    rows=_published(),
    spec=_no_policy,
    checks=(pieces.Grid(""),),
    origin="the public code of transformers",
)


def put_image_encoder(imported: Imported, encoder: Checkpoint) -> Imported:
    """The same policy with its image encoder in the bundle.

    Args:
        imported: a policy whose image encoder is DINOv2 and not among its tensors.
        encoder: DINOv2 as Meta publishes it, or as it lies on the Hub.

    Raises:
        CheckpointError: the policy has its own, or another kind; the file is no DINOv2, or one of another width.
    """
    spec = imported.spec
    if spec.image_encoder != "dinov2":
        what = f"this policy's image encoder is {spec.image_encoder}; only DINOv2 can be put into a bundle"
        raise CheckpointError(f"{encoder.path}: {what}. Leave --image-encoder out")
    if spec.image_source == IN_BUNDLE:
        raise CheckpointError(f"{encoder.path}: the checkpoint holds its own image encoder. Leave --image-encoder out")
    fits = sorted((match(form, encoder.tensors) for form in (OFFICIAL, PUBLISHED)), key=lambda fit: fit.score)
    if fits[-1].missing or fits[-1].unknown:
        raise CheckpointError(
            "\n  ".join([f"{encoder.path}: is no DINOv2 encoder. The nearest is {fits[-1].format.about}, but:", *faults_of(fits[-1])])
        )
    found = convert(encoder, fits[-1].format)
    config: Mapping[str, Any] = found.spec.image_config
    state: Mapping[str, Tensor] = {**found.state, **imported.state}
    return replace(imported, state=state, spec=replace(spec, image_source=IN_BUNDLE, image_config=dict(config)))


def width_faults(imported: Imported) -> list[str]:
    """Whether the encoders that the policy names give as many numbers as its layers take."""
    spec, sizes = imported.spec, imported.sizes
    faults = []
    if int(spec.image_config["hidden_size"]) != sizes["F"]:
        faults.append(
            f"its compressor takes {sizes['F']} numbers for each patch, {spec.image_encoder} ({spec.image_source}) gives "
            f"{spec.image_config['hidden_size']}. Give the encoder that it was trained with as --image-encoder"
        )
    if spec.text_width != sizes["Q"]:
        faults.append(
            f"its text adapter takes {sizes['Q']} numbers for each word, {spec.text_encoder} ({spec.text_source}) gives {spec.text_width}"
        )
    return faults
