"""Numbers of a robot's YAML that are drawn: `{uniform: [low, high]}` in the place of a number.

Works on the plain document. A bound is a number or the dotted key of another number of the same robot, and `of: KEY` makes both
bounds factors of that number: `up_m: {uniform: [0.3, base.height_m]}`, `forward_m: {uniform: [-0.4, 0.4], of: base.length_m}`.
Directions of a mount and of the base's centre may be drawn across zero: below zero the amount is written under the opposite
direction, so that -0.2 of `forward_m` becomes `back_m: 0.2`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flare_core.embodiments.directions import OPPOSITES
from flare_core.reading import Form
from flare_core.spec_faults import did_you_mean
from flare_core.yaml_tree import Loc, Value, walk

WORD: Final = "uniform"
_SIGNED: Final = ("mount", "centre")  # whose directions may be drawn across zero, but not that upwards: nothing is below the floor
_OF_ARM: Final = ("move_arm", "turn_wrist", "move_hand")
_WRITE: Final = "Write {uniform: [low, high]}, and `of: KEY` beside it if the bounds are factors of another number"
Complaint = tuple[Loc, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One number that is drawn.

    Attributes:
        loc: where in the document.
        low, high: each a number or the dotted key of one.
        of: key of the number that both bounds are factors of, or None.
    """

    loc: Loc
    low: float | str
    high: float | str
    of: str | None = None

    @property
    def key(self) -> str:
        """Its dotted path."""
        return ".".join(map(str, self.loc))

    @property
    def is_whole(self) -> bool:
        """Whether the number is a count: sizes of images."""
        return str(self.loc[-1]).endswith("_px")

    @property
    def asks(self) -> tuple[str, ...]:
        """Keys of the other numbers that its bounds rest on."""
        return tuple(one for one in (self.low, self.high, self.of) if isinstance(one, str))


def draws_of(document: Mapping[str, Value]) -> tuple[Draw, ...]:
    """The numbers of a checked document that are drawn, each after those that its bounds rest on; empty for one robot."""
    found, _ = _found(document)
    return tuple(_in_order(found)[0])


def forms_of(document: Mapping[str, Value]) -> tuple[Sequence[Complaint], Sequence[Form]]:
    """What is wrong with the draws of a document, and the documents that it has to be right as.

    Without a draw that is the document itself. Else the one in the middle of every range has to be right as a whole, and in those
    with every number at its least and at its greatest value the drawn numbers have to be within their own keys' limits.
    """
    found, faults = _found(document)
    if not found and not faults:
        return (), (Form(document=document),)
    order, circle = _in_order(found)
    faults = faults or circle or [fault for draw in found for fault in _unknown(draw, found, document)]
    if faults:
        return faults, ()
    faults = list(_empty(order, document))
    if faults:
        return faults, ()
    ends = _ends(order, document)
    middle, told = planted(document, solved(order, document, lambda draw, low, high: _middle(draw, low, high)))
    forms = [Form(document=middle, told=told)]
    for side in (0, 1):
        there, told = planted(document, {loc: _number(loc, both[side]) for loc, both in ends.items()})
        forms.append(Form(document=there, told=told, only=frozenset(ends)))
    return (), forms


def solved(order: Sequence[Draw], document: Mapping[str, Value], choose: Callable[[Draw, float, float], float]) -> dict[Loc, float]:
    """A value for every draw, chosen between its bounds as they are by the values that were chosen before it.

    Args:
        order: as `draws_of` gives them.
        choose: gets a draw with its low and high bound.
    """
    values: dict[Loc, float] = {}
    by_key = {draw.key: draw for draw in order}

    def number(said: float | str) -> float:
        if not isinstance(said, str):
            return said
        return values[by_key[said].loc] if said in by_key else _number_at(document, said)

    for draw in order:
        factor = 1.0 if draw.of is None else number(draw.of)
        values[draw.loc] = choose(draw, factor * number(draw.low), factor * number(draw.high))
    return values


