"""Everything that a report tells, read from a run's folder: whole, half done, or of an earlier version."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flare_core.adapters.plan import Plan
from flare_core.errors import AdapterError, TrainError
from flare_core.evaluation.report import Episodes
from flare_core.runs.kept import ABOUT, LOG, RESULTS, RUN, episodes_from_json, read_json, read_log, recording_beside
from flare_core.runs.takes import Takes

DRAWINGS: Final = "drawings.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """What there is of a run.

    Attributes:
        command: that began it.
        about: source, task, simulator, seed, budget, machine; gaps filled from the bundle, for runs of earlier versions.
        log: one record for each update.
        before, after: judged episodes, as far as they have been played.
        results: of a run that ended.
        plan, account: what was kept, new and left behind; what became of every tensor, once there is a bundle.
        pictures: PNG files of the robot and what its cameras see, by name.
        drawings: houses from above, by their index; see `floor.drawing_of`.
    """

    path: Path
    command: str
    about: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    before: Episodes | None
    after: Episodes | None
    results: Mapping[str, Any] | None
    plan: Plan | None
    account: Sequence[Mapping[str, Any]]
    pictures: Mapping[str, bytes]
    before_takes: Takes
    after_takes: Takes
    drawings: Mapping[int, Mapping[str, Any]]

    @property
    def steps(self) -> int:
        """Steps made so far."""
        return int(self.log[-1]["steps"]) if self.log else 0

    @property
    def planned_steps(self) -> int | None:
        """Steps that it is to make, where that is known."""
        return self.about.get("steps")


def read_run(path: Path) -> RunFolder:
    """Read a run's folder.

    Raises:
        TrainError: it is none, or a file in it is damaged.
    """
    if not path.is_dir():
        raise TrainError(f"{path}: there is no such folder. Give the --out of a `flare train`")
    if not (path / RUN).exists():
        nested = next((one.parent for one in sorted(path.glob(f"*/{RUN}"))), None)
        hint = f" Did you mean {nested}?" if nested else " Give the --out of a `flare train`; a report of a bundle alone is its README.md"
        raise TrainError(f"{path}: is no run of `flare train`: it holds no {RUN}.{hint}")
    run = read_json(path / RUN)
    if "pretraining" in run:
        card = path / "bundle" / "README.md"
        raise TrainError(f"{path}: is a run of `flare pretrain`, and a report is of `flare train`. What came of it is told by {card}")
    whole = _optional(path / "bundle" / "plan.json")
    about = _about(path, run)
    return RunFolder(
        path=path,
        command=str(run.get("command", "not kept")),
        about=about,
        log=read_log(path / LOG),
        before=_episodes(path / "before.json"),
        after=_episodes(path / "after.json"),
        results=_optional(path / RESULTS),
        plan=_plan(whole or about.get("plan")),
        account=(whole or {}).get("tensors", ()),
        pictures={file.stem: file.read_bytes() for file in sorted((path / "bundle" / "pictures").glob("*.png"))},
        before_takes=_takes(recording_beside(path / "before.json")),
        after_takes=_takes(recording_beside(path / "after.json")),
        drawings={int(house): drawing for house, drawing in (_optional(path / DRAWINGS) or {}).items()},
    )


def _about(path: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """about.json, or what a run of an earlier version says elsewhere."""
    results = _optional(path / RESULTS) or {}
    lineage = _optional(path / "bundle" / "lineage.json") or {}
    evaluation = (_optional(path / "bundle" / "evaluation.json") or {}).get("about", {})
    found = {key: run[key] for key in ("seed", "workers", "split") if key in run}
    found |= {key: lineage[key] for key in ("simulator", "machine", "commit", "steps", "overrides") if key in lineage}
    found |= {key: evaluation[key] for key in ("task",) if key in evaluation}
    found |= {key: results[key] for key in ("steps", "machine", "commit") if key in results}
    if "transfer" in results:
        found["name"] = results["transfer"]
    if results:
        found["episodes"] = results["after"]["episodes"]
    return found | (_optional(path / ABOUT) or {})


def _optional(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.exists() else None


def _episodes(path: Path) -> Episodes | None:
    data = _optional(path)
    if data is None:
        return None
    try:
        return episodes_from_json(data)
    except (KeyError, TypeError, ValueError):
        raise TrainError(f"{path}: is damaged. Remove it; the report is then made without it") from None


def _takes(path: Path) -> Takes:
    data = _optional(path)
    if data is None:
        return Takes()
    try:
        return Takes.from_json(data)
    except (KeyError, TypeError, ValueError):
        raise TrainError(f"{path}: is damaged. Remove it; the report is then made without pictures") from None


def _plan(data: Mapping[str, Any] | None) -> Plan | None:
    if data is None:
        return None
    try:
        return Plan.from_json(json.dumps({key: data[key] for key in ("source", "target", "head", "views", "inputs")}))
    except (KeyError, AdapterError):
        return None
