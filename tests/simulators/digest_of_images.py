"""Prints a digest of many images of the three real houses; run in a process of its own."""

import hashlib
from pathlib import Path

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start


def main() -> None:
    """Many poses of LoCoBot, wherever they are."""
    houses = [read_house(path) for path in sorted((Path(__file__).parents[1] / "data" / "houses").glob("*.json"))]
    robot, _ = load_embodiment("locobot")
    rows, random, digest = 150, np.random.Generator(np.random.Philox(0)), hashlib.sha256()
    simulator = EmbeddedSimulator(houses, robot, rows, 0)
    for _ in range(4):
        bounds = simulator.pack.bounds[np.arange(rows) % len(houses)]
        x, z = random.uniform(bounds[:, 0], bounds[:, 2]), random.uniform(bounds[:, 1], bounds[:, 3])
        yaw = random.uniform(0, 6.28, rows)
        starts = [Start(house=row % len(houses), x=float(x[row]), z=float(z[row]), yaw=float(yaw[row]), episode=row) for row in range(rows)]
        simulator.reset(np.arange(rows), starts)
        digest.update(simulator.images("head", 160, 90).tobytes())
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
