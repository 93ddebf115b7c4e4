"""What policies do on robots that they were never trained on: carried, not fine-tuned; writes the table of docs/random_bodies.md.

    python scripts/zero_shot.py                                           # what is not done yet, then JSON and table
    python scripts/zero_shot.py --random runs/objectnav_random/bundle     # another policy of random bodies than the one that comes along
    python scripts/zero_shot.py --page-only                               # the table again, from the JSON as it is

Both policies are carried by the same transfers, those of specs/transfers, to LoCoBot and TurtleBot 4: the one of the Stretch, and one of
random bodies. New actions, those of a camera, are masked, or begin at the transfer's probability as `flare adapt` makes them. Every
policy plays the same held-out episodes of a robot; differences are paired. What is done is kept in --out, so that a stopped run goes on
where it was. Embedded simulator; one seed.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from flare_core.adapters.spec import load_transfer
from flare_core.bundles.bundle import weights_digest
from flare_core.bundles.places import SHIPPED, shipped
from flare_core.evaluation.report import markdown, summarise
from flare_core.evaluation.statistics import paired_bootstrap
from flare_core.hub.references import is_elsewhere
from flare_core.runs.carry import Transfer, plan_of
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import calibrated_policy, scene_for, senses_of
from flare_core.runs.judge import judge_policy
from flare_core.runs.stages import HELD_OUT_HOUSES

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "results" / "zero_shot.json"
PAGE: Final = ROOT / "docs" / "random_bodies.md"
BEGIN, END = "<!-- zero-shot -->", "<!-- end of zero-shot -->"
STRETCH, RANDOM = "stretch", "random bodies"
RANDOM_POLICY: Final = "shipped:random_objectnav"
TRANSFERS: Final[Mapping[str, str]] = MappingProxyType({"locobot": "stretch_to_locobot", "turtlebot4": "stretch_to_turtlebot4"})
MASKED, STARTED, NONE = "masked", "at their start probability", "none"
REASON: Final = "{masked: not taught}"


def transfer_of(robot: str, policy: str | None, masks: bool) -> Transfer:
    """The robot's packaged transfer, with another policy if one is given.

    Args:
        masks: its new actions are never done.
    """
    changes = [] if policy is None else [("policy", policy)]
    found = plan_of(load_transfer(TRANSFERS[robot], changes))
    if not masks:
        return found
    names = [found.plan.head.entries[row].action for row in found.plan.head.new_rows]
    return plan_of(load_transfer(TRANSFERS[robot], [*changes, *((f"head.{name}", REASON) for name in names)]))


def ways_of(robot: str, policy: str | None) -> dict[str, Transfer]:
    """Transfers by what becomes of the new actions; one of them where there is none."""
    found = transfer_of(robot, policy, masks=False)
    if not found.plan.head.new_rows:
        return {NONE: found}
    return {MASKED: transfer_of(robot, policy, masks=True), STARTED: found}


def measure(transfer: Transfer, path: Path, name: str, episodes: int, workers: int, seed: int) -> None:
    """Play the episodes and keep what came of each; nothing where the same is done."""
    mine = {
        "policy": weights_digest(transfer.bundle.state), "specs": {
            "embodiment": transfer.embodiment.sha256, "task": transfer.task_spec.sha256, "transfer": transfer.loaded.sha256,
        },
        "seed": seed,
    }  # fmt: skip
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["of"] == mine:
        return
    senses, policy = senses_of(transfer), calibrated_policy(transfer, seed)
    scene = scene_for(transfer, "test", HELD_OUT_HOUSES, senses)
    with ConsoleWatcher() as watcher:
        watcher.stage(name, episodes)
        played = judge_policy(scene, policy, senses, episodes, workers, seed, watcher.advance)
    houses = [] if played.houses is None else played.houses.tolist()
    outcomes = {"number": played.number.tolist(), "houses": houses, "success": played.success.astype(int).tolist()}
    found = {"of": mine, "task": transfer.task.name, "commit": commit(), "summary": summarise(played, seed).to_json(), **outcomes}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(found) + "\n", encoding="utf-8")
    temporary.replace(path)


def against(stretch: Mapping[str, Any], other: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Difference of success, the other's minus the Stretch's; houses are resampled whole."""
    if any(stretch[key] != other[key] for key in ("number", "houses", "task")):
        raise SystemExit("zero_shot: two policies did not play the same episodes; remove the folder of --out")
    first, second = (np.array(each["success"], dtype=float) for each in (stretch, other))
    return paired_bootstrap(first, second, seed, groups=np.array(stretch["houses"], dtype=np.int64)).to_json()


