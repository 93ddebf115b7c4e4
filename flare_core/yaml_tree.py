"""YAML text -> plain values, with the file and line of every one of them and all that is doubtful about them.

Stricter than PyYAML: what YAML 1.1 reads otherwise than a person means it (`3e-4` as text, `on` as true, `12:30` as
750, `010` as 8, a repeated key) is a fault. Aliases are refused, so that no small file can grow into a large one.
Knows nothing of specs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import yaml

from flare_core.errors import SpecError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Loc: TypeAlias = tuple[str | int, ...]

MAX_BYTES: Final = 64 * 1024  # a spec has a few kilobytes; the worst of this size is judged in a quarter of a second
MAX_DEPTH: Final = 32
_SHOWN: Final = 50

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, but not in every build
_NUMBER: Final = re.compile(r"[-+]?(\d[\d_]*)?\.?\d+[eE][-+]?\d+|[-+]?\d+\.[eE][-+]?\d+")
_LONGEST_NUMBER: Final = 40  # the pattern above takes quadratic time, and Python refuses to read very long integers
_CLOCK: Final = re.compile(r"[-+]?\d+(:\d+)+(\.\d*)?")
_OCTAL: Final = re.compile(r"[-+]?0[0-9_]+")
_COMMA: Final = re.compile(r"[-+]?\d+,\d+")
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value was written.

    Attributes:
        label: the file as the user knows it, or `-o KEY`.
        line: counted from 1; 0 for what has no lines.
        path: the file, or None.
    """

    label: str
    line: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        return f"{self.label}:{self.line}" if self.line else self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where it stands, which value it is, what is wrong and how to mend it."""

    place: Place
    loc: Loc = ()
    text: str

    def __str__(self) -> str:
        name = ".".join(map(str, self.loc))
        said = self.place.label.startswith("-o ") and f".{self.place.label[3:]}".endswith(f".{name}")
        name = "" if said else name
        return f"{self.place}: {name}: {self.text}" if name else f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A document: its value, the place of every value in it, and its faults."""

    value: Value
    places: dict[Loc, Place]
    faults: tuple[Fault, ...] = ()

    def place(self, loc: Loc) -> Place:
        """Place of a value, or of the nearest mapping or list around it that exists."""
        while loc and loc not in self.places:
            loc = loc[:-1]
        return self.places[loc]


def report(faults: list[Fault]) -> SpecError:
    """One error out of all faults, in the order of file and line."""
    files = list(dict.fromkeys(fault.place.label for fault in faults))
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: (files.index(fault.place.label), fault.place.line))
    more = [f"... and {len(ordered) - _SHOWN} more faults"] if len(ordered) > _SHOWN else []
    return SpecError("\n".join([*map(str, ordered[:_SHOWN]), *more]))


