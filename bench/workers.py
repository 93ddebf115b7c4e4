"""Fine-tuning with workers as threads and as processes, side by side: the same policy, updates in turn.

    OMP_NUM_THREADS=1 python bench/workers.py
    OMP_NUM_THREADS=1 python bench/workers.py --rows 8      # small batches, as with one AI2-THOR process a row

The policy has random weights, as in `flare bench`; embedded simulator. Both ways find the same weights, which is looked at too.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import torch

from flare_core.evaluation.report import markdown
from flare_core.runs.benchmark import make_tuner

WAYS = ("threads", "processes")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=64, help="of all workers together")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with ExitStack() as stack:
        folders = {name: Path(stack.enter_context(tempfile.TemporaryDirectory())) for name in WAYS}
        tuners = {
            name: stack.enter_context(closing(make_tuner(folder, given.workers, processes=name == "processes", rows=given.rows)))
            for name, folder in folders.items()
        }
        rates = {name: list[float]() for name in tuners}
        collecting = {name: list[float]() for name in tuners}
        for turn in range(given.rounds + 2):  # the first two compile and fill what is kept of houses
            for name, tuner in tuners.items():
                before, began = tuner.progress.steps, time.perf_counter()
                record = tuner.update()
                done, spent = tuner.progress.steps - before, time.perf_counter() - began
                if turn > 1:
                    rates[name].append(done / spent)
                    collecting[name].append(done / record["collect_s"])
        threads, processes = tuners.values()
        pairs = zip(threads.learner.actor.parameters(), processes.learner.actor.parameters(), strict=True)
        same = all(torch.equal(one, other) for one, other in pairs)
    rows = [
        [name, f"{median(rates[name]):,.0f}", f"{median(collecting[name]):,.0f}", f"{_ratio(rates[name], rates['threads']):.2f}"]
        for name in rates
    ]
    what = f"{given.workers} workers, {given.rows} rows, {given.rounds} rounds"
    print(markdown([[what, "steps/s", "steps/s of collecting alone", "times as fast"], *rows]))
    print(f"\nTimes as fast: median of the rounds' ratios. The weights are {'' if same else 'NOT '}the same to the bit.")


def _ratio(mine: list[float], theirs: list[float]) -> float:
    """Median of the ratios, round by round."""
    return median(one / other for one, other in zip(mine, theirs, strict=True))


if __name__ == "__main__":
    main()
