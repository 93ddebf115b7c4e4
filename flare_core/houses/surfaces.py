"""Where things rest on a piece of furniture: one rule for the generator, which puts them there, and for whoever draws it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Size = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A level rectangle in an asset's own frame: its box's centre below, x right, z to its front, floor at y = 0.

    Attributes:
        height_m: above the asset's bottom.
        x0, x1, z0, z1: extents in metres from the centre of the box.
    """

    height_m: float
    x0: float
    x1: float
    z0: float
    z1: float


# Types whose box top is the surface, and the highest such top that is used: higher ones hide what stands there.
_TOPS: Final = MappingProxyType(
    {"DiningTable": 1.1, "CoffeeTable": 0.7, "Desk": 1.0, "Dresser": 1.3, "SideTable": 1.2, "TVStand": 0.9,
     "CounterTop": 1.0, "ShelvingUnit": 1.4, "Stool": 0.8, "Ottoman": 0.6, "Safe": 0.6, "WashingMachine": 1.2,
     "ClothesDryer": 1.2}
)  # fmt: skip


def seat_height(kind: str, height_m: float) -> float | None:
    """Height of the seat or mattress of furniture with a back, or None for other types.

    Shares of the box height as measured on what lies on such furniture in the real houses.
    """
    if kind == "Chair":
        return min(max(0.54 * height_m, 0.38), 0.52)
    if kind in ("Sofa", "ArmChair"):
        return min(max(0.5 * height_m, 0.32), 0.52)
    if kind == "Bed":
        return min(max(0.6 * height_m, 0.30), 0.75)
    return None


def surface_of(kind: str, asset_id: str, size: Size) -> Surface | None:
    """The surface of a piece of furniture that things may stand on, or None if there is none.

    Args:
        kind: object type.
        asset_id: counters with an L or C plan offer only the run along their back.
        size: extents (x, y, z) of the asset's box.
    """
    x, y, z = size[0] / 2, size[1], size[2] / 2
    seat = seat_height(kind, y)
    if kind == "Bed":
        return Surface(height_m=seat or 0.0, x0=-x + 0.1, x1=x - 0.1, z0=-z + 0.45, z1=z - 0.1)
    if seat is not None:
        side = 0.15 * x if kind == "Chair" else min(0.2, 0.3 * x)
        return Surface(height_m=seat, x0=-x + side, x1=x - side, z0=-z + 0.35 * 2 * z, z1=z - 0.03)
    if kind == "Toilet":  # the cistern at its back
        return Surface(height_m=y, x0=-x + 0.04, x1=x - 0.04, z0=-z + 0.02, z1=-z + 0.24)
    if kind == "CounterTop" and ("_L_" in asset_id or "_C_" in asset_id):  # only the run along the wall is sure to be there
        return Surface(height_m=y, x0=-x + 0.03, x1=x - 0.03, z0=-z + 0.03, z1=-z + 0.58)
    if y > _TOPS.get(kind, 0.0):
        return None
    return Surface(height_m=y, x0=-x + 0.03, x1=x - 0.03, z0=-z + 0.03, z1=z - 0.03)


_RUN_M: Final = 0.61  # depth of a kitchen counter: two feet


def footprint(kind: str, asset_id: str, size: Size) -> tuple[tuple[float, float, float, float], ...]:
    """The rectangles (x0, z0, x1, z1) that an asset covers on the floor, in its own frame, from the centre of its box.

    All but one kind of asset cover their whole box. A C-shaped counter runs along the back and both sides of its box and
    is open to the front, where a person stands: in one of the real houses the agent does. Of an L-shaped one the table
    does not tell which side it turns to, so it counts as full.
    """
    x, z = size[0] / 2, size[2] / 2
    if kind == "CounterTop" and "_C_" in asset_id and z > _RUN_M / 2:
        return (-x, -z, x, -z + _RUN_M), (-x, -z + _RUN_M, -x + _RUN_M, z), (x - _RUN_M, -z + _RUN_M, x, z)
    return ((-x, -z, x, z),)
