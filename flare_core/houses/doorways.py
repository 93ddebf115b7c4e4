"""How wide the houses' doors are, as a measure for robots."""

from functools import cache

from flare_core.houses import assets
from flare_core.houses.doors import hole_size


@cache
def narrowest_door_m() -> tuple[float, float]:
    """Width and height of the narrowest door that houses have, metres."""
    return min(hole_size(row.id)[:2] for row in assets.by_type("Doorway"))
