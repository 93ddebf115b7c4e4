"""What pydantic says about a document, in words that name the key and how to mend it."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import pydantic
from pydantic_core import ErrorDetails

from flare_core.yaml_tree import Fault, Loc, Tree, Value

_WRONG_TYPE: Final = frozenset(
    ("string_type", "int_type", "int_from_float", "float_type", "bool_type", "list_type", "tuple_type", "dict_type")
    + ("model_type", "model_attributes_type", "literal_error", "enum", "none_required")
)


MOST: Final = 100  # a file with more faults than this is of another kind altogether
_LONGEST: Final = 60


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """' Did you mean ...?' if one of the choices is like the word, else nothing."""
    near = difflib.get_close_matches(word[:_LONGEST], list(choices), n=1, cutoff=0.6)  # its time grows with the square
    return f" Did you mean '{near[0]}'?" if near else ""


def explain(bad: pydantic.ValidationError, tree: Tree, model: type[pydantic.BaseModel], header: Iterable[str]) -> list[Fault]:
    """A fault with its place for every error that the user can mend.

    Args:
        tree: the document that was refused.
        model: what refused it; knows the keys that are allowed where a wrong one stands.
        header: keys that every document may have beside those of the model.
    """
    told = {(fault.place, fault.loc) for fault in tree.faults}
    faults = []
    errors = [_Open(error, (), error["loc"]) for error in bad.errors(include_url=False)]
    schema = model.model_json_schema() if any(one.error["type"] == "extra_forbidden" for one in errors) else {}  # slow to make
    for error, loc in islice(_meant(errors, tree.value), MOST):
        keys = _keys_at(schema, loc[:-1]) | (set(header) if len(loc) == 1 else set())
        if (tree.place(loc), loc) not in told:  # what was doubtful as YAML need not be wrong as a value as well
            faults.append(Fault(place=tree.place(loc), loc=loc, text=_say(error, loc, keys)))
    return faults


class _Open(NamedTuple):
    """An error, how far its path has been followed in the document, and what is left of it."""

    error: ErrorDetails
    loc: Loc
    rest: tuple[str | int, ...]


def _meant(errors: Iterable[_Open], document: Value) -> Iterator[tuple[ErrorDetails, Loc]]:
    """Errors with their path in the document; of every union only those of the branch that the user meant."""
    unions: dict[Loc, dict[str, list[_Open]]] = {}
    for start in errors:
        error, loc, rest = _follow(start, document)
        if rest:  # pydantic puts the name of a union's branch into the path
            unions.setdefault(loc, {}).setdefault(str(rest[0]), []).append(_Open(error, loc, rest[1:]))
        else:
            yield error, loc
    for loc, branches in unions.items():
        fitting = [found for found in branches.values() if not all(_is_of_wrong_type(one) for one in found)]
        if fitting:
            nearest: list[_Open] = min(fitting, key=len)
            yield from _meant(nearest, document)
            continue
        tried = [one.error for found in branches.values() for one in found]
        wants = dict.fromkeys(_want(error) for error in tried)
        yield {**tried[0], "type": "union", "msg": " or ".join(wants)}, loc


def _is_of_wrong_type(one: _Open) -> bool:
    return not one.rest and one.error["type"] in _WRONG_TYPE


def _follow(start: _Open, document: Value) -> _Open:
    """Follows an error's path until it ends or leaves the document."""
    error, loc, rest = start
    value: Any = document
    for part in loc:  # walked before
        value = value[part]
    while rest:
        part = rest[0]
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif len(rest) > 1 or error["type"] != "missing":
            break
        loc, rest = (*loc, part), rest[1:]
    return _Open(error, loc, rest)


def _want(error: ErrorDetails) -> str:
    return re.sub(r"^Input should be (an? )?(valid )?", "", _in_yaml(error["msg"]))


def _in_yaml(text: str) -> str:
    """Pydantic's words for JSON and Python values in those of YAML."""
    for word, ours in (("a valid dictionary", "a mapping"), ("an object", "a mapping"), ("valid array", "list"), ("valid tuple", "list")):
        text = text.replace(word, ours)
    return text


def _say(error: ErrorDetails, loc: Loc, keys: Iterable[str]) -> str:
    kind, given = error["type"], error["input"]
    if kind == "missing":
        return f"is missing. Add `{loc[-1]}:`"
    if kind == "extra_forbidden":
        said = f" Use {', '.join(sorted(keys))}." if keys else " Remove it."
        return f"no such key '{loc[-1]}'.{said}{did_you_mean(str(loc[-1]), keys)}"
    if kind in ("value_error", "assertion_error"):
        return error["msg"].partition(", ")[2]
    if kind == "union":
        choices = re.findall(r"'([^']*)'", error["msg"])
        return f"should be {error['msg']}; got {_short(given)}.{did_you_mean(str(given), choices)}".removesuffix(".")
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", error["msg"])
        return f"{_short(given)} is not one of {', '.join(choices)}.{did_you_mean(str(given), choices)}"
    if given is None:
        return f"is empty. It should be {_article(_want(error))}"
    return f"{_lower(_in_yaml(error['msg']).removeprefix('Input '))}; got {_short(given)}{_unit(kind, loc, given)}"


def _unit(kind: str, loc: Loc, given: Any) -> str:
    """The unit of a key whose number is too large for it, where that explains the number."""
    key = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    if kind not in ("less_than", "less_than_equal") or not isinstance(given, int | float):
        return ""
    if key.endswith("_m"):
        return f". The unit is metres: {given:g} cm are {given / 100:g}, {given:g} mm are {given / 1000:g}"
    return ". The unit is degrees" if key.endswith("_deg") else ""


def _article(noun: str) -> str:
    return noun if noun[:1].isdigit() or " " in noun else f"a {noun}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_at(schema: Mapping[str, Any], loc: Loc) -> set[str]:
    """Keys that a mapping may have, over all branches of unions on the way to it."""
    nodes = list(_expand(schema, schema))
    for part in loc:
        nodes = [found for node in nodes for child in _children(node, part) for found in _expand(child, schema)]
    return {str(key) for node in nodes for key in node.get("properties", {})}


def _children(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        yield from (item for item in (node.get("items"),) if isinstance(item, Mapping))
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    else:
        yield from (item for item in (node.get("additionalProperties"),) if isinstance(item, Mapping))
        yield from (item for pattern, item in node.get("patternProperties", {}).items() if re.search(pattern, part))


def _expand(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in node:
        yield from _expand(schema["$defs"][str(node["$ref"]).rpartition("/")[2]], schema)
        return
    yield node
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(word, ()):
            yield from _expand(branch, schema)
