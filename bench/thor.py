"""The ai2thor client on flare's engine: steps a second, and where the time goes. Engine only; nothing here is AI2-THOR.

    python bench/thor.py [--steps 2000] [--rounds 5]

First, client and engine share one core: a step is a round trip of the unmodified client with a picture of 224 x 224. The time is
split: what the client's process took of the processor; what the engine takes to draw, and to do everything else, measured in its
own process; the rest are the pipes and the switching between the two. Then whole rows of `ThorSimulator`: one, and eight on two cores.
Last, training: what one process's round trips come to in the environment of a training, with its task, its pictures and a house made
anew for every episode, but without a policy; and fine-tuning through eight, with the policy of the demo.
"""

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown
from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.learning.finetune import FineTuner
from flare_core.runs.carry import carried_policy
from flare_core.runs.compose import load_plan
from flare_core.runs.finetune import scene_for, senses_of
from flare_core.runs.randomness import of_recipe
from flare_core.runs.stages import training_stages
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.simulators.thor.engine.engine import Engine
from flare_core.simulators.thor.simulator import ThorSimulator
from flare_core.world import Start

SIDE, OBJECTS, HOUSES = 224, 40, 64
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


def rows_of(batch: int, steps: int, rounds: int) -> float:
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


def overrides(rows: int, recipe: str, *, client: bool = True) -> list[tuple[str, str]]:
    """The demo's transfer, through AI2-THOR's client or in the embedded simulator."""
    given = [("recipe", recipe), ("recipe.rows", str(rows)), ("recipe.rollout", "128"), ("recipe.critic_warmup_steps", "0")]
    if client:
        given += [("simulator.kind", "thor"), ("simulator.executable", repr(ENGINE)), ("simulator.processes", str(rows))]
    return [*given, ("task.horizon", "250")]


def environment_alone(steps: int, rounds: int) -> float:
    """Steps a second of one process in the environment of a training, without a policy; a house is made for every episode."""
    transfer = load_plan("stretch_to_locobot", overrides(1, "graft"))
    scene = scene_for(transfer, "train", HOUSES, senses_of(transfer))
    (stage,) = training_stages(scene, 1, 1, 0, of_recipe(transfer.recipe))
    draws, found = np.random.default_rng(0), []
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(steps):
                stage.step(draws.integers(4, size=1))
            found.append(steps / (time.perf_counter() - began))
    finally:
        stage.close()
    return median(found)


def training(recipe: str, updates: int, *, client: bool = True) -> tuple[float, float]:
    """Steps a second of fine-tuning eight rows with two workers, and of its collecting alone; medians over updates."""
    transfer = load_plan("stretch_to_locobot", overrides(8, recipe, client=client))
    senses, (policy, _) = senses_of(transfer), carried_policy(transfer)
    scene = scene_for(transfer, "train", HOUSES, senses)
    stages = training_stages(scene, 8, 2, 0, of_recipe(transfer.recipe))
    try:
        with tempfile.TemporaryDirectory() as folder:
            new, shared = transfer.plan.head.new_rows, [row for row, _ in transfer.plan.head.shared_rows]
            tuner = FineTuner(policy, transfer.recipe, stages, senses, Path(folder), new_rows=new, shared=shared, seed=0, processes=True)
            with closing(tuner):
                tuner.update()
                records = []
                for _ in range(updates):
                    began = time.perf_counter()
                    collecting = tuner.update()["collect_s"]
                    records.append((1024 / (time.perf_counter() - began), 1024 / collecting))
    finally:
        for stage in stages:
            stage.close()
    return median(one for one, _ in records), median(other for _, other in records)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-training", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with home():
        if not given.only_training:
            client_and_rows(given.steps, given.rounds)
        alone = environment_alone(given.steps, given.rounds)
        told = [("training, LoCoBot, one camera of 128 x 72", "steps/s", "of one process's")]
        told.append(("one process, no policy", f"{alone:,.0f}", ""))
        for recipe in ("graft", "flare"):
            whole, collecting = training(recipe, given.rounds)
            told.append((f"8 processes, 2 workers, recipe `{recipe}`", f"{whole:,.0f}", f"{100 * whole / alone:.0f} %"))
            told.append((f"of it, collecting with recipe `{recipe}`", f"{collecting:,.0f}", f"{100 * collecting / alone:.0f} %"))
        here, _ = training("flare", given.rounds, client=False)
        told.append(("the same 8 rows in the embedded simulator, recipe `flare`", f"{here:,.0f}", ""))
    print(f"\n{markdown(told)}")


def client_and_rows(steps: int, rounds: int) -> None:
    """The first two tables."""
    cores = os.sched_getaffinity(0)
    table = [("client and engine on one core", "steps/s", "ms", "client", "engine: drawing", "engine: the rest", "pipes")]
    os.sched_setaffinity(0, {min(cores)})
    for name, (settings, objects) in CASES.items():
        step, client = round_trip(settings, objects, steps, rounds)
        whole, drawing = engine_alone(settings, objects, steps, rounds)
        parts = (client, drawing, whole - drawing, step - client - whole)
        table.append((name, f"{1000 / step:,.0f}", f"{step:.3f}", *(f"{part:.3f}" for part in parts)))
    os.sched_setaffinity(0, cores)
    print(markdown(table))
    one, eight = rows_of(1, steps, rounds), rows_of(8, steps // 4, rounds)
    told = [("rows of ThorSimulator", "steps/s"), ("1 process", f"{one:,.0f}"), (f"8 processes on {len(cores)} cores", f"{eight:,.0f}")]
    print(f"\n{markdown(told)}\n\n8 processes make {100 * eight / one:.0f} % of one process's round trips.")


if __name__ == "__main__":
    main()
