"""Which shape and which materials each type of object has, and the cached templates of their parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.simulators.embedded import shapes
from flare_core.simulators.embedded.shapes import Family, Levels, Size

# type: (shape, palette of slot 0, of slot 1, of slot 2, of slot 3)
Look = tuple[Family, str, str, str, str]


def _look(family: Family, first: str, second: str = "furniture", third: str = "dark", fourth: str = "white") -> Look:
    return (family, first, second, third, fourth)


CATALOGUE: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "AlarmClock": _look(shapes.alarm_clock, "case", "metal"),
        "Apple": _look(shapes.apple, "food", "leaf"),
        "BasketBall": _look(shapes.basket_ball, "ball"),
        "Bed": _look(shapes.bed, "furniture", "soft"),
        "Bowl": _look(shapes.bowl, "ceramic", "ceramic"),
        "Chair": _look(shapes.chair, "furniture", "furniture"),
        "GarbageCan": _look(shapes.garbage_can, "case", "case"),
        "HousePlant": _look(shapes.house_plant, "ceramic", "leaf"),
        "Laptop": _look(shapes.laptop, "case", "case"),
        "Mug": _look(shapes.mug, "ceramic", "ceramic"),
        "Sofa": _look(shapes.sofa, "soft", "soft"),
        "SprayBottle": _look(shapes.spray_bottle, "plastic", "plastic"),
        "Television": _look(shapes.television, "case", "case"),
        "Toilet": _look(shapes.toilet, "white", "ceramic"),
        "Vase": _look(shapes.vase, "ceramic", "ceramic"),
        "AluminumFoil": _look(shapes.box, "metal"),
        "ArmChair": _look(shapes.armchair, "soft"),
        "BaseballBat": _look(shapes.stick, "wood", "wood"),
        "Boots": _look(shapes.bag, "furniture"),
        "Bottle": _look(shapes.bottle, "ceramic", "metal"),
        "Book": _look(shapes.book, "plastic"),
        "Box": _look(shapes.cardboard_box, "cardboard", "cardboard"),
        "Bread": _look(shapes.pillow, "food"),
        "ButterKnife": _look(shapes.cutlery, "metal", "metal"),
        "CD": _look(shapes.box, "metal"),
        "Candle": _look(shapes.shaker, "white", "food"),
        "Cart": _look(shapes.cart, "metal", "metal"),
        "CellPhone": _look(shapes.flat, "case", "dark"),
        "Cloth": _look(shapes.flat, "soft", "soft"),
        "ClothesDryer": _look(shapes.appliance, "case", "metal"),
        "CoffeeMachine": _look(shapes.appliance, "case", "metal"),
        "CoffeeTable": _look(shapes.table, "furniture", "furniture"),
        "CounterTop": _look(shapes.cabinet, "furniture", "furniture"),
        "CounterTop_L": _look(shapes.corner_counter, "furniture", "furniture"),
        "CounterTop_C": _look(shapes.u_counter, "furniture", "furniture"),
        "CreditCard": _look(shapes.box, "plastic"),
        "Cup": _look(shapes.cup, "ceramic", "ceramic"),
        "Desk": _look(shapes.table, "furniture", "furniture"),
        "DeskLamp": _look(shapes.desk_lamp, "paint", "metal"),
        "Desktop": _look(shapes.appliance, "case", "metal"),
        "DiningTable": _look(shapes.table, "furniture", "furniture"),
        "DishSponge": _look(shapes.flat, "food", "plastic"),
        "DogBed": _look(shapes.dog_bed, "soft", "soft"),
        "Dresser": _look(shapes.cabinet, "furniture", "furniture"),
        "Dumbbell": _look(shapes.cutlery, "metal", "metal"),
        "Egg": _look(shapes.ball, "white"),
        "Faucet": _look(shapes.faucet, "metal"),
        "FloorLamp": _look(shapes.floor_lamp, "soft", "metal"),
        "Footstool": _look(shapes.stool, "soft", "wood"),
        "Fork": _look(shapes.cutlery, "metal", "metal"),
        "Fridge": _look(shapes.fridge, "case", "case"),
        "GarbageBag": _look(shapes.bag, "dark"),
        "HandTowel": _look(shapes.flat, "soft", "soft"),
        "Kettle": _look(shapes.kettle, "metal", "dark"),
        "KeyChain": _look(shapes.flat, "metal", "metal"),
        "Knife": _look(shapes.cutlery, "metal", "wood"),
        "Ladle": _look(shapes.cutlery, "metal", "wood"),
        "LaundryHamper": _look(shapes.garbage_can, "soft", "wood", "soft"),
        "Lettuce": _look(shapes.ball, "leaf"),
        "Microwave": _look(shapes.appliance, "case", "metal"),
        "Newspaper": _look(shapes.flat, "white", "white"),
        "Ottoman": _look(shapes.pillow, "soft"),
        "Painting": _look(shapes.picture, "furniture", "plastic"),
        "Pan": _look(shapes.pan, "metal", "wood"),
        "PaperTowelRoll": _look(shapes.shaker, "white", "white"),
        "Pen": _look(shapes.cutlery, "plastic", "plastic"),
        "Pencil": _look(shapes.cutlery, "food", "wood"),
        "PepperShaker": _look(shapes.shaker, "ceramic", "metal"),
        "Pillow": _look(shapes.pillow, "soft"),
        "Plate": _look(shapes.plate, "ceramic"),
        "Plunger": _look(shapes.stick, "food", "wood"),
        "Pot": _look(shapes.pot, "metal", "dark"),
        "Potato": _look(shapes.ball, "cardboard"),
        "RemoteControl": _look(shapes.flat, "dark", "metal"),
        "RoomDecor": _look(shapes.statue, "ceramic", "wood"),
        "Safe": _look(shapes.appliance, "metal", "metal"),
        "SaltShaker": _look(shapes.shaker, "ceramic", "metal"),
        "ScrubBrush": _look(shapes.stick, "white", "plastic"),
        "ShelvingUnit": _look(shapes.shelves, "furniture", "furniture"),
        "SideTable": _look(shapes.table, "furniture", "furniture"),
        "Sink": _look(shapes.basin, "white", "metal"),
        "SoapBottle": _look(shapes.bottle, "plastic", "plastic"),
        "Spatula": _look(shapes.cutlery, "metal", "wood"),
        "Spoon": _look(shapes.cutlery, "metal", "metal"),
        "Statue": _look(shapes.statue, "ceramic", "wood"),
        "Stool": _look(shapes.stool, "furniture", "furniture"),
        "TVStand": _look(shapes.tv_stand, "furniture", "furniture"),
        "TeddyBear": _look(shapes.teddy, "cardboard"),
        "TennisRacket": _look(shapes.cutlery, "plastic", "wood"),
        "TissueBox": _look(shapes.flat, "soft", "white"),
        "Toaster": _look(shapes.appliance, "metal", "dark"),
        "Tomato": _look(shapes.ball, "food"),
        "Towel": _look(shapes.flat, "soft", "soft"),
        "VacuumCleaner": _look(shapes.vacuum, "plastic", "metal"),
        "WashingMachine": _look(shapes.appliance, "case", "metal"),
        "WateringCan": _look(shapes.kettle, "plastic", "metal"),
        "WineBottle": _look(shapes.bottle, "leaf", "food"),
    }
)  # every other type is a plain box
_OTHER: Final[Look] = _look(shapes.box, "furniture")
_ROLE_DARK: Final = 3


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
    parts = np.array(look_of(kind)[0](size, levels))  # (K, 7)
    low, high = parts[:, :3], parts[:, 3:6]
    part, side = np.meshgrid(np.arange(len(parts)), np.arange(6), indexing="ij")
    part, side = part.ravel(), side.ravel()
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
