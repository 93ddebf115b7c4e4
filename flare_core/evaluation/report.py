"""What an evaluation found: one row for each episode, their summary, the comparison of two policies, and tables of it.

Success weighted by path length (SPL) is success * shortest / max(path, shortest); success weighted by episode length (SEL) is
the same with the number of actions and the expert's number of actions.

Reference: Anderson et al. 2018, arXiv 1807.06757 (SPL); Ehsani et al. 2023, arXiv 2312.02976, section 5 (SEL).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.evaluation.statistics import Interval, bootstrap_mean, paired_bootstrap, wilson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Measures besides success: heading of the column and decimals.
MEASURES: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "sel": ("SEL, %", 1),
        "spl": ("SPL, %", 1),
        "path_m": ("path, m", 2),
        "final_distance_m": ("final distance, m", 2),
        "collisions": ("collisions", 1),
        "length": ("actions", 0),
        "collision_rate": ("collisions, % of actions", 1),
        "turning": ("turned, °/m", 0),
        "rooms": ("rooms, %", 1),
        "held": ("picked up, %", 1),
    }
)
_SHARES = ("sel", "spl", "collision_rate", "rooms", "held")
COST = "cost/"  # begins the names of what constraints count
METRIC = "metric/"  # begins the names of a task's own metrics
OF_TASK: Final = (COST, METRIC)
LEAST_PATH_M: Final = 0.2  # a body that turns on the spot has no path to divide by
FEW_HOUSES: Final = 20  # fewer cannot be resampled as a whole: with one house every resample is the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """Finished episodes of one policy, in the order of their numbers.

    Attributes:
        number: (N,) which episode of the task's fixed list.
        success: (N,) bool.
        measures: (N,) for each name: length, path_m, shortest_m, collisions, final_distance_m, turned_deg; rooms and held where the
            task asks for that, cost/<name> of its constraints, metric/<name> of its metrics; expert_length where it is known.
            NaN or infinite where an episode has no such number (a target that cannot be reached).
        actions: names, in the order of the columns of `used`.
        used: (N, A) how often each action was taken.
        houses: (N,) house of each episode, or None when it is not known; the bootstrap then takes episodes as independent.
        instructions: what each episode asked for, or None when that is not known.
    """

    number: Ints
    success: npt.NDArray[np.bool_]
    measures: Mapping[str, Floats]
    actions: tuple[str, ...]
    used: Ints
    houses: Ints | None = None
    instructions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means with 95 % intervals over the episodes of one policy.

    Attributes:
        measures: for each of `MEASURES` that the episodes allow.
        use: share of all steps that took each action.
    """

    episodes: int
    success: Interval
    measures: Mapping[str, Interval]
    use: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Flat numbers: `success`, `success_low`, `success_high` and so on, `episodes`, `use`."""
        out: dict[str, Any] = {"episodes": self.episodes}
        for name, interval in (("success", self.success), *self.measures.items()):
            numbers = interval.to_json()
            out |= {name: numbers["mean"], f"{name}_low": numbers["low"], f"{name}_high": numbers["high"]}
        return out | {"use": dict(self.use)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two policies on the same episodes.

    Attributes:
        difference: of success, after minus before, paired.
        measures: the same for each of `MEASURES` that both have.
    """

    before: Summary
    after: Summary
    difference: Interval
    measures: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """`before`, `after`, `difference` of success, `differences` of the other measures."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "difference": self.difference.to_json(),
            "differences": {name: interval.to_json() for name, interval in self.measures.items()},
        }


def gather(records: Sequence[Mapping[str, Any]], actions: Sequence[str]) -> Episodes:
    """Put the records of ended episodes into the order of their numbers.

    Args:
        records: what the environment reports when an episode ends: `number`, `success`, `length`, `path_m`, `shortest_m`,
            `collisions`, `final_distance_m`, `action_counts`; what else of `Episodes.measures` is known, and `house` and `instruction`.
        actions: names of the body's actions.

    Raises:
        ValueError: an episode appears twice, which would count it twice.
    """
    ordered = sorted(records, key=lambda record: int(record["number"]))
    number = np.array([record["number"] for record in ordered], dtype=np.int64)
    twice = number[1:][np.diff(number) == 0]
    if len(twice):
        raise ValueError(f"episode {twice[0]} was played twice")
    names = ["length", "path_m", "shortest_m", "collisions", "final_distance_m"]
    further = [
        "turned_deg",
        "rooms",
        "held",
        "expert_length",
        *(name for name in (ordered[0] if ordered else ()) if name.startswith(OF_TASK)),
    ]
    names += [name for name in further if ordered and all(name in record for record in ordered)]
    has_houses = bool(ordered) and all("house" in record for record in ordered)
    has_instructions = bool(ordered) and all("instruction" in record for record in ordered)
    return Episodes(
        number=number,
        success=np.array([record["success"] for record in ordered], dtype=bool),
        measures={name: np.array([record[name] for record in ordered], dtype=np.float64) for name in names},
        actions=tuple(actions),
        used=np.array([record["action_counts"] for record in ordered], dtype=np.int64).reshape(len(ordered), len(actions)),
        houses=np.array([record["house"] for record in ordered], dtype=np.int64) if has_houses else None,
        instructions=tuple(str(record["instruction"]) for record in ordered) if has_instructions else None,
    )


def weighted(success: npt.NDArray[np.bool_], best: Floats, taken: Floats) -> Floats:
    """(N,) success times best / max(taken, best); 1 for a success that needed nothing."""
    longest = np.maximum(taken, best)
    ratio = np.divide(best, longest, out=np.ones_like(longest), where=longest > 0)
    return np.where(success, ratio, 0.0)


def per_episode(episodes: Episodes) -> dict[str, Floats]:
    """(N,) numbers of every measure that these episodes allow."""
    measured = episodes.measures
    found = {"spl": weighted(episodes.success, measured["shortest_m"], measured["path_m"])}
    if "expert_length" in measured:
        found["sel"] = weighted(episodes.success, measured["expert_length"], measured["length"])
    found |= {name: values for name, values in measured.items() if name in MEASURES or name.startswith(OF_TASK)}
    found["collision_rate"] = measured["collisions"] / np.maximum(measured["length"], 1.0)
    if "turned_deg" in measured:
        found["turning"] = measured["turned_deg"] / np.maximum(measured["path_m"], LEAST_PATH_M)
    return {name: found[name] for name in _in_order(found) if len(found[name]) == 0 or np.isfinite(found[name]).any()}


def _in_order(names: Iterable[str]) -> list[str]:
    """The names of MEASURES first, then the task's own."""
    there = list(names)
    return [name for name in MEASURES if name in there] + [name for name in there if name.startswith(OF_TASK)]


