"""What learning, evaluation and bundles ask of a policy, whatever its family.

A family is its shape (`Shape`), the inputs of a step (`PolicyInputs`), the towers that take them (`Actor`, `Network`), the
policy that holds encoder and actor (`Policy`), and what turns observations into inputs (`Senses`). `families` lists them.

Shapes: T steps, B rows, E episodes, W width, A actions.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from flare_core.policies.memory import Memory
from flare_core.policies.spec import View

Observation = Mapping[str, npt.NDArray[Any]]
P = TypeVar("P", bound="PolicyInputs")


class Shape(Protocol):
    """What is known of a policy besides its weights."""

    @property
    def family(self) -> str: ...

    @property
    def views(self) -> tuple[View, ...]: ...

    @property
    def actions(self) -> tuple[str, ...]: ...

    @property
    def body_inputs(self) -> tuple[str, ...]: ...

    @property
    def has_body_columns(self) -> bool: ...

    @property
    def width(self) -> int: ...

    @property
    def context(self) -> int: ...

    def to_json(self) -> dict[str, Any]: ...

    def carried(self, actions: tuple[str, ...], body_inputs: tuple[str, ...]) -> Self:
        """The same shape on another body."""


class Views(Protocol):
    """Turns the target's camera images into the images that the policy expects."""

    def apply(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> Mapping[str, npt.NDArray[np.uint8]]:
        """{camera: (B, H, W, 3)} to {view: (B, h, w, 3)}; absent views are left out."""


class PolicyInputs:
    """What a tower sees, (T, B, ...) for a sequence or (B, ...) for one step; a family's is a frozen dataclass of tensors."""

    __slots__: tuple[str, ...] = ()
    is_large: ClassVar[bool] = False  # steps that no present episode needs are then not kept from rollout to rollout

    def tensors(self) -> dict[str, Tensor]:
        """Every field by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def at(self, index: Any) -> Self:
        """The same fields indexed alike."""
        return type(self)(**{name: tensor[index] for name, tensor in self.tensors().items()})

    @classmethod
    def aligned(cls, parts: Sequence[Self]) -> Sequence[Self]:
        """The parts with fields of equal length, where a family has any that may differ."""
        return parts


def cat(parts: Sequence[P], dim: int) -> P:
    """Fields joined along one axis."""
    kind, parts = type(parts[0]), parts[0].aligned(parts)
    return kind(**{name: torch.cat([getattr(part, name) for part in parts], dim) for name in kind.__slots__})


def stack(parts: Sequence[P]) -> P:
    """Single steps (B, ...) to a sequence (T, B, ...)."""
    kind, parts = type(parts[0]), parts[0].aligned(parts)
    return kind(**{name: torch.stack([getattr(part, name) for part in parts]) for name in kind.__slots__})


def step_rates(width: int, longest: float) -> Tensor:
    """Rates of the sines and cosines that tell how late in its episode a step is: (width / 2,), from 1 down to about 1 / `longest`.

    On the CPU also among networks without numbers: see `shapes_only`.
    """
    return torch.exp(torch.arange(0, width, 2, device="cpu") * (-math.log(longest) / width))


class Network(nn.Module, ABC):
    """A tower with a head: action logits, or values."""

    spec: Shape
    head: nn.Linear

    @abstractmethod
    def empty_memory(self, rows: int) -> Memory:
        """Memory of rows that all stand at the start of an episode."""

    @abstractmethod
    def trunk(self, inputs: Any, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """As `sequence`, up to the head: (T, B, W)."""

    def sequence(self, inputs: Any, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Outputs for a whole sequence, as if `step` had been called once a step.

        Args:
            inputs: (T, B, ...).
            starts: bool (T, B), True where an episode begins; nothing before is seen from there on.
            memory: what came before step 0; its keys and values are constants.

        Returns:
            Outputs (T, B, out), and the memory after the last step (detached).
        """
        trunk, memory = self.trunk(inputs, starts, memory)
        return self.head(trunk), memory

    def value_after(self, past: Any, starts: Tensor, at: Tensor, row: Tensor, final: Any) -> Tensor:
        """Outputs for `final` (E, ...), each preceded by its row's inputs up to and including step `at` of `past`; (E, out).

        Args:
            past: (T, B, ...), starts: bool (T, B), True where an episode begins; the first step counts as such.
            at, row: int64 (E,).
        """
        back = self.spec.context - 1
        index = at.unsqueeze(0) - torch.arange(back - 1, -1, -1).unsqueeze(1)  # (back, E)
        begins = starts[index.clamp(min=0), row] | (index <= 0)
        window = past.at((index.clamp(min=0), row))
        sequence = cat([window, final.at(None)], 0)
        begins = torch.cat([begins, torch.zeros(1, len(row), dtype=torch.bool)])
        out, _ = self.sequence(sequence, begins, self.empty_memory(len(row)))
        return out[-1]


class Actor(Network):
    """The tower that a bundle holds: the head has a row an action, `previous` one more for the start of an episode."""

    previous: nn.Embedding

    def step(self, inputs: Any, memory: Memory) -> tuple[Tensor, Memory]:
        """One step of every row: outputs (B, out) and the new memory. Call `memory.forget` at episode starts."""
        trunk, memory = self.step_trunk(inputs, memory)
        return self.head(trunk)[0], memory

    def step_trunk(self, inputs: Any, memory: Memory) -> tuple[Tensor, Memory]:
        """As `step`, up to the head: (1, B, W)."""
        starts = torch.zeros(1, len(inputs.previous), dtype=torch.bool)
        return self.trunk(inputs.at(None), starts, memory)


class Policy(nn.Module, ABC):
    """A frozen encoder and an actor: everything that a bundle holds."""

    spec: Shape
    actor: Actor

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over weights by name.

        Raises:
            RuntimeError: tensors are missing, left over or of another shape.
        """
        self.load_state_dict(dict(state), strict=True)
        self.requires_grad_(True)

    def own_state(self) -> dict[str, Tensor]:
        """Tensors that a bundle of it holds: without those of an encoder that stays outside."""
        return self.state_dict()

    @abstractmethod
    def freeze_encoder(self) -> None:
        """Stop training of the encoder; its features may then be stored."""

    @abstractmethod
    def tower(self, outputs: int) -> Actor:
        """A fresh network of the actor's shape with a head of so many rows."""

    def make_critic(self, values: int = 1) -> Network:
        """A separate critic: its body is a copy of the actor's, its value heads are fresh and start at zero.

        Reference: FLaRe (arXiv 2409.16578), section IV: no feature sharing between actor and critic.
        """
        critic = self.tower(values)
        state = {name: value for name, value in self.actor.state_dict().items() if not name.startswith("head.")}
        critic.load_state_dict(state, strict=False)
        nn.init.zeros_(critic.head.weight)
        nn.init.zeros_(critic.head.bias)
        return critic

    def make_reference(self) -> Actor:
        """A frozen copy of the actor as it is now."""
        tower = self.tower(len(self.spec.actions))
        tower.load_state_dict(self.actor.state_dict())
        return tower.requires_grad_(False)


class PolicySenses(Protocol):
    """Turns observations into a policy's inputs; what is slow and does not change is computed once.

    Attributes:
        reads_text: it takes any text as `instruction` (B,) of an observation; else only the words of `goal`.
    """

    policy: Any
    reads_text: ClassVar[bool]

    def inputs(self, observation: Observation) -> Any:
        """Inputs of one step, (B, ...)."""

    def fresh(self) -> "PolicySenses":
        """The same senses with nothing remembered, for rows of another number."""


class SharedCritic(Network):
    """Value heads on the actor's own tower, for recipes without a separate critic (FLaRe's ablation)."""

    def __init__(self, actor: Actor, values: int = 1) -> None:
        super().__init__()
        self._tower = (actor,)  # in a tuple, so that the tower's parameters stay the actor's
        self.spec = actor.spec
        self.head = nn.Linear(actor.spec.width, values)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def empty_memory(self, rows: int) -> Memory:
        """As the actor's."""
        return self._tower[0].empty_memory(rows)

    def trunk(self, inputs: Any, starts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The actor's."""
        return self._tower[0].trunk(inputs, starts, memory)
