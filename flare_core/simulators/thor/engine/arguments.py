"""What an action may be called with, and AI2-THOR's own words for what is wrong with a call.

Reference: AI2-THOR, ActionDispatcher.cs and `ProcessControlCommand` in BaseFPSAgentController.cs: unknown action, missing, surplus
and ill-typed arguments are told apart by `errorCode`; the client turns these four codes into a ValueError.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["float", "int", "bool", "string", "Vector3", "string[]", "any"]
EVERYWHERE: Final = frozenset({
    "action", "sequenceId", "agentId", "renderImage", "renderObjectImage", "renderClassImage", "renderNormalsImage",
    "renderInstanceSegmentation", "renderDepthImage", "renderSemanticSegmentation", "renderFlowImage", "renderImageSynthesis",
    "physicsSimulationParams",
})  # fmt: skip


class CallError(Exception):
    """A call that the dispatcher refuses.

    Attributes:
        code: one of InvalidAction, MissingArguments, InvalidArgument.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ActionError(Exception):
    """An action that cannot be carried out, with the name of the exception that Unity would have thrown."""

    def __init__(self, message: str, kind: str = "InvalidOperationException", code: str = "") -> None:
        super().__init__(f"{kind}: {message}. trace: (flare thor-engine)" if kind else message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Arguments of an action: name -> kind."""

    needs: Mapping[str, Kind]
    may: Mapping[str, Kind]

    def read(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that were given, converted.

        Raises:
            CallError: one is missing, unknown, or of another kind.
        """
        name, known = call["action"], {**self.needs, **self.may}
        given = {key: value for key, value in call.items() if key not in EVERYWHERE or key in known}
        missing = [key for key in self.needs if given.get(key) is None]
        if missing:
            raise CallError("MissingArguments", f"action: {name} is missing the following arguments: {','.join(missing)}")
        surplus = [key for key in given if key not in known]
        if surplus:
            raise CallError("InvalidArgument", _surplus(name, surplus, known, given))
        return {key: _convert(name, key, value, known[key]) for key, value in given.items() if value is not None}


def _surplus(name: str, surplus: list[str], known: Mapping[str, Kind], given: Mapping[str, Any]) -> str:
    names = ", ".join(f"'{key}'" for key in surplus)
    return (
        f'\n\tAction: "{name}" called with invalid argument{"s" if len(surplus) > 1 else ""}: {names}'
        f"\n\tExpected arguments: {', '.join(f'{kind} {key}' for key, kind in known.items())}"
        f"\n\tYour arguments: {', '.join(repr(key) for key in given)}"
        f'\n\tValid ways to call "{name}" action:\n\t\tvoid {name}({", ".join(f"{kind} {key}" for key, kind in known.items())})'
    )


def _convert(action: str, key: str, value: Any, kind: Kind) -> Any:
    fault = CallError("InvalidArgument", f"action: {action} has an invalid argument: {key} (=={value}). Cannot convert to: {kind}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    match kind:
        case "float":
            if is_number:
                return float(value)
        case "int":
            if is_number and float(value).is_integer():
                return int(value)
        case "bool":
            if isinstance(value, bool):
                return value
        case "string":
            if isinstance(value, str):
                return value
        case "string[]":
            if isinstance(value, list) and all(isinstance(one, str) for one in value):
                return value
        case "Vector3":
            if isinstance(value, dict):
                return {axis: _convert(action, f"{key}.{axis}", one, "float") for axis, one in value.items() if axis in ("x", "y", "z")}
        case "any":
            return value
    raise fault
