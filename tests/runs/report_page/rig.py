"""A run's folder made by hand: eight episodes, three updates, one house, and names that try to get out of the page."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HOSTILE = "</script><script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>"
BEFORE = [False, True, False, True, False, False, True, False]
AFTER = [False, False, True, True, True, False, True, False]


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def jpeg(shade: int) -> str:
    file = io.BytesIO()
    Image.fromarray(np.full((9, 16, 3), shade, dtype=np.uint8)).save(file, format="jpeg")
    return base64.b64encode(file.getvalue()).decode()


def episodes(success: list[bool]) -> dict[str, Any]:
    count = len(success)
    return {
        "number": list(range(count)),
        "success": success,
        "actions": ["go", HOSTILE],
        "used": [[3, 1]] * count,
        "measures": {
            "length": [float(90 - 10 * at) for at in range(count)],
            "path_m": [2.0] * count,
            "shortest_m": [1.0] * count,
            "collisions": [0.0] * count,
            "final_distance_m": [1.0] * (count - 1) + [float("nan")],
        },
        "houses": [at // 2 for at in range(count)],
        "instructions": [f"find {HOSTILE}", *(f"find a mug {at}" for at in range(1, count))],
        "seconds": 1.0,
    }


def recording(count: int, shade: int) -> dict[str, Any]:
    take = {
        "instruction": HOSTILE, "house": 0, "yaw": 0.0, "targets": [[3.0, 1.0]], "points": [[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]],
        "first": jpeg(10), "last": jpeg(shade),
    }  # fmt: skip
    return {"camera": HOSTILE, "takes": {str(at): take for at in range(count)}}


def summary(share: float) -> dict[str, Any]:
    return {"episodes": 8, "success": share, "success_low": share - 0.1, "success_high": share + 0.1, "use": {"go": 0.75, HOSTILE: 0.25}}


def plan() -> dict[str, Any]:
    entries = [
        {"action": "go", "effect": "move_base", "how": "keep", "source": "go", "source_row": 0, "ratio": 1.0, "probability": None,
         "reason": ""},
        {"action": HOSTILE, "effect": HOSTILE, "how": "zero", "source": None, "source_row": None, "ratio": None, "probability": 0.1,
         "reason": HOSTILE},
    ]  # fmt: skip
    view = {"view": "navigation", "width": 16, "height": 9, "camera": "head", "fit": "resize", "source_camera": "head", "reason": ""}
    return {
        "source": "oldbot", "target": HOSTILE,
        "head": {"source_actions": ["go", "wave"], "trained": [0], "entries": entries, "dropped": ["wave"]},
        "views": {"entries": [view], "unused": []},
        "inputs": {"source_inputs": [], "entries": [], "dropped": []},
    }  # fmt: skip


def begun(folder: Path) -> Path:
    """A run that has been judged once and made three updates."""
    write(folder / "run.json", {"seed": 3, "workers": 2, "split": "test", "command": f"flare train {HOSTILE}"})
    about = {"name": "demo", "task": HOSTILE, "simulator": "embedded simulator", "split": "test", "seed": 3, "workers": 2, "steps": 400}
    machine = {"cpu": "Abacus 3000", "cores": 2, "python": "3.11", "torch": "2"}
    write(
        folder / "about.json",
        about | {"episodes": 8, "machine": machine, "overrides": [HOSTILE], "plan": plan(), "covered": {"navigation": 1.0}},
    )
    records = [
        {"update": at, "steps": 100 * at, "episodes": 2 * at, "success": 0.1 * at, "return": 1.0, "entropy": 2.0, "steps_per_second": 50.0,
         "use": {"go": 0.5, HOSTILE: 0.5}}
        for at in (1, 2, 3)
    ]  # fmt: skip
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + '{"update": 4, "st')
    write(folder / "before.json", episodes(BEFORE))
    write(folder / "before_recording.json", recording(8, 80))
    drawing = {
        "rooms": [["Kitchen", [[0, 0], [4, 0], [4, 2], [0, 2]], [0.1, 0.1]], [HOSTILE, [[0, 2], [4, 2], [4, 4], [0, 4]], [0.1, 2.1]]],
        "things": [[HOSTILE, [[[1, 1], [2, 1], [2, 2], [1, 2]]]]], "walls": [[[0, 0], [4, 0]]], "openings": [["shut", [[1, 0], [2, 0]]]],
    }  # fmt: skip
    write(folder / "drawings.json", {"0": drawing})
    return folder


def ended(folder: Path) -> Path:
    """The same at its end."""
    begun(folder)
    write(folder / "after.json", episodes(AFTER))
    write(folder / "after_recording.json", recording(8, 160))
    difference = {"mean": 0.125, "low": -0.1, "high": 0.3}
    comparison = {"before": summary(0.375), "after": summary(0.5), "difference": difference, "differences": {}}
    spent = {"steps": 400, "seconds": 100.0, "training_seconds": 60.0, "transfer": "demo"}
    write(folder / "results.json", comparison | {"greedy": comparison, "machine": {"cpu": "Abacus 3000"}, "commit": "abc"} | spent)
    write(folder / "bundle" / "plan.json", plan() | {"tensors": [{"name": "a", "fate": "carried"}, {"name": "b", "fate": "new"}]})
    return folder
