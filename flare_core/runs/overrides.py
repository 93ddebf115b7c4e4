"""`-o KEY=VALUE`: values laid over the specs of one run, each given to the spec that it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values laid over the specs of one run, (dotted key, YAML text) each; `given` is what was asked for, in order."""

    given: tuple[tuple[str, str], ...] = ()
    transfer: tuple[tuple[str, str], ...] = ()
    recipe: tuple[tuple[str, str], ...] = ()
    task: tuple[tuple[str, str], ...] = ()
    embodiment: tuple[tuple[str, str], ...] = ()


def share_out(given: Sequence[tuple[str, str]]) -> Overrides:
    """Give every override to the spec that it is for.

    `recipe.KEY`, `task.KEY` and `embodiment.KEY` change a value within the spec that the transfer names; every other key,
    `recipe` itself among them, is one of the transfer's own.
    """
    parts: dict[str, list[tuple[str, str]]] = {"transfer": [], "recipe": [], "task": [], "embodiment": []}
    for key, text in given:
        kind, _, rest = key.partition(".")
        if rest and kind in ("recipe", "task", "embodiment"):
            parts[kind].append((rest, text))
        else:
            parts["transfer"].append((key, text))
    return Overrides(given=tuple(given), **{kind: tuple(pairs) for kind, pairs in parts.items()})


NO_OVERRIDES: Final = Overrides()
