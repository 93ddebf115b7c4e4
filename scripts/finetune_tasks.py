"""Fine-tunes the shipped multi-task policy on its tasks, on one that it never saw, and on behaviours; writes the table of docs/tasks.md.

    python scripts/finetune_tasks.py --out runs/tasks             # every run that is not done yet, then JSON and table
    python scripts/finetune_tasks.py --out runs/tasks fetch       # one of them; behaviours begin where their task's run ended
    python scripts/finetune_tasks.py --gather --out runs/tasks    # results/finetuned.json and the table from the runs that are done
    python scripts/finetune_tasks.py --page-only                  # the table again, from the JSON as it is

A run that was stopped goes on where it was. Stretch, in the embedded simulator; one seed.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flare_core.evaluation.report import markdown

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "results" / "finetuned.json"
PAGE: Final = ROOT / "docs" / "tasks.md"
POLICY: Final = "shipped:stretch_chores"
BEGIN, END = "<!-- fine-tuned -->", "<!-- end of fine-tuned -->"
ROBOT: Final = "stretch_re1_feeling"
AGAINST: Final = "against.json"
WORKERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One fine-tuning.

    Attributes:
        after: the run whose policy it begins with; none: the shipped one.
        against_shipped: the table compares it with the shipped policy, not with the one that it begins with.
        judged_on: the task of that comparison, where training has easier episodes than the task itself.
        overrides: of the task.
        horizon: steps after which an episode of training is cut off; the recipe's if none.
    """

    task: str
    steps: int
    episodes: int = 500
    after: str | None = None
    against_shipped: bool = False
    judged_on: str | None = None
    overrides: tuple[str, ...] = ()
    horizon: int | None = None

    @property
    def is_compared_later(self) -> bool:
        """Whether its table row is not what its training ends with."""
        return self.against_shipped or self.judged_on is not None


RUNS: Final[Mapping[str, Run]] = {
    "objectnav": Run(task="objectnav", steps=1_000_000),
    "roomvisit": Run(task="roomvisit_shaped", steps=1_000_000, episodes=300),  # of sparse rewards the cloned policy finds too few
    "pickup": Run(task="pickup", steps=800_000, horizon=150),
    # Sparse from the start, Fetch's own episodes showed no trend in 550,000 steps, and shaped ones none in 1,200,000.
    "fetch": Run(task="fetch_shaped", judged_on="fetch", steps=1_200_000, after="pickup", against_shipped=True, horizon=300),
    "fetch_longer": Run(task="fetch_shaped", judged_on="fetch", steps=1_300_000, after="fetch", against_shipped=True, horizon=300),
    "roomnav": Run(task="roomnav", steps=600_000),
    # With FLaRe's own weights (-0.01 a step, -0.5 a collision) a policy that fetches once in eight episodes earns most by saying `done`
    # at once: with -0.5 its success was 0 after 180,000 steps. These cost about half of what its successes bring.
    "fetch_shorter": Run(task="fetch_shorter", steps=500_000, episodes=1_000, after="fetch_longer", overrides=("task.reward.step=-0.004",)),
    "fetch_gentle": Run(task="fetch_gentle", steps=500_000, after="fetch", overrides=("task.reward.collision=-0.02",)),
    "fetch_gentle_limit": Run(
        task="fetch_gentle_limit", steps=500_000, after="fetch", overrides=("task.constraints.collisions_per_episode.at_most=20",)
    ),
}


def train(name: str, out: Path) -> None:
    """Do a run, or go on with it; nothing where it is done."""
    run, folder = RUNS[name], out / name
    if (folder / "results.json").exists():
        return
    if run.after is not None:
        train(run.after, out)
    policy = POLICY if run.after is None else str(out / run.after / "bundle")
    command = [flare(), "train", "--out", str(folder), "--workers", str(WORKERS)]
    if (folder / "run.json").exists():
        command += [str(folder / "transfer.yaml"), "--resume"]
    else:
        command += ["--policy", policy, "--embodiment", ROBOT, "--task", run.task, "--recipe", "task"]
    command += ["-o", f"recipe.steps={run.steps}", "-o", f"recipe.evaluation_episodes={run.episodes}"]
    command += [] if run.horizon is None else ["-o", f"recipe.horizon={run.horizon}"]
    command += [word for text in run.overrides for word in ("-o", text)]
    subprocess.run(command, check=True)


