"""Times the rasteriser against the prototype on the prototype's own face arrays, and alone in furnished houses.

    python bench/render.py [--repeats 20]

Frames per CPU second of one thread, best of the repeats; both draw RGB, depth and instance id.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "baseline"))
import house as baseline_house  # type: ignore[import-not-found]
import raster_numba as baseline  # type: ignore[import-not-found]

from flare_core.embodiments.spec import load_embodiment
from flare_core.simulators.embedded.buffers import Own, scratch_for
from flare_core.simulators.embedded.cache import load_pack
from flare_core.simulators.embedded.pack import Faces
from flare_core.simulators.embedded.raster import draw_batch
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

SIZES = ((64, 64), (128, 72), (224, 224))
FOV_DEG = 60.0
Compiled = dict[str, Any]


def join(parts: list[Faces]) -> Faces:
    """Several houses in one set of arrays, as `pack` does."""
    starts = {name: np.cumsum([0, *(getattr(part, name)[-1] for part in parts)]) for name in Faces._fields if name.startswith("house")}
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Faces._fields if not name.startswith("house")}
    corners = np.cumsum([0, *(part.room_start[-1] for part in parts)])
    tails = [part.room_start[1:] + corner for part, corner in zip(parts, corners[:-1], strict=True)]
    return Faces(**{**rows, **starts, "room_start": np.concatenate([np.zeros(1, np.int64), *tails])})


def faces_of(c: Compiled) -> Faces:
    """The prototype's arrays of one house in our layout: each face its own material, rooms as rectangles."""
    count, rooms, doors = len(c["P"]), c["rooms"], c["doors"]
    look = np.zeros((count, 4), np.int32)
    look[:, 0], look[:, 1], look[:, 2] = np.arange(count), c["T"], c["I"]
    portals = np.concatenate([doors, np.tile(np.float32([0.0, 2.1]), (len(doors), 1))], axis=1).astype(np.float32)
    points = np.array([[(r[0], r[1]), (r[2], r[1]), (r[2], r[3]), (r[0], r[3])] for r in rooms], np.float64).reshape(-1, 2)
    return Faces(
        p=c["P"],
        u=c["U"],
        v=c["V"],
        n=np.cross(c["U"], c["V"]).astype(np.float32),
        shade=np.ones(count, np.float32),
        look=look,
        sphere=c["gs"],
        group=c["gi"],
        portals=portals,
        room_points=points,
        room_start=np.arange(0, 4 * len(rooms) + 1, 4),
        house_face=np.array([0, count]),
        house_group=np.array([0, len(c["gs"])]),
        house_portal=np.array([0, len(doors)]),
        house_room=np.array([0, len(rooms)]),
    )


def no_body(batch: int) -> Own:
    """A robot without parts that its cameras see."""
    none = np.zeros((batch, 0, 3), np.float32)
    return Own(p=none, u=none, v=none, n=none, shade=np.zeros((batch, 0), np.float32), look=np.zeros((0, 4), np.int32))


def poses_of(houses: list[Any], compiled: list[Compiled], count: int) -> list[tuple[int, Any, Any]]:
    """(house, rotation, eye) at random free places, cameras at 0.6 and 1.4 m."""
    random, out = np.random.default_rng(0), []
    for at in range(count):
        h = at % len(houses)
        x, z, yaw = baseline_house.free_pose(houses[h], compiled[h], random)
        out.append((h, *baseline_house.cam_matrix(x, 1.4 if at % 2 else 0.6, z, yaw, 0, 0.3 if at % 3 else 0)))
    return out


