"""Checked access to the fields of a house file: every fault is kept with its key path, and reported at once."""

import math
from typing import Any

from flare_core.errors import HouseError
from flare_core.houses.house import Colour, Point

_SHOWN = 20


class Fields:
    """Collects the faults of one file while its fields are read.

    Every getter returns a value of its type even after a fault, so that reading goes on and finds the next one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: list[str] = []

    def fault(self, path: str, what: str) -> None:
        """Note that the value at a key path is wrong."""
        self._faults.append(f"{self._name}: {path}: {what}")

    def raise_faults(self) -> None:
        """Raise one HouseError with all faults noted so far, if there are any."""
        if self._faults:
            more = len(self._faults) - _SHOWN
            rest = [f"{self._name}: and {more} more"] if more > 0 else []
            raise HouseError("\n".join(self._faults[:_SHOWN] + rest))

    def mapping(self, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fault(path, f"{_told(value)} where an object {{...}} is needed")
            return {}
        return value

    def items(self, owner: dict[str, Any], key: str, path: str, *, required: bool = False) -> list[Any]:
        """The list at a key; an absent or null one is empty unless it is required."""
        value = owner.get(key)
        if value is None and not required:
            return []
        if not isinstance(value, list):
            self.fault(_join(path, key), f"{_told(value)} where a list [...] is needed")
            return []
        return value

    def text(self, owner: dict[str, Any], key: str, path: str) -> str:
        value = owner.get(key)
        if not isinstance(value, str) or not value:
            self.fault(_join(path, key), f"{_told(value)} where a text is needed")
            return ""
        return value

    def number(self, owner: dict[str, Any], key: str, path: str, default: float | None = None) -> float:
        value = owner.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.fault(_join(path, key), f"{_told(value)} where a finite number is needed")
            return 0.0
        return float(value)

    def triple(self, owner: dict[str, Any], key: str, path: str, *, required: bool = True) -> tuple[float, float, float]:
        """The {x, y, z} at a key; zeros where it is absent and not required."""
        if owner.get(key) is None and not required:
            return 0.0, 0.0, 0.0
        at = self.mapping(owner.get(key), _join(path, key))
        if not at:
            return 0.0, 0.0, 0.0
        where = _join(path, key)
        return self.number(at, "x", where), self.number(at, "y", where), self.number(at, "z", where)

    def points(self, owner: dict[str, Any], key: str, path: str, least: int) -> list[tuple[float, float, float]]:
        """A list of at least so many {x, y, z}."""
        where = _join(path, key)
        raw = self.items(owner, key, path, required=True)
        if isinstance(owner.get(key), list) and len(raw) < least:
            self.fault(where, f"{len(raw)} points where at least {least} are needed")
        return [self.triple({f"[{at}]": point}, f"[{at}]", where) for at, point in enumerate(raw)]

    def material(self, value: Any) -> str:
        """Name of a material: a plain string (schema 0.0.1) or {name, color} (1.0.0)."""
        if isinstance(value, str):
            return value
        return str(value.get("name") or "") if isinstance(value, dict) else ""

    def colour(self, owner: dict[str, Any], material: Any, path: str) -> Colour | None:
        """The colour of a surface: its own `color`, else its material's, else None."""
        value = owner.get("color") or (material.get("color") if isinstance(material, dict) else None)
        if not isinstance(value, dict):
            return None
        where = _join(path, "color")
        return self.number(value, "r", where), self.number(value, "g", where), self.number(value, "b", where)


def flat(point: tuple[float, float, float]) -> Point:
    """The floor point below a point."""
    return point[0], point[2]


def _join(path: str, key: str) -> str:
    return f"{path}{key}" if key.startswith("[") or not path else f"{path}.{key}"


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
