"""Findings as the YAML of a spec: values with their sources under `origins`, questions as comments."""

import textwrap
from collections.abc import Iterator

import yaml

from flare_core.runs.making.findings import Finding, Findings, dotted
from flare_core.yaml_tree import Loc, Value

_WIDTH = 118
_BRANCHES = ("base", "cameras", "arm", "actions")


def spec_text(name: str, found: Findings) -> str:
    """YAML of an embodiment, which `flare check` reads as it stands."""
    lines = [
        f"# {name}, as {found.origin} describes it. Metres and degrees, from the floor point under the axis of rotation.",
        "# What the URDF cannot say stands here as a QUESTION: answer it, correct the value, delete the comment.",
        *(line for text in found.unread for line in comment(f"Not read: {text}")),
        "kind: embodiment",
        f"name: {name}",
        f"origin: {flow(f'{found.origin}, read by flare new robot')}",
        "origins:",
        *(f"  {dotted(one.loc)}: {flow(one.source)}" for one in found.part.values if one.source and one.value != {}),
    ]
    for branch in ("base", "cameras", "arm", "gripper", "actions"):
        lines += ["", *_lines(found, (branch,), 0)]
    while "\n\n\n" in (text := "\n".join(lines)):
        lines = text.replace("\n\n\n", "\n\n").split("\n")
    return text.rstrip("\n") + "\n"


def _lines(found: Findings, loc: Loc, depth: int) -> Iterator[str]:
    """A key with its questions before it and everything below it after it."""
    pad = "  " * depth
    for question in found.part.questions:
        if question.loc == loc:
            yield from comment(f"QUESTION: {question.text}", pad)
    below = [one for one in found.part.values if one.loc[: len(loc)] == loc]
    whole = next((one for one in below if one.loc == loc), None)
    if whole is not None:
        yield from _value(whole, pad)
    elif below:
        yield f"{pad}{loc[-1]}:"
        for key in dict.fromkeys(one.loc[len(loc)] for one in below):
            yield from _lines(found, (*loc, key), depth + 1)


def _value(one: Finding, pad: str) -> Iterator[str]:
    if one.value == {}:
        return
    if isinstance(one.value, list):
        yield f"{pad}{one.loc[-1]}:"
        yield from (f"{pad}  - {flow(item)[1:-1]}" for item in one.value)
    else:
        yield f"{pad}{one.loc[-1]}: {flow(one.value)}"


def comment(text: str, pad: str = "") -> list[str]:
    """Text as lines of YAML comments."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"{pad}# ", subsequent_indent=f"{pad}#   ", break_long_words=False, break_on_hyphens=False
    )


def flow(value: Value) -> str:
    """YAML of a value on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