def read_text(path: Path, label: str) -> str:
    """Text of a spec file.

    Raises:
        SpecError: it is not there, not a file, too large, not UTF-8 or empty.
    """
    try:
        if not path.is_file():
            what = "is a folder, not a YAML file" if path.is_dir() else "no such file"
            raise SpecError(f"{label}: {what}. Give the path of a spec or the name of a packaged one")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as bad:
        raise SpecError(f"{label}: cannot be read ({bad.strerror}). Check its permissions") from None
    if len(raw) > MAX_BYTES:
        size = path.stat().st_size
        raise SpecError(f"{label}: has {size} bytes, a spec has at most {MAX_BYTES}. Is this another kind of file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = raw[: bad.start].count(b"\n") + 1
        raise SpecError(f"{label}:{line}: byte 0x{raw[bad.start]:02x} is not UTF-8. Save the file as UTF-8") from None
    if not text.strip():
        raise SpecError(f"{label}:1: the file is empty. A spec begins with `kind:`")
    return text


def parse(text: str, place: Place) -> Tree:
    """Value and faults of one YAML document.

    Args:
        place: label and path of the file; its line is the one that `text` begins on, or 0 if lines mean nothing here.

    Returns:
        The tree. If the text is not YAML at all, its value is None and its one fault says so.
    """
    builder = _Builder(place)
    root = builder.at(None)
    try:
        faults = list(builder.forbidden(text))
        node = None if faults else yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as bad:
        return Tree(value=None, places={(): root}, faults=(builder.unreadable(text, bad),))
    except (yaml.YAMLError, UnicodeError) as bad:
        what = f"not valid YAML: {str(bad).splitlines()[0]}. Remove the character"
        return Tree(value=None, places={(): root}, faults=(Fault(place=root, text=what),))
    if node is None:
        return Tree(value=None, places={(): root}, faults=tuple(faults))
    value = builder.build(node, ())
    return Tree(value=value, places=builder.places, faults=tuple(builder.faults))


class _Mark(Protocol):
    """A position in the text, of libyaml or of PyYAML itself."""

    line: int


class _Builder:
    """Turns the nodes of one document into values, and keeps book of places and faults."""

    def __init__(self, place: Place) -> None:
        self.origin = place
        self.places: dict[Loc, Place] = {}
        self.faults: list[Fault] = []

    def at(self, mark: _Mark | None) -> Place:
        if not self.origin.line:
            return self.origin
        line = self.origin.line + (mark.line if mark is not None else 0)
        return Place(label=self.origin.label, line=line, path=self.origin.path)

    def forbidden(self, text: str) -> Iterator[Fault]:
        """Aliases and excessive depth, found in the stream of events before anything is built out of it."""
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                what = f"aliases are not read (*{event.anchor}). Write the value out, or put it in a file to `extends:`"
                yield Fault(place=self.at(event.start_mark), text=what)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                what = f"nested more than {MAX_DEPTH} deep. No spec is; is a bracket missing?"
                yield Fault(place=self.at(event.start_mark), text=what)
                return

    def unreadable(self, text: str, bad: yaml.MarkedYAMLError) -> Fault:
        """What the parser could make nothing of."""
        opened = "flow" in str(bad.context) or "quoted" in str(bad.context)  # where it begins says more than where it fails
        mark = bad.context_mark if opened else bad.problem_mark
        lines = text.splitlines()
        line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
        is_tab = "\t" in line[: len(line) - len(line.lstrip())]
        mend = "Indent with spaces, not with tabs" if is_tab else "Is a bracket or a quote left open, or a space missing after ':'?"
        said = ", ".join(part for part in (bad.context, bad.problem) if part)
        return Fault(place=self.at(mark), text=f"not valid YAML: {said}. {mend}")

    def fault(self, node: yaml.Node, loc: Loc, text: str) -> None:
        self.faults.append(Fault(place=self.at(node.start_mark), loc=loc, text=text))

    def build(self, node: yaml.Node, loc: Loc) -> Value:
        self.places.setdefault(loc, self.at(node.start_mark))
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self.mapping(node, loc)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.build(item, (*loc, at)) for at, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, loc)
        self.fault(node, loc, f"tag '{node.tag}' is not read. Remove it")
        return None

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Value]:
        found: dict[str, Value] = {}
        before: tuple[Loc, yaml.Node] | None = None
        for key, value in node.value:
            if before is not None and _is_behind_a_comma(before[1], key, value):  # `{up_m: 0,38}` is two entries to YAML
                path, number = before
                found[str(path[-1])] = self.comma(number, path, f"{number.value},{key.value}")
                before = None
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                said = f"`{key.value}`" if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                self.fault(key, loc, f"{said} as a key is not read as text. Write it in quotes if it is a name")
                continue
            path = (*loc, key.value)
            if key.value in found:
                first = self.places[path].line
                self.fault(key, path, f"is already set on line {first}. Keep one of the two")
                continue
            self.places[path] = self.at(key.start_mark)
            found[key.value] = self.build(value, path)
            before = (path, value)
        return found

    def scalar(self, node: yaml.ScalarNode, loc: Loc) -> Value:
        text, tag = str(node.value), node.tag.removeprefix(_TAG)
        plain = not node.style  # libyaml says "", PyYAML itself None
        if tag == "null":
            return None
        if tag == "str":
            if plain and len(text) <= _LONGEST_NUMBER and _COMMA.fullmatch(text):
                return self.comma(node, loc, text)
            odd = plain and len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text)
            return self.number_as_text(node, loc) if odd else text
        if tag == "bool":
            if text.lower() not in ("true", "false"):
                what = f"`{text}` is text to some readers and a truth value to others"
                self.fault(node, loc, f"{what}. Write true or false, or '{text}' in quotes")
            return text.lower() in ("true", "yes", "on", "y")
        if tag in ("int", "float"):
            return self.number(node, loc, tag)
        what = "is read as a date" if tag == "timestamp" else f"has the tag '{node.tag}'"
        self.fault(node, loc, f"`{text}` {what}. Write it in quotes")
        return text

    def number_as_text(self, node: yaml.ScalarNode, loc: Loc) -> float:
        number = float(node.value.replace("_", ""))
        mantissa, exponent = re.split("[eE]", node.value)
        better = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent if exponent[0] in '+-' else '+' + exponent}"
        self.fault(node, loc, f"`{node.value}` is text to YAML. Write {better}, or '{node.value}' in quotes if text is meant")
        return number

    def comma(self, node: yaml.Node, loc: Loc, text: str) -> float:
        better = text.replace(",", ".")
        whole, part = text.split(",")
        thousands = f", or {whole}{part} if thousands are meant" if len(part) == 3 and whole.lstrip("+-0") else ""
        quoted = f", or '{text}' in quotes if text is meant" if node.value == text else ""
        self.fault(node, loc, f"`{text}`: a decimal point, not a comma. Write {better}{thousands}{quoted}")
        return float(better)

    def number(self, node: yaml.ScalarNode, loc: Loc, tag: str) -> Value:
        text = node.value.replace("_", "")
        if len(text) > _LONGEST_NUMBER:
            self.fault(node, loc, f"a number of {len(text)} characters is too long. Shorten it")
            return None
        if _CLOCK.fullmatch(text):
            self.fault(node, loc, f"`{node.value}` is read as a number to the base of 60. Write it in quotes if a time is meant")
            return None
        if tag == "int" and _OCTAL.fullmatch(text):
            self.fault(node, loc, f"`{node.value}` is read as an octal number. Remove the leading zero")
            return None
        return int(text, 0) if tag == "int" else float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _is_behind_a_comma(first: yaml.Node, key: yaml.Node, value: yaml.Node) -> bool:
    """Whether a key is the end of the number before it: whole digits with nothing but a comma between, and no value."""
    if not (isinstance(first, yaml.ScalarNode) and isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)):
        return False
    joined = first.end_mark.line == key.start_mark.line and first.end_mark.column + 1 == key.start_mark.column
    plain = not first.style and not key.style and value.value == "" and not value.style
    return joined and plain and len(first.value + key.value) < _LONGEST_NUMBER and bool(_COMMA.fullmatch(f"{first.value},{key.value}"))


