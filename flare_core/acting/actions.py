"""What a robot is told to do: an action with named direction and unit, in the words of the embodiment's YAML."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flare_core.embodiments import body, directions
from flare_core.errors import ActingError

_UNITS: Final = ("m", "deg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an action does to the robot.

    Attributes:
        kind: what moves ("move_base", "turn_base", "turn_camera", "move_arm", "move_hand", "turn_wrist"), or "grasp", "release", "say".
        direction: where to, such as "forward" or "left", as in the embodiment's YAML; "" for grasp, release and say. Left and right
            turns are as seen from above, by a robot that looks ahead.
        amount: how far, never negative, in `unit`; 0.0 for grasp, release and say.
        unit: "m", "deg", or "" where there is nothing to measure.
        camera: the camera that turns, for turn_camera only.
        word: what is said, for say only ("done", "sub_done").
    """

    kind: str
    direction: str = ""
    amount: float = 0.0
    unit: str = ""
    camera: str | None = None
    word: str | None = None

    def __str__(self) -> str:
        size = f"{self.amount:g} {self.unit}" if self.unit else ""
        return " ".join(part for part in (self.kind, self.camera, self.direction, size, self.word) if part)

    def to_json(self) -> dict[str, Any]:
        """As the embodiment's YAML has it, such as `{"turn_camera": {"camera": "head", "left_deg": 30.0}}` or `{"say": "done"}`."""
        if self.word is not None:
            return {self.kind: self.word}
        sized = {f"{self.direction}_{self.unit}": self.amount} if self.unit else {}
        return {self.kind: ({} if self.camera is None else {"camera": self.camera}) | sized}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action: its name in the embodiment, and its effect."""

    name: str
    effect: Effect

    def __str__(self) -> str:
        return f"{self.name} ({self.effect})"

    def to_json(self) -> dict[str, Any]:
        """`name` and `effect`, see `Effect.to_json`."""
        return {"name": self.name, "effect": self.effect.to_json()}


def action_of(action: body.Action) -> Action:
    """An action of an embodiment, in the units of its YAML."""
    return Action(name=action.name, effect=_effect_of(action.effect))


def _effect_of(effect: body.Effect) -> Effect:
    if effect.kind == "say":
        return Effect(kind="say", word=effect.axis)
    if not effect.unit:
        return Effect(kind=effect.kind)
    for name, (axis, sign) in directions.AXES[effect.kind].items():
        if axis == effect.axis and sign * effect.amount > 0:
            direction, unit = name.rsplit("_", 1)
            size = math.degrees(abs(effect.amount)) if unit == "deg" else abs(effect.amount)
            return Effect(kind=effect.kind, direction=direction, amount=round(size, 9), unit=unit, camera=effect.camera)
    raise AssertionError(f"no direction for {effect}")  # the spec allows no amount of zero


def read_action(data: object) -> Action:
    """Read what `Action.to_json` wrote, as from a server.

    Raises:
        ActingError: it is no action.
    """
    try:
        if not isinstance(data, Mapping) or not isinstance(data["name"], str):
            raise TypeError(type(data).__name__)
        return Action(name=data["name"], effect=_read_effect(data["effect"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ActingError(f"{str(data)[:200]}: is no action. Server and client have to be of one version of flare") from None


def _read_effect(data: Mapping[str, Any]) -> Effect:
    ((kind, said),) = data.items()
    if isinstance(said, str):
        return Effect(kind=kind, word=said)
    sizes = {key: value for key, value in said.items() if key != "camera"}
    if not sizes:
        return Effect(kind=kind)
    ((name, amount),) = sizes.items()
    direction, unit = name.rsplit("_", 1)
    if unit not in _UNITS:
        raise ValueError(unit)
    return Effect(kind=kind, direction=direction, amount=float(amount), unit=unit, camera=said.get("camera"))