def gathered(policies: Mapping[str, str | None], out: Path, episodes: int, workers: int, seed: int) -> dict[str, Any]:
    """Every policy on every robot in every way, measured or taken from what is kept."""
    rows: list[dict[str, Any]] = []
    for robot in TRANSFERS:
        stretch: dict[str, dict[str, Any]] = {}
        for name, policy in policies.items():
            for way, transfer in ways_of(robot, policy).items():
                path = out / f"{robot}_{name}_{way}_{episodes}.json".replace(" ", "_")
                measure(transfer, path, f"{name} on {robot}, new actions {way}", episodes, workers, seed)
                found = json.loads(path.read_text(encoding="utf-8"))
                row = {"robot": robot, "policy": name, "new_actions": way, "task": found["task"], "of": found["of"], **found["summary"]}
                if name == STRETCH:
                    stretch[way] = found
                else:
                    row["difference"] = against(stretch[way], found, seed)
                rows.append(row)
    return {
        "simulator": "embedded simulator", "split": "test", "episodes": episodes, "seed": seed, "commit": commit(), "machine": machine(),
        "policies": {name: _named(policy) for name, policy in policies.items()}, "rows": rows,
    }  # fmt: skip


def _named(policy: str | None) -> str:
    """A policy as the results call it: folders without what lies above them on this machine."""
    if policy is None:
        return "shipped:stretch_objectnav"
    return "/".join(Path(policy).parts[-2:]) if Path(policy).is_absolute() else policy


def table(data: Mapping[str, Any]) -> str:
    """One row for each policy on each robot in each way."""
    if not data.get("rows"):
        return "Not measured yet: `python scripts/zero_shot.py` does it."
    rows = [("robot", "policy of", "new actions", "success, %", "SEL, %", "actions", "against the Stretch's")]
    for row in data["rows"]:
        gap = row.get("difference")
        signed = "-" if gap is None else "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * gap[key] for key in ("mean", "low", "high")))
        cells = _interval(row, "success", 100, 1), _interval(row, "sel", 100, 1), _interval(row, "length", 1, 0)
        rows.append((row["robot"], row["policy"], row["new_actions"], *cells, signed))
    tasks = " and ".join(dict.fromkeys(f"`{row['task']}`" for row in data["rows"]))
    return (
        f"{markdown(rows)}\n\nCarried, not fine-tuned. {data['episodes']:,} held-out test episodes of {tasks} on each robot, the same for "
        f"all who play it; actions are sampled; 95 % intervals, differences paired, 1 seed ({data['seed']}), embedded simulator."
    )


def _interval(row: Mapping[str, Any], name: str, scale: float, digits: int) -> str:
    if name not in row:
        return "-"
    mean, low, high = (f"{scale * row[key]:.{digits}f}" for key in (name, f"{name}_low", f"{name}_high"))
    return f"{mean} [{low}, {high}]"


def filled(page: str, data: Mapping[str, Any]) -> str:
    """The page with the table in its place."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table(data)}\n{END}{rest.split(END, 1)[1]}"


def policies_of(random: str | None) -> dict[str, str | None]:
    """Who plays: the Stretch's policy, as its transfers name it, and one of random bodies, where there is one."""
    if random is None and RANDOM_POLICY.removeprefix(SHIPPED) not in shipped():
        print(f"{RANDOM_POLICY} does not come along; the Stretch's policy is measured alone. Name another bundle by --random")
        return {STRETCH: None}
    named = random or RANDOM_POLICY
    is_folder = not named.startswith(SHIPPED) and not is_elsewhere(named)
    return {STRETCH: None, RANDOM: str(Path(named).resolve()) if is_folder else named}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, gather, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", metavar="BUNDLE", help=f"a policy of random bodies; {RANDOM_POLICY} if it comes along")
    parser.add_argument("--out", type=Path, default=Path("runs/zero_shot"), help="where what is done is kept")
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--page-only", action="store_true")
    given = parser.parse_args(arguments)
    if not given.page_only:
        import torch

        torch.set_num_threads(1)  # as the commands do: the workers use the cores
        found = gathered(policies_of(given.random), given.out, given.episodes, given.workers, given.seed)
        given.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    data = json.loads(given.results.read_text(encoding="utf-8")) if given.results.exists() else {}
    given.page.write_text(filled(given.page.read_text(encoding="utf-8"), data), encoding="utf-8")


if __name__ == "__main__":
    main()
