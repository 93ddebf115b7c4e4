"""Times every installed peer and the toolkit in turn on one core: writes results/peers.json and the tables of docs/peers.md.

    python bench/peers/install.py          # once: the peers' own environments
    python bench/peers/run.py              # learning curves, then 5 rounds of learners and renderers; goes on where it was stopped
    python bench/peers/run.py --quick      # 1 short round without curves, to try it; prints the tables and writes neither file
    python bench/peers/run.py --page-only  # the tables again, from the JSON as it is

Every answer lies under build/peers/answers/ as soon as it is there, and is not asked for again; --again throws them away first.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.peers.page import fill, tables  # noqa: E402
from flare_core.runs.facts import commit, machine  # noqa: E402

PLACE: Final = ROOT / "build" / "peers"
RESULTS: Final = ROOT / "results" / "peers.json"
SIZES: Final = ((64, 64), (128, 72))
MOST_S: Final = 1500  # of one side, before it is given up


@dataclass(frozen=True, kw_only=True)
class Side:
    """One learner or renderer in one setting. `environment`: folder under build/peers/, or None for the toolkit's own."""

    name: str
    setting: str
    module: str
    environment: str | None = None
    options: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return Path(sys.executable) if self.environment is None else PLACE / self.environment / "bin" / "python"


LEARNERS: Final = (
    Side(name="flare", setting="trained", module="flare_side"),
    Side(name="allenact", setting="trained", module="allenact_side", environment="allenact"),
    Side(name="sample_factory", setting="trained", module="sample_factory_side", environment="sample_factory"),
    Side(name="flare_own_gru", setting="trained", module="flare_side", options=("--own-gru",)),
    Side(name="allenact_own_gru", setting="trained", module="allenact_side", environment="allenact", options=("--own-gru",)),
    Side(name="flare_bfloat16", setting="trained", module="flare_side", options=("--bfloat16",)),
    Side(name="flare_own_gru_bfloat16", setting="trained", module="flare_side", options=("--own-gru", "--bfloat16")),
    Side(name="flare", setting="frozen", module="flare_side", options=("--frozen",)),
    Side(name="allenact", setting="frozen", module="allenact_side", environment="allenact", options=("--frozen",)),
    Side(name="flare_own_gru", setting="frozen", module="flare_side", options=("--frozen", "--own-gru")),
    Side(name="flare_own_gru_bfloat16", setting="frozen", module="flare_side", options=("--frozen", "--own-gru", "--bfloat16")),
    Side(name="allenact_own_gru", setting="frozen", module="allenact_side", environment="allenact", options=("--frozen", "--own-gru")),
)
RENDERERS: Final = tuple(
    Side(
        name=name,
        setting=f"{width}x{height}",
        module=f"{name}_pictures",
        environment=place,
        options=(f"--width={width}", f"--height={height}"),
    )
    for width, height in SIZES
    for name, place in (("flare", None), ("moderngl", "renderers"), ("miniworld", "renderers"))
)


def ask(side: Side, out: Path, core: int, options: tuple[str, ...]) -> dict[str, Any] | None:
    """One side's answer, from the file if it is there; None, and why on the screen, if it gave none."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        words = [
            "taskset",
            "-c",
            str(core),
            str(side.python),
            "-m",
            f"bench.peers.{side.module}",
            *side.options,
            *options,
            "--out",
            str(out),
        ]
        one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LP_NUM_THREADS"), "1")
        with out.with_suffix(".log").open("w", encoding="utf-8") as log:
            try:
                subprocess.run(words, cwd=ROOT, env=os.environ | one | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, timeout=MOST_S)
            except subprocess.TimeoutExpired:
                log.write(f"\ngiven up after {MOST_S} s\n")
        if not out.exists():
            print(f"  no answer: see {out.with_suffix('.log')}", flush=True)
            return None
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def rounds(sides: tuple[Side, ...], kind: str, count: int, place: Path, core: int, options: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """All sides in turn, so that what else the machine does falls on all of them."""
    for number in range(count):
        for side in sides:
            if not side.python.exists():
                continue
            print(f"{kind}, round {number + 1} of {count}: {side.name}, {side.setting}", flush=True)
            found = ask(side, place / kind / f"{side.name}-{side.setting}-{number + 1}.json", core, options)
            if found is not None:
                yield {"name": side.name, "setting": side.setting, "round": number + 1, **found}


def curves(sides: tuple[Side, ...], place: Path, updates: int) -> list[dict[str, Any]]:
    """Learning curves of all sides, one on every core at a time, because nobody is timed here."""
    options = ("--updates", str(updates), "--gamma", "0.5", "--step-us", "0")
    free: Queue[int] = Queue()
    for core in sorted(os.sched_getaffinity(0)):
        free.put(core)

    def learn(side: Side) -> dict[str, Any] | None:
        core = free.get()
        print(f"learning curve: {side.name}, {side.setting}", flush=True)
        found = ask(side, place / "curves" / f"{side.name}-{side.setting}.json", core, options)
        free.put(core)
        return None if found is None else {"name": side.name, "setting": side.setting, **found}

    with ThreadPoolExecutor(free.qsize()) as pool:
        return [one for one in pool.map(learn, [side for side in sides if side.python.exists()]) if one is not None]


def measure(count: int, updates: int, curve: int, seconds: float, place: Path, core: int) -> dict[str, Any]:
    """Everything that the page needs."""
    return {
        "machine": machine(), "commit": commit(), "core": core, "rounds_wanted": count,
        "curves": curves(LEARNERS, place, curve) if curve else [],
        "learners": list(rounds(LEARNERS, "learners", count, place, core, ("--updates", str(updates)))),
        "renderers": list(rounds(RENDERERS, "renderers", count, place, core, ("--seconds", str(seconds)))),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=2, help="timed in every round, beside the first one")
    parser.add_argument("--curve", type=int, default=20, help="updates of a learning curve")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that everything runs on")
    parser.add_argument("--quick", action="store_true", help="1 short round without learning curves; nothing is written")
    parser.add_argument("--again", action="store_true", help="throw the answers of a stopped run away")
    parser.add_argument("--page-only", action="store_true")
    asked = parser.parse_args()
    if asked.page_only:
        fill(json.loads(RESULTS.read_text(encoding="utf-8")))
        return
    place = PLACE / ("quick" if asked.quick else "answers")
    if asked.again or asked.quick:
        shutil.rmtree(place, ignore_errors=True)
    if asked.quick:
        print("\n\n".join(tables(measure(1, 1, 0, 0.5, place, asked.core)).values()))
        return
    found = measure(asked.rounds, asked.updates, asked.curve, 2.0, place, asked.core)
    whole = RESULTS.with_suffix(".tmp")
    whole.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    os.replace(whole, RESULTS)
    fill(found)


if __name__ == "__main__":
    main()
