"""The `spoc` policy: frozen encoders and an actor, with what a critic is made of.

References: Ehsani et al. 2024, "SPOC", arXiv:2312.02976; Hu et al. 2024, "FLaRe", arXiv:2409.16578.
"""

import torch
from torch import Tensor, nn

from flare_core.policies.interface import Policy
from flare_core.policies.spoc.encoders import SpocEncoder
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.policies.spoc.texts import Texts
from flare_core.policies.spoc.tower import SpocTower


class SpocPolicy(Policy):
    """Encoders and actor: everything that a bundle holds."""

    def __init__(self, spec: SpocSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = SpocEncoder(spec)
        self.texts = Texts(self.encoder, spec.exact)
        self.actor = SpocTower(spec, len(spec.actions), self.texts)

    def freeze_encoder(self) -> None:
        """Nothing to do: the encoders never learn."""

    def make_critic(self, values: int = 1) -> SpocTower:
        """A second tower whose body is a copy of the actor's, with fresh value heads that start at zero.

        Reference: FLaRe (arXiv 2409.16578), section IV: no feature sharing between actor and critic.
        """
        critic = SpocTower(self.spec, values, self.texts)
        state = {name: value for name, value in self.actor.state_dict().items() if not name.startswith("head.")}
        critic.load_state_dict(state, strict=False)
        nn.init.zeros_(critic.head.weight)
        nn.init.zeros_(critic.head.bias)
        return critic

    def make_reference(self) -> SpocTower:
        """A frozen copy of the actor as it is now."""
        tower = SpocTower(self.spec, len(self.spec.actions), self.texts)
        tower.load_state_dict(self.actor.state_dict())
        return tower.requires_grad_(False)
