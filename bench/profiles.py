"""Where the time of pictures, environment steps and training goes, on one thread.

    OMP_NUM_THREADS=1 python bench/profiles.py [--seconds 10]

Own time is without what a function or an operator of torch calls. Profilers slow down what has many small parts: the rates
that count are those of `flare bench`.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown
from flare_core.runs.benchmark import SIDE, make_stage, make_tuner, random_actions
from flare_core.seeding import key_of

TOP = 8


class Stopwatch:
    """Counts the time inside of one function."""

    def __init__(self, inner: Callable[..., Any]) -> None:
        self.inner, self.spent = inner, 0.0

    def __call__(self, *arguments: object) -> Any:
        began = time.perf_counter()
        try:
            return self.inner(*arguments)
        finally:
            self.spent += time.perf_counter() - began


def print_functions(what: str, work: Callable[[], object], seconds: float, top: int) -> None:
    """The Python functions whose own time is longest; a compiled function is one like any other."""
    work()
    profiler = cProfile.Profile()
    profiler.enable()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        work()
    profiler.disable()
    stats = pstats.Stats(profiler)
    ranked = sorted(stats.stats.items(), key=lambda item: -item[1][2])  # type: ignore[attr-defined]
    rows = [[f"{Path(path).name} {name}", f"{100 * own / stats.total_tt:.1f}"] for (path, _, name), (_, _, own, _, _) in ranked[:top]]  # type: ignore[attr-defined]
    print(markdown([[f"{what}: function", "own time, %"], *rows]) + "\n")


def pictures(seconds: float) -> None:
    """Pictures alone."""
    simulator = make_stage({}).play.simulator
    camera = simulator.body.cameras[0].name
    print_functions(f"pictures of {SIDE}x{SIDE}", lambda: simulator.images(camera, SIDE, SIDE), seconds, 3)


def environment(seconds: float) -> None:
    """Steps of an environment with pictures from both cameras."""
    body, _ = load_embodiment("stretch_re1")
    stage, key = make_stage({camera.name: (SIDE, SIDE) for camera in body.cameras}), key_of(0, "benchmark")
    print_functions("environment", lambda: stage.step(random_actions(stage, key)), seconds, TOP)


def training(seconds: float) -> None:
    """The operators of torch that take longest, what is left beside them, and the shares of an update's parts."""
    with tempfile.TemporaryDirectory() as folder:
        tuner = make_tuner(Path(folder))
        tuner.update()
        steps = Stopwatch(tuner.environments[0].step)
        tuner.environments[0].step = steps  # type: ignore[assignment]
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            began = time.perf_counter()
            records = [tuner.update()]
            while time.perf_counter() - began < seconds:
                records.append(tuner.update())
            spent = time.perf_counter() - began
        tuner.close()
    operators = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    inside = sum(event.self_cpu_time_total for event in operators) / 1e6
    rows = [[event.key, f"{100 * event.self_cpu_time_total / 1e6 / spent:.1f}"] for event in operators[:TOP]]
    rows.append(["all operators of torch", f"{100 * inside / spent:.1f}"])
    rows.append(["steps of the environment, with pictures", f"{100 * steps.spent / spent:.1f}"])
    rows.append(["of the whole: collecting episodes", f"{100 * sum(record['collect_s'] for record in records) / spent:.1f}"])
    print(markdown([["training: operator", "own time, %"], *rows]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    pictures(seconds)
    environment(seconds)
    training(seconds)