def planted(document: Mapping[str, Value], values: Mapping[Loc, float]) -> tuple[dict[str, Value], dict[Loc, Loc]]:
    """The document with numbers in the places of its draws, and where those that changed their direction stood."""
    told: dict[Loc, Loc] = {}

    def build(here: Value, loc: Loc) -> Value:
        if isinstance(here, list):
            return [build(item, (*loc, at)) for at, item in enumerate(here)]
        if not isinstance(here, dict):
            return here
        out: dict[str, Value] = {}
        for key, item in here.items():
            at = (*loc, key)
            if at not in values:
                out[key] = build(item, at)
                continue
            value, other = values[at], OPPOSITES.get(key)
            if value < 0 and other is not None and key != "up_m" and str(loc[-1]) in _SIGNED and other not in here:
                key, value, told[*loc, other] = other, -value, at
            out[key] = value
        return out

    built = build(dict(document), ())
    assert isinstance(built, dict)
    return built, told


def _found(document: Mapping[str, Value]) -> tuple[list[Draw], list[Complaint]]:
    """Draws as they stand in the document, and those that are not written as one."""
    draws, faults = list[Draw](), list[Complaint]()
    for loc in walk(dict(document)):
        here = _value(document, loc)
        if not isinstance(here, dict) or WORD not in here or _names_are_keys(loc):
            continue
        wrong = _miswritten(here)
        if wrong:
            faults.append((loc, wrong))
        elif loc[0] == "arm":
            faults.append((loc, "numbers of an arm cannot be drawn: all bodies of a batch share one arm. Write one number"))
        elif loc[0] == "actions" and str(loc[-2]) in _OF_ARM:
            faults.append((loc, "how far an action moves an arm cannot be drawn: all bodies of a batch share one arm. Write one number"))
        else:
            draws.append(_draw(loc, here))
            low, high = draws[-1].low, draws[-1].high
            if draws[-1].is_whole and not all(isinstance(one, int) for one in (low, high)):
                faults.append((loc, "is a whole number, so both bounds have to be whole numbers; `of` and other keys are not for it"))
    return draws, faults


def _draw(loc: Loc, here: Mapping[str, Value]) -> Draw:
    """What `_miswritten` has nothing to say about."""
    bounds, of = here[WORD], here.get("of")
    assert isinstance(bounds, list)
    assert of is None or isinstance(of, str)
    low, high = (one if isinstance(one, str | int | float) else 0.0 for one in bounds)
    return Draw(loc=loc, low=low, high=high, of=of)


def _names_are_keys(loc: Loc) -> bool:
    """Whether the keys of the mapping at this place are names of the user's, of which one may be 'uniform'."""
    return loc in ((), ("cameras",), ("actions", "masked")) or (loc[0] == "actions" and isinstance(loc[-1], int))


def _miswritten(here: Mapping[str, Value]) -> str:
    strange = [key for key in here if key not in (WORD, "of")]
    bounds = here[WORD]
    if strange:
        return f"no such key '{strange[0]}' in a draw. {_WRITE}"
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(_is_number(one) or isinstance(one, str) for one in bounds):
        return f"`uniform` needs two bounds, each a number or the key of one; got {bounds!r}. {_WRITE}"
    if "of" in here and not isinstance(here["of"], str):
        return f"`of` should be the dotted key of a number, such as base.height_m; got {here['of']!r}"
    if "of" in here and not all(_is_number(one) for one in bounds):
        return "with `of` the bounds are factors, so both have to be numbers"
    return ""


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _unknown(draw: Draw, draws: Sequence[Draw], document: Mapping[str, Value]) -> Iterator[Complaint]:
    """Bounds that rest on what is not there, or is not a number."""
    keys = {one.key for one in draws}
    for key in draw.asks:
        if key in keys:
            continue
        if not _is_number(_at(document, key)):
            known = [".".join(map(str, loc)) for loc in walk(dict(document)) if _is_number(_value(document, loc))]
            near = did_you_mean(key, [*known, *keys])
            yield draw.loc, f"'{key}' is not a number of this robot. Write the dotted path of one, such as base.height_m.{near}"


