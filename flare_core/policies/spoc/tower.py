"""One tower of a `spoc` policy: image and text tokens are fused for every step, and decoded over the steps of an episode.

Shapes: T steps, B rows, V views that are fed, P patches of a view, F channels, L words, W width, U different instructions.
"""

import torch
from torch import Tensor, nn

from flare_core.policies.interface import Actor, step_rates
from flare_core.policies.memory import Memory
from flare_core.policies.spoc.blocks import Words
from flare_core.policies.spoc.decoder import Decoder
from flare_core.policies.spoc.fusion import Fusion
from flare_core.policies.spoc.inputs import SpocInputs
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.policies.spoc.texts import Encoded, Texts

FRAMES = 8  # that are fused at once: their activations fit the processor's cache


class SpocTower(Actor):
    """Fusion, embeddings, decoder and head: action logits (actor) or values (critic)."""

    spec: SpocSpec

    def __init__(self, spec: SpocSpec, outputs: int, texts: Texts) -> None:
        super().__init__()
        self.spec, self.texts = spec, texts
        w, c = spec.width, spec.compress_width
        self.fusion_token = nn.Parameter(0.1 * torch.rand(w))
        if spec.has_view_tokens:
            self.view_tokens = nn.ParameterDict({view.name: nn.Parameter(0.1 * torch.rand(w)) for view in spec.views})
        self.compress = nn.Sequential(nn.Conv2d(spec.feature_width, c, 1), nn.ReLU(), nn.Conv2d(c, w, 1), nn.ReLU())
        if spec.has_adapter:
            self.adapt = nn.Sequential(nn.Linear(w, w), nn.LayerNorm(w), nn.ReLU())
        self.text_adapt = nn.Sequential(nn.Linear(spec.text_width, w), nn.LayerNorm(w), nn.ReLU())
        self.fusion = Fusion(spec)
        self.previous = nn.Embedding(len(spec.actions) + 1, w)
        if spec.uses_holding:
            self.holding = nn.Embedding(2, w)
        if spec.has_join:
            self.join = nn.Linear(w, w)
        self.decoder = Decoder(spec)
        self.head = nn.Linear(w, outputs)
        self.register_buffer("rate", step_rates(w, 10000.0), persistent=False)
        nn.init.uniform_(self.previous.weight, -0.01, 0.01)

    def empty_memory(self, rows: int) -> Memory:
        """Memory of rows that all stand at the start of an episode."""
        return self.decoder.empty_memory(rows)

    def trunk(self, inputs: SpocInputs, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Fused, embedded and decoded inputs (T, B, W), and the memory after the last step (detached)."""
        x, words = self._embed(inputs)
        x, memory = self.decoder(x, starts, memory, words)
        return x, memory

    def value_after(self, past: SpocInputs, starts: Tensor, at: Tensor, row: Tensor, final: SpocInputs) -> Tensor:
        """As Network.value_after; every step of the past is fused once, whatever the number of episodes."""
        rows, which = torch.unique(row, return_inverse=True)
        some = (slice(0, int(at.max()) + 1), rows)
        x, words = self._embed(past.at(some))
        y, more = self._embed(final.at(None))
        out: Tensor = self.head(self.decoder.after(x, starts[some], words, y[0], at, which, more))
        return out

    def _embed(self, inputs: SpocInputs) -> tuple[Tensor, Words]:
        """What the decoder is given of every step, (T, B, W), and the instructions."""
        encoded = self.texts.encode(inputs.text.flatten(0, 1))
        words: Tensor = self.text_adapt(encoded.tokens)  # (U, L, W)
        x = self._fuse(inputs.features.flatten(0, 1), inputs.views.flatten(0, 1)[0], words, encoded)
        x = x.reshape(*inputs.step.shape, -1)  # (T, B, W)
        x = x + self.previous(inputs.previous)
        if self.spec.uses_holding:
            x = x + self.holding(inputs.holding)
        if self.spec.has_join:
            x = self.join(x)
        x = x + self._time(inputs.step)  # behind the join: PoliFormer's time code does not go through it
        return x, Words(words, encoded.allowed, encoded.which.reshape(inputs.step.shape).T)

    def _time(self, step: Tensor) -> Tensor:
        """Sines and cosines of the step by turns: (...) to (..., W)."""
        phase = step.unsqueeze(-1) * self.get_buffer("rate")
        return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2)

    def _fuse(self, features: Tensor, views: Tensor, words: Tensor, encoded: Encoded) -> Tensor:
        """Frames (N, V, P, F) with the words of each, (N, W)."""
        tokens = None
        if self.spec.has_view_tokens:
            names = [self.spec.views[at].name for at in views.tolist()]
            tokens = torch.stack([self.view_tokens[name] for name in names]).unsqueeze(1)  # (V, 1, W)
        parts = []
        for begin in range(0, len(features), FRAMES):
            some = slice(begin, begin + FRAMES)
            which = encoded.which[some]
            seen = self._see(features[some], tokens)
            allowed = None if encoded.allowed is None else encoded.allowed[which]
            parts.append(self.fusion(*self._joined(seen, words[which], allowed)))
        return torch.cat(parts)

    def _see(self, features: Tensor, tokens: Tensor | None) -> Tensor:
        """(N, V, P, F) to tokens (N, V * P, W)."""
        x = features
        for layer in (self.compress[0], self.compress[2]):  # convolutions of 1 x 1, on features that lie in the last axis
            assert isinstance(layer, nn.Conv2d)
            x = torch.relu(nn.functional.linear(x, layer.weight.flatten(1), layer.bias))
        x = self.adapt(x) if self.spec.has_adapter else x
        x = x if tokens is None else x + tokens
        return x.flatten(1, 2)

    def _joined(self, seen: Tensor, words: Tensor, allowed: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """All tokens of every frame, (N, K, W), and which are attended to."""
        rows = len(seen)
        fusion = self.fusion_token.expand(rows, 1, -1)
        views_first = self.spec.fusion_order == "views_text"
        tokens = torch.cat([fusion, seen, words] if views_first else [fusion, words, seen], dim=1)
        if allowed is None:
            return tokens, None
        one, most = allowed.new_ones(rows, 1), allowed.new_ones(rows, seen.shape[1])
        return tokens, torch.cat([one, most, allowed] if views_first else [one, allowed, most], dim=1)
