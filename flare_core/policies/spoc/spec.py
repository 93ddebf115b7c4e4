"""Shape of a `spoc` policy: which frozen encoders, how their tokens are fused, how the decoder is built. JSON in a bundle."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal

import pydantic

from flare_core.errors import BundleError
from flare_core.policies.spec import MAX_LAYERS, MAX_SIZE, View, read_strictly

FAMILY: Final = "spoc"
IN_BUNDLE: Final = "bundle"
HUB: Final = "hub://"

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)

DINOV2_SMALL: Final[Mapping[str, Any]] = {
    "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "mlp_ratio": 4, "patch_size": 14, "image_size": 518,
}  # fmt: skip
"""DINOv2 ViT-S/14, as facebook/dinov2-small has it."""
SIGLIP_BASE_VISION: Final[Mapping[str, Any]] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 16, "image_size": 256,
}  # fmt: skip
"""The image tower of SigLIP ViT-B/16 at 256 pixels."""
SIGLIP_BASE_TEXT: Final[Mapping[str, Any]] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 32000,
    "max_position_embeddings": 64,
}  # fmt: skip
T5_SMALL: Final[Mapping[str, Any]] = {
    "d_model": 512, "d_ff": 2048, "d_kv": 64, "num_layers": 6, "num_heads": 8, "vocab_size": 32128, "feed_forward_proj": "relu",
}  # fmt: skip
"""The encoder of T5-small; flan-t5-small has `d_ff` 1024, 8 layers, 6 heads and `gated-gelu`."""
T5_SMALL_TOKENIZER: Final = "google-t5/t5-small@df1b051c49625cf57a3d0d8d3863ed4d13564fe4"

ImageEncoderName = Literal["dinov2", "siglip"]
TextEncoderName = Literal["t5", "siglip"]
DecoderName = Literal["llama", "llama_cross", "torch_cross"]
TokenOrder = Literal["views_text", "text_views"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpocSpec:
    """Shape of a `spoc` policy. The defaults are FLaRe's and SPOC's small_3.

    Attributes:
        views: images in the order that their tokens stand in; each has a learned token of its own.
        actions: names of the head's rows.
        body_inputs: names of the entries of the `body` observation; of these the policy is shown `holding` alone.
        image_encoder: "dinov2" (crops each image to whole patches, from the middle) or "siglip".
        image_source: "bundle" (its tensors are among the policy's) or "hub://REPO@REVISION".
        image_config: sizes of the encoder, by the names that `transformers` gives them.
        image_mean, image_std: of pixel values 0..1, (r, g, b). FLaRe takes CLIP's although its encoder is DINOv2.
        text_encoder, text_source, text_config: the same of the text encoder.
        tokenizer: "REPO@REVISION" on the Hub; it is in no checkpoint.
        text_length: tokens of every instruction, padded or cut; None pads to the longest of a batch. Padding up to a fixed
            length is part of what such an encoder was trained on, and is seen by the policy.
        feature_width: channels of the image encoder.
        grid: rows and columns that an image's patches are pooled to.
        compress_width: channels between the compressor's two layers.
        has_adapter, has_view_tokens: the visual adapter, and one learned token for each view (PoliFormer has neither).
        width: of every token, heads: of every attention.
        fusion_layers, fusion_feed: of the fusion transformer. fusion_order: how the tokens follow the fusion token.
        decoder: "llama" (FLaRe), "llama_cross" (RING: looks at the text too), "torch_cross" (SPOC: torch's own layer).
        decoder_layers, decoder_feed: of the decoder over time.
        uses_holding: it has an embedding of whether something is held.
        has_join: a linear layer between fusion and decoder (PoliFormer).
        time: what the time code says: "step", the number of the step in its episode.
        context: steps of its own episode that a step can look back on, itself included.
        exact: the release's arithmetic where ours differs: padded text tokens are attended to, so that an instruction's logits
            depend on the longest instruction beside it.
    """

    views: tuple[View, ...]
    actions: tuple[str, ...]
    body_inputs: tuple[str, ...]
    image_encoder: ImageEncoderName = "dinov2"
    image_source: str = IN_BUNDLE
    image_config: Mapping[str, Any] = field(default_factory=lambda: dict(DINOV2_SMALL))
    image_mean: tuple[float, float, float] = CLIP_MEAN
    image_std: tuple[float, float, float] = CLIP_STD
    text_encoder: TextEncoderName = "t5"
    text_source: str = IN_BUNDLE
    text_config: Mapping[str, Any] = field(default_factory=lambda: dict(T5_SMALL))
    tokenizer: str = T5_SMALL_TOKENIZER
    text_length: int | None = None
    feature_width: int = 384
    grid: tuple[int, int] = (7, 12)
    compress_width: int = 512
    has_adapter: bool = True
    has_view_tokens: bool = True
    width: int = 512
    heads: int = 8
    fusion_layers: int = 3
    fusion_feed: int = 2048
    fusion_order: TokenOrder = "views_text"
    decoder: DecoderName = "llama"
    decoder_layers: int = 3
    decoder_feed: int = 1536
    uses_holding: bool = True
    has_join: bool = False
    time: Literal["step"] = "step"
    context: int = 500
    exact: bool = False
    family: str = FAMILY

    @property
    def has_body_columns(self) -> bool:
        """Whether a tensor has one column for each body input; here an embedding says whether something is held."""
        return False

    @property
    def outside(self) -> tuple[str, ...]:
        """How names of tensors begin that are not the bundle's: those of frozen encoders that come from the Hub."""
        sources = {"encoder.image.": self.image_source, "encoder.text.": self.text_source}
        return tuple(prefix for prefix, source in sources.items() if source != IN_BUNDLE)

    @property
    def patches(self) -> int:
        """Tokens of one view."""
        return self.grid[0] * self.grid[1]

    @property
    def text_width(self) -> int:
        """Width of an encoded word."""
        width: int = self.text_config["d_model" if self.text_encoder == "t5" else "hidden_size"]
        return width

    def to_json(self) -> dict[str, Any]:
        """As `policy.json` holds it."""
        return asdict(self)

    def carried(self, actions: tuple[str, ...], body_inputs: tuple[str, ...]) -> "SpocSpec":
        """The same shape on another body."""
        return replace(self, actions=actions, body_inputs=body_inputs)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "SpocSpec":
        """Read what `to_json` wrote.

        Raises:
            BundleError: a field is missing, unknown or of the wrong family, or no policy can be built of it.
        """
        if data.get("family") != FAMILY:
            raise BundleError(f"policy.json: family {data.get('family')!r} is not {FAMILY!r}")
        unknown = sorted(set(data) - {one.name for one in fields(SpocSpec)})
        if unknown:
            raise BundleError(f"policy.json: unknown field '{unknown[0]}'; write it again with this version of flare")
        spec = read_strictly(_ADAPTER, data)
        _check(spec)
        return spec


_ADAPTER: Final = pydantic.TypeAdapter(SpocSpec)
_CONFIGS: Final[Mapping[str, frozenset[str]]] = {
    "dinov2": frozenset(DINOV2_SMALL),
    "siglip image": frozenset(SIGLIP_BASE_VISION),
    "t5": frozenset({*T5_SMALL, "decoder_start_token_id"}),
    "siglip text": frozenset(SIGLIP_BASE_TEXT),
}
_OPTIONAL: Final = frozenset({"feed_forward_proj", "decoder_start_token_id"})
_FEEDS: Final = ("relu", "gated-gelu")
MAX_PIXELS: Final = 4_000_000
"""Of all views together."""
MAX_PATCHES: Final = 4096
"""Of one view's grid."""
MAX_TOKENS: Final = 16_384
"""That an image encoder makes of one view: it compares each with each."""
MAX_FEATURES: Final = 1 << 24
"""Numbers that the features of one step consist of."""
MIN_STD: Final = 1e-3
_SIZES: Final = (
    "feature_width",
    "compress_width",
    "width",
    "heads",
    "fusion_layers",
    "fusion_feed",
    "decoder_layers",
    "decoder_feed",
    "context",
)


def _check(spec: SpocSpec) -> None:
    """Refuse values that no policy can be built of.

    Raises:
        BundleError: names the field.
    """
    sizes: dict[str, object] = {name: getattr(spec, name) for name in _SIZES}
    sizes |= {f"views.{view.name}.{side}": getattr(view, side) for view in spec.views for side in ("width", "height")}
    sizes |= {f"grid.{at}": size for at, size in enumerate(spec.grid)} | {
        "text_length": 1 if spec.text_length is None else spec.text_length
    }
    parts = (("image_config", spec.image_config, spec.image_encoder), ("text_config", spec.text_config, spec.text_encoder))
    for part, config, encoder in parts:
        known = _CONFIGS[encoder if encoder != "siglip" else f"siglip {part.removesuffix('_config')}"]
        odd = sorted(set(config) - known)
        if odd:
            raise BundleError(f"policy.json: {part}.{odd[0]}: is no size of {encoder}. Use {', '.join(sorted(known))}")
        missing = sorted(known - _OPTIONAL - set(config))
        if missing:
            raise BundleError(f"policy.json: {part}.{missing[0]}: is missing. {encoder} needs {', '.join(sorted(known - _OPTIONAL))}")
        if config.get("feed_forward_proj", "relu") not in _FEEDS:
            raise BundleError(f"policy.json: {part}.feed_forward_proj: {config['feed_forward_proj']!r} is not one of {', '.join(_FEEDS)}")
        sizes |= {f"{part}.{name}": value for name, value in config.items() if name not in _OPTIONAL}
    for name, value in sizes.items():
        most = MAX_LAYERS if "layers" in name else MAX_SIZE
        if type(value) is not int or not 1 <= value <= most:
            raise BundleError(f"policy.json: {name}: {_shown(value)} is not a size between 1 and {most}")
    if spec.width % spec.heads:
        raise BundleError(f"policy.json: width {spec.width} cannot be shared out among {spec.heads} heads")
    if spec.width % 2:
        raise BundleError(f"policy.json: width {spec.width} is odd, and sines and cosines of the time come in pairs")
    for part, config, _ in parts:
        wide, heads = config.get("hidden_size", 0), config.get("num_attention_heads", 1)
        if wide % heads:
            raise BundleError(f"policy.json: {part}.hidden_size: {wide} cannot be shared out among {heads} heads")
    _check_images(spec)
    _check_texts(spec)
    side = spec.image_config["image_size"]
    odd_views = [view.name for view in spec.views if spec.image_encoder == "siglip" and (view.width, view.height) != (side, side)]
    if odd_views:
        raise BundleError(f"policy.json: views: SigLIP's images are {side}x{side}, and '{odd_views[0]}' is not")
    for name in ("image_source", "text_source"):
        source = getattr(spec, name)
        if source != IN_BUNDLE and not (str(source).startswith(HUB) and "@" in source):
            raise BundleError(f"policy.json: {name}: {source!r} is neither '{IN_BUNDLE}' nor '{HUB}REPO@REVISION'")


def _check_images(spec: SpocSpec) -> None:
    """Refuse views that the image encoder cannot read, or only with memory without end.

    Raises:
        BundleError: names the field.
    """
    patch = int(spec.image_config["patch_size"])
    sides = {"image_config.image_size": int(spec.image_config["image_size"])}
    sides |= {f"views.{view.name}.{side}": getattr(view, side) for view in spec.views for side in ("width", "height")}
    for name, side in sides.items():
        if side < patch:
            raise BundleError(f"policy.json: {name}: {side} pixels are less than one patch of {patch}")
    for view in spec.views:
        if not all(0 <= value <= 255 for value in view.fill):
            raise BundleError(f"policy.json: views.{view.name}.fill: {_shown(view.fill)} is no colour; each of the three is from 0 to 255")
    products = (
        ("views", "pixels", sum(view.width * view.height for view in spec.views), MAX_PIXELS),
        ("grid", "patches", spec.patches, MAX_PATCHES),
        (
            "image_config.patch_size",
            "tokens of a view",
            max(((v.width // patch) * (v.height // patch) for v in spec.views), default=0),
            MAX_TOKENS,
        ),
        ("grid", "numbers of features", spec.patches * spec.feature_width * len(spec.views), MAX_FEATURES),
    )
    for name, of_what, found, most in products:
        if found > most:
            raise BundleError(f"policy.json: {name}: {found} {of_what} are more than {most}")
    if not all(math.isfinite(mean) and abs(mean) <= 1 / MIN_STD for mean in spec.image_mean):
        raise BundleError(f"policy.json: image_mean: {list(spec.image_mean)} is no mean of pixel values from 0 to 1")
    if not all(MIN_STD <= std <= 1 / MIN_STD for std in spec.image_std):
        raise BundleError(f"policy.json: image_std: {list(spec.image_std)} is no spread of pixel values; each is at least {MIN_STD}")


def _check_texts(spec: SpocSpec) -> None:
    """Refuse what the text encoder cannot read.

    Raises:
        BundleError: names the field.
    """
    start, words = spec.text_config.get("decoder_start_token_id", 0), int(spec.text_config["vocab_size"])
    if type(start) is not int or not 0 <= start < words:
        raise BundleError(f"policy.json: text_config.decoder_start_token_id: {_shown(start)} is not a token between 0 and {words - 1}")
    most = spec.text_config.get("max_position_embeddings")
    if most is not None and (spec.text_length is None or spec.text_length > most):
        raise BundleError(f"policy.json: text_length: {spec.text_length} is not a size between 1 and max_position_embeddings {most}")


def _shown(value: object) -> str:
    """A value of someone else's file, short enough for a message."""
    said = repr(value)
    return said if len(said) <= 80 else f"{said[:80]}..."