def _in_order(draws: Sequence[Draw]) -> tuple[list[Draw], list[Complaint]]:
    """Draws after those that they rest on; those that go round in a circle are complained about."""
    left, done, keys = list(draws), list[Draw](), {draw.key for draw in draws}
    while left:
        known = {draw.key for draw in done}
        ready = [draw for draw in left if all(key in known or key not in keys for key in draw.asks)]
        if not ready:
            names = ", ".join(draw.key for draw in left)
            return done, [(left[0].loc, f"its bounds go round in a circle with {names}. Give one of them two numbers")]
        done += ready
        left = [draw for draw in left if draw not in ready]
    return done, []


def _ends(order: Sequence[Draw], document: Mapping[str, Value]) -> dict[Loc, tuple[float, float]]:
    """Least and greatest value of every draw, over all values of the numbers that its bounds rest on."""
    return {draw.loc: (lows[0], highs[1]) for draw, lows, highs in _bounds(order, document)}


def _bounds(order: Sequence[Draw], document: Mapping[str, Value]) -> Iterator[tuple[Draw, tuple[float, float], tuple[float, float]]]:
    """(draw, least and greatest of its low bound, least and greatest of its high bound)."""
    by_key, reach = {draw.key: draw for draw in order}, dict[str, tuple[float, float]]()

    def interval(said: float | str) -> tuple[float, float]:
        if not isinstance(said, str):
            return said, said
        if said in by_key:
            return reach[said]
        return _number_at(document, said), _number_at(document, said)

    for draw in order:
        factor = (1.0, 1.0) if draw.of is None else interval(draw.of)
        lows, highs = (_times(interval(said), factor) for said in (draw.low, draw.high))
        reach[draw.key] = lows[0], highs[1]
        yield draw, lows, highs


def _times(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    products = [x * y for x in a for y in b]
    return min(products), max(products)


def _empty(order: Sequence[Draw], document: Mapping[str, Value]) -> Iterator[Complaint]:
    """Ranges whose low bound is above the high one, for some values of what they rest on."""
    for draw, lows, highs in _bounds(order, document):
        if draw.of is not None:
            of = min(_times((1.0, 1.0), _interval_of(order, document, draw.of)))
            if of < 0:
                yield draw.loc, f"`of: {draw.of}` can be below zero, which would turn the bounds round. Use a number that cannot"
            elif not isinstance(draw.low, str) and not isinstance(draw.high, str) and draw.low > draw.high:
                yield draw.loc, f"the low bound {draw.low} is above the high one, {draw.high}. Swap them"
        elif lows[1] > highs[0]:
            if draw.asks:
                said = f"the low bound can be {lows[1]:g} while the high one is {highs[0]:g}"
                yield draw.loc, f"{said}, so that nothing is left to draw. Narrow the ranges of {', '.join(draw.asks)}"
            else:
                yield draw.loc, f"the low bound {lows[0]:g} is above the high one, {highs[1]:g}. Swap them"


def _interval_of(order: Sequence[Draw], document: Mapping[str, Value], key: str) -> tuple[float, float]:
    drawn = {draw.key: (lows[0], highs[1]) for draw, lows, highs in _bounds(order, document)}
    return drawn[key] if key in drawn else (_number_at(document, key), _number_at(document, key))


def _middle(draw: Draw, low: float, high: float) -> float:
    return _number(draw.loc, (low + high) / 2)


def _number(loc: Loc, value: float) -> float:
    """Sizes of images are whole numbers."""
    return int(value) if str(loc[-1]).endswith("_px") else value


def _value(document: Mapping[str, Value], loc: Loc) -> Value:
    value: Any = document
    for part in loc:  # walked before
        value = value[part]
    return None if not loc else value


def _number_at(document: Mapping[str, Value], key: str) -> float:
    found = _at(document, key)
    assert isinstance(found, int | float)  # _unknown
    return found


def _at(document: Mapping[str, Value], key: str) -> Value:
    """Value at a dotted key, None where there is none."""
    value: Value = dict(document)
    for part in key.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
