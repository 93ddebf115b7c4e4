"""Every held-out episode before and after, and which of them are shown in pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np

from flare_core.evaluation.report import Episodes, per_episode
from flare_core.runs.takes import RECORDED

Kind = Literal["won", "lost", "kept", "neither", "success", "no success"]
FIRST: Final = 4  # the first episodes are shown, not chosen by how they went,
EACH: Final = 6  # and so many more of each kind, the lowest numbers first

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "won": "won: success only after training",
        "lost": "lost: success only before training",
        "kept": "success before and after",
        "neither": "no success before or after",
        "success": "success",
        "no success": "no success",
    }
)
MEASURES: Final[Mapping[str, tuple[str, float, int]]] = MappingProxyType(
    {
        "length": ("actions", 1.0, 0),
        "path_m": ("path, m", 1.0, 1),
        "sel": ("SEL, %", 100.0, 0),
        "spl": ("SPL, %", 100.0, 0),
        "collisions": ("collisions", 1.0, 0),
        "final_distance_m": ("final distance, m", 1.0, 1),
    }
)
"""Columns: heading, scale and decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode in the table.

    Attributes:
        success: "yes", "no" for each policy that played it.
        cells: texts, for each of `columns` one for each policy.
    """

    number: int
    house: str
    instruction: str
    kind: Kind
    success: tuple[str, ...]
    cells: tuple[str, ...]


def columns(played: Sequence[Episodes]) -> list[str]:
    """Names of MEASURES that all who played have."""
    every = [per_episode(episodes) for episodes in played]
    return [name for name in MEASURES if all(name in found for found in every)]


def rows_of(played: Sequence[Episodes]) -> list[Row]:
    """One row for each episode.

    Args:
        played: one or two policies on the same episodes, the earlier first; none gives no rows.
    """
    if not played:
        return []
    first, names = played[0], columns(played)
    values = [per_episode(episodes) for episodes in played]
    rows = []
    for at, number in enumerate(first.number.tolist()):
        succeeded = tuple(bool(episodes.success[at]) for episodes in played)
        cells = [_text(found[name][at], name) for name in names for found in values]
        rows.append(
            Row(
                number=number,
                house="–" if first.houses is None else str(first.houses[at]),
                instruction="–" if first.instructions is None else first.instructions[at],
                kind=kind_of(succeeded),
                success=tuple("yes" if one else "no" for one in succeeded),
                cells=tuple(cells),
            )
        )
    return rows


def kind_of(succeeded: Sequence[bool]) -> Kind:
    """What became of an episode: of one policy its success, of two the change."""
    if len(succeeded) == 1:
        return "success" if succeeded[0] else "no success"
    before, after = succeeded
    if before and after:
        return "kept"
    return "lost" if before else "won" if after else "neither"


def chosen(rows: Sequence[Row], recorded: Sequence[int]) -> list[int]:
    """Numbers of the episodes that are shown in pictures, in order: see `rule`."""
    there = set(recorded)
    candidates = [row for row in rows if row.number in there]
    picked = {row.number for row in candidates[:FIRST]}
    for kind in KINDS:
        picked |= {row.number for row in [row for row in candidates if row.kind == kind and row.number not in picked][:EACH]}
    return sorted(picked)


def rule() -> str:
    """How the pictured episodes are chosen, for the reader."""
    return (
        f"Chosen by a fixed rule from the first {RECORDED} episodes, never by hand: the first {FIRST}, "
        f"and of each kind (won, lost, success before and after, neither) the first {EACH} others."
    )


def same_episodes(before: Episodes | None, after: Episodes | None) -> list[Episodes]:
    """What there is, the earlier first; two that did not play the same episodes are not put side by side."""
    there = [one for one in (before, after) if one is not None]
    if len(there) == 2 and not np.array_equal(there[0].number, there[1].number):
        return there[:1]
    return there


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many episodes there are of each kind."""
    found: dict[str, int] = {}
    for kind in KINDS:
        found |= {kind: number} if (number := sum(row.kind == kind for row in rows)) else {}
    return found


def _text(value: Any, name: str) -> str:
    _, scale, digits = MEASURES[name]
    return f"{scale * value:.{digits}f}" if math.isfinite(value) else "–"
