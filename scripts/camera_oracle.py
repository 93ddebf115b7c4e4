"""Do pan and tilt actions earn anything? Plays the study, writes results/camera_oracle.json and docs/camera_actions.md.

    python scripts/camera_oracle.py                # plays, then writes both
    python scripts/camera_oracle.py --page-only    # the page again, from the JSON as it is

A searcher that is limited by what its camera sees plays the same held-out test episodes with and without the actions.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown
from flare_core.evaluation.statistics import Interval
from flare_core.runs.camera_actions import NEITHER, VARIANTS, study
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.stages import EPISODE_SEED, HELD_OUT_HOUSES, houses_of
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ROOT: Final = Path(__file__).resolve().parent.parent
TASK: Final = "objectnav_short"
BODIES: Final = ("locobot", "lowbot")
RANGE_M: Final = 5.0
# Other searchers: (name, recognition range, whether it also looks for what the map does not show). Two variants each.
OTHERS: Final = (
    ("recognises things within 2.5 m", 2.5, True),
    ("recognises things within 10 m", 10.0, True),
    ("knows where all things stand", RANGE_M, False),
)

Json = Mapping[str, Any]


def main() -> None:
    """Play and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "camera_oracle.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "camera_actions.md")
    parser.add_argument("--page-only", action="store_true")
    asked = parser.parse_args()
    if not asked.page_only:
        torch.set_num_threads(1)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(measure(asked.episodes), indent=1) + "\n", encoding="utf-8")
    asked.page.parent.mkdir(parents=True, exist_ok=True)
    asked.page.write_text(page(json.loads(asked.out.read_text(encoding="utf-8"))), encoding="utf-8")


def measure(episodes: int) -> dict[str, Any]:
    """Every body with every variant, and the two ends again with other searchers."""
    begun, made_from = time.perf_counter(), commit()
    houses, (task, loaded), vocabulary = houses_of("test", HELD_OUT_HOUSES), load_task(TASK), Vocabulary.load()
    bodies: dict[str, Any] = {}
    with ConsoleWatcher() as watcher:
        for name in BODIES:
            body, spec = load_embodiment(name)

            def played(within_m: float, with_spots: bool, variants: tuple[str, ...], body: Any = body) -> dict[str, Any]:
                watcher.stage(f"{body.name}, {within_m:g} m", episodes * len(variants))
                return study(
                    body, task, houses, vocabulary, episodes, within_m=within_m, with_spots=with_spots, variants=variants,
                    report=lambda variant, done: watcher.advance(episodes * variants.index(variant) + done),
                ).to_json()  # fmt: skip

            bodies[name] = {
                "spec_sha256": spec.sha256,
                **played(RANGE_M, True, tuple(VARIANTS)),
                "other_searchers": {
                    label: played(within_m, with_spots, ("pan and tilt", NEITHER)) for label, within_m, with_spots in OTHERS
                },
            }
    return {
        "simulator": "embedded simulator", "task": task.name, "task_sha256": loaded.sha256, "split": "test", "houses": HELD_OUT_HOUSES,
        "episodes": episodes, "episode_seed": EPISODE_SEED, "range_m": RANGE_M, "command": "python scripts/camera_oracle.py",
        "commit": made_from, "machine": machine(), "seconds": round(time.perf_counter() - begun, 1), "bodies": bodies,
    }  # fmt: skip


def page(result: Json) -> str:
    """The page of the docs."""
    template = (Path(__file__).parent / "camera_actions.md.in").read_text(encoding="utf-8")
    bodies = result["bodies"]
    feasible = "; ".join(
        f"{name}: {body['feasible'][NEITHER]} of {result['episodes']} without tilt" for name, body in bodies.items()
    )
    return (
        template.replace("@EPISODES@", f"{result['episodes']:,}")
        .replace("@HOUSES@", str(result["houses"]))
        .replace("@RANGE@", f"{result['range_m']:g}")
        .replace("@FEASIBLE@", feasible)
        .replace("@MAIN@", main_table(bodies, "all"))
        .replace("@SUBSET@", main_table(bodies, "feasible_with_neither"))
        .replace("@OTHERS@", other_table(bodies))
        .replace("@FACTS@", f"commit `{result['commit'][:12]}`, {result['machine']['cpu']}, {result['seconds']:,.0f} s")
    )


def main_table(bodies: Json, part: str) -> str:
    """One row for each body and variant, from the part `all` or `feasible_with_neither`."""
    rows = [("body", "camera actions", "episodes", "success, %", "minus neither", "SEL, %", "minus neither", "actions that pan or tilt, %")]
    for name, body in bodies.items():
        account = body[part]
        if account is None:
            continue
        for variant in (NEITHER, *(one for one in VARIANTS if one != NEITHER)):
            summary, less = account["variants"][variant], account["minus_neither"].get(variant)
            turned = sum(share for action, share in summary["use"].items() if action.startswith("look_"))
            rows.append((
                name, variant, str(summary["episodes"]), _cell(summary, "success"), _difference(less, "success"),
                _cell(summary, "sel"), _difference(less, "sel"), f"{100 * turned:.1f}",
            ))  # fmt: skip
    return markdown(rows)


def other_table(bodies: Json) -> str:
    """Differences of both actions to neither, for the other searchers."""
    rows = [("body", "searcher that", "success with neither, %", "success, difference", "SEL, difference")]
    for name, body in bodies.items():
        for label, account in body["other_searchers"].items():
            less = account["all"]["minus_neither"]["pan and tilt"]
            neither = account["all"]["variants"][NEITHER]
            rows.append((name, label, _cell(neither, "success"), _difference(less, "success"), _difference(less, "sel")))
    return markdown(rows)


def _cell(summary: Json, name: str) -> str:
    return Interval(mean=summary[name], low=summary[f"{name}_low"], high=summary[f"{name}_high"]).percent()


def _difference(less: Json | None, name: str) -> str:
    return "" if less is None else Interval(**less[name]).percent(signed=True)


if __name__ == "__main__":
    sys.exit(main())