def merge(parent: Tree, child: Tree, displaces: dict[str, tuple[str, ...]]) -> Tree:
    """The child's document on top of the parent's: mappings merge key by key, everything else replaces.

    Args:
        displaces: keys of a parent's mapping that give way when a child's mapping has the key they are listed under, as
            `intrinsics` replaces `vertical_fov_deg`.
    """
    value = overlay(parent.value, child.value, displaces)
    known = parent.places | child.places
    places = {loc: known[loc] for loc in walk(value)}
    return Tree(value=value, places=places, faults=(*parent.faults, *child.faults))


def overlay(parent: Value, child: Value, displaces: dict[str, tuple[str, ...]]) -> Value:
    """The value part of `merge`."""
    if not isinstance(parent, dict) or not isinstance(child, dict):
        return child
    gone = {rival for key in child for rival in displaces.get(key, ())} - child.keys()
    kept = {key: value for key, value in parent.items() if key not in gone}
    return kept | {key: overlay(kept[key], value, displaces) if key in kept else value for key, value in child.items()}


def walk(value: Value, loc: Loc = ()) -> Iterator[Loc]:
    """Paths of all values in a document, the document itself first."""
    yield loc
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*loc, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from walk(item, (*loc, at))


def look_up(value: Value, dotted: str) -> bool:
    """Whether a dotted key path, such as `cameras.head.mount` or `actions.0`, leads to a value."""
    for part in dotted.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False
    return True
