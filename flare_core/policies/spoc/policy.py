"""The `spoc` policy: frozen encoders and an actor, with what a critic is made of.

References: Ehsani et al. 2024, "SPOC", arXiv:2312.02976; Hu et al. 2024, "FLaRe", arXiv:2409.16578.
"""

from collections.abc import Mapping
from typing import Final

from torch import Tensor

from flare_core.policies.interface import Policy
from flare_core.policies.spoc.encoders import SpocEncoder
from flare_core.policies.spoc.spec import HUB, IN_BUNDLE, SpocSpec
from flare_core.policies.spoc.texts import Texts
from flare_core.policies.spoc.tokenizer import Words, tokenizer_of
from flare_core.policies.spoc.tower import SpocTower

TOKENIZER: Final = "encoder.tokenizer"


class SpocPolicy(Policy):
    """Encoders and actor: everything that a bundle holds."""

    spec: SpocSpec
    actor: SpocTower

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = SpocEncoder(spec)
        self._words: Words | None = None
        self.texts = Texts(self.encoder, spec.exact)
        self.actor = SpocTower(spec, len(spec.actions), self.texts)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over weights by name; an encoder that is in none of them comes from the Hub repository that the spec names.

        Raises:
            RuntimeError: tensors are missing, left over or of another shape.
            PolicyError: an encoder is neither here nor on the Hub.
        """
        found = dict(state)
        for part, source in (("image", self.spec.image_source), ("text", self.spec.text_source)):
            prefix = f"encoder.{part}."
            if source != IN_BUNDLE and not any(name.startswith(prefix) for name in found):
                found |= {prefix + name: value for name, value in self.encoder.from_hub(part, source.removeprefix(HUB)).items()}
        self.encoder.keep_tokenizer(found.get(TOKENIZER))
        self.load_state_dict(found, strict=True)
        self.texts.forget()
        self._words = None
        self.actor.requires_grad_(True)

    def own_state(self) -> dict[str, Tensor]:
        """Without an encoder that comes from the Hub: `policy.json` names its revision, and it has terms of its own."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith(self.spec.outside)}

    def tokens(self, texts: list[str]) -> Tensor:
        """Token ids (N, L) of instructions; see `tokenizer.Words.encode`.

        Raises:
            PolicyError: the tokenizer is neither kept in the bundle nor in the cache nor on the Hub.
        """
        if self._words is None:
            self._words = tokenizer_of(self.spec, self.encoder.tokenizer)
        return self._words.encode(texts)

    def freeze_encoder(self) -> None:
        """Nothing to do: the encoders never learn."""

    def tower(self, outputs: int) -> SpocTower:
        """A fresh one of this shape, which reads the same encoded texts."""
        return SpocTower(self.spec, outputs, self.texts)
