"""Puts small things where people leave them: the ones to be looked for, and many more that only look like them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from flare_core.houses import assets
from flare_core.houses.assets import Asset
from flare_core.houses.draws import Draws
from flare_core.houses.floor import Floor, Placed
from flare_core.houses.geometry import turned_extent
from flare_core.houses.surfaces import Surface, surface_of

# The 15 categories of ObjectNav. Furniture comes with the rooms; the small ones are drawn for each house.
SMALL_TARGETS: Final = (
    "AlarmClock", "Apple", "BasketBall", "Bowl", "GarbageCan", "HousePlant", "Laptop", "Mug", "SprayBottle", "Vase",
)  # fmt: skip
LARGE_TARGETS: Final = ("Bed", "Chair", "Sofa", "Television", "Toilet")
TARGETS: Final = tuple(sorted((*SMALL_TARGETS, *LARGE_TARGETS)))

# Never left about: fixed to walls, built in, or placed with their furniture.
_NOT_LOOSE: Final = frozenset({*TARGETS, "Window", "Painting", "Faucet", "ShowerCurtain", "Towel", "HandTowel", "Safe", "Desktop"})
_FLOOR_SHARE: Final[Mapping[str, float]] = MappingProxyType({"GarbageCan": 1.0, "BasketBall": 0.6, "HousePlant": 0.45})
_IN_ROOM: Final = (0.12, 0.6, 1.0)  # weight of a room that never, sometimes, typically has the thing
_ANY_TOP: Final = 0.015  # a level top carries anything now and then
_REST_M: Final = 0.002  # so that a thing does not start inside what it stands on


@dataclass(slots=True, kw_only=True)
class _Top:
    """A surface in the house, and the rectangles on it that are taken, in its own frame."""

    thing: Placed
    surface: Surface
    kind: str
    room_kind: str
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    @property
    def area_m2(self) -> float:
        return (self.surface.x1 - self.surface.x0) * (self.surface.z1 - self.surface.z0)


class Clutter:
    """Places small things in one house; `count` is how many it has placed."""

    def __init__(self, draws: Draws, split: str, floors: Sequence[Floor]) -> None:
        self._draws, self._split, self._floors = draws, split, floors
        self._facts = assets.placements()
        self.count = 0
        self._tops = [top for floor in floors for thing in floor.placed if (top := _top(thing, floor.kind)) is not None]

    def forget_removed(self) -> None:
        """Offer no surface any more of furniture that was taken out of its room."""
        left = {id(thing) for floor in self._floors for thing in floor.placed}
        self._tops = [top for top in self._tops if id(top.thing) in left]

    def place_target(self, kind: str) -> bool:
        """Place one thing to be looked for, on the floor or on furniture; whether it found a place."""
        asset = self._draws.one(assets.by_type(kind, self._split))
        on_floor = self._draws.chance(_FLOOR_SHARE.get(kind, 0.0)) and (kind != "HousePlant" or asset.size[1] > 0.4)
        if on_floor and self._on_floor(asset):
            return True
        if kind == "GarbageCan":
            return False
        weights = [self._weight(top, kind) for top in self._tops]
        for _ in range(8):
            if not weights or sum(weights) <= 0.0:
                return False
            at = self._draws.weighted(range(len(weights)), weights)
            if self._on_top(self._tops[at], asset):
                return True
            weights[at] = 0.0
        return False

    def scatter(self, most: int) -> None:
        """Place other small things on furniture, by what such furniture carries in real houses."""
        for top in self._draws.shuffled(self._tops):
            facts = self._facts.on.get(top.kind, {})
            kinds = [kind for kind in facts if kind not in _NOT_LOOSE]
            if not kinds:
                continue
            weights = [facts[kind] * _IN_ROOM[self._facts.rooms[top.room_kind].get(kind, 0)] for kind in kinds]
            seats = top.kind in ("Chair", "Sofa", "ArmChair", "Bed", "Toilet")
            wanted = self._draws.whole(0, 1) if seats else self._draws.whole(1, 3 + min(6, int(5.0 * top.area_m2)))
            for _ in range(wanted):
                if self.count >= most:
                    return
                self._on_top(top, self._draws.one(assets.by_type(self._draws.weighted(kinds, weights), self._split)))

    def _weight(self, top: _Top, kind: str) -> float:
        share = self._facts.on.get(top.kind, {}).get(kind, 0.0)
        level = top.kind not in ("Chair", "Sofa", "ArmChair", "Bed", "Toilet")
        return (share + _ANY_TOP * level) * _IN_ROOM[self._facts.rooms[top.room_kind].get(kind, 0)]

    def _on_floor(self, asset: Asset) -> bool:
        """On the floor of a room, along a wall, or - things that roll - anywhere."""
        weights = [_IN_ROOM[self._facts.rooms[floor.kind].get(asset.type, 0)] for floor in self._floors]
        for _ in range(3):
            floor = self._draws.weighted(self._floors, weights)
            thing: Placed | None = None
            if asset.type == "BasketBall" and self._draws.chance(0.5):
                place = floor.anywhere(self._draws, asset.size[0] + 0.1, asset.size[2] + 0.1)
                thing = floor.put(asset, *place) if place is not None else None
            else:
                thing = floor.against_wall(self._draws, asset)
            if thing is not None:
                thing.essential = True
                return True
        return False

    def _on_top(self, top: _Top, asset: Asset) -> bool:
        """Stand a thing on a surface, clear of what stands there; whether it found a place."""
        turn = 90.0 * self._draws.whole(0, 3) + (self._draws.between(-25.0, 25.0) if self._draws.chance(0.4) else 0.0)
        wide, deep = turned_extent(asset.size, turn)
        s = top.surface
        if wide > s.x1 - s.x0 or deep > s.z1 - s.z0:
            return False
        for _ in range(4):
            x, z = self._draws.between(s.x0 + wide / 2, s.x1 - wide / 2), self._draws.between(s.z0 + deep / 2, s.z1 - deep / 2)
            rect = (x - wide / 2 - 0.01, z - deep / 2 - 0.01, x + wide / 2 + 0.01, z + deep / 2 + 0.01)
            if any(a < rect[2] and rect[0] < c and b < rect[3] and rect[1] < d for a, b, c, d in top.taken):
                continue
            top.taken.append(rect)
            owner = top.thing
            yaw = math.radians(owner.yaw)
            cos, sin = math.cos(yaw), math.sin(yaw)
            y = owner.y - owner.asset.size[1] / 2 + s.height_m + asset.size[1] / 2 + _REST_M
            owner.children.append(
                Placed(
                    asset=asset, room=owner.room, x=owner.x + cos * x + sin * z, y=y, z=owner.z - sin * x + cos * z,
                    yaw=(owner.yaw + turn) % 360.0,
                )
            )  # fmt: skip
            self.count += 1
            return True
        return False


def _top(thing: Placed, room_kind: str) -> _Top | None:
    surface = surface_of(thing.asset.type, thing.asset.id, thing.asset.size)
    if surface is None or surface.x1 - surface.x0 < 0.05 or surface.z1 - surface.z0 < 0.05:
        return None
    top = _Top(thing=thing, surface=surface, kind=thing.asset.type, room_kind=room_kind)
    for child in thing.children:  # a television already stands in its middle
        wide, deep = child.asset.size[0] / 2, child.asset.size[2] / 2
        top.taken.append((-wide, -deep, wide, deep))
    return top
