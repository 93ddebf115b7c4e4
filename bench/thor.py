"""The ai2thor client on flare's engine: steps a second, and where the time goes. Engine only; nothing here is AI2-THOR.

    python bench/thor.py [--steps 2000] [--rounds 5]

First, client and engine share one core: a step is a round trip of the unmodified client with a picture of 224 x 224. The time is
split: what the client's process took of the processor; what the engine takes to draw, and to do everything else, measured in its
own process; the rest are the pipes and the switching between the two. Then whole rows of `ThorSimulator`: one, and eight on two cores.
"""

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown
from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.simulators.thor.engine.engine import Engine
from flare_core.simulators.thor.simulator import ThorSimulator
from flare_core.world import Start

SIDE, OBJECTS = 224, 40
ENGINE = f"{shlex.quote(str(Path(sys.executable).with_name('flare')))} thor-engine --build nanna"
ACTIONS = ("RotateRight", "MoveAhead", "RotateLeft", "MoveBack")
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "RGB, empty object filter": ({}, 0),
    f"RGB and depth, {OBJECTS} objects": ({"renderDepthImage": True}, OBJECTS),
    "no picture, empty object filter": ({"renderImage": False}, 0),
}


@contextmanager
def home() -> Iterator[None]:
    """A home of its own: the client writes logs there."""
    before = os.environ["HOME"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        yield
        os.environ["HOME"] = before


def round_trip(settings: dict[str, Any], objects: int, steps: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of a step of client and engine on one core, and of them the client's own processor time; medians."""
    from ai2thor.controller import Controller

    controller = Controller(
        local_executable_path=ENGINE, x_display=":0", width=SIDE, height=SIDE, scene="FloorPlan1", server_timeout=60.0, **settings
    )
    try:
        names = [one["objectId"] for one in controller.step("Pass", renderImage=True).metadata["objects"]]
        controller.step("SetObjectFilter", objectIds=names[:objects])
        found = []
        for _ in range(rounds):
            began, own = time.perf_counter(), time.process_time()
            for at in range(steps):
                controller.step(ACTIONS[at % len(ACTIONS)])
            found.append(((time.perf_counter() - began) * 1000 / steps, (time.process_time() - own) * 1000 / steps))
    finally:
        controller.stop()
    return median(pair[0] for pair in found), median(pair[1] for pair in found)


def engine_alone(settings: dict[str, Any], objects: int, steps: int, rounds: int) -> tuple[float, float]:
    """Milliseconds that the engine takes for a step, and of them for drawing; medians."""
    engine = Engine("nanna", SIDE, SIDE)
    engine.answer({"action": "Reset", "sceneName": "FloorPlan1_physics"})
    engine.answer({"action": "Initialize", **settings})
    engine.answer({"action": "SetObjectFilter", "objectIds": [thing.id for thing in engine.agent.stage.things[:objects]]})
    whole, drawing = [], []
    shows, depth = settings.get("renderImage", True), settings.get("renderDepthImage", False)
    for _ in range(rounds):
        began = time.perf_counter()
        for at in range(steps):
            engine.answer({"action": ACTIONS[at % len(ACTIONS)]})
        whole.append((time.perf_counter() - began) * 1000 / steps)
        pose, began = engine.agent.pose, time.perf_counter()
        for _ in range(steps if shows else 0):
            engine.agent.photographer.take(engine.agent.main, pose, engine.size, depth=depth, ids=False)
        drawing.append((time.perf_counter() - began) * 1000 / steps)
    return median(whole), median(drawing)


def rows(batch: int, steps: int, rounds: int) -> float:
    """Steps a second of all rows of a `ThorSimulator`, LoCoBot, one camera of 99 x 56."""
    documents = [generate_house(seed, "train") for seed in range(2)]
    houses = pack([compile_scene(parse_house(document, "house")) for document in documents])
    body, _ = load_embodiment("locobot")
    controller = {"local_executable_path": ENGINE, "x_display": ":0"}
    draws = np.random.default_rng(0)
    with ThorSimulator(houses, documents.__getitem__, body, batch, 0, controller, (99, 56)) as simulator:
        x, z = simulator.navigation.reachable(0)[100]
        starts = [Start(house=0, x=float(x), z=float(z), yaw=0.0, episode=row) for row in range(batch)]
        simulator.reset(np.arange(batch), starts)
        found = []
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(steps):
                simulator.apply(draws.integers(4, size=batch))
            found.append(batch * steps / (time.perf_counter() - began))
    return median(found)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    cores = os.sched_getaffinity(0)
    table = [("client and engine on one core", "steps/s", "ms", "client", "engine: drawing", "engine: the rest", "pipes")]
    with home():
        os.sched_setaffinity(0, {min(cores)})
        for name, (settings, objects) in CASES.items():
            step, client = round_trip(settings, objects, given.steps, given.rounds)
            whole, drawing = engine_alone(settings, objects, given.steps, given.rounds)
            parts = (client, drawing, whole - drawing, step - client - whole)
            table.append((name, f"{1000 / step:,.0f}", f"{step:.3f}", *(f"{part:.3f}" for part in parts)))
        os.sched_setaffinity(0, cores)
        print(markdown(table))
        one, eight = rows(1, given.steps, given.rounds), rows(8, given.steps // 4, given.rounds)
    told = [("rows of ThorSimulator", "steps/s"), ("1 process", f"{one:,.0f}"), (f"8 processes on {len(cores)} cores", f"{eight:,.0f}")]
    print(f"\n{markdown(told)}\n\n8 processes make {100 * eight / one:.0f} % of one process's round trips.")


if __name__ == "__main__":
    main()