def _heading(name: str) -> str:
    if name in MEASURES:
        return MEASURES[name][0]
    if name.startswith(METRIC):
        return name.removeprefix(METRIC).replace("_", " ") + ", % of episodes"
    return name.removeprefix(COST).replace("_per_episode", "").replace("_", " ") + ", cost"


def _scale(name: str) -> float:
    return 100.0 if name in _SHARES or name.startswith(METRIC) else 1.0


def _digits(name: str) -> int:
    return MEASURES[name][1] if name in MEASURES else 1


def summarise(episodes: Episodes, seed: int = 0) -> Summary:
    """Means and intervals. A measure that an episode does not have (NaN, infinite) is averaged over the others."""
    steps = int(episodes.used.sum())
    share = episodes.used.sum(axis=0) / max(steps, 1)
    intervals = {}
    for name, values in per_episode(episodes).items():
        known = np.isfinite(values)
        groups = _groups(episodes, known)
        intervals[name] = bootstrap_mean(values[known], seed, groups=groups)
    return Summary(
        episodes=len(episodes.number),
        success=wilson(int(episodes.success.sum()), len(episodes.success)),
        measures=intervals,
        use=dict(zip(episodes.actions, share.tolist(), strict=True)),
    )


def compare(before: Episodes, after: Episodes, seed: int = 0) -> Comparison:
    """Paired differences; houses are resampled whole where they are known.

    Raises:
        ValueError: the two did not play the same episodes.
    """
    if not np.array_equal(before.number, after.number):
        odd = sorted(set(before.number.tolist()) ^ set(after.number.tolist()))
        raise ValueError(f"the two did not play the same episodes: {len(odd)} differ, the first is {odd[0]}")
    first, second = per_episode(before), per_episode(after)
    differences = {}
    for name in first.keys() & second.keys():
        known = np.isfinite(first[name]) & np.isfinite(second[name])
        groups = _groups(before, known)
        differences[name] = paired_bootstrap(first[name][known], second[name][known], seed, groups=groups)
    return Comparison(
        before=summarise(before, seed),
        after=summarise(after, seed),
        difference=paired_bootstrap(before.success.astype(float), after.success.astype(float), seed, groups=_groups(before)),
        measures={name: differences[name] for name in _in_order(differences)},
    )


def table(summaries: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of text, the heading first, from summaries as `Summary.to_json` writes them; '-' where one lacks a measure."""
    names = _in_order(dict.fromkeys(name for summary in summaries.values() for name in summary if not name.endswith(("_low", "_high"))))
    rows = [("", "episodes", "success, %", *(_heading(name) for name in names))]
    for label, summary in summaries.items():
        cells = [_cell(summary, "success", 1, 100.0)]
        cells += [_cell(summary, name, _digits(name), _scale(name)) for name in names]
        rows.append((label, f"{summary['episodes']:,}", *cells))
    return rows


def comparison_table(comparison: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows for before, after and the paired difference, from what `Comparison.to_json` writes."""
    rows = table({"before": comparison["before"], "after": comparison["after"]})
    names = [name for name in _in_order(comparison["differences"]) if _heading(name) in rows[0]]
    cells = [_signed(comparison["difference"], 1, 100.0)]
    for name in names:
        cells.append(_signed(comparison["differences"][name], _digits(name), _scale(name)))
    return [*rows, ("difference, paired", "", *cells)]


def turned(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The table with its columns as rows: for many measures of few policies."""
    return list(zip(*rows, strict=True))


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _groups(episodes: Episodes, known: npt.NDArray[np.bool_] | None = None) -> Ints | None:
    """Houses to resample whole, of the known episodes; None where they are too few or not known."""
    houses = episodes.houses
    if houses is None or len(np.unique(houses)) < FEW_HOUSES:
        return None
    return houses if known is None else houses[known]


def _cell(summary: Mapping[str, Any], name: str, digits: int, scale: float) -> str:
    if summary.get(name) is None:
        return "-"
    mean, low, high = (f"{scale * summary[key]:.{digits}f}" for key in (name, f"{name}_low", f"{name}_high"))
    return f"{mean} [{low}, {high}]"


def _signed(interval: Mapping[str, float | None], digits: int, scale: float) -> str:
    numbers = [interval[key] for key in ("mean", "low", "high")]
    known = [f"{scale * number:+.{digits}f}" for number in numbers if number is not None]
    return f"{known[0]} [{known[1]}, {known[2]}]" if len(known) == 3 else "-"