def best(run: Callable[[], object], repeats: int) -> float:
    """Least CPU time of one run, seconds."""
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def compare(repeats: int) -> None:
    """Print frames per CPU second of both, their ratio, and on how many pixels their ids differ."""
    houses = [baseline_house.make_house(seed) for seed in range(8)]
    compiled = [baseline_house.compile_house(h) for h in houses]
    poses, table = poses_of(houses, compiled, 200), baseline.textures()
    faces, own, sky = join([faces_of(c) for c in compiled]), no_body(len(poses)), np.array([120, 170, 220], np.uint8)
    none = np.full(len(poses), -1)
    house, r, eye = np.array([p[0] for p in poses]), np.stack([p[1] for p in poses]), np.stack([p[2] for p in poses])
    palette = np.zeros((len(poses), max(len(c["P"]) for c in compiled), 3), np.float32)
    for at, h in enumerate(house):
        palette[at, : len(compiled[h]["P"])] = compiled[h]["C"] / 255
    print(f"{'size':>10} {'baseline':>10} {'ours':>10} {'ratio':>7} {'ids differ':>11}")
    for width, height in SIZES:
        focal = height / 2 / math.tan(math.radians(FOV_DEG) / 2)
        theirs, scratch = baseline.Scratch(height, width), scratch_for(faces, own, height, width, 1)
        lens = np.tile(np.array([focal, focal, width / 2, height / 2], np.float32), (len(poses), 1))
        rgb = np.zeros((len(poses), height, width, 3), np.uint8)
        depth, ids = np.zeros((len(poses), height, width), np.float32), np.zeros((len(poses), height, width), np.int32)

        def draw_theirs() -> None:
            for h, rotation, place in poses:
                baseline.render_one(compiled[h], rotation, place, FOV_DEG, theirs, table)  # noqa: B023

        def draw_ours() -> None:
            draw_batch(faces, house, faces, none, r, eye, lens, palette, own, table, sky, scratch, rgb, depth, ids, True)  # noqa: B023

        draw_ours()
        differing = []
        for at, (h, rotation, place) in enumerate(poses):
            baseline.render_one(compiled[h], rotation, place, FOV_DEG, theirs, table)
            differing.append(float((np.maximum(ids[at], 0) != theirs.inst).mean()))
        rates = [len(poses) / best(run, repeats) for run in (draw_theirs, draw_ours)]
        print(f"{width:>6}x{height:<3} {rates[0]:>10.0f} {rates[1]:>10.0f} {rates[1] / rates[0]:>7.2f} {np.mean(differing):>11.1e}")


def furnished(repeats: int) -> None:
    """Print microseconds of CPU for each image in generated houses, seen by the Stretch's two cameras (RGB alone)."""
    robot, _ = load_embodiment("stretch_re1")
    rows = 32
    simulator = EmbeddedSimulator(load_pack("train", rows), robot, rows, 0)
    random = np.random.default_rng(0)
    starts = []
    for row in range(rows):
        x0, z0, x1, z1 = simulator.pack.bounds[row]
        simulator.reset(np.array([row]), [Start(house=row, x=0.0, z=0.0, yaw=0.0, episode=row)])
        x, z, yaw = random.uniform(x0, x1, 500), random.uniform(z0, z1, 500), random.uniform(0, 2 * math.pi, 500)
        at = int(np.flatnonzero(simulator.free(np.full(500, row), x, z, yaw))[0])
        starts.append(Start(house=row, x=x[at], z=z[at], yaw=yaw[at], episode=row))
    simulator.reset(np.arange(rows), starts)
    faces = np.diff(simulator.pack.faces.house_face).mean()
    print(f"\n{rows} generated houses, {faces:.0f} faces on average, microseconds an image")
    for width, height in SIZES:
        for camera in ("navigation", "manipulation"):
            took = best(lambda: simulator.images(camera, width, height), repeats)  # noqa: B023
            print(f"{width:>6}x{height:<3} {camera:<12} {took / rows * 1e6:>8.1f}")
    actions = np.zeros(rows, np.int64)
    took = best(lambda: (simulator.apply(actions), simulator.world()), repeats)
    print(f"apply and world, microseconds a row: {took / rows * 1e6:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    compare(repeats)
    furnished(repeats)
