"""Good places to look at a house from: what `show` and `houses --picture` render."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import SimError
from flare_core.houses.house import House
from flare_core.seeding import stream
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

TRIES = 96  # poses that a view is chosen from
SEEN_PIXELS = 20  # of the 96 x 54 of a trial image; fewer do not count as seeing an object
TRIAL = (96, 54)


def best_views(house: House, body: Embodiment, camera: str, count: int = 1) -> tuple[EmbeddedSimulator, list[Start]]:
    """The poses, each in another room where there are so many, from which a camera sees most objects.

    Returns:
        A simulator with one row for each pose, which it has been reset to, and the poses.

    Raises:
        SimError: the body can stand nowhere in this house.
    """
    trial = EmbeddedSimulator([house], body, TRIES, 0)
    cells = trial.navigation.reachable(0)
    if not len(cells):
        raise SimError(f"{house.id}: {body.name} can stand nowhere in this house. Use a narrower body or another house")
    draws = stream(0, "viewpoints")
    chosen = cells[draws.integers(len(cells), size=TRIES)]
    yaws = draws.uniform(-np.pi, np.pi, TRIES)
    starts = [
        Start(house=0, x=float(x), z=float(z), yaw=float(yaw), episode=at)
        for at, ((x, z), yaw) in enumerate(zip(chosen, yaws, strict=True))
    ]
    trial.reset(np.arange(TRIES), starts)
    _, _, ids = trial.frames(camera, *TRIAL)
    order = np.argsort([-_objects(image, len(house.objects)) for image in ids], kind="stable")
    picked = _one_for_each_room(order.tolist(), trial.world().room.tolist(), count)
    simulator = EmbeddedSimulator(trial.pack, body, len(picked), 0)
    simulator.reset(np.arange(len(picked)), [starts[at] for at in picked])
    return simulator, [starts[at] for at in picked]


def _objects(ids: npt.NDArray[np.int32], objects: int) -> int:
    """How many objects of the house an image shows."""
    seen, pixels = np.unique(ids, return_counts=True)
    return int(((seen >= 0) & (seen < objects) & (pixels >= SEEN_PIXELS)).sum())


def _one_for_each_room(order: Sequence[int], rooms: Sequence[int], count: int) -> list[int]:
    """The first of each room in order, then the next best of any."""
    first = [at for index, at in enumerate(order) if rooms[at] not in [rooms[before] for before in order[:index]]]
    return [*first, *(at for at in order if at not in first)][:count]
