"""The scene that flare and moderngl both draw: three real ProcTHOR houses, one batch of views in each, in arrays that need numpy alone."""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SCENE: Final = ROOT / "build" / "peers" / "scene.npz"
VIEWS: Final = 64
FOV_DEG: Final = 60.0


def asked(what: str | None) -> argparse.Namespace:
    """Size, seconds and where the answer goes."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0, help="of drawing that is timed")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def timed(draw: Callable[[], Any], frames: int, seconds: float) -> float:
    """Frames for each second of processor time of this process, its threads included; the first drawing is not timed."""
    draw()
    began, calls = time.process_time(), 0
    while time.process_time() - began < seconds:
        draw()
        calls += 1
    return calls * frames / (time.process_time() - began)


def answer(out: Path, **facts: Any) -> None:
    """Write the answer whole."""
    whole = out.with_suffix(".tmp")
    whole.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    os.replace(whole, out)
