"""The YAML of actions: what each one does, and which of a preset a robot has."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

import pydantic
from pydantic import Field

from flare_core.embodiments import checks, directions
from flare_core.embodiments.body import Action, Effect, EffectKind, Need
from flare_core.embodiments.presets import ActionPreset
from flare_core.reading import Spec

Step = Annotated[float, Field(gt=0, le=2)]  # metres of one action
Turn = Annotated[float, Field(gt=0, le=180)]  # degrees of one action
SayWord = Literal["done", "sub_done"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Directed(Spec):
    """Amounts along named directions: never negative, and never both ways at once."""

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _not_negative(cls, value: object, info: pydantic.ValidationInfo) -> object:
        other = directions.OPPOSITES.get(info.field_name or "")
        if other in cls.model_fields and isinstance(value, int | float) and value < 0:
            raise ValueError(f"should not be negative; got {value}. Write `{other}: {-value}` for the other direction")
        return value

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> Self:
        for name in type(self).model_fields:
            other = directions.OPPOSITES.get(name, "")
            if name < other and name in self.model_fields_set and other in self.model_fields_set and not self._both_ways():
                raise ValueError(f"has both `{name}` and `{other}`. Keep one of them")
        return self

    def _both_ways(self) -> bool:
        """Whether opposite directions are two limits rather than two ways to write one amount."""
        return False


class Amount(Directed):
    """What one action changes: exactly one direction."""

    @pydantic.model_validator(mode="after")
    def _exactly_one(self) -> Self:
        names = [name for name in type(self).model_fields if name != "camera"]
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(names)}; got {', '.join(given) or 'none'}")
        return self


class MoveBase(Amount):
    """Move the base along one of its own axes."""

    forward_m: Step | None = None
    """Metres towards the robot's front."""
    back_m: Step | None = None
    """Metres towards its back."""
    left_m: Step | None = None
    """Metres to its left."""
    right_m: Step | None = None
    """Metres to its right."""


class TurnSideways(Amount):
    """Turn about the vertical, seen from above."""

    left_deg: Turn | None = None
    """Degrees to the left: against the clock, seen from above."""
    right_deg: Turn | None = None
    """Degrees to the right: with the clock, seen from above."""


class TurnCamera(Amount):
    """Turn a camera on its pan or tilt joint."""

    camera: Name
    """Name of the camera, from `cameras`."""
    left_deg: Turn | None = None
    """Degrees of pan to the left."""
    right_deg: Turn | None = None
    """Degrees of pan to the right."""
    up_deg: Turn | None = None
    """Degrees of tilt up."""
    down_deg: Turn | None = None
    """Degrees of tilt down."""


class MoveArm(Amount):
    """Move the arm's lift or its telescope."""

    lift_m: Step | None = None
    """Metres up on the lift."""
    lower_m: Step | None = None
    """Metres down on the lift."""
    extend_m: Step | None = None
    """Metres out on the telescope."""
    retract_m: Step | None = None
    """Metres in on the telescope."""


class MoveHand(Amount):
    """Move the hand along one of the robot's axes."""

    forward_m: Step | None = None
    """Metres towards the robot's front."""
    back_m: Step | None = None
    """Metres towards its back."""
    left_m: Step | None = None
    """Metres to its left."""
    right_m: Step | None = None
    """Metres to its right."""
    up_m: Step | None = None
    """Metres up."""
    down_m: Step | None = None
    """Metres down."""


class Nothing(Spec):
    """`{}`: an effect that has no size."""


class ActionSpec(Spec):
    """One action: exactly one effect, and when it is not allowed."""

    move_base: MoveBase | None = None
    """Drives."""
    turn_base: TurnSideways | None = None
    """Turns the base on the spot."""
    turn_camera: TurnCamera | None = None
    """Turns a camera on its joint."""
    move_arm: MoveArm | None = None
    """Moves one joint of the arm."""
    move_hand: MoveHand | None = None
    """Moves the hand along an axis of the robot, by whatever joints that takes."""
    turn_wrist: TurnSideways | None = None
    """Turns the wrist."""
    grasp: Nothing | None = None
    """Takes what is near the hand. `NAME: grasp` is short for it."""
    release: Nothing | None = None
    """Lets go of what is held. `NAME: release` is short for it."""
    say: SayWord | None = None
    """`done` ends the episode, `sub_done` marks a part of it; nothing moves."""
    masked: Annotated[str, Field(min_length=1)] | None = None
    """Why this robot never can do it."""
    needs: tuple[Need, ...] | None = None
    """States in which alone it is allowed. `grasp` needs empty_gripper and `release` needs holding by themselves."""

    @pydantic.model_validator(mode="after")
    def _exactly_one_effect(self) -> Self:
        names = [name for name in type(self).model_fields if name not in ("masked", "needs")]
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one effect of {', '.join(names)}; got {', '.join(given) or 'none'}")
        return self


Entry = Annotated[dict[Name, Literal["grasp", "release"] | ActionSpec], Field(min_length=1, max_length=1)]


class ActionsSpec(Spec):
    """An action vocabulary made out of a preset."""

    preset: ActionPreset | None = None
    """The list to begin with."""
    without: tuple[str, ...] = ()
    """Actions of the preset that this robot does not have."""
    add: tuple[Entry, ...] = ()
    """Actions put behind the preset's, in this order."""
    masked: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Actions that stay in the list but are never allowed, each with the reason."""


_ENTRIES: Final = pydantic.TypeAdapter(tuple[Entry, ...])


def actions_of(spec: tuple[Entry, ...] | ActionsSpec) -> tuple[Action, ...]:
    """Actions in the order of the policy head's rows, with signed amounts in metres and radians."""
    if isinstance(spec, tuple):
        return tuple(_action(name, said, {}) for entry in spec for name, said in entry.items())
    preset = checks.preset_rows(spec.preset, spec.without)
    entries = (*_ENTRIES.validate_python(preset), *spec.add)
    return tuple(_action(name, said, spec.masked) for entry in entries for name, said in entry.items())


_NEEDS: Final[Mapping[str, tuple[Need, ...]]] = MappingProxyType({"grasp": ("empty_gripper",), "release": ("holding",)})


def _action(name: str, said: Literal["grasp", "release"] | ActionSpec, masked: Mapping[str, str]) -> Action:
    if isinstance(said, str):
        return Action(name=name, effect=Effect(kind=said), masked=masked.get(name), needs=_NEEDS[said])
    effect = _effect(said)
    needs = said.needs if said.needs is not None else _NEEDS.get(effect.kind, ())
    return Action(name=name, effect=effect, masked=masked.get(name, said.masked), needs=needs)


def _effect(said: ActionSpec) -> Effect:
    if said.say is not None:
        return Effect(kind="say", axis=said.say)
    sized: dict[EffectKind, Amount | None] = {
        "move_base": said.move_base,
        "turn_base": said.turn_base,
        "turn_camera": said.turn_camera,
        "move_arm": said.move_arm,
        "move_hand": said.move_hand,
        "turn_wrist": said.turn_wrist,
    }
    for kind, size in sized.items():
        if size is not None:
            name, value = next((key, getattr(size, key)) for key in directions.AXES[kind] if getattr(size, key) is not None)
            axis, amount = directions.amount(kind, name, value)
            return Effect(kind=kind, axis=axis, amount=amount, camera=size.camera if isinstance(size, TurnCamera) else None)
    return Effect(kind="grasp" if said.grasp is not None else "release")
