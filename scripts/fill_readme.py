"""Write the result tables into README.md, each from a committed JSON file.

python scripts/fill_readme.py            # writes
python scripts/fill_readme.py --check    # says what differs, and fails if anything does
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from flare_core.evaluation.report import comparison_table, markdown, table

ROOT: Final = Path(__file__).resolve().parent.parent
Json = Mapping[str, Any]


def compared(data: Json) -> str:
    """Before, after, difference, and a line on how many episodes and seeds and how long it took."""
    facts = [f"{data['before']['episodes']} episodes before and after, 1 seed ({data['seed']}), embedded simulator"]
    if "seconds" in data:
        facts.append(
            f"{data['steps']:,} training steps at {data['steps_per_second']:,.0f} steps/s; {data['seconds'] / 60:.0f} minutes in all on "
            f"{data['workers']} cores of {data['machine']['cpu']}"
        )
    if "greedy" in data:
        before, after = (f"{100 * data['greedy'][when]['success']:.1f}" for when in ("before", "after"))
        gain = data["greedy"]["difference"]
        bounds = f"{100 * gain['mean']:+.1f} [{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]"
        facts.append(f"With the most probable action instead of a sampled one: {before} % before, {after} % after, {bounds}")
    return f"{markdown(comparison_table(data))}\n\n{'. '.join(facts)}."


def summarised(data: Json) -> str:
    """One row for each label."""
    rows = {label: summary for label, summary in data.items() if isinstance(summary, Mapping) and "episodes" in summary}
    return f"{markdown(table(rows))}\n\nHeld-out episodes in unseen houses, 1 seed, embedded simulator."


def searched(data: Json) -> str:
    """With all camera actions and with none, for both bodies; the whole study has a page of its own."""
    rows = {
        f"{body}, {name if name == 'neither' else f'with {name}'}": found["all"]["variants"][name]
        for body, found in data["bodies"].items()
        for name in ("neither", "pan and tilt")
    }
    means = "; ".join(
        f"for the {body} they {_paid(found['all']['minus_neither']['pan and tilt']['success'])}" for body, found in data["bodies"].items()
    )
    return f"{markdown(table(rows))}\n\n{means[0].upper()}{means[1:]}: [how it was asked, and what it means](docs/camera_actions.md)."


def _paid(gain: Json) -> str:
    """What an interval of paired differences in success says."""
    if gain["low"] > 0:
        return "pay"
    return "cost success" if gain["high"] < 0 else "do not pay"


def fitted(data: Json) -> str:
    """One robot's fits: what of the source camera's view each shows, and success before any training."""
    lines = ["| fit | covered, % | episodes | success, % |", "|---|---|---|---|"]
    for fit, row in data["fits"].items():
        success, low, high = (f"{100 * row[name]:.1f}" for name in ("success", "success_low", "success_high"))
        lines.append(f"| {fit} | {100 * row['covered']:.0f} | {row['episodes']} | {success} [{low}, {high}] |")
    return "\n".join(lines)


TABLES: Final[Mapping[str, tuple[str, Callable[[Json], str]]]] = {
    "result of make demo": ("results/demo.json", compared),
    "result of the whole budget": ("results/locobot.json", compared),
    "result on TurtleBot 4": ("results/turtlebot4.json", compared),
    "result in real houses": ("results/real_houses.json", compared),
    "result of camera actions": ("results/camera_oracle.json", searched),
    "result of view fits on LoCoBot": ("results/view_fit_locobot.json", fitted),
    "result of view fits on TurtleBot 4": ("results/view_fit_turtlebot4.json", fitted),
    "result of the shipped policy": ("flare_core/bundles/shipped/stretch_objectnav/evaluation.json", summarised),
}


def filled(readme: str) -> str:
    """The README with every table whose JSON is there."""
    for name, (source, make) in TABLES.items():
        path = ROOT / source
        if path.exists():
            begin, end = f"<!-- {name} -->", "<!-- end of result" + name.removeprefix("result").replace(" of make demo", "") + " -->"
            head, rest = readme.split(begin)
            tail = rest.split(end, 1)[1]
            readme = f"{head}{begin}\n{make(json.loads(path.read_text(encoding='utf-8')))}\n{end}{tail}"
    return readme


def main() -> None:
    """Fill or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    path = ROOT / "README.md"
    old = path.read_text(encoding="utf-8")
    new = filled(old)
    if parser.parse_args().check:
        sys.exit("README.md: a table is not that of its JSON; run python scripts/fill_readme.py" if old != new else 0)
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
