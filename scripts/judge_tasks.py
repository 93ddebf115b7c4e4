"""What an expert and chance make of every task that comes along: writes results/tasks.json and the table of docs/tasks.md.

    python scripts/judge_tasks.py                # plays, then writes both
    python scripts/judge_tasks.py --page-only    # the table again, from the JSON as it is

1,000 held-out test episodes each, the same for both; Stretch, in the embedded simulator.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown, summarise
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.judge import feasible_share, judge_expert, judge_random
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, houses_of
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ROOT: Final = Path(__file__).resolve().parent.parent
ROBOT: Final = "stretch_re1"
TASKS: Final = (
    "objectnav", "objectnav_room", "objectnav_relative", "objectnav_affordance", "roomnav", "roomvisit", "pickup", "fetch",
)  # fmt: skip
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"


def play(episodes: int, workers: int) -> dict[str, Any]:
    """Scores of every task."""
    body, embodiment = load_embodiment(ROBOT)
    found = {}
    with ConsoleWatcher() as watcher:
        watcher.stage("tasks", len(TASKS))
        for at, name in enumerate(TASKS):
            task, spec = load_task(name)
            scene = Scene(pack=houses_of("test", HELD_OUT_HOUSES), body=body, task=task, renders={}, vocabulary=Vocabulary.load())
            found[name] = {
                "spec_sha256": spec.sha256,
                "feasible_share": round(feasible_share(scene), 4),
                "horizon": task.horizon,
                "expert": summarise(judge_expert(scene, episodes, workers)).to_json(),
                "random": summarise(judge_random(scene, episodes, workers, 0)).to_json(),
            }
            watcher.advance(at + 1, name)
    return {
        "simulator": "embedded simulator", "split": "test", "houses": HELD_OUT_HOUSES, "episodes": episodes, "seed": 0,
        "embodiment_sha256": embodiment.sha256, "embodiment": ROBOT, "commit": commit(), "machine": machine(), "tasks": found,
    }  # fmt: skip


def table(data: Mapping[str, Any]) -> str:
    """One row for each task."""
    rows = [("task", "horizon", "feasible, %", "expert, %", "its actions", "random, %")]
    for name, one in data["tasks"].items():
        feasible, actions = f"{100 * one['feasible_share']:.1f}", f"{one['expert']['length']:.0f}"
        rows.append((f"`{name}`", f"{one['horizon']:,}", feasible, _success(one["expert"]), actions, _success(one["random"])))
    basis = (
        f"{data['episodes']:,} held-out episodes in {data['houses']} unseen houses each, {data['embodiment']}, 1 seed, embedded simulator"
    )
    feasible = "Feasible: pairs of house and subject that the body can solve at all; episodes are drawn from these"
    return f"{markdown(rows)}\n\n{basis}. {feasible}."


def _success(summary: Mapping[str, Any]) -> str:
    return f"{100 * summary['success']:.1f} [{100 * summary['success_low']:.1f}, {100 * summary['success_high']:.1f}]"


def filled(page: str, data: Mapping[str, Any]) -> str:
    """The page with the table in its place."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table(data)}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    """Play, or make the table again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    scores, page = ROOT / "results" / "tasks.json", ROOT / "docs" / "tasks.md"
    if not asked.page_only:
        scores.write_text(json.dumps(play(asked.episodes, asked.workers), indent=1) + "\n", encoding="utf-8")
    page.write_text(filled(page.read_text(encoding="utf-8"), json.loads(scores.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
