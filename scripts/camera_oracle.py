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

from flare_core.embodiments.body import Embodiment
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
# Other searchers: (name, recognition range, whether it also looks for what the map does not show). Two variants each, on the
# first of the episodes.
OTHER_EPISODES: Final = 200
OTHERS: Final = (
    ("recognises things within 2.5 m", 2.5, True),
    ("recognises things within 10 m", 10.0, True),
    ("knows where all things stand", RANGE_M, False),
)

Json = Mapping[str, Any]
TEMPLATE: Final = """# Do pan and tilt actions earn anything?

A policy that learns to use new camera actions can only gain what they are worth. So this is asked before any two ways of
carrying a policy are compared: on the same episodes, what does a body lose when its pan and tilt actions are masked?

All figures are from the embedded simulator, not from AI2-THOR.

## How it was asked

A searcher plays {episodes} held-out test episodes of `objectnav_short` in {houses} unseen houses, one and the same program for every
body and every set of actions (`flare_core/evaluation/oracle.py`, played by `scripts/camera_oracle.py`). Only two things
limit it: what its camera sees, and which actions the body has.

- It has the map: where the body can stand, the building, and where things are. It does not know what a thing is, nor what
  lies on a surface, before its camera has seen it. Half of its belief is on the things of the map, half on spots of floor and
  furniture tops half a metre apart.
- A place is seen by the rule that also judges success: within range, inside the image, nothing in between. Recognition is
  perfect within {range} m. Everything that comes into view on the way counts.
- It goes for the view that shows most unseen belief per action, pan and tilt being actions like any other, and on a walk
  it holds the camera where it sees most. Once a target is in view it takes the shortest way and ends at the first moment of success.

The bodies: `locobot` (eye at 0.87 m, image 68 degrees wide and 42 high) and `lowbot`, which is invented (eye at 0.35 m, 45 wide and 26
high). Episodes are sampled for the body with all its actions. SEL counts against the expert that knows where the target
is. Brackets are 95 % intervals (Wilson for success, bootstrap over whole houses for the rest); "minus neither" is paired.

## What came out

All episodes:

{main}

Only the episodes that can be solved without tilt ({feasible} episodes):

{subset}

The same with other searchers, {others} episodes, pan and tilt against neither:

{other_table}

## What it means

{verdicts}

- **LoCoBot: they do not pay.** From every one of its episodes' houses a place can be reached from which the level camera sees the
  target within 2 m, and the searcher finds it as often without its camera actions; using them makes it slower. A comparison of two ways
  of carrying a policy to LoCoBot cannot be decided by what its camera actions earn.
- **A low, narrow view: tilt pays.** Nearly all of the gain is on episodes whose target comes into no level view within 2 m. How many
  those are follows from the sampling: episodes are drawn among what the body with all its actions can solve, so this gain is
  what tilt makes possible. On the other episodes no gain shows.
- **Pan pays on neither body.** By design it could hardly: the base turns by the same 30 degrees for the same one action.
- Houses and tasks were not changed for this.

## What it does not say

- The searcher is greedy: a look that pays for itself at once can cost more than it saves, so a small loss, as LoCoBot's in SEL, is the
  searcher's and not a bound on what the actions could earn. The best planner loses nothing by having more actions.
- A learned policy has no map and recognises less. What tilt is worth to it can differ, on episodes of either kind.
- Two things of the searcher were compared while it was written, on the first 100 test episodes and then on 150 validation episodes; those
  runs are not in the JSON. Where base and pan would turn the camera alike it takes the base: taking the pan first gave both bodies a
  lower SEL with all actions, by 1.6 to 4.5 points, and success within 1 point. To hold the camera where it sees most on a walk did not
  help: without it LoCoBot's SEL with all actions was 1.9 points higher (test) and lowbot's 0.3 lower (test) and 1.1 higher
  (validation). It was kept, because pan would never be used without it; part of LoCoBot's loss in SEL comes from there.

Made by `python scripts/camera_oracle.py` at commit {commit}, one process on {cpu}, {seconds} s for everything
on this page, other jobs running beside it. All figures of the tables are in `results/camera_oracle.json`.
"""


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

            def played(within_m: float, with_spots: bool, variants: tuple[str, ...], count: int, body: Embodiment = body) -> dict[str, Any]:
                watcher.stage(f"{body.name}, {within_m:g} m", count * len(variants))
                return study(
                    body, task, houses, vocabulary, count, within_m=within_m, with_spots=with_spots, variants=variants,
                    report=lambda variant, done: watcher.advance(count * variants.index(variant) + done),
                ).to_json()  # fmt: skip

            ends, fewer = ("pan and tilt", NEITHER), min(episodes, OTHER_EPISODES)
            bodies[name] = {
                "spec_sha256": spec.sha256,
                **played(RANGE_M, True, tuple(VARIANTS), episodes),
                "other_searchers": {label: played(within_m, with_spots, ends, fewer) for label, within_m, with_spots in OTHERS},
            }
    return {
        "simulator": "embedded simulator", "task": task.name, "task_sha256": loaded.sha256, "split": "test", "houses": HELD_OUT_HOUSES,
        "episodes": episodes, "episode_seed": EPISODE_SEED, "range_m": RANGE_M, "command": "python scripts/camera_oracle.py",
        "commit": made_from, "machine": machine(), "seconds": round(time.perf_counter() - begun, 1), "bodies": bodies,
    }  # fmt: skip


def page(result: Json) -> str:
    """The page of the docs."""
    bodies = result["bodies"]
    return TEMPLATE.format(
        episodes=f"{result['episodes']:,}", others=f"{min(result['episodes'], OTHER_EPISODES):,}", houses=result["houses"],
        range=f"{result['range_m']:g}", main=main_table(bodies, "all"), subset=main_table(bodies, "feasible_with_neither"),
        verdicts=verdicts(bodies),
        feasible=", ".join(f"{body['feasible'][NEITHER]} of {name}'s {result['episodes']}" for name, body in bodies.items()),
        other_table=other_table(bodies), commit=short(result["commit"]), cpu=result["machine"]["cpu"], seconds=f"{result['seconds']:,.0f}",
    )  # fmt: skip


def short(commit_of: str) -> str:
    """A commit in 12 characters; the sign of uncommitted changes stays."""
    return commit_of[:12] + (" with uncommitted changes" if commit_of.endswith("+") else "")


def verdicts(bodies: Json) -> str:
    """What the intervals say of each body and each set of camera actions, in words."""
    lines = []
    for name, body in bodies.items():
        for variant, less in body["all"]["minus_neither"].items():
            said = []
            for measure, label in (("success", "success"), ("sel", "SEL")):
                gained = Interval(**less[measure])
                word = ("pays" if gained.mean > 0 else "costs") if gained.excludes_zero else "makes no difference that shows"
                said.append(f"{label} {gained.percent(signed=True)}, {word}")
            lines.append(f"- `{name}`, {variant}: {'; '.join(said)}.")
    return "\n".join(lines)


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
