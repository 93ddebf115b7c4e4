"""What a robot's description says, with the source of each value, and what it leaves open."""

from dataclasses import dataclass
from typing import Final

from flare_core.yaml_tree import Loc, Value

OPEN: Final = "not in the URDF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One value of the spec.

    Attributes:
        loc: where it stands in the spec.
        value: metres, degrees and pixels, as the spec has them.
        source: the element that it was taken from, with file and line; "" for a stand-in that a question goes with.
    """

    loc: Loc
    value: Value
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What nothing says; it is asked beside the value at `loc`, or beside the nearest that is there."""

    loc: Loc
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Findings and questions about one part of a robot."""

    values: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()

    def __add__(self, other: "Part") -> "Part":
        return Part(values=self.values + other.values, questions=self.questions + other.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All of a robot.

    Attributes:
        origin: the file that it was read from.
        part: in the order of the spec.
        unread: shapes that could not be read and why, in the order of the file.
    """

    origin: str
    part: Part
    unread: tuple[str, ...] = ()

    def value(self, *loc: str | int) -> Value:
        """The value at a path; KeyError if it was not found."""
        for finding in self.part.values:
            if finding.loc == loc:
                return finding.value
        raise KeyError(loc)

    def rows(self) -> list[tuple[str, str, str]]:
        """(key, value, source) of everything that the spec will hold."""
        return [(dotted(one.loc), short(one.value) or "none", one.source or OPEN) for one in self.part.values]

    def remarks(self) -> list[str]:
        """What was not read, and the questions, one paragraph each."""
        lines = [f"Not read: {text}" for text in self.unread]
        if self.part.questions:
            lines.append(f"{len(self.part.questions)} questions are left; they stand in the file as comments:")
        return lines + [f"  {dotted(one.loc)}: {one.text}" for one in self.part.questions]


def dotted(loc: Loc) -> str:
    """A path as users write it."""
    return ".".join(map(str, loc))


def short(value: Value) -> str:
    """A value on one line, without the outer brackets; of a list of actions their names."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(next(iter(item)) if isinstance(item, dict) else short(item) for item in value)
    return str(value)


def metres(value: float) -> float:
    """To a tenth of a millimetre, and never -0."""
    return round(float(value), 4) + 0.0


def degrees(value: float) -> float:
    """To a hundredth of a degree, whole degrees without a point, and never -0."""
    rounded = round(float(value), 2) + 0.0
    return int(rounded) if rounded.is_integer() else rounded


def directed(amount: float, positive: str, negative: str) -> dict[str, Value]:
    """A rounded, signed amount as the one of two named directions that makes it positive; nothing for 0."""
    return {} if amount == 0 else {positive: amount} if amount > 0 else {negative: -amount}
