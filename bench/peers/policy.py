"""The benchmark's network as a family of policies of its own: what a user writes who brings another network to the learner.

Shapes: T steps, B rows, W = 256.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from bench.peers import gru
from bench.peers.network import WIDTH, Encoder, heads, recurrent
from bench.peers.task import ACTIONS, LONGEST
from flare_core.policies.interface import Actor, Observation, Policy, PolicyInputs
from flare_core.policies.memory import Memory, Recurrent
from flare_core.policies.spec import View


@dataclass(frozen=True, slots=True, kw_only=True)
class GruShape:
    """A policy without words and without joints.

    Attributes:
        frozen: the encoder does not learn, and its features are what is stored.
        own_gru: sequences go through `gru.sequence` instead of torch's GRU.
    """

    frozen: bool
    own_gru: bool = False
    family: str = "bench_gru"
    views: tuple[View, ...] = ()
    actions: tuple[str, ...] = tuple(f"action_{at}" for at in range(ACTIONS))
    body_inputs: tuple[str, ...] = ()
    has_body_columns: bool = False
    width: int = WIDTH
    context: int = LONGEST

    def to_json(self) -> dict[str, Any]:
        return {"family": self.family, "frozen": self.frozen, "own_gru": self.own_gru}

    def carried(self, actions: tuple[str, ...], body_inputs: tuple[str, ...]) -> Self:
        return replace(self, actions=actions, body_inputs=body_inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(PolicyInputs):
    """`picture`: uint8 (..., 64, 64, 3), or the frozen encoder's features (..., 256); `body` (..., 8); `previous` (...)."""

    picture: Tensor
    body: Tensor
    previous: Tensor


class Tower(Actor):
    """Encoder (where it learns), GRU and a head."""

    def __init__(self, spec: GruShape, outputs: int) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = None if spec.frozen else Encoder()
        self.gru = recurrent()
        self.head = heads()[0] if outputs == ACTIONS else nn.Linear(WIDTH, outputs)
        self.previous = nn.Embedding(ACTIONS + 1, 0)  # the network does not look at its previous action

    def empty_memory(self, rows: int) -> Recurrent:
        return Recurrent.of(torch.zeros(rows, WIDTH))

    def trunk(self, inputs: Seen, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        assert isinstance(memory, Recurrent)
        features = inputs.picture if self.encoder is None else self.encoder(inputs.picture.flatten(0, 1)).unflatten(0, starts.shape)
        joined = torch.cat([features, inputs.body], dim=-1)
        if self.spec.own_gru and len(starts) > 1:
            out = gru.sequence(self.gru, joined, memory.state, (~starts).unsqueeze(-1).float())
            return out, Recurrent.of(out[-1].detach())
        state, parts = memory.state.unsqueeze(0), []
        # The library's GRU runs over whole stretches; it is cut only where some row begins an episode.
        for begin, end in stretches(starts):
            out, state = self.gru(joined[begin:end], state.masked_fill(starts[begin].view(1, -1, 1), 0.0))
            parts.append(out)
        return parts[0] if len(parts) == 1 else torch.cat(parts), Recurrent.of(state[0].detach())


def stretches(starts: Tensor) -> list[tuple[int, int]]:
    """[begin, end) of the longest runs of steps in which no row begins an episode behind the first step; starts (T, B)."""
    begins = [0, *(at for at in starts.any(1).nonzero().flatten().tolist() if at > 0)]
    return list(zip(begins, [*begins[1:], len(starts)], strict=True))


class GruPolicy(Policy):
    """The actor, and the encoder where it is frozen."""

    spec: GruShape
    actor: Tower

    def __init__(self, spec: GruShape) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = Encoder() if spec.frozen else None
        self.actor = Tower(spec, len(spec.actions))

    def freeze_encoder(self) -> None:
        """The encoder of an actor that holds one goes on learning."""
        if self.encoder is not None:
            self.encoder.requires_grad_(False)

    def tower(self, outputs: int) -> Tower:
        return Tower(self.spec, outputs)


class Senses:
    """Observations to inputs: the picture as it is, or what the frozen encoder makes of it, once."""

    reads_text: ClassVar[bool] = False

    def __init__(self, policy: GruPolicy) -> None:
        self.policy = policy

    def fresh(self) -> "Senses":
        return Senses(self.policy)

    @torch.no_grad()
    def inputs(self, observation: Observation) -> Seen:
        picture = torch.from_numpy(observation["camera/front"])
        return Seen(
            picture=picture if self.policy.encoder is None else self.policy.encoder(picture),
            body=torch.from_numpy(observation["body"]),
            previous=torch.from_numpy(np.asarray(observation["previous_action"], dtype=np.int64)),
        )
