"""House files: generated for AI2-THOR's CreateHouse and for us alike, or read, told about and drawn."""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.image import imread

from flare_core.embodiments.body import Embodiment
from flare_core.errors import HouseError
from flare_core.evaluation.pictures import DPI, lay_out, top_down
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.geometry import signed_area
from flare_core.houses.house import House
from flare_core.houses.validate import document_faults
from flare_core.runs.viewpoints import best_views

VIEWS = 2  # pictures from inside
SIZE = (640, 360)


def write_houses(split: str, count: int, out: Path, report: Callable[[int], None] = lambda done: None) -> list[Path]:
    """Write the first `count` houses of a split as JSON of schema 1.0.0, one file each: SPLIT_SEED.json.

    Raises:
        HouseError: no such split, or a house that CreateHouse would not take.
    """
    seeds = house_seeds(split, count)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in seeds:
        document = generate_house(seed, split)
        faults = document_faults(document)
        if faults:
            raise HouseError(f"houses: seed {seed} of '{split}' is not valid for CreateHouse: {'; '.join(faults)}")
        path = out / f"{split}_{seed}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        paths.append(path)
        report(len(paths))
    return paths


def house_rows(house: House) -> list[tuple[str, ...]]:
    """Table of the rooms, the heading first."""
    rows: list[tuple[str, ...]] = [("room", "type", "floor, m²", "objects")]
    for room in house.rooms:
        inside = sum(thing.room == room.id for thing in house.objects)
        rows.append((room.id, room.type, f"{abs(signed_area(room.polygon)):.1f}", str(inside)))
    return rows


def object_line(house: House) -> str:
    """Openings and objects of a house in one line, the most frequent types first."""
    kinds = Counter(opening.kind for opening in house.openings)
    types = Counter(thing.type for thing in house.objects)
    openings = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "no openings"
    things = ", ".join(f"{number} {name}" for name, number in types.most_common())
    return f"{openings}; {len(house.objects)} objects: {things}"


def house_picture(house: House, body: Embodiment, path: Path) -> Path:
    """Draw a house from above, and what the body's navigation camera sees from where it sees most in two of its rooms.

    Raises:
        HouseError: the body has no camera.
        SimError: it can stand nowhere in this house.
    """
    camera = body.camera_for("navigation")
    if camera is None:
        raise HouseError(f"{body.name} has no camera to look through. Use another --embodiment")
    simulator, starts = best_views(house, body, camera.name, VIEWS)
    images = simulator.images(camera.name, SIZE[0], round(SIZE[0] * camera.height_px / camera.width_px))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.png"
        top_down(house, (), plan, house.id)
        drawn = imread(plan)
    figure = Figure(figsize=(12.0, 6.0), layout="constrained")
    grid = figure.add_gridspec(len(images), 2, width_ratios=[1.1, 1.0])
    above = figure.add_subplot(grid[:, 0])
    above.imshow(drawn)
    above.set_axis_off()
    for at, (image, start) in enumerate(zip(images, starts, strict=True)):
        axis = figure.add_subplot(grid[at, 1])
        axis.imshow(image)
        axis.set_title(f"{body.name} at x {start.x:.1f} m, z {start.z:.1f} m, facing {_degrees(start.yaw)}° clockwise from +z", fontsize=8)
        axis.set_axis_off()
    lay_out(figure)
    figure.savefig(path, dpi=DPI)
    return path


def _degrees(yaw: float) -> int:
    return round(math.degrees(yaw)) % 360
