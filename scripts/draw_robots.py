"""Draw the README's picture: two robots from the side, and what each sees from the same place in a real house.

python scripts/draw_robots.py --out docs/pictures/robots.png
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from flare_core.embodiments.body import Jitter
from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.portraits import draw_side
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

HOUSE: Final = Path(__file__).resolve().parent.parent / "tests" / "data" / "houses" / "house_746.json"
PLACE: Final = (6.6, 4.7, 90.0)  # x, z in metres, yaw in degrees clockwise from +z: in the door of the bedroom, facing into it
ROBOTS: Final = {"stretch_re1": "Stretch RE-1", "locobot": "LoCoBot"}
WIDTH: Final = 480  # of a view, pixels
TOP_M: Final = 1.95  # of the drawings from the side
DPI: Final = 90


def main() -> None:
    """Draw and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    asked = parser.parse_args()
    house, (x, z, yaw_deg) = read_house(HOUSE), PLACE
    start = Start(house=0, x=x, z=z, yaw=math.radians(yaw_deg), episode=0)
    figure = Figure(figsize=(9.6, 3.3 * len(ROBOTS)), layout="constrained")
    grid = figure.add_gridspec(len(ROBOTS), 2, width_ratios=[1.0, 1.15])
    for row, (name, title) in enumerate(ROBOTS.items()):
        body = replace(load_embodiment(name)[0], jitter=Jitter())
        camera = body.camera_for("navigation")
        assert camera is not None  # both have one
        side = figure.add_subplot(grid[row, 0])
        draw_side(side, replace(body, cameras=(camera,)))
        side.set_ylim(-0.12, TOP_M)  # one scale for all
        legend = side.get_legend()
        assert legend is not None  # the title says the same
        legend.remove()
        side.set_title(f"{title}: camera {camera.up_m:.2f} m up, {_degrees(camera.vertical_fov)}° high", fontsize=9, loc="left")
        simulator = EmbeddedSimulator([house], body, 1, 0)
        simulator.reset(np.array([0]), [start])
        seen = figure.add_subplot(grid[row, 1])
        seen.imshow(simulator.images(camera.name, WIDTH, round(WIDTH * camera.height_px / camera.width_px))[0])
        seen.set_title("what it sees", fontsize=9, loc="left")
        seen.set_axis_off()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(asked.out, dpi=DPI)


def _degrees(angle: float) -> int:
    return round(math.degrees(angle))


if __name__ == "__main__":
    main()
