"""What the shipped policy, an expert and chance make of every task: writes results/tasks.json and the table of docs/tasks.md.

    python scripts/judge_tasks.py                # plays, then writes both; hours, but it goes on where it was stopped
    python scripts/judge_tasks.py fetch pickup   # some of them again
    python scripts/judge_tasks.py --page-only    # the table again, from the JSON as it is

1,000 held-out test episodes each, the same for all three; Stretch, in the embedded simulator.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from flare_core.bundles.bundle import load_bundle, weights_digest
from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown, summarise
from flare_core.policies.families import policy_of, shape_from_json
from flare_core.runs.carry import SensesMaker, own_views
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.judge import feasible_share, judge_expert, judge_policy, judge_random
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, houses_of
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ROOT: Final = Path(__file__).resolve().parent.parent
ROBOT: Final = "stretch_re1_feeling"
TASKS: Final = (
    "objectnav", "objectnav_room", "objectnav_relative", "objectnav_affordance", "objectnav_two", "roomnav", "gotopoint", "roomvisit",
    "pickup", "fetch",
)  # fmt: skip
CLONED: Final = ("objectnav", "pickup", "fetch", "roomvisit")
POLICY: Final = "shipped:stretch_chores"
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"


def play(name: str, episodes: int, workers: int, report: Callable[[int], None]) -> dict[str, Any]:
    """Scores of one task."""
    body, embodiment = load_embodiment(ROBOT)
    task, spec = load_task(name)
    bundle, vocabulary = load_bundle(POLICY), Vocabulary.load()
    policy = policy_of(shape_from_json(bundle.policy), bundle.state)
    views = own_views(policy.spec, body, None, None)
    scene = Scene(pack=houses_of("test", HELD_OUT_HOUSES), body=body, task=task, renders=dict(views.renders), vocabulary=vocabulary)
    expert = judge_expert(scene, episodes, workers)
    lengths = dict(zip(expert.number.tolist(), expert.measures["length"].tolist(), strict=True))
    senses = SensesMaker(views=views, words=vocabulary.vectors)
    cloned = judge_policy(scene, policy, senses, episodes, workers, 0, report, expert=lengths)
    return {
        "spec_sha256": spec.sha256,
        "embodiment_sha256": embodiment.sha256,
        "policy": weights_digest(bundle.state),
        "commit": commit(),
        "feasible_share": round(feasible_share(scene), 4),
        "horizon": task.horizon,
        "episodes": episodes,
        "cloned": summarise(cloned).to_json(),
        "expert": summarise(expert).to_json(),
        "random": summarise(judge_random(scene, episodes, workers, 0, lengths)).to_json(),
    }


def table(data: Mapping[str, Any]) -> str:
    """One row for each task."""
    rows = [("task", "horizon", "feasible, %", "cloned, %", "expert, %", "its actions", "random, %")]
    for name, one in data["tasks"].items():
        feasible, actions = f"{100 * one['feasible_share']:.1f}", f"{one['expert']['length']:.0f}"
        scores = [_success(one.get(who)) for who in ("cloned", "expert", "random")]
        label = f"`{name}`" + ("" if name in CLONED else ", unseen")
        rows.append((label, f"{one['horizon']:,}", feasible, scores[0], scores[1], actions, scores[2]))
    count = ", ".join(f"{number:,}" for number in sorted({one["expert"]["episodes"] for one in data["tasks"].values()}))
    return (
        f"{markdown(rows)}\n\n{count} held-out episodes in {data['houses']} unseen houses each, {ROBOT}, 1 seed, embedded simulator. "
        f"Cloned: `{POLICY}`, which imitated {', '.join(CLONED)} and nothing else. "
        "Feasible: pairs of house and subject that the body can solve at all; episodes are drawn from these."
    )


def _success(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return "-"
    return f"{100 * summary['success']:.1f} [{100 * summary['success_low']:.1f}, {100 * summary['success_high']:.1f}]"


def filled(page: str, data: Mapping[str, Any]) -> str:
    """The page with the table in its place."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table(data)}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    """Play, or make the table again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TASKS)}; all that are not there yet if none is named")
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    path, page = ROOT / "results" / "tasks.json", ROOT / "docs" / "tasks.md"
    data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    data |= {"simulator": "embedded simulator", "split": "test", "houses": HELD_OUT_HOUSES, "seed": 0}
    data |= {"machine": data.get("machine") or machine(), "tasks": data.get("tasks", {})}
    if not asked.page_only:
        names = asked.names or [name for name in TASKS if "cloned" not in data["tasks"].get(name, {})]
        with ConsoleWatcher() as watcher:
            for name in names:
                watcher.stage(name, asked.episodes)
                data["tasks"][name] = play(name, asked.episodes, asked.workers, watcher.advance)
                path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    data["tasks"] = {name: data["tasks"][name] for name in TASKS if name in data["tasks"]}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    page.write_text(filled(page.read_text(encoding="utf-8"), data), encoding="utf-8")


if __name__ == "__main__":
    main()
