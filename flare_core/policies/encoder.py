"""The frozen part of the `small` policy: images to what is there and to a summary of the scene, words to a goal.

Shapes: N frames, F features of one view, K categories, M matches, G goal width, L words; R x C cells of 8 x 8 pixels.
"""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.policies.spec import CELL, LAYERS, NEAR_SIDES, SIDES, PolicySpec, View

MEAN, SPREAD = 110.0, 64.0  # of pixel values, 0..255
UNLIKELY = -4.0  # logit that every cell begins with: most cells show nothing that is asked for
NOTHING = -6.0  # logit of a view that is absent


class Convolution(nn.Module):
    """A convolution and a ReLU; with a batch norm between them while the encoder learns, which is then folded into the weights."""

    def __init__(self, before: int, after: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, stride=stride, padding=size // 2)
        self.norm: nn.BatchNorm2d | None = None
        _start(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.relu(x if self.norm is None else self.norm(x), inplace=True)

    def add_norm(self) -> None:
        """Begin to learn."""
        self.norm = nn.BatchNorm2d(self.conv.out_channels)

    @torch.no_grad()
    def fold_norm(self) -> None:
        """Stop learning: the same function of the running statistics, by the convolution alone."""
        if self.norm is None:
            return
        mean, variance, bias = self.norm.running_mean, self.norm.running_var, self.conv.bias
        assert mean is not None
        assert variance is not None
        assert bias is not None
        scale = self.norm.weight / torch.sqrt(variance + self.norm.eps)
        self.conv.weight.mul_(scale[:, None, None, None])
        bias.copy_((bias - mean) * scale + self.norm.bias)
        self.norm = None


class ViewEncoder(nn.Module):
    """One view's image to what every cell of it shows, and to one feature vector of the whole scene.

    Four stride-2 convolutions. Cells are judged from three depths of them at once, so that an apple is still sharp and a
    room is still seen whole; the scene is read off the deepest.
    """

    def __init__(self, view: View, spec: PolicySpec) -> None:
        super().__init__()
        a, b, c, d = spec.channels
        features, categories, self.levels = spec.features, len(spec.categories), spec.levels
        merged = max(1, 2 * c // 3)
        self.first, self.second = Convolution(3, a, 5, 2), Convolution(a, b, 3, 2)
        self.third, self.fourth, self.fifth = Convolution(b, c, 3, 2), Convolution(c, d, 3, 2), Convolution(d, d, 3, 1)
        self.fine, self.middle, self.coarse = nn.Conv2d(b, merged, 3, stride=2, padding=1), nn.Conv2d(c, merged, 1), nn.Conv2d(d, merged, 1)
        self.whole = nn.Linear(d, merged)
        self.mix = Convolution(merged, merged, 3, 1)
        self.cells = nn.Conv2d(merged, categories * LAYERS, 1)
        narrow, half = max(1, d // 4), 2 * CELL
        self.narrow = nn.Conv2d(d, narrow, 1)
        self.out = nn.Linear(narrow * -(-view.height // half) * -(-view.width // half), features)
        self.norm = nn.LayerNorm(features)
        absent = torch.full((features + categories * spec.matches,), NOTHING)
        absent[:features] = 0.0
        self.absent = nn.Parameter(absent)
        for layer in (self.fine, self.middle, self.coarse, self.narrow):
            _start(layer)
        assert self.cells.bias is not None
        nn.init.constant_(self.cells.bias, UNLIKELY)

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (N, H, W, 3) to the scene's features (N, F) and logits of every cell (N, K, LAYERS, R, C)."""
        # Channels last in memory, as the images came. In bfloat16 too every value is exact: eight bits, divided by a power of two.
        x = images.permute(0, 3, 1, 2).to(self.first.conv.weight.dtype).sub_(MEAN).div_(SPREAD)
        second = self.second(self.first(x))
        third = self.third(second)
        deep = self.fourth(third)
        deep = deep + self.fifth(deep)
        rows, columns = third.shape[2:]
        merged = self.coarse(deep) + self.whole(deep.mean((2, 3)))[:, :, None, None]
        merged = F.interpolate(merged, scale_factor=2, mode="nearest")[:, :, :rows, :columns] + self.middle(third) + self.fine(second)
        merged = F.relu(merged, inplace=True)
        merged = merged + self.mix(merged)
        scene = F.relu(self.norm(self.out(F.relu(self.narrow(deep), inplace=True).flatten(1))), inplace=True)
        return scene, torch.unflatten(self.cells(merged), 1, (-1, LAYERS))

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) to (N, F + K * M): the scene, and what is where in it (see `PolicySpec`)."""
        scene, cells = self.look(images)
        return torch.cat([scene, pooled(cells, self.levels).flatten(1)], dim=-1)


class Encoder(nn.Module):
    """Images of all views to features, words to a goal vector, and how far the ones show what the others ask for."""

    def __init__(self, spec: PolicySpec) -> None:
        super().__init__()
        self.spec = spec
        self.fast = has_native_bfloat16()
        self.views = nn.ModuleDict({view.name: ViewEncoder(view, spec) for view in spec.views})
        self._cast: dict[str, tuple[tuple[tuple[int, int], ...], ViewEncoder]] = {}  # outside of the state: no weights of their own
        self.weigh = nn.Linear(spec.word_width, 1)
        self.read = nn.Linear(spec.word_width, spec.goal_width)
        self.category = nn.Linear(spec.goal_width, len(spec.categories))

    def features(self, images: Mapping[str, Tensor], frames: int, dropped: Mapping[str, Tensor] | None = None) -> Tensor:
        """Features of every frame; a view that is not given counts as absent.

        Args:
            images: uint8 (N, H, W, 3) by view name.
            frames: N, for policies of which no view is given.
            dropped: bool (N,) by view name, frames in which a given view counts as absent all the same.

        Returns:
            (N, views * (F + K * M)).
        """
        with self.arithmetic():
            parts = self._view_features(images, frames, dropped or {})
        return torch.cat(parts, dim=-1).float()

    def arithmetic(self) -> torch.autocast:
        """bfloat16 where the processor has it."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.fast)

    def _view_features(self, images: Mapping[str, Tensor], frames: int, dropped: Mapping[str, Tensor]) -> list[Tensor]:
        parts = []
        for view in self.spec.views:
            encoder = self.views[view.name]
            assert isinstance(encoder, ViewEncoder)
            image = images.get(view.name)
            absent = encoder.absent.expand(frames, -1)
            part = absent if image is None else self._ready(view.name, encoder)(image)
            gone = dropped.get(view.name) if image is not None else None
            parts.append(part if gone is None else torch.where(gone.unsqueeze(-1), absent, part))
        return parts

    def _ready(self, name: str, encoder: ViewEncoder) -> ViewEncoder:
        """The encoder itself, or where nothing is learned from the pass a copy whose weights are bfloat16 already.

        `autocast` casts and reorders weights that do not learn anew in every call, which takes longer than four frames do.
        """
        if not self.fast or torch.is_grad_enabled() or torch.is_inference_mode_enabled():
            return encoder
        made_of = tuple((tensor.data_ptr(), tensor._version) for tensor in encoder.state_dict(keep_vars=True).values())
        known = self._cast.get(name)
        if known is None or known[0] != made_of:
            copy = deepcopy(encoder).requires_grad_(False).to(torch.bfloat16)
            for layer in copy.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.weight.data = layer.weight.data.to(memory_format=torch.channels_last)
            copy.norm.float().load_state_dict(encoder.norm.state_dict())  # `autocast` normalises with weights as they are
            known = self._cast[name] = (made_of, copy)
        return known[1]

    def scenes(self, features: Tensor) -> Tensor:
        """The part of `features` that says nothing of categories: (N, views * F)."""
        parts = torch.split(features, self.spec.view_width, dim=-1)
        return torch.cat([part[:, : self.spec.features] for part in parts], dim=-1)

    def match(self, features: Tensor, goal: Tensor) -> Tensor:
        """How far every view shows what is asked for.

        What a view shows of every category that the encoder was taught, weighted by what the goal is read as. A goal in words
        that the lesson did not have is read as the categories that its words are nearest to.

        Args:
            features: (N, views * (F + K * M)), from `features`.
            goal: (N, G), one for each frame.

        Returns:
            (N, views * M) logits.
        """
        meant = torch.softmax(self.category(goal), dim=-1).unsqueeze(-1)  # (N, K, 1)
        parts = torch.split(features, self.spec.view_width, dim=-1)
        return torch.cat([(self.shown(part) * meant).sum(1) for part in parts], dim=-1)

    def shown(self, part: Tensor) -> Tensor:
        """Logits of what one view's part of `features` shows of every category: (N, K, M)."""
        return torch.unflatten(part[:, self.spec.features :], -1, (len(self.spec.categories), self.spec.matches))

    def encode_goal(self, words: Tensor, table: Tensor) -> Tensor:
        """Instructions to goal vectors: a weighted mean of the words' vectors, then one layer.

        Args:
            words: int (N, L) word ids, 0 pads.
            table: (V + 1, word_width), row 0 zeros.

        Returns:
            (N, G).
        """
        vectors = table[words.long()]  # (N, L, word_width)
        score = self.weigh(vectors).squeeze(-1).masked_fill(words == 0, -1e9)  # (N, L)
        return F.relu(self.read((torch.softmax(score, dim=-1).unsqueeze(-1) * vectors).sum(-2)))

    def convolutions(self) -> list[Convolution]:
        """Every layer that has a norm while the encoder learns."""
        return [module for module in self.modules() if isinstance(module, Convolution)]


def pooled(cells: Tensor, levels: int = 0) -> Tensor:
    """What is where: cells (N, K, LAYERS, R, C) to (N, K, MATCHES + levels), each the greatest logit of its part of the image."""
    upright = cells.amax(3)  # (N, K, LAYERS, C)
    there, near = _strips(upright[:, :, 0], SIDES), _strips(upright[:, :, 1], NEAR_SIDES)
    level = _strips(cells[:, :, 0].amax(3), levels) if levels else []
    return torch.stack([*there, *near, upright[:, :, 2].amax(2), *level], dim=-1)


def _strips(line: Tensor, count: int) -> list[Tensor]:
    """The greatest of each part of (N, K, C), from left to right, (N, K) each; parts of a short line overlap."""
    columns = line.shape[-1]
    edges = [(at * columns // count, max(at * columns // count + 1, (at + 1) * columns // count)) for at in range(count)]
    return [line[..., low:high].amax(2) for low, high in edges]


def has_native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself: convolutions then take half the time; emulated they take longer."""
    asked = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(bool(ask()) for ask in asked if ask is not None)


def _start(layer: nn.Conv2d) -> None:
    assert layer.bias is not None
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
