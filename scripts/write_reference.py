"""Write docs/reference: every key of every spec, out of the JSON Schemas, and every command, out of click.

Usage: python scripts/write_reference.py [--out docs/reference]
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from flare_core.cli import main
from flare_core.schemas import MODELS, schemas

ROOT = Path(__file__).resolve().parent.parent
Node = Mapping[str, Any]
OWN_SECTION: Final = 6  # a part with so many keys that is met again, or that is met so often, is written once
MADE: Final = "<!-- Made by `python scripts/write_reference.py`; change the descriptions in the code instead. -->"
TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "embodiment": "a robot: its base, cameras, arm, senses and actions. Explained by example in [Describe your robot](../describe.md).",
        "task": "what to do and how it is judged. Explained by example in [Tasks, and how to write one](../tasks.md).",
        "recipe": "how to train. Explained in [Train](../train.md).",
        "transfer": "which policy goes to which robot, and the choices of the plan. Explained in [Carry a policy](../carry.md).",
        "pretraining": "how a policy such as the shipped ones is made. Explained in [Train](../train.md#making-a-policy-from-nothing).",
    }
)
UNITS: Final = (("_per_m", "per metre"), ("_m", "metres"), ("_deg", "degrees"), ("_px", "pixels"), ("_s", "seconds"), ("_gb", "GB"))
PLAIN: Final[Mapping[str, str]] = MappingProxyType({"string": "text", "boolean": "`true` or `false`", "integer": "whole number"})
LIMITS: Final = (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a spec: its dotted path, what it can be, what it is without a line, what it means."""

    path: str
    values: str
    default: str
    about: str


class Grammar:
    """One kind of spec, read from its schema."""

    def __init__(self, schema: Node) -> None:
        self.schema = schema
        self.definitions: Node = schema.get("$defs", {})
        met = list(_references(schema))
        parts = {name: len(self.definitions[name].get("properties", {})) for name in set(met)}
        self.shared = {name for name, size in parts.items() if size and met.count(name) > 1 and max(size, met.count(name)) >= OWN_SECTION}

    def key(self, path: str, node: Node, needed: bool) -> Key:
        """What is said of one key."""
        default = "needed" if needed else _default(node)
        return Key(path=path, values=self._values(path, node), default=default, about=_flat(node.get("description", "")))

    def below(self, path: str, node: Node) -> Iterator[Key]:
        """What stands inside a value."""
        for option in node.get("anyOf", []):
            yield from self.below(path, option)
        if (name := _name(node)) is not None:
            if name not in self.shared:
                yield from self.below(path, self.definitions[name])
            return
        for key, value in node.get("properties", {}).items():
            inner = f"{path}.{key}" if path else key
            yield self.key(inner, value, key in node.get("required", []))
            yield from self.below(inner, value)
        if isinstance(items := node.get("items"), dict):
            yield from self.below(f"{path}[]", items)
        for each in _each(node):
            yield from self.below(f"{path}.NAME", each)

    def _values(self, path: str, node: Node) -> str:
        if "const" in node:
            return f"`{node['const']}`"
        if "enum" in node:
            return ", ".join(f"`{one}`" for one in node["enum"])
        if "anyOf" in node:
            return " or ".join(dict.fromkeys(self._values(path, one) for one in node["anyOf"] if one != {"type": "null"}))
        if (name := _name(node)) is not None:
            return f"[{_words(name)}](#{_anchor(name)})" if name in self.shared else self._values(path, self.definitions[name])
        kind = node.get("type")
        if kind == "array":
            return f"list of {self._values(path, node.get('items', {}))}"
        if kind == "object" and "properties" not in node:
            return " or ".join(f"names, each with {self._values(path, each)}" for each in _each(node)) or "names and values"
        if kind == "object":
            return "the keys below" if node["properties"] else "`{}`"
        said = [PLAIN.get(str(kind), str(kind))]
        said += [f"{sign} {node[limit]:g}" for limit, sign in LIMITS if limit in node]
        unit = next((unit for ending, unit in UNITS if path.endswith(ending)), None) if kind in ("number", "integer") else None
        return " ".join([", ".join(said), *([f"({unit})"] if unit else [])])


def _each(node: Node) -> Iterator[Node]:
    """What stands under names that are the user's choice."""
    yield from node.get("patternProperties", {}).values()
    if isinstance(each := node.get("additionalProperties"), dict):
        yield each


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if (name := _name(node)) is not None:
            yield name
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _name(node: Node) -> str | None:
    found = node.get("$ref")
    return found.rpartition("/")[2] if isinstance(found, str) else None


def _words(name: str) -> str:
    """'ActionSpec' as 'action'."""
    text = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("Spec"))
    return text.strip()


