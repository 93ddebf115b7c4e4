"""Which shape and which materials each type of object has, and the cached templates of their parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded import shapes, things
from flare_core.simulators.embedded.shapes import Family, Levels, Part, Size

Shape = Family | tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Shape of a type and the palette of each of its material slots."""

    shape: Shape
    palettes: tuple[str, str, str, str]


def _look(shape: Shape, first: str, second: str = "furniture", third: str = "dark", fourth: str = "white") -> Look:
    return Look(shape=shape, palettes=(first, second, third, fourth))


CATALOGUE: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "AlarmClock": _look(things.ALARM_CLOCK, "case", "metal"),
        "Apple": _look(things.APPLE, "food", "leaf"),
        "BasketBall": _look(things.BASKET_BALL, "ball"),
        "Bed": _look(shapes.bed, "furniture", "soft"),
        "Bowl": _look(things.BOWL, "ceramic", "ceramic"),
        "Chair": _look(shapes.chair, "furniture", "furniture"),
        "GarbageCan": _look(things.GARBAGE_CAN, "case", "case"),
        "HousePlant": _look(shapes.house_plant, "ceramic", "leaf"),
        "Laptop": _look(shapes.laptop, "case", "case"),
        "Mug": _look(shapes.mug, "ceramic", "ceramic"),
        "Sofa": _look(shapes.sofa, "soft", "soft"),
        "SprayBottle": _look(things.SPRAY_BOTTLE, "plastic", "plastic"),
        "Television": _look(shapes.television, "case", "case"),
        "Toilet": _look(things.TOILET, "white", "ceramic"),
        "Vase": _look(things.VASE, "ceramic", "ceramic"),
        "AluminumFoil": _look(things.BOX, "metal"),
        "ArmChair": _look(shapes.armchair, "soft"),
        "BaseballBat": _look(things.STICK, "wood", "wood"),
        "Boots": _look(things.BAG, "furniture"),
        "Bottle": _look(things.BOTTLE, "ceramic", "metal"),
        "Book": _look(things.BOOK, "plastic"),
        "Box": _look(things.CARDBOARD_BOX, "cardboard", "cardboard"),
        "Bread": _look(things.PILLOW, "food"),
        "ButterKnife": _look(things.CUTLERY, "metal", "metal"),
        "CD": _look(things.BOX, "metal"),
        "Candle": _look(things.SHAKER, "white", "food"),
        "Cart": _look(shapes.cart, "metal", "metal"),
        "CellPhone": _look(things.FLAT, "case", "dark"),
        "Cloth": _look(things.FLAT, "soft", "soft"),
        "ClothesDryer": _look(things.APPLIANCE, "case", "metal"),
        "CoffeeMachine": _look(things.APPLIANCE, "case", "metal"),
        "CoffeeTable": _look(shapes.table, "furniture", "furniture"),
        "CounterTop": _look(shapes.cabinet, "furniture", "furniture"),
        "CounterTop_L": _look(shapes.corner_counter, "furniture", "furniture"),
        "CounterTop_C": _look(shapes.u_counter, "furniture", "furniture"),
        "CreditCard": _look(things.BOX, "plastic"),
        "Cup": _look(things.CUP, "ceramic", "ceramic"),
        "Desk": _look(shapes.table, "furniture", "furniture"),
        "DeskLamp": _look(things.DESK_LAMP, "paint", "metal"),
        "Desktop": _look(things.APPLIANCE, "case", "metal"),
        "DiningTable": _look(shapes.table, "furniture", "furniture"),
        "DishSponge": _look(things.FLAT, "food", "plastic"),
        "DogBed": _look(things.DOG_BED, "soft", "soft"),
        "Dresser": _look(shapes.cabinet, "furniture", "furniture"),
        "Dumbbell": _look(things.CUTLERY, "metal", "metal"),
        "Egg": _look(things.BALL, "white"),
        "Faucet": _look(things.FAUCET, "metal"),
        "FloorLamp": _look(shapes.floor_lamp, "soft", "metal"),
        "Footstool": _look(shapes.stool, "soft", "wood"),
        "Fork": _look(things.CUTLERY, "metal", "metal"),
        "Fridge": _look(things.FRIDGE, "case", "case"),
        "GarbageBag": _look(things.BAG, "dark"),
        "HandTowel": _look(things.FLAT, "soft", "soft"),
        "Kettle": _look(things.KETTLE, "metal", "dark"),
        "KeyChain": _look(things.FLAT, "metal", "metal"),
        "Knife": _look(things.CUTLERY, "metal", "wood"),
        "Ladle": _look(things.CUTLERY, "metal", "wood"),
        "LaundryHamper": _look(things.GARBAGE_CAN, "soft", "wood", "soft"),
        "Lettuce": _look(things.BALL, "leaf"),
        "Microwave": _look(things.APPLIANCE, "case", "metal"),
        "Newspaper": _look(things.FLAT, "white", "white"),
        "Ottoman": _look(things.PILLOW, "soft"),
        "Painting": _look(things.PICTURE, "furniture", "plastic"),
        "Pan": _look(things.PAN, "metal", "wood"),
        "PaperTowelRoll": _look(things.SHAKER, "white", "white"),
        "Pen": _look(things.CUTLERY, "plastic", "plastic"),
        "Pencil": _look(things.CUTLERY, "food", "wood"),
        "PepperShaker": _look(things.SHAKER, "ceramic", "metal"),
        "Pillow": _look(things.PILLOW, "soft"),
        "Plate": _look(things.PLATE, "ceramic"),
        "Plunger": _look(things.STICK, "food", "wood"),
        "Pot": _look(things.POT, "metal", "dark"),
        "Potato": _look(things.BALL, "cardboard"),
        "RemoteControl": _look(things.FLAT, "dark", "metal"),
        "RoomDecor": _look(things.STATUE, "ceramic", "wood"),
        "Safe": _look(things.APPLIANCE, "metal", "metal"),
        "SaltShaker": _look(things.SHAKER, "ceramic", "metal"),
        "ScrubBrush": _look(things.STICK, "white", "plastic"),
        "ShelvingUnit": _look(shapes.shelves, "furniture", "furniture"),
        "SideTable": _look(shapes.table, "furniture", "furniture"),
        "Sink": _look(things.BASIN, "white", "metal"),
        "SoapBottle": _look(things.BOTTLE, "plastic", "plastic"),
        "Spatula": _look(things.CUTLERY, "metal", "wood"),
        "Spoon": _look(things.CUTLERY, "metal", "metal"),
        "Statue": _look(things.STATUE, "ceramic", "wood"),
        "Stool": _look(shapes.stool, "furniture", "furniture"),
        "TVStand": _look(shapes.tv_stand, "furniture", "furniture"),
        "TeddyBear": _look(things.TEDDY, "cardboard"),
        "TennisRacket": _look(things.CUTLERY, "plastic", "wood"),
        "TissueBox": _look(things.FLAT, "soft", "white"),
        "Toaster": _look(things.APPLIANCE, "metal", "dark"),
        "Tomato": _look(things.BALL, "food"),
        "Towel": _look(things.FLAT, "soft", "soft"),
        "VacuumCleaner": _look(things.VACUUM, "plastic", "metal"),
        "WashingMachine": _look(things.APPLIANCE, "case", "metal"),
        "WateringCan": _look(things.KETTLE, "plastic", "metal"),
        "WineBottle": _look(things.BOTTLE, "leaf", "food"),
    }
)  # every other type is a plain box
_OTHER: Final[Look] = _look(things.BOX, "furniture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The parts of a shape in its unit box.

    Attributes:
        centre, half: (K, 3) of each part.
        slot: (K,) material slot of each part.
        face_part: (F,) part of each face that no other part covers.
        face_side: (F,) 0 to 5: axis * 2 + (1 for the low side).
        face_bottom: (F,) whether the face lies on the underside of the whole shape.
    """

    centre: npt.NDArray[np.float64]
    half: npt.NDArray[np.float64]
    slot: npt.NDArray[np.int64]
    face_part: npt.NDArray[np.int64]
    face_side: npt.NDArray[np.int64]
    face_bottom: npt.NDArray[np.bool_]


def plan_of(kind: str, asset_id: str) -> str:
    """Key of the catalogue for an asset: its type, but for counters whose plan stands in their id ("Countertop_L_8x6")."""
    if kind == "CounterTop" and ("_L_" in asset_id or "_C_" in asset_id):
        return f"CounterTop_{'L' if '_L_' in asset_id else 'C'}"
    return kind


def look_of(kind: str) -> Look:
    """Shape and palettes of a type; a plain box where the catalogue has none."""
    return CATALOGUE.get(kind, _OTHER)


@lru_cache(maxsize=8192)
def template(kind: str, size: Size, levels: Levels) -> Template:
    """Parts of a type of this size (metres) whose children stand at these heights (shares of its own, ascending)."""
    shape = look_of(kind).shape
    parts = np.array(shape if isinstance(shape, tuple) else shape(size, levels))  # (K, 7)
    low, high = parts[:, :3], parts[:, 3:6]
    part, side = np.repeat(np.arange(len(parts)), 6), np.tile(np.arange(6), len(parts))
    axis, is_low = side // 2, side % 2 == 1
    level = np.where(is_low, low[part, axis], high[part, axis])  # (F,)
    covered = np.zeros(len(part), dtype=np.bool_)
    for other in range(len(parts)):
        beyond = np.where(is_low, low[other, axis] < level - 1e-9, high[other, axis] > level + 1e-9)
        reaches = np.where(is_low, high[other, axis] >= level - 1e-9, low[other, axis] <= level + 1e-9)
        spans = beyond & reaches & (part != other)
        for step in (1, 2):
            across = (axis + step) % 3
            spans &= (low[other, across] <= low[part, across] + 1e-9) & (high[other, across] >= high[part, across] - 1e-9)
        covered |= spans
    kept = ~covered
    return Template(
        centre=(low + high) / 2,
        half=(high - low) / 2,
        slot=parts[:, 6].astype(np.int64),
        face_part=part[kept],
        face_side=side[kept],
        face_bottom=(side == 3)[kept] & (level <= 1e-9)[kept],
    )
