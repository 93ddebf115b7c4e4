"""What success is made of: a small expression over questions that any simulator can answer.

    success: visible(target, navigation, within_m: 2.0)
    success: all(visible(target, navigation, within_m: 2.0), not(visible(target, manipulation, within_m: 1.0)))

`target` stands for the objects of the episode; the second argument of `visible` is the role of a camera.
"""

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.errors import TaskError
from flare_core.world import Bools, Ints, Simulator

_TOKEN: Final = re.compile(r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),:]))")
PREDICATES: Final = ("all", "any", "not", "visible")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """At least one of the episode's targets is visible to the camera of a role within a distance (metres)."""

    role: str
    within_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Every part holds (`all`)."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """At least one part holds (`any`)."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Negation:
    """The part does not hold (`not`)."""

    part: "Expression"


Expression = Visible | Both | Either | Negation


def holds(expression: Expression, simulator: Simulator, targets: Ints) -> Bools:
    """Judge every row.

    Args:
        targets: (B, K) objects of each row's episode, -1 pads. A row of pads asks nothing and gets False from `visible`.

    Returns:
        (B,)

    Raises:
        TaskError: the body has no camera of a role that the expression names.
    """
    match expression:
        case Visible(role=role, within_m=within_m):
            camera = simulator.body.camera_for(role)
            if camera is None:
                raise no_camera(role, simulator.body.name)
            return np.asarray(simulator.visible(targets, camera.name, within_m).any(axis=1))
        case Both(parts=parts):
            return np.asarray(np.all([holds(part, simulator, targets) for part in parts], axis=0))
        case Either(parts=parts):
            return np.asarray(np.any([holds(part, simulator, targets) for part in parts], axis=0))
        case Negation(part=part):
            return ~holds(part, simulator, targets)


def place(expression: Expression) -> Visible | None:
    """The view that has to be reached for the expression to hold, or None when it asks for none."""
    match expression:
        case Visible():
            return expression
        case Both(parts=parts) | Either(parts=parts):
            return next((found for part in parts if (found := place(part)) is not None), None)
        case Negation():
            return None


def roles(expression: Expression) -> Iterator[str]:
    """Roles of the cameras that the expression looks through."""
    match expression:
        case Visible(role=role):
            yield role
        case Both(parts=parts) | Either(parts=parts):
            for part in parts:
                yield from roles(part)
        case Negation(part=part):
            yield from roles(part)


def no_camera(role: str, body: str) -> TaskError:
    """The fault of a body that lacks a camera which the task looks through."""
    return TaskError(f"task: {body} has no camera with role '{role}'. Give one of its cameras `role: {role}`, or change `success`.")


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        TaskError: unknown predicate, wrong arguments or stray text, with the column.
    """
    reader = _Reader(text)
    found = reader.expression()
    reader.end()
    return found


class _Reader:
    """Recursive descent over one line of text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def expression(self) -> Expression:
        column = self._at
        name = self._take("name", "a predicate")
        if name not in PREDICATES:
            near = difflib.get_close_matches(name, PREDICATES, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise self._fault(column, f"no predicate '{name}'. Use {', '.join(PREDICATES)}.{hint}")
        self._mark("(")
        if name == "visible":
            return self._visible()
        parts = [self.expression()]
        while self._next(","):
            parts.append(self.expression())
        self._mark(")")
        if name == "not":
            if len(parts) != 1:
                raise self._fault(column, f"'not' takes one part, not {len(parts)}. Write not(any(...)) for several.")
            return Negation(part=parts[0])
        return Both(parts=tuple(parts)) if name == "all" else Either(parts=tuple(parts))

    def _visible(self) -> Visible:
        column = self._at
        subject = self._take("name", "'target'")
        if subject != "target":
            raise self._fault(column, f"visible() can be asked of 'target' only, not of '{subject}'.")
        self._mark(",")
        role = self._take("name", "the role of a camera, such as 'navigation'")
        self._mark(",")
        column = self._at
        key = self._take("name", "'within_m: METRES'")
        if key != "within_m":
            raise self._fault(column, f"visible() has no argument '{key}'. Write within_m: 2.0.")
        self._mark(":")
        column = self._at
        within_m = float(self._take("number", "a distance in metres"))
        if not 0.0 < within_m <= 100.0 or not math.isfinite(within_m):
            raise self._fault(column, f"within_m is {within_m:g}; it has to be above 0 and at most 100 metres.")
        self._mark(")")
        return Visible(role=role, within_m=within_m)

    def end(self) -> None:
        rest = self._text[self._at :].strip()
        if rest:
            raise self._fault(self._at, f"'{rest}' is left over. Join several parts with all(...) or any(...).")

    def _take(self, kind: str, wanted: str) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup != kind:
            rest = self._text[self._at :].strip()
            raise self._fault(self._at, f"expected {wanted}, found {repr(rest[:20]) if rest else 'the end'}.")
        self._at = found.end()
        return str(found.group(kind))

    def _next(self, mark: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.group("mark") != mark:
            return False
        self._at = found.end()
        return True

    def _mark(self, mark: str) -> None:
        if not self._next(mark):
            rest = self._text[self._at :].strip()
            raise self._fault(self._at, f"expected '{mark}', found {repr(rest[:20]) if rest else 'the end'}.")

    def _fault(self, at: int, what: str) -> TaskError:
        column = at + len(self._text[at:]) - len(self._text[at:].lstrip()) + 1
        return TaskError(f'success: column {column} of "{self._text}": {what}')