def _anchor(name: str) -> str:
    return f"one-{_words(name).replace(' ', '-')}"


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(node: Node) -> str:
    """What holds where nothing is written: none for null, empty or a whole part, whose own keys say theirs."""
    value = node.get("default")
    if value is None or value in ([], {}) or isinstance(value, dict):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(keys: list[Key]) -> list[str]:
    rows = [f"| `{key.path}` | {key.values} | {key.default} | {key.about} |" for key in keys]
    return ['<div class="keys" markdown>', "", "| key | values | default | meaning |", "|---|---|---|---|", *rows, "", "</div>", ""]


def grammar_of(kind: str) -> Grammar:
    """The grammar of one kind; unlike a schema for editors it knows which keys are needed."""
    whole = MODELS[kind].model_json_schema()
    return Grammar(whole | {"properties": schemas()[kind]["properties"], "required": [*whole.get("required", []), "kind"]})


def _with_link(key: Key) -> Key:
    """A key whose parts have a section of their own."""
    link = f"[below](#{key.path})"
    values = key.values.replace("the keys below", link)
    return replace(key, values=values if link in values else link)


def spec_page(kind: str) -> str:
    """The page of one kind of spec."""
    grammar = grammar_of(kind)
    article = "an" if kind[0] in "aeiou" else "a"
    properties = grammar.schema["properties"]
    lines = [MADE, "", f"# Keys of {article} {kind}", "", f"A file with `kind: {kind}` describes {TITLES[kind]}", ""]
    lines += [
        "`NAME` stands for a name of your choice, `[]` for the entries of a list. What is needed may also come from the file that",
        "`extends:` names; any other key may be left out.",
        "",
    ]
    top = {key: (grammar.key(key, node, key in grammar.schema["required"] and key != "name"), node) for key, node in properties.items()}
    within = {key: list(grammar.below(key, node)) for key, (_, node) in top.items()}
    lines += _table([_with_link(said) if within[key] else said for key, (said, _) in top.items()])
    for key, found in within.items():
        if found:
            lines += [f"## `{key}`", "", top[key][0].about, "", *_table(found)]
    for name in sorted(grammar.shared):
        node = grammar.definitions[name]
        lines += [f"## One {_words(name)}", "", _flat(node.get("description", "")), "", *_table(list(grammar.below("", node)))]
    for name in sorted(schemas()[kind].get("$defs", {}).keys() - grammar.definitions.keys()):  # what only editors are told of a value
        node = schemas()[kind]["$defs"][name]
        lines += [f"## One {_words(name)}", "", _flat(node.get("description", "")), "", *_table(list(grammar.below("", node)))]
    return "\n".join(lines).rstrip() + "\n"


def _option(parameter: click.Parameter) -> str:
    assert isinstance(parameter, click.Option)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {parameter.metavar or _choices(parameter)}"
    notes = ["needed"] if parameter.required else []
    notes += ["may be repeated"] if parameter.multiple else []
    shown = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    notes += [f"default: {str(shown).lower() if isinstance(shown, bool) else shown}"] if parameter.show_default else []
    about = re.sub(r"\[(default: [^]]*)\]", r"(\1)", _flat(parameter.help or ""))
    aside = f" ({'; '.join(notes)})" if notes else ""
    return f"| `{names}{value}` | {about}{aside} |"


def _choices(option: click.Option) -> str:
    found = getattr(option.type, "choices", None)
    return "/".join(map(str, found)) if found else option.type.name.upper().replace(" RANGE", "")


def command_lines(name: str, command: click.Command) -> list[str]:
    """A command: how it is called, what it does, its options."""
    context = click.Context(command, info_name=f"flare {name}")
    usage = " ".join(["flare", name, *command.collect_usage_pieces(context)])
    about = (command.help or "").replace("\b", "")
    lines = [f"## flare {name}", "", "```text", usage, "```", "", *[line.strip() for line in about.splitlines()], ""]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        lines += ['<div class="keys" markdown>', "", "| option | meaning |", "|---|---|", *map(_option, options), "", "</div>", ""]
    return lines


def commands_page() -> str:
    """The page of all commands."""
    lines = [
        MADE,
        "",
        "# Commands",
        "",
        "Every command ends with code 0 when it did what it was asked, 1 when something has to be mended (the",
    ]
    lines += [
        "message says what, where and how), 2 when the command line itself is wrong, 130 after Ctrl-C. `-h` prints what stands here.",
        "",
    ]
    for name in sorted(main.commands):
        lines += command_lines(name, main.commands[name])
    return "\n".join(lines).rstrip() + "\n"


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    return {f"{kind}.md": spec_page(kind) for kind in schemas()} | {"commands.md": commands_page()}


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reference")
    write(parser.parse_args().out)
