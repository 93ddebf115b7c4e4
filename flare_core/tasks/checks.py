"""What can be wrong between the parts of a task's YAML, each fault at its own line.

Works on the plain document, so that these faults are told together with those of single values; hence every type is
doubted, and what has the wrong type is left to the models.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from flare_core.errors import TaskError
from flare_core.houses import assets
from flare_core.spec_faults import did_you_mean
from flare_core.tasks.costs import COSTS
from flare_core.tasks.predicates import (
    MOST_IN_TURN,
    Either,
    Expression,
    Facing,
    HandNear,
    Holding,
    InRoom,
    Near,
    RoomsMarked,
    Sequence,
    Stowed,
    Visible,
    parse,
    positive,
    turns_of,
    walk,
)
from flare_core.tasks.subjects import gap
from flare_core.tasks.words import Vocabulary, split_words
from flare_core.yaml_tree import Loc, Value

GAP: Final = re.compile(r"\{([^{}]*)\}")
ABOUT: Final = ("targets", "affordances", "rooms", "points")
ROOMS: Final = ("Kitchen", "LivingRoom", "Bedroom", "Bathroom")
_OBJECTS: Final[Mapping[type[Expression], str]] = {
    Visible: "visible", Holding: "holding", Near: "near", HandNear: "hand_near", Facing: "facing"
}  # fmt: skip


def problems(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """(path, message) of everything that does not fit together."""
    about = [name for name in ABOUT if document.get(name)]
    for name in about[1:]:
        yield (name,), f"an episode is about `{about[0]}` already. Keep one of the two"
    in_turn = _in_turn(document)
    for name in ("in_rooms", "selections", *(("in_turn",) if in_turn > 1 else ())):
        if document.get(name) and not document.get("targets"):
            yield (name,), "goes with `targets` only. Add `targets:`, or take it out"
    yield from _turns(document, in_turn)
    if document.get("start", "anywhere") != "anywhere" and not set(about) & {"targets", "affordances"}:
        yield ("start",), "there is no object to be in sight. Add `targets:`, or begin anywhere"
    yield from _unknown_kinds(document)
    yield from _templates(document, about)
    yield from _success(("success",), document.get("success"), about)
    yield from _too_large(document)
    for at, term in enumerate(_terms(document)):
        yield from _success(("reward", "terms", at, "when"), _mapping(term).get("when"), about)
    for name, one in _mapping(document.get("constraints")).items():
        when = _mapping(one).get("when")
        yield from _success(("constraints", name, "when"), when, about)
        if when is None and name not in COSTS:
            yield ("constraints", name), f"there is no cost '{name}'. Use {', '.join(COSTS)}, or add `when:`.{did_you_mean(name, COSTS)}"
        if when is not None and name in COSTS:
            yield ("constraints", name, "when"), f"'{name}' has its own rule. Choose another name, or take out `when`"
    for name, when in _mapping(document.get("metrics")).items():
        yield from _success(("metrics", name), when, about)
    for key in ("metrics", "constraints"):
        for name in _mapping(document.get(key)):
            if name.endswith(("_low", "_high")):
                yield (key, name), "a name that ends in _low or _high would be taken for the end of an interval. Choose another"
    yield from _wordless(document)


def _in_turn(document: Mapping[str, Value]) -> int:
    """How many targets an episode names; 1 where the value is none that can be."""
    found = document.get("in_turn", 1)
    return found if isinstance(found, int) and 1 <= found <= MOST_IN_TURN else 1


def _turns(document: Mapping[str, Value], in_turn: int) -> Iterator[tuple[Loc, str]]:
    """Targets that come in turn, or that do not come at all."""
    if document.get("in_turn", 1) != in_turn:
        return  # told where the value is checked
    conditions: list[tuple[Loc, Value]] = [(("metrics", name), when) for name, when in _mapping(document.get("metrics")).items()]
    conditions += [(("reward", "terms", at, "when"), _mapping(one).get("when")) for at, one in enumerate(_terms(document))]
    conditions += [
        (("constraints", name, "when"), _mapping(one).get("when")) for name, one in _mapping(document.get("constraints")).items()
    ]
    for loc, text in [(("success",), document.get("success")), *conditions]:
        if (expression := _parsed(text)) is not None and max(turns_of(expression), default=1) > in_turn:
            later = gap(max(turns_of(expression)))
            remedy = f"Add `in_turn: {max(turns_of(expression))}`" if document.get("targets") else "Ask about `target`"
            yield loc, f"there is no '{later}': an episode is about {in_turn} at a time. {remedy}"
    if in_turn == 1:
        return
    if any(isinstance(one, Holding) and one.turn < in_turn for one in walk(_parsed(document.get("success")) or Stowed())):
        yield ("success",), "holding() can be asked of the last target only: what is taken first stays in the hand"
    if len(_mapping(document.get("targets"))) < in_turn:
        yield ("in_turn",), f"{in_turn} different targets in turn need as many `targets`"
    for name in ("in_rooms", "selections"):
        if document.get(name):
            yield (name,), "does not go with several targets in turn. Take it out, or write `in_turn: 1`"
    if document.get("start", "anywhere") != "anywhere":
        yield ("start",), "does not go with several targets in turn. Begin anywhere"
    if _mapping(document.get("reward")).get("nearer_per_m"):
        yield ("reward", "nearer_per_m"), "pays for one target, and here are several in turn. Use `terms`"
    success = _parsed(document.get("success"))
    wanted = [frozenset({turn}) for turn in range(1, in_turn + 1)]
    if success is not None and not (isinstance(success, Sequence) and [turns_of(part) for part in success.parts] == wanted):
        example = ", ".join(f"visible({gap(turn)}, navigation, within_m: 2)" for turn in range(1, in_turn + 1))
        yield ("success",), f"has to have one part about each target in turn, such as then({example})"


def _terms(document: Mapping[str, Value]) -> list[Value]:
    return _list(_mapping(document.get("reward")).get("terms"))


def _parsed(text: Value) -> Expression | None:
    """The expression, or None where it is none; that is told where the value is checked."""
    try:
        return parse(text) if isinstance(text, str) else None
    except TaskError:
        return None


def _unknown_kinds(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """Objects and rooms that no house can have."""
    types = assets.types()
    for at, name in [(("targets", name), name) for name in _mapping(document.get("targets"))] + list(_references(document)):
        if name not in types:
            yield at, f"there is no object type '{name}' in any house.{did_you_mean(name, types)}"
    for purpose, kinds in _mapping(document.get("affordances")).items():
        for number, kind in enumerate(_list(kinds)):
            if isinstance(kind, str) and kind not in types:
                yield ("affordances", purpose, number), f"there is no object type '{kind}' in any house.{did_you_mean(kind, types)}"
    for key in ("in_rooms", "rooms"):
        for name in _mapping(document.get(key)):
            if name not in ROOMS:
                yield (key, name), f"there is no room type '{name}'. Use {', '.join(ROOMS)}.{did_you_mean(name, ROOMS)}"


def _references(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    for at, selection in enumerate(_list(document.get("selections"))):
        for name in _mapping(_mapping(selection).get("references")):
            yield ("selections", at, "references", name), name


def _templates(document: Mapping[str, Value], about: list[str]) -> Iterator[tuple[Loc, str]]:
    """Gaps that a template lacks, or has no words for."""
    needed = _gaps(document, about)
    allowed = (*needed, *(name.replace("target", "a") for name in needed if name.startswith("target")))
    for at, text in enumerate(_list(document.get("templates"))):
        if not isinstance(text, str):
            continue
        gaps, rest = GAP.findall(text), GAP.sub("", text)
        if "{" in rest or "}" in rest:
            yield ("templates", at), "a brace stands alone. A gap is written {target}"
        for name in gaps:
            if name not in allowed:
                yield ("templates", at), f"there is no gap {{{name}}} here. Use {_shown(allowed)}"
        for name in needed:
            if gaps.count(name) != 1:
                yield ("templates", at), f"needs the gap {{{name}}} once, not {gaps.count(name)} times"


def _gaps(document: Mapping[str, Value], about: list[str]) -> tuple[str, ...]:
    if not about:
        return ("rooms",)
    if about[0] != "targets":
        return ({"affordances": "purpose", "rooms": "room", "points": "point"}[about[0]],)
    if _in_turn(document) > 1:
        return tuple(gap(turn) for turn in range(1, _in_turn(document) + 1))
    own = "selection" if document.get("selections") else "target"
    return (own, "room") if document.get("in_rooms") else (own,)


def _success(loc: Loc, text: Value, about: list[str]) -> Iterator[tuple[Loc, str]]:
    """A condition that no state can satisfy: it asks about what no episode is about."""
    expression = _parsed(text)
    if expression is None:
        return
    asked = {type(one) for one in walk(expression)}
    names = [name for kind, name in _OBJECTS.items() if kind in asked]
    if about == ["points"]:
        names = [name for name in names if name not in ("near", "facing")]
    if names and not set(about) & {"targets", "affordances"}:
        yield loc, f"{names[0]}(target) asks about objects, but no episode is about any. Add `targets:`"
    if InRoom in asked and about != ["rooms"]:
        yield (
            loc,
            "in_room(target) asks about rooms, but no episode is about one. Add `rooms:`, and take out what else it is about",
        )
    if RoomsMarked in asked and about:
        yield loc, f"rooms_marked() is about the house as a whole. Take out `{about[0]}`"


def _too_large(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """Targets that no hand can take, where success asks to hold one."""
    expression = _parsed(document.get("success"))
    asked = [] if expression is None else list(positive(expression))
    if not any(isinstance(one, Holding) for one in asked) or any(isinstance(one, Either) for one in asked):
        return
    takes = assets.placements().where["isPickupable"]
    named: list[tuple[Loc, str]] = [(("targets", name), name) for name in _mapping(document.get("targets"))]
    for purpose, kinds in _mapping(document.get("affordances")).items():
        named += [(("affordances", purpose, at), kind) for at, kind in enumerate(_list(kinds)) if isinstance(kind, str)]
    for loc, name in named:
        if name in assets.types() and name not in takes:
            yield loc, f"no hand can take a {name}, but success asks to hold one. Take it out, or ask for near(target, within_m: 1.0)"


def _wordless(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """Words of instructions that have no vector."""
    vocabulary = Vocabulary.load()
    said: list[tuple[Loc, str]] = [
        (("templates", at), GAP.sub(" ", text)) for at, text in enumerate(_list(document.get("templates"))) if isinstance(text, str)
    ]
    for key in ("targets", "in_rooms", "rooms"):
        said += [((key, name), words) for name, words in _mapping(document.get(key)).items() if isinstance(words, str)]
    said += [(("affordances", purpose), purpose) for purpose in _mapping(document.get("affordances"))]
    for at, selection in enumerate(_list(document.get("selections"))):
        text = _mapping(selection).get("says")
        said += [(("selections", at, "says"), GAP.sub(" ", text))] if isinstance(text, str) else []
        references = _mapping(_mapping(selection).get("references"))
        said += [(("selections", at, "references", name), words) for name, words in references.items() if isinstance(words, str)]
    for loc, text in said:
        for word in dict.fromkeys(split_words(text)):
            if word not in vocabulary.ids:
                near = did_you_mean(word, vocabulary.words)
                yield (
                    loc,
                    f"the word '{word}' has no vector. Use another, or add it to scripts/goal_phrases.txt and make the table again.{near}",
                )


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _mapping(value: Value) -> dict[str, Value]:
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []
