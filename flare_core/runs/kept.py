"""What a run keeps in its folder as JSON: judged episodes and recordings, written whole or not at all."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from flare_core.errors import TrainError
from flare_core.evaluation.report import Episodes
from flare_core.runs.takes import Takes

RUN: Final = "run.json"
ABOUT: Final = "about.json"
LOG: Final = "log.jsonl"
RESULTS: Final = "results.json"


def judged_once(kept: Path, judge: Callable[[Takes], Episodes], began: float) -> tuple[Episodes, float]:
    """Judge, or take what a stopped run had already found, with the seconds that it had taken until then.

    Args:
        kept: file of the episodes; what was recorded of them goes to `recording_beside` it, first, so that it is there if they are.
        judge: is given takes to fill.
        began: `time.monotonic()` when the work that the seconds count began.

    Raises:
        TrainError: the file is damaged.
    """
    if kept.exists():
        data = read_json(kept)
        try:
            return episodes_from_json(data), float(data["seconds"])
        except (KeyError, TypeError, ValueError):
            raise TrainError(f"{kept}: is damaged. Remove it; what it held is measured again") from None
    takes = Takes()
    found = judge(takes)
    if takes.takes:
        write_json(recording_beside(kept), takes.to_json(), indent=None)
    write_json(kept, {**episodes_to_json(found), "seconds": round(time.monotonic() - began, 1)})
    return found, 0.0


def recording_beside(kept: Path) -> Path:
    """File of the recording of the episodes in another file."""
    return kept.with_name(f"{kept.stem}_recording.json")


def forget(kept: Path) -> None:
    """Remove judged episodes and their recording: they are those of weights that are no more."""
    kept.unlink(missing_ok=True)
    recording_beside(kept).unlink(missing_ok=True)


def episodes_to_json(episodes: Episodes) -> dict[str, Any]:
    """Plain lists."""
    return {
        "number": episodes.number.tolist(),
        "success": episodes.success.tolist(),
        "actions": list(episodes.actions),
        "used": episodes.used.tolist(),
        "measures": {name: values.tolist() for name, values in episodes.measures.items()},
        "houses": None if episodes.houses is None else episodes.houses.tolist(),
        "instructions": None if episodes.instructions is None else list(episodes.instructions),
    }


def episodes_from_json(data: Mapping[str, Any]) -> Episodes:
    """Read what `episodes_to_json` wrote; runs of earlier versions did not keep instructions.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    said = data.get("instructions")
    return Episodes(
        number=np.array(data["number"], dtype=np.int64),
        success=np.array(data["success"], dtype=bool),
        actions=tuple(data["actions"]),
        used=np.array(data["used"], dtype=np.int64),
        measures={name: np.array(values, dtype=np.float64) for name, values in data["measures"].items()},
        houses=None if data["houses"] is None else np.array(data["houses"], dtype=np.int64),
        instructions=None if said is None else tuple(str(one) for one in said),
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that an earlier part of the run wrote.

    Raises:
        TrainError: it is damaged.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # JSON and UTF-8 alike
        data = None
    if not isinstance(data, dict):
        raise TrainError(f"{path}: is damaged. Remove {'the run' if path.name == RUN else 'it; what it held is measured again'}")
    return data


def read_log(path: Path) -> list[dict[str, Any]]:
    """Records of a training log, one for each update; a last line that is still being written is left out."""
    records: list[dict[str, Any]] = []
    if not path.exists():
        return records
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break
        records.append(record)
    return records


def write_json(path: Path, data: Mapping[str, Any], indent: int | None = 1) -> None:
    """Write to a temporary file and rename it."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(data, indent=indent) + "\n", encoding="utf-8")
    os.replace(temporary, path)
