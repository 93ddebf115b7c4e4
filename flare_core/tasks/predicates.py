"""What success is made of: a small expression over questions that any simulator can answer.

    success: visible(target, navigation, within_m: 2.0)
    success: all(holding(target), stowed())
    success: then(visible(target, navigation, within_m: 2.0), in_room(target))

`target` stands for what the episode is about: objects, or rooms. Of a task with several targets in turn, `target_2` and
`target_3` stand for the later ones. `judging.py` answers the questions; here they are values and their grammar.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from flare_core.errors import TaskError

_TOKEN: Final = re.compile(r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),:]))")
CANNOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("filled", "empty", "poured", "spilled", "wet", "dirty", "clean"), "liquids and dirt"),
        **dict.fromkeys(("folded", "unfolded", "crumpled", "squeezed"), "soft bodies"),
        **dict.fromkeys(("sliced", "broken", "cooked", "burnt", "used_up"), "things that change"),
        **dict.fromkeys(("opened", "closed", "toggled", "switched_on", "switched_off"), "doors, drawers and switches that move"),
        **dict.fromkeys(("pushed", "pulled", "thrown", "stacked"), "forces between things"),
    }
)
"""What people ask for that cannot be simulated here, and why."""
_FARTHEST_M: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """At least one target is visible to the camera of a role, within a distance (metres) of the axis of rotation.

    `turn`, here and below: 1 asks about `target`, 2 about `target_2`, and so on.
    """

    role: str
    within_m: float
    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The gripper holds one of the targets."""

    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """The axis of rotation is within a distance (metres, horizontally) of the centre of a target."""

    within_m: float
    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HandNear:
    """The centre of the hand sphere is within a distance (metres) of the centre of a target."""

    within_m: float
    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facing:
    """The base looks towards the centre of a target, to within an angle (radians, either way)."""

    within: float
    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InRoom:
    """The axis of rotation is in one of the rooms that the episode is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stowed:
    """Lift, extension and wrist are where they start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsMarked:
    """So many different rooms were marked with `sub_done`; None for all of the house."""

    at_least: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAround:
    """The navigation camera has shown so much (radians) of the circle around the robot in this episode, wherever it stood."""

    at_least: float


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The parts held one after the other, each at a later step than the one before, the last one now (`then`)."""

    parts: tuple["Expression", ...]


Question = Visible | Holding | Near | HandNear | Facing | InRoom | Stowed | RoomsMarked | LookedAround
Expression = Question | Both | Either | Negation | Sequence
ABOUT_A_TARGET: Final = (Visible, Holding, Near, HandNear, Facing)
MOST_IN_TURN: Final = 3
ORDINALS: Final = ("", "second ", "third ")


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """What a combination is made of; nothing for a question."""
    match expression:
        case Both(parts=parts) | Either(parts=parts) | Sequence(parts=parts):
            return parts
        case Negation(part=part):
            return (part,)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, from the outside in."""
    yield expression
    for part in parts_of(expression):
        yield from walk(part)


def place(expression: Expression) -> Visible | None:
    """The view that has to be reached for the expression to hold, or None when it asks for none."""
    if isinstance(expression, Visible):
        return expression
    if isinstance(expression, Negation):
        return None
    return next((found for part in parts_of(expression) if (found := place(part)) is not None), None)