def compare(name: str, out: Path) -> None:
    """Play what a finished run is judged by, where that is not what its training ends with; nothing where that is done or not asked for."""
    run, path = RUNS[name], out / name / AGAINST
    if not run.is_compared_later or path.exists():
        return
    other = POLICY if run.against_shipped or run.after is None else str(out / run.after / "bundle")
    words = ("--task", run.judged_on or run.task, "--episodes", str(run.episodes), "--against", other, "--workers", str(WORKERS), "--json")
    played = subprocess.run([flare(), "evaluate", str(out / name / "bundle"), *words], check=True, stdout=subprocess.PIPE, text=True)
    path.write_text(played.stdout, encoding="utf-8")


def flare() -> str:
    """The command beside the Python that runs this."""
    return str(Path(sys.executable).with_name("flare"))


def gathered(out: Path) -> dict[str, Any]:
    """What the runs that are done found, in the order of RUNS."""
    found = {}
    for name, run in RUNS.items():
        path = out / name / "results.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            compared = out / name / AGAINST
            if run.is_compared_later and not compared.exists():
                continue  # `compare` has been interrupted
            if run.is_compared_later:
                result |= json.loads(compared.read_text(encoding="utf-8"))["against"]
            begins = "`stretch_chores`" if run.after is None else f"the policy of `{run.after}`"
            against = "`stretch_chores`" if run.against_shipped else "what it begins with"
            found[name] = {"begins_with": begins, "against": against, "task": run.task, "changed": list(run.overrides), **result}
    return {"simulator": "embedded simulator", "runs": found}


def table(data: Mapping[str, Any]) -> str:
    """One row for each run: before, after, and the paired differences."""
    if not data["runs"]:
        return "No run has been made with the policy that comes along now."
    rows = [("task", "begins with", "steps", "against", "episodes", "its success, %", "after, %", "difference", "actions", "collisions")]
    for name, run in data["runs"].items():
        before, after, gap = run["before"], run["after"], run["differences"]
        named = " ".join([f"`{name}`", *(f"`{text.removeprefix('task.')}`" for text in run.get("changed", []))])
        rows.append((
            named, run["begins_with"], f"{run['steps']:,}", run["against"], f"{before['episodes']:,}", _share(before), _share(after),
            _signed(run["difference"], 100), _signed(gap["length"], 1), _signed(gap["collisions"], 1),
        ))  # fmt: skip
    return (
        f"{markdown(rows)}\n\nHeld-out test episodes, the same before and after; differences are paired, all with 95 % intervals; "
        f"{ROBOT}, 1 seed, embedded simulator."
    )


def _share(summary: Mapping[str, Any]) -> str:
    return f"{100 * summary['success']:.1f} [{100 * summary['success_low']:.1f}, {100 * summary['success_high']:.1f}]"


def _signed(interval: Mapping[str, float], scale: float) -> str:
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(scale * interval[key] for key in ("mean", "low", "high")))


def filled(page: str, data: Mapping[str, Any]) -> str:
    """The page with the table in its place."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table(data)}\n{END}{rest.split(END, 1)[1]}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, gather, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RUNS)}; all if none is named")
    parser.add_argument("--out", type=Path, default=Path("runs/tasks"))
    parser.add_argument("--gather", action="store_true")
    parser.add_argument("--page-only", action="store_true")
    given = parser.parse_args(arguments)
    if not (given.gather or given.page_only):
        for name in given.names or RUNS:
            train(name, given.out)
            compare(name, given.out)
    if not given.page_only:
        RESULTS.write_text(json.dumps(gathered(given.out), indent=1) + "\n", encoding="utf-8")
    runs = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"runs": {}}
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")


if __name__ == "__main__":
    main()
