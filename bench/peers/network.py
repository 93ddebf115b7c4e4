"""The network that every learner gets: Nature's convolutions to 256, a GRU of 256, one head for the policy and one for the value."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.peers.task import ACTIONS, BODY

WIDTH = 256
PARAMETERS = 744_629  # of encoder, GRU and both heads


class Encoder(nn.Module):
    """Pictures uint8 (N, 64, 64, 3) to features (N, 256).

    Reference: Mnih et al. 2015, "Human-level control through deep reinforcement learning", with 256 features instead of 512.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 8, 4)
        self.later = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1024, WIDTH),
            nn.ReLU(),
        )
        for layer in (self.first, *self.later):
            if isinstance(layer, nn.Conv2d | nn.Linear):  # as PPO's usual implementations begin
                nn.init.orthogonal_(layer.weight, 2**0.5)
                nn.init.zeros_(layer.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> Tensor:
        # The scale stands in the graph. Folded into the parameter it would make Adam's steps 255 times as long there.
        pixels = pictures.permute(0, 3, 1, 2).float()
        out: Tensor = self.later(F.conv2d(pixels, self.first.weight / 255, self.first.bias, self.first.stride))
        return out


def heads() -> tuple[nn.Linear, nn.Linear]:
    """Heads of policy and value; the policy begins nearly uniform."""
    policy, value = nn.Linear(WIDTH, ACTIONS), nn.Linear(WIDTH, 1)
    nn.init.orthogonal_(policy.weight, 0.01)
    nn.init.zeros_(policy.bias)
    return policy, value


def recurrent() -> nn.GRU:
    """The GRU over features and body, (T, B, 264) to (T, B, 256)."""
    return nn.GRU(WIDTH + BODY, WIDTH)


def parameters(*modules: nn.Module) -> int:
    """Numbers that are learned or frozen, all modules together, each tensor once."""
    return sum(tensor.numel() for tensor in {id(t): t for module in modules for t in module.parameters()}.values())