def positive(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it that is not denied, from the outside in; of a sequence, its last part first."""
    yield expression
    if isinstance(expression, Negation):
        return
    parts = parts_of(expression)
    for part in reversed(parts) if isinstance(expression, Sequence) else parts:
        yield from positive(part)


def roles(expression: Expression) -> Iterator[str]:
    """Roles of the cameras that the expression looks through."""
    yield from (one.role for one in walk(expression) if isinstance(one, Visible))


def turns_of(expression: Expression) -> frozenset[int]:
    """Which of the targets in turn it asks about."""
    return frozenset(one.turn for one in walk(expression) if isinstance(one, ABOUT_A_TARGET))


def about_first(expression: Expression) -> Expression:
    """The same asked of the first target, whichever it was asked of."""
    match expression:
        case Both(parts=parts) | Either(parts=parts) | Sequence(parts=parts):
            return replace(expression, parts=tuple(about_first(part) for part in parts))
        case Negation(part=part):
            return Negation(part=about_first(part))
    return replace(expression, turn=1) if isinstance(expression, ABOUT_A_TARGET) else expression


def in_words(expression: Expression) -> str:
    """The expression as a clause of a sentence."""
    match expression:
        case Visible(role=role, within_m=within_m, turn=turn):
            return f"a {ORDINALS[turn - 1]}target is visible to the {role} camera within {within_m:g} m"
        case Holding(turn=turn):
            return f"the gripper holds a {ORDINALS[turn - 1]}target"
        case Near(within_m=within_m, turn=turn):
            return f"the robot's axis is within {within_m:g} m of a {ORDINALS[turn - 1]}target"
        case HandNear(within_m=within_m, turn=turn):
            return f"the hand is within {within_m:g} m of a {ORDINALS[turn - 1]}target"
        case Facing(within=within, turn=turn):
            return f"the base faces a {ORDINALS[turn - 1]}target to within {math.degrees(within):g} degrees"
        case InRoom():
            return "the robot is in such a room"
        case Stowed():
            return "the arm is stowed"
        case RoomsMarked(at_least=at_least):
            return "every room was marked" if at_least is None else f"{at_least} rooms were marked"
        case LookedAround(at_least=at_least):
            return f"the robot has looked around by {math.degrees(at_least):g} degrees"
        case Both(parts=parts):
            return ", and ".join(in_words(part) for part in parts)
        case Either(parts=parts):
            return "either " + ", or ".join(in_words(part) for part in parts)
        case Negation(part=part):
            return f"it is not so that {in_words(part)}"
        case Sequence(parts=parts):
            return "first " + ", and later ".join(in_words(part) for part in parts)


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
        name = self.take("name", "a predicate")
        if name not in PREDICATES and name not in COMBINATIONS:
            if name in CANNOT:
                raise self.fault(column, f"{name}() asks about {CANNOT[name]}, which no simulator here has. Use {', '.join(PREDICATES)}.")
            known = (*COMBINATIONS, *PREDICATES)
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise self.fault(column, f"no predicate '{name}'. Use {', '.join(known)}.{hint}")
        self.mark("(")
        if name in PREDICATES:
            found = PREDICATES[name](self)
            self.mark(")")
            return found
        parts = [self.expression()]
        while self._next(","):
            parts.append(self.expression())
        self.mark(")")
        if name == "not":
            if len(parts) != 1:
                raise self.fault(column, f"'not' takes one part, not {len(parts)}. Write not(any(...)) for several.")
            return Negation(part=parts[0])
        if name == "then":
            if len(parts) < 2:
                raise self.fault(column, "'then' needs two parts or more: what has to hold first, and what has to hold later.")
            if any(isinstance(one, Sequence) for part in parts for one in walk(part)):
                raise self.fault(column, "'then' within 'then' is not possible. Write one then(...) with all parts in order.")
            return Sequence(parts=tuple(parts))
        return Both(parts=tuple(parts)) if name == "all" else Either(parts=tuple(parts))

    def target(self, predicate: str) -> int:
        """`target`, the only thing that can be asked about, or a later one in turn: which."""
        column, names = self._at, ("target", *(f"target_{turn}" for turn in range(2, MOST_IN_TURN + 1)))
        subject = self.take("name", "'target'")
        if subject not in names:
            raise self.fault(column, f"{predicate}() can be asked of 'target' only, not of '{subject}'.")
        return names.index(subject) + 1

    @property
    def column(self) -> int:
        """Where the next thing begins."""
        return self._at

    def amount(self, predicate: str, key: str, most: float, unit: str, example: str) -> float:
        """`key: NUMBER` above 0 and at most `most`."""
        column = self._at
        found = self.take("name", f"'{key}: {unit.upper()}'")
        if found != key:
            raise self.fault(column, f"{predicate}() has no argument '{found}'. Write {key}: {example}.")
        self.mark(":")
        column = self._at
        value = float(self.take("number", f"a number of {unit}"))
        if not 0.0 < value <= most or not math.isfinite(value):
            raise self.fault(column, f"{key} is {value:g}; it has to be above 0 and at most {most:g} {unit}.")
        return value

    def metres(self, predicate: str) -> float:
        """`, within_m: METRES`."""
        self.mark(",")
        return self.amount(predicate, "within_m", _FARTHEST_M, "metres", "2.0")

    def end(self) -> None:
        rest = self._text[self._at :].strip()
        if rest:
            raise self.fault(self._at, f"'{rest}' is left over. Join several parts with all(...) or any(...).")

    def take(self, kind: str, wanted: str) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup != kind:
            rest = self._text[self._at :].strip()
            raise self.fault(self._at, f"expected {wanted}, found {repr(rest[:20]) if rest else 'the end'}.")
        self._at = found.end()
        return str(found.group(kind))

    def peek(self, name: str) -> bool:
        """Take a name if it is the next."""
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.group("name") != name:
            return False
        self._at = found.end()
        return True

    def _next(self, mark: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.group("mark") != mark:
            return False
        self._at = found.end()
        return True

    def mark(self, mark: str) -> None:
        if not self._next(mark):
            rest = self._text[self._at :].strip()
            raise self.fault(self._at, f"expected '{mark}', found {repr(rest[:20]) if rest else 'the end'}.")

    def fault(self, at: int, what: str) -> TaskError:
        column = at + len(self._text[at:]) - len(self._text[at:].lstrip()) + 1
        return TaskError(f'success: column {column} of "{self._text}": {what}')


def _visible(reader: _Reader) -> Visible:
    turn = reader.target("visible")
    reader.mark(",")
    role = reader.take("name", "the role of a camera, such as 'navigation'")
    return Visible(role=role, within_m=reader.metres("visible"), turn=turn)


def _holding(reader: _Reader) -> Holding:
    return Holding(turn=reader.target("holding"))


def _near(reader: _Reader) -> Near:
    turn = reader.target("near")
    return Near(within_m=reader.metres("near"), turn=turn)


def _hand_near(reader: _Reader) -> HandNear:
    turn = reader.target("hand_near")
    return HandNear(within_m=reader.metres("hand_near"), turn=turn)


def _facing(reader: _Reader) -> Facing:
    turn = reader.target("facing")
    reader.mark(",")
    return Facing(within=math.radians(reader.amount("facing", "within_deg", 180.0, "degrees", "15")), turn=turn)


def _in_room(reader: _Reader) -> InRoom:
    column = reader.column
    if reader.target("in_room") > 1:
        raise reader.fault(column, "in_room() can be asked of 'target' only: rooms do not come in turn.")
    return InRoom()


def _stowed(reader: _Reader) -> Stowed:
    del reader
    return Stowed()


def _rooms_marked(reader: _Reader) -> RoomsMarked:
    if reader.peek("all"):
        return RoomsMarked(at_least=None)
    number = reader.amount("rooms_marked", "at_least", 1000.0, "rooms", "3, or rooms_marked(all)")
    return RoomsMarked(at_least=math.ceil(number))


def _looked_around(reader: _Reader) -> LookedAround:
    return LookedAround(at_least=math.radians(reader.amount("looked_around", "at_least_deg", 360.0, "degrees", "360")))


PREDICATES: Final[Mapping[str, Callable[[_Reader], Question]]] = MappingProxyType(
    {
        "visible": _visible,
        "holding": _holding,
        "near": _near,
        "hand_near": _hand_near,
        "facing": _facing,
        "in_room": _in_room,
        "stowed": _stowed,
        "rooms_marked": _rooms_marked,
        "looked_around": _looked_around,
    }
)
COMBINATIONS: Final = ("all", "any", "not", "then")
