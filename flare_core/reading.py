"""A YAML spec -> a checked, frozen value; every fault as file:line, what is wrong and how to mend it.

A file begins with `kind:`, may have `extends: NAME` (same kind), `name:`, `origin:` and `origins:`; the rest is the
model's. A reference is the name of a packaged spec or, if it has a slash or ends in .yaml, a path relative to the file
that it stands in. Knows no kind of spec by itself.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final, Generic, TypeAlias, TypeVar

import pydantic
import yaml

from flare_core import spec_faults
from flare_core.errors import SpecError
from flare_core.yaml_tree import Fault, Loc, Place, Tree, Value, look_up, merge, overlay, parse, read_text, report, walk

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "embodiment": "embodiments",
        "task": "tasks",
        "recipe": "recipes",
        "transfer": "transfers",
        "pretraining": "pretraining",
    }
)
HEADER: Final = ("kind", "extends", "name", "origin", "origins")
_MAX_CHAIN: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Check: TypeAlias = Callable[[Mapping[str, Value]], Iterable[tuple[Loc, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A document as it may be once something in it has been settled.

    Attributes:
        told: where values stand that have another path here.
        only: if given, the paths of the only values that this form judges.
    """

    document: Mapping[str, Value]
    told: Mapping[Loc, Loc] = field(default_factory=dict)
    only: frozenset[Loc] | None = None


Forms: TypeAlias = Callable[[Mapping[str, Value]], tuple[Sequence[tuple[Loc, str]], Sequence[Form]]]


class Spec(pydantic.BaseModel):
    """Base of everything that is read from YAML: immutable, finite numbers, and a misspelt key is an error."""

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, populate_by_name=True
    )


S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[S]):
    """A spec and where it comes from.

    Attributes:
        spec: the checked value.
        path: the file that was asked for.
        name: its `name:`, or the file's name without the ending.
        resolved: the whole document after `extends` and overrides, kind and name first; `dump` writes it.
        sha256: of the resolved content without `name`, `origin` and `origins`: equal for specs that mean the same.
        places: where each value was written.
    """

    spec: S
    path: Path
    name: str
    resolved: dict[str, Value]
    sha256: str
    places: Mapping[Loc, Place]

    def place(self, loc: Loc) -> Place:
        """Where a value, or the nearest that exists around it, was written."""
        while loc and loc not in self.places:
            loc = loc[:-1]
        return self.places[loc]

    def line_of(self, loc: Loc = ()) -> str:
        """'file:line' of a value, in the file it stands in (which may be a parent's)."""
        return str(self.place(loc))

    def folder_of(self, loc: Loc = ()) -> Path:
        """Folder that a path written at `loc` is relative to: the file's, or the present one for a path given with -o."""
        path = self.place(loc).path
        return path.parent if path is not None else Path()


def read(
    ref: str | Path,
    kind: str,
    model: type[S],
    *,
    base: Path | None = None,
    overrides: Sequence[tuple[str, str]] = (),
    within: str = "",
    displaces: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    check: Check | None = None,
    forms: Forms | None = None,
    self_contained: bool = False,
    where: str = "",
) -> Loaded[S]:
    """Read one spec.

    Args:
        ref: packaged name or path.
        kind: what the file has to be.
        model: pydantic model of the document. Header keys reach it only if it declares them.
        base: folder that a relative path starts from; None for the current one.
        overrides: (dotted key, YAML text) pairs, as given with `-o key=value`, laid over the document.
        within: what was put before their keys, for faults: 'recipe.' where the user wrote `-o recipe.steps=...`.
        displaces: see `yaml_tree.merge`.
        check: what the model cannot see; gets the document even if the model refuses it, so that it must doubt
            every type, and yields (path, message) pairs.
        forms: what is wrong with the document itself, and the forms that it has to be right in; the spec is read from the first.
            Left out, there is one: the document as it is.
        self_contained: refuse `extends`, for files that came from somewhere else.
        where: 'file:line' of the reference, put before the message if there is no such spec.

    Raises:
        SpecError: with all faults of all files concerned.
    """
    path = find(ref, kind, base=base, where=where)
    tree, name = _chain(path, kind, dict(displaces), (), self_contained=self_contained)
    for key, text in overrides:
        tree = _override(tree, key, text, Place(label=f"-o {within}{key}"), dict(displaces))
    faults = list(tree.faults)
    document = tree.value if isinstance(tree.value, dict) else {}
    content = {key: value for key, value in document.items() if key not in HEADER}
    known = {key: value for key, value in {**document, "name": name}.items() if key in model.model_fields}
    wrong, settled = ((), (Form(document=content),)) if forms is None else forms(content)
    faults += [Fault(place=tree.place(loc), loc=loc, text=text) for loc, text in wrong]
    specs = list[S]()
    for form in settled:
        try:  # JSON, because strict JSON takes a list for a tuple, but no text for a number and no true for 1
            specs.append(model.model_validate_json(json.dumps({**known, **form.document}), strict=True))
        except pydantic.ValidationError as bad:
            faults += _as_written(spec_faults.explain(bad, replace(tree, value={**document, **form.document}), model, HEADER), form, tree)
    if check is not None and settled:
        found = [Fault(place=tree.place(loc), loc=loc, text=text) for loc, text in check(settled[0].document)]
        faults += _as_written(found, settled[0], tree)
    faults += _origin_faults(tree, document)
    faults = [_blamed(fault, tree) for fault in faults]
    if faults or not specs:
        raise report(faults)
    head: dict[str, Value] = {"kind": kind, "name": name}
    head |= {key: document[key] for key in ("origin", "origins") if key in document}
    return Loaded(
        spec=specs[0], path=path, name=name, resolved=head | content, sha256=_digest(kind, content), places=MappingProxyType(tree.places)
    )


