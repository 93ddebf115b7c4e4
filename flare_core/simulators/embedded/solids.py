"""What kernels are told of the things in the houses: those of all rows, and each row's own where something has moved."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.pack import ScenePack

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Solids(NamedTuple):
    """Boxes, the object of each, and the box around each object. K boxes, N objects; arrays as in `ScenePack`."""

    boxes: Floats  # (K, 8)
    owners: Ints  # (K,)
    start: Ints
    things: Floats  # (N, 8)
    thing_start: Ints


def solids_of(pack: ScenePack) -> Solids:
    """What a pack has for all rows."""
    return Solids(boxes=pack.boxes, owners=pack.box_object, start=pack.box_start, things=pack.object_box, thing_start=pack.object_start)


@kernel
def house_of(shared: Solids, own: Solids, moved: bool, house: int, row: int) -> tuple[Floats, Ints, int, int]:
    """Boxes of a row's house, their objects, and the range that is the house's: from its own copy if something has moved."""
    if moved:
        return own.boxes, own.owners, own.start[2 * row], own.start[2 * row + 1]
    return shared.boxes, shared.owners, shared.start[house], shared.start[house + 1]


@kernel
def things_of(shared: Solids, own: Solids, moved: bool, house: int, row: int) -> tuple[Floats, int]:
    """Boxes around the objects of a row's house, and where they begin."""
    if moved:
        return own.things, own.thing_start[2 * row]
    return shared.things, shared.thing_start[house]
