"""Add choices to a transfer's YAML text and leave everything else of it, comments included, as it is."""

from collections.abc import Mapping

import yaml

from flare_core.errors import AdapterError


def add_choices(text: str, choices: Mapping[str, Mapping[str, str]]) -> str:
    """Write choices as explicit lines.

    Args:
        text: YAML of a transfer that `reading` has accepted.
        choices: YAML values by section (`head`, `views`) and key, as `planning.missing_choices` gives them.

    Raises:
        AdapterError: the text is not a mapping, or a section in it is not.
    """
    for section, lines in choices.items():
        for key, value in reversed(list(lines.items())):  # each goes to the front of its section
            text = _add(text, section, key, value)
    return text


def _add(text: str, section: str, key: str, value: str) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise AdapterError("transfer: this is not a mapping of keys. Begin the file with `kind: transfer`")
    found = next((node for name, node in root.value if name.value == section), None)
    if found is None:
        if root.flow_style:
            return _front(text, root, f"{section}: {{{key}: {value}}}")
        return f"{text.rstrip()}\n{section}:\n  {key}: {value}\n"
    if not isinstance(found, yaml.MappingNode):
        raise AdapterError(f"transfer: `{section}:` is not a mapping. Write `{section}: {{}}` or leave it out")
    return _front(text, found, f"{key}: {value}")


def _front(text: str, node: yaml.MappingNode, line: str) -> str:
    """The text with one more entry at the front of a mapping."""
    if node.value:
        first = node.value[0][0].start_mark
        between = ", " if node.flow_style else "\n" + " " * first.column
        return text[: first.index] + line + between + text[first.index :]
    return text[: node.start_mark.index] + "{" + line + "}" + text[node.end_mark.index :]