def _as_written(faults: Iterable[Fault], form: Form, tree: Tree) -> Iterable[Fault]:
    """Faults of a form, at the places of the document that it came from."""
    for fault in faults:
        loc = form.told.get(fault.loc, fault.loc)
        if form.only is None or loc in form.only:
            yield replace(fault, loc=loc, place=tree.place(loc))


def _blamed(fault: Fault, tree: Tree) -> Fault:
    """A fault of several keys beside each other, at the one of them that came from the command line."""
    given = [loc for loc, place in tree.places.items() if loc and loc[:-1] == fault.loc and place.label.startswith("-o ")]
    named = [loc for loc in given if re.search(rf"\b{re.escape(str(loc[-1]))}\b", fault.text)]
    return replace(fault, place=tree.places[named[0]]) if named and not fault.place.label.startswith("-o ") else fault


def _digest(kind: str, content: Mapping[str, Value]) -> str:
    canonical = json.dumps([kind, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def list_specs(kind: str) -> list[str]:
    """Names of the packaged specs of a kind, sorted."""
    folder = _packaged(kind)
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []


def dump(resolved: Mapping[str, Value]) -> str:
    """A resolved document as YAML text that `read` takes back unchanged."""
    return yaml.dump(dict(resolved), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Quotes text that `read` would otherwise find doubtful, such as '3e-4'; writes no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        looks_odd = re.fullmatch(r"[-+.\d][-+.,\w:]*", text) is not None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if looks_odd else None)


_Dumper.add_representer(str, _Dumper.text)


def find(ref: str | Path, kind: str, *, base: Path | None = None, where: str = "") -> Path:
    """File that a reference leads to.

    Raises:
        SpecError: there is none; the message begins with `where`.
    """
    said = f"{where}: " if where else ""
    if isinstance(ref, Path) or "/" in ref or "\\" in ref or ref.endswith((".yaml", ".yml")):
        path = (base or Path()) / ref
        if path.is_file():
            return path
        near = spec_faults.did_you_mean(path.stem, list_specs(kind))
        raise SpecError(f"{said}no such file: {path}. A packaged {kind} is written without folder and ending.{near}")
    names = list_specs(kind)
    if ref in names:
        return _packaged(kind) / f"{ref}.yaml"
    beside = (base or Path()) / f"{ref}.yaml"
    near = f" Did you mean './{ref}.yaml'?" if beside.is_file() else spec_faults.did_you_mean(ref, names)
    known = f"Packaged are: {', '.join(names)}" if names else f"No {kind} is packaged"
    raise SpecError(f"{said}no {kind} '{ref}'. {known}; a file of your own is written as a path, ./{ref}.yaml.{near}")


def _packaged(kind: str) -> Path:
    return Path(str(resources.files("flare_core") / "specs" / KINDS[kind]))


def _label(path: Path) -> str:
    """The name of a file in messages: packaged specs from `specs/` on, others as they were given."""
    root = Path(str(resources.files("flare_core")))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _chain(
    path: Path, kind: str, displaces: dict[str, tuple[str, ...]], above: tuple[Path, ...], *, self_contained: bool
) -> tuple[Tree, str]:
    """A file with all it extends, and its name. `above` are the files that led here."""
    label = _label(path)
    tree = parse(read_text(path, label), Place(label=label, line=1, path=path))
    document = tree.value
    if not isinstance(document, dict):
        no_keys = Fault(place=tree.places[()], text=f"should be a mapping of keys that begins with `kind: {kind}`")
        raise report(list(tree.faults) or [no_keys])
    faults = [*tree.faults, *_header_faults(tree, document, kind)]
    if (
        isinstance(document.get("kind"), str) and document["kind"] != kind and document["kind"] in KINDS
    ):  # all its keys would be strange ones
        raise report(faults)
    name = document.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        what = f"name {name!r} should be letters, digits, '_', '-' and '.'. Add a `name:` like `name: mybot`"
        faults.append(Fault(place=tree.place(("name",)), text=what))
    tree = Tree(value=document, places=tree.places, faults=tuple(faults))
    chosen = document.get("extends")
    if not isinstance(chosen, str):
        return tree, str(name)
    here = str(tree.place(("extends",)))
    if self_contained:
        raise SpecError(f"{here}: extends: this file has to stand alone. Write out what it inherits (`flare show` prints it)")
    try:
        parent = find(chosen, kind, base=path.parent, where=f"{here}: extends")
    except SpecError as bad:
        raise SpecError("\n".join([*map(str, faults), str(bad)])) from None
    seen = (*above, path)
    if any(parent.resolve() == old.resolve() for old in seen):
        way = " -> ".join(_label(old) for old in (*seen, parent))
        raise SpecError(f"{here}: extends: goes round in a circle: {way}. Remove one `extends:`")
    if len(seen) >= _MAX_CHAIN:
        raise SpecError(f"{here}: extends: more than {_MAX_CHAIN} files deep. Extend one of the first directly")
    inherited, _ = _chain(parent, kind, displaces, seen, self_contained=False)
    return _without_lost_origins(merge(_heir(inherited, document), tree, displaces), document), str(name)


def _heir(parent: Tree, child: Mapping[str, Value]) -> Tree:
    """What a child takes from its parent: no header but the origins of values that the child leaves as they are."""
    document = parent.value if isinstance(parent.value, dict) else {}
    value = {key: item for key, item in document.items() if key not in HEADER}
    origins = document.get("origins")
    if isinstance(origins, dict):
        value["origins"] = {key: said for key, said in origins.items() if not _touches(dict(child), key)}
    return Tree(value=value, places=parent.places, faults=parent.faults)


def _without_lost_origins(tree: Tree, child: Mapping[str, Value]) -> Tree:
    """Drops inherited origins of values that a child's key displaced; the child's own have to be right."""
    document = tree.value if isinstance(tree.value, dict) else {}
    own, all_of_them = child.get("origins"), document.get("origins")
    if not isinstance(all_of_them, dict):
        return tree
    mine = own if isinstance(own, dict) else {}
    kept: dict[str, Value] = {key: said for key, said in all_of_them.items() if key in mine or look_up(tree.value, key)}
    return Tree(value={**document, "origins": kept}, places=tree.places, faults=tree.faults)


def _touches(child: Value, dotted: str) -> bool:
    """Whether a child writes the value at a key path or replaces something around it."""
    for part in dotted.split("."):
        if not isinstance(child, dict):
            return True
        if part not in child:
            return False
        child = child[part]
    return True


def _header_faults(tree: Tree, document: Mapping[str, Value], kind: str) -> Iterable[Fault]:
    given = document.get("kind")
    if given is None:
        yield Fault(place=tree.places[()], text=f"`kind:` is missing. Begin the file with `kind: {kind}`")
    elif given != kind:
        near = "" if isinstance(given, str) and given in KINDS else spec_faults.did_you_mean(str(given), KINDS)
        yield Fault(place=tree.place(("kind",)), loc=("kind",), text=f"{given!r}, but a spec of kind '{kind}' is needed here.{near}")
    for key, wanted in (("extends", str), ("origin", str), ("origins", dict)):
        if key in document and not isinstance(document[key], wanted):
            what = "a mapping from key paths to texts" if wanted is dict else "text"
            yield Fault(place=tree.place((key,)), loc=(key,), text=f"should be {what}; got {document[key]!r}")


def _origin_faults(tree: Tree, document: Mapping[str, Value]) -> Iterable[Fault]:
    origins = document.get("origins")
    for key, said in origins.items() if isinstance(origins, dict) else ():
        if not isinstance(said, str):
            yield Fault(place=tree.place(("origins", key)), loc=("origins", key), text=f"should be text; got {said!r}")
        if not look_up(dict(document), key):
            text = "no such value in this spec. Write the dotted path of a key"
            yield Fault(place=tree.place(("origins", key)), loc=("origins", key), text=text)


def _override(tree: Tree, key: str, text: str, place: Place, displaces: dict[str, tuple[str, ...]]) -> Tree:
    """The document with one value laid over it, as `-o KEY=TEXT` asks."""
    parts = key.split(".")
    if not all(parts) or parts[0] in HEADER:
        raise SpecError(f"{place}: not a key that can be overridden. Write a dotted path such as base.radius_m")
    given = parse(text, place)
    target = _typed(tree.value, parts)
    value = overlay(tree.value, _planted(tree.value, target, given.value), displaces)
    written = {(*target, *loc) for loc in given.places}
    places = {loc: place if loc in written else tree.places.get(loc, place) for loc in walk(value)}
    faults = [replace(fault, loc=(*target, *fault.loc)) for fault in given.faults]
    return Tree(value=value, places=places, faults=(*tree.faults, *faults))


def _typed(value: Value, parts: Sequence[str]) -> Loc:
    """A dotted path with numbers where it enters a list."""
    loc: list[str | int] = []
    for part in parts:
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            loc.append(int(part))
            value = value[int(part)]
        else:
            loc.append(part)
            value = value.get(part) if isinstance(value, dict) else None
    return tuple(loc)


def _planted(here: Value, loc: Loc, given: Value) -> Value:
    """A document with nothing but the given value in its place; lists on the way are kept whole."""
    if not loc:
        return given
    head, rest = loc[0], loc[1:]
    if isinstance(here, list) and isinstance(head, int):
        return [overlay(item, _planted(item, rest, given), {}) if at == head else item for at, item in enumerate(here)]
    return {str(head): _planted(here.get(str(head)) if isinstance(here, dict) else None, rest, given)}
