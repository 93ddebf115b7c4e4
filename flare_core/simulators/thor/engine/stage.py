"""The scene that the engine shows: a house, the robot of an agent mode in it, and what metadata says of its things."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np

from flare_core.embodiments.body import Embodiment
from flare_core.houses.assets import placements
from flare_core.houses.generate import generate_house
from flare_core.houses.house import House, HouseObject, Room
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.driven import DrivenSimulator
from flare_core.simulators.embedded.pack import ScenePack, pack
from flare_core.world import Floats, Start

PROCEDURAL: Final = "Procedural"
_BOUND_M: Final = 0.5  # a scene's bounds go so far beyond its walls
_KITCHENS, _LIVING, _BEDROOMS, _BATHROOMS = range(1, 31), range(201, 231), range(301, 331), range(401, 431)
SCENES: Final[Sequence[str]] = (
    *(f"FloorPlan{number}_physics" for numbers in (_KITCHENS, _LIVING, _BEDROOMS, _BATHROOMS) for number in numbers),
    *(f"FloorPlan_Train{plan}_{layout}" for plan in range(1, 13) for layout in range(1, 6)),
    *(f"FloorPlan_Val{plan}_{layout}" for plan in range(1, 4) for layout in range(1, 6)),
    PROCEDURAL,
)
"""Names of iTHOR's and RoboTHOR's scenes. The engine has no such scene; it shows a generated house, the same one every time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What does not change about an object."""

    id: str
    type: str
    asset_id: str
    room: str | None
    parent: str | None
    children: tuple[str, ...]
    is_pickupable: bool
    is_moveable: bool
    is_receptacle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One scene.

    Attributes:
        name: as in metadata's `sceneName`.
        start: (x, z, yaw in degrees) where the agent is put at first, or None.
        things: in the order of the house's objects.
        index: object id -> its place in `things`.
        low, high: corners of the scene's bounds, (3,) each.
    """

    name: str
    pack: ScenePack
    start: tuple[float, float, float] | None
    things: tuple[Thing, ...]
    index: Mapping[str, int]
    low: Floats
    high: Floats

    def simulator(self, body: Embodiment) -> DrivenSimulator:
        """The robot in this scene, at the origin."""
        made = DrivenSimulator(self.pack, body, 1, 0)
        made.reset(np.zeros(1, dtype=np.int64), [Start(house=0, x=0.0, z=0.0, yaw=0.0, episode=0)])
        return made


def stage_of(house: House, name: str) -> Stage:
    """Compile a house.

    Raises:
        HouseError: it cannot be compiled.
    """
    made = pack([compile_scene(house)])
    x0, z0, x1, z1 = made.bounds[0]
    top = max((wall.height_m for wall in house.walls), default=3.0)
    carried: dict[str, list[str]] = {}
    for thing in house.objects:
        carried.setdefault(thing.parent or "", []).append(thing.id)
    things = tuple(_thing(thing, carried.get(thing.id, [])) for thing in house.objects)
    return Stage(
        name=name, pack=made, start=house.agent, things=things, index={thing.id: at for at, thing in enumerate(things)},
        low=np.array([x0 - _BOUND_M, -_BOUND_M, z0 - _BOUND_M]), high=np.array([x1 + _BOUND_M, top + _BOUND_M, z1 + _BOUND_M]),
    )  # fmt: skip


def named_stage(name: str) -> Stage:
    """What stands in for a scene of iTHOR or RoboTHOR: a generated house, furnished from what the name's split may show.

    Object ids are made as theirs: type and position.
    """
    split = "val" if "Val" in name else "train"
    document = generate_house(zlib.crc32(name.encode()) % 1_000_000, split)
    house = parse_house(document, name)
    names = {thing.id: _position_name(thing) for thing in house.objects}
    seen: dict[str, int] = {}
    for old, new in names.items():
        seen[new] = seen.get(new, 0) + 1
        names[old] = new if seen[new] == 1 else f"{new}|{seen[new]}"
    objects = tuple(replace(thing, id=names[thing.id], parent=names.get(thing.parent or "")) for thing in house.objects)
    return stage_of(replace(house, objects=objects), name)


@cache
def empty_stage() -> Stage:
    """The scene `Procedural` before its house is made: nothing within sight."""
    far = 10_000.0
    corner = ((far, far), (far + 1, far), (far + 1, far + 1), (far, far + 1))
    house = House(id="empty", rooms=(Room(id="room|0", type="LivingRoom", polygon=corner),), walls=(), openings=(), objects=())
    return stage_of(house, PROCEDURAL)


def procedural_stage(document: Any) -> Stage:
    """The house of a `CreateHouse`.

    Raises:
        HouseError: it is none; every fault with its key path.
    """
    return stage_of(parse_house(document, "house"), PROCEDURAL)


def _thing(thing: HouseObject, children: Sequence[str]) -> Thing:
    where = placements().where
    pickupable = thing.type in where["isPickupable"]
    return Thing(
        id=thing.id, type=thing.type, asset_id=thing.asset_id, room=thing.room, parent=thing.parent, children=tuple(children),
        is_pickupable=pickupable, is_moveable=not pickupable and thing.type not in where["isKinematic"],
        is_receptacle=thing.type in placements().on or bool(children),
    )  # fmt: skip


def _position_name(thing: HouseObject) -> str:
    x, y, z = thing.position
    return "|".join([re.sub(r"[^A-Za-z]", "", thing.type), *(f"{value:+06.2f}" for value in (x, y, z))])
