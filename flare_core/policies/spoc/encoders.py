"""The frozen encoders, as `transformers` has them: images to a grid of features, instructions to a vector for each token.

Shapes: N frames or instructions, H, W pixels, P patches of the pooled grid, F channels, L tokens, D width of an encoded token.
"""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.errors import PolicyError
from flare_core.policies.spoc.spec import SpocSpec

DINOV2_OFFSET = 0.1  # of the position table's enlargement, as DINOv2's own code has it; `transformers` leaves it out
NAME_TWICE = ("text.shared.weight", "text.encoder.embed_tokens.weight")  # T5's table has two names


def transformers() -> ModuleType:
    """The package that the encoders come from.

    Raises:
        PolicyError: it is not installed.
    """
    try:
        return import_module("transformers")
    except ImportError:
        raise PolicyError(
            "policies: a 'spoc' policy needs the package transformers. Install it with `pip install flare-core[spoc]`"
        ) from None


class SpocEncoder(nn.Module):
    """Image and text encoder, never in training mode: their dropout would make every pass another one."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.spec = spec
        self.image, self.text = _image_model(spec), _text_model(spec)
        self.register_buffer("mean", 255 * torch.tensor(spec.image_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("spread", 255 * torch.tensor(spec.image_std).view(3, 1, 1), persistent=False)
        if spec.text_encoder == "t5":
            self.register_state_dict_post_hook(_drop_second_name)  # type: ignore[no-untyped-call]
            self.register_load_state_dict_pre_hook(_add_second_name)  # type: ignore[no-untyped-call]
        self.tokenizer: Tensor | None
        self.register_buffer("tokenizer", None)  # bytes of the tokenizer's file, where they are known; see `tokenizer`
        self.requires_grad_(False).eval()

    def keep_tokenizer(self, content: Tensor | None) -> None:
        """Keep the tokenizer's file, uint8 (bytes,), with the weights; None keeps none."""
        self.tokenizer = content

    def from_hub(self, part: str, source: str) -> dict[str, Tensor]:
        """Tensors of the image or text encoder by their names here, out of a pinned Hub repository.

        Args:
            source: REPO@REVISION of a safetensors checkpoint; one of images and texts together will do.

        Raises:
            PolicyError: it cannot be had.
        """
        repo, _, revision = source.partition("@")
        kind, wanted = type(getattr(self, part)), set(getattr(self, part).state_dict())
        try:
            found = kind.from_pretrained(repo, revision=revision, use_safetensors=True).state_dict()
        except (OSError, ValueError) as fault:
            reason = str(fault).splitlines()[0]
            raise PolicyError(
                f"policies: the {part} encoder {source} is neither in the cache nor to be had from the Hub ({reason}). "
                f"With a network: `hf download {repo} --revision {revision}`"
            ) from None
        return {name: value for name, value in found.items() if name in wanted}

    def train(self, mode: bool = True) -> "SpocEncoder":
        """Stay as it is."""
        del mode
        return super().train(False)

    @torch.no_grad()
    def features(self, images: Mapping[str, Tensor]) -> Tensor:
        """uint8 (N, H, W, 3) by view name to (N, V, P, F); V views are given, in the spec's order.

        Raises:
            PolicyError: no view is given.
        """
        given = [images[view.name] for view in self.spec.views if view.name in images]
        if not given:
            names = ", ".join(f"'{view.name}'" for view in self.spec.views)
            raise PolicyError(f"policies: none of the policy's views ({names}) is fed. Give it a camera under `views:` of the transfer")
        return torch.stack([self._grid(image) for image in given], dim=1)

    def _grid(self, images: Tensor) -> Tensor:
        """One view's images, uint8 (N, H, W, 3), to (N, P, F)."""
        x = (images.permute(0, 3, 1, 2).float() - self.get_buffer("mean")) / self.get_buffer("spread")
        if self.spec.image_encoder == "dinov2":
            patches = self._dinov2(_whole_patches(x, int(self.spec.image_config["patch_size"])))
        else:
            patches = self._siglip(x)
        pooled: Tensor = F.adaptive_avg_pool2d(patches, self.spec.grid)
        return pooled.flatten(2).transpose(1, 2)

    def _dinov2(self, x: Tensor) -> Tensor:
        """Normalised patch tokens as an image (N, F, rows, columns)."""
        size = int(self.spec.image_config["patch_size"])
        rows, columns, model = x.shape[2] // size, x.shape[3] // size, self.image
        embeddings = model.embeddings
        tokens = torch.cat([embeddings.cls_token.expand(len(x), -1, -1), embeddings.patch_embeddings(x)], dim=1)
        tokens = tokens + _positions(embeddings.position_embeddings, rows, columns)
        normed: Tensor = model.layernorm(model.encoder(tokens).last_hidden_state)
        return normed[:, 1:].transpose(1, 2).reshape(len(x), -1, rows, columns)

    def _siglip(self, x: Tensor) -> Tensor:
        side = int(self.spec.image_config["image_size"]) // int(self.spec.image_config["patch_size"])
        tokens: Tensor = self.image(pixel_values=x).last_hidden_state
        return tokens.transpose(1, 2).reshape(len(x), -1, side, side)

    @torch.no_grad()
    def words(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Token ids (N, L), with what is no padding, to (N, L, D); SigLIP's summary of the whole stands behind its tokens."""
        if self.spec.text_encoder == "t5":
            encoded: Tensor = self.text(input_ids=tokens, attention_mask=real.long()).last_hidden_state
            return encoded
        found = self.text(input_ids=tokens)
        every: tuple[Tensor, Tensor] = (found.last_hidden_state, found.pooler_output.unsqueeze(1))
        return torch.cat(every, dim=1)


def _image_model(spec: SpocSpec) -> Any:
    package, sizes = transformers(), dict(spec.image_config)
    if spec.image_encoder == "dinov2":
        return package.Dinov2Model(package.Dinov2Config(**sizes, attn_implementation="sdpa"))
    return package.SiglipVisionModel(package.SiglipVisionConfig(**sizes, vision_use_head=False, attn_implementation="sdpa"))


def _text_model(spec: SpocSpec) -> Any:
    package, sizes = transformers(), dict(spec.text_config)
    if spec.text_encoder == "t5":
        return package.T5EncoderModel(package.T5Config(**sizes))
    ids = {"bos_token_id": None, "eos_token_id": None}  # the defaults are CLIP's, and are not in SigLIP's vocabulary
    return package.SiglipTextModel(package.SiglipTextConfig(**ids, **sizes, attn_implementation="sdpa"))


def _whole_patches(x: Tensor, size: int) -> Tensor:
    """The middle of images (N, 3, H, W), a whole number of patches each way."""
    height, width = x.shape[2] // size * size, x.shape[3] // size * size
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]


def _positions(table: Tensor, rows: int, columns: int) -> Tensor:
    """The position table (1, 1 + S * S, F) for a grid of another size: (1, 1 + rows * columns, F).

    Reference: Oquab et al. 2023, arXiv:2304.07193; its code adds DINOV2_OFFSET to the new size before it divides.
    """
    side = int((table.shape[1] - 1) ** 0.5)
    if (rows, columns) == (side, side):
        return table
    grid = table[:, 1:].transpose(1, 2).reshape(1, -1, side, side)
    scale = ((rows + DINOV2_OFFSET) / side, (columns + DINOV2_OFFSET) / side)
    grid = F.interpolate(grid.float(), scale_factor=scale, mode="bicubic", align_corners=False)
    assert grid.shape[2:] == (rows, columns)
    return torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2).to(table.dtype)], dim=1)


def _drop_second_name(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    del module, metadata
    state.pop(prefix + NAME_TWICE[1], None)


def _add_second_name(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    del module, rest
    first, second = (prefix + name for name in NAME_TWICE)
    if first in state:
        state.setdefault(second, state[first])
