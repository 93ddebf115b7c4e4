"""Stands furniture in rooms: beds with bedside tables, sofas before televisions, tables with chairs, and what lines the walls."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from flare_core.houses import assets
from flare_core.houses.assets import Asset
from flare_core.houses.draws import Draws
from flare_core.houses.floor import Floor, Placed, ahead, rect_around

# What a room may have: (what, probability), in the order of placing. Lower-case names are groups, see `_GROUPS`.
_PROGRAMME: Final[Mapping[str, tuple[tuple[str, float], ...]]] = MappingProxyType(
    {
        "Bedroom": (
            ("bed", 1.0), ("desk", 0.65), ("Dresser", 0.7), ("tv", 0.2), ("ShelvingUnit", 0.35), ("ArmChair", 0.3),
            ("SideTable", 0.55), ("LaundryHamper", 0.25), ("FloorLamp", 0.2), ("Chair", 0.25), ("Safe", 0.12), ("DogBed", 0.1),
            ("Box", 0.3), ("Footstool", 0.15), ("Boots", 0.15), ("VacuumCleaner", 0.1),
        ),
        "LivingRoom": (
            ("tv", 0.85), ("lounge", 0.97), ("dining", 0.5), ("ArmChair", 0.6), ("desk", 0.2), ("SideTable", 0.7),
            ("ShelvingUnit", 0.5), ("Dresser", 0.35), ("ArmChair", 0.3), ("FloorLamp", 0.45), ("SideTable", 0.35),
            ("Ottoman", 0.25), ("Chair", 0.2), ("RoomDecor", 0.15), ("Cart", 0.1), ("Safe", 0.1), ("DogBed", 0.12), ("Box", 0.35),
            ("Boots", 0.15),
        ),
        "Kitchen": (
            ("Fridge", 0.97), ("CounterTop", 1.0), ("CounterTop", 0.65), ("dining", 0.8), ("CounterTop", 0.3),
            ("ShelvingUnit", 0.4), ("SideTable", 0.4), ("Stool", 0.5), ("Stool", 0.3), ("GarbageBag", 0.15), ("Chair", 0.25),
        ),
        "Bathroom": (
            ("Toilet", 1.0), ("Sink", 0.95), ("WashingMachine", 0.35), ("ClothesDryer", 0.15), ("Dresser", 0.25),
            ("SideTable", 0.6), ("LaundryHamper", 0.45), ("Plunger", 0.4), ("Footstool", 0.15),
        ),
    }
)  # fmt: skip
# Depth before a piece that is used from the front.
_FRONT_M: Final = MappingProxyType(
    {"Fridge": 0.6, "CounterTop": 0.6, "Dresser": 0.55, "Toilet": 0.45, "Sink": 0.5, "ShelvingUnit": 0.5, "WashingMachine": 0.5,
     "ClothesDryer": 0.5, "Sofa": 0.5, "TVStand": 0.5}
)  # fmt: skip
_LARGEST: Final = MappingProxyType(
    {"Desk": (2.3, 0.95), "DiningTable": (2.3, 1.4), "CoffeeTable": (1.5, 0.9), "Sofa": (2.9, 1.4),
     "CounterTop": (3.1, 1.9)}
)  # fmt: skip
_MATCHING: Final = 0.7  # probability that the chairs round a table are of one kind


class Furnisher:
    """Furnishes the rooms of one house.

    Attributes:
        absent: types of things that this house does not have.
    """

    def __init__(self, draws: Draws, split: str, absent: Sequence[str]) -> None:
        self._draws, self._split, self.absent = draws, split, frozenset(absent)
        self._groups = {"bed": self._bed, "desk": self._desk, "tv": self._tv, "lounge": self._lounge, "dining": self._dining}

    def furnish(self, floor: Floor) -> None:
        """Place what the room's type calls for, as far as there is room."""
        for what, probability in _PROGRAMME.get(floor.kind, ()):
            if what in self.absent or not self._draws.chance(probability):
                continue
            group = self._groups.get(what)
            if group is not None:
                group(floor)
            else:
                self._piece(floor, what)

    def pick(self, kind: str) -> Asset:
        """An asset of a type, of this house's split, that is made to stand in a room."""
        rows = assets.by_type(kind, self._split)
        if kind == "Sink":  # the others are set into a counter
            rows = tuple(row for row in rows if row.size[1] > 0.6)
        elif kind in _LARGEST:
            wide, deep = _LARGEST[kind]
            rows = tuple(row for row in rows if row.size[0] <= wide and row.size[2] <= deep) or rows
        return self._draws.one(rows)

    def _piece(self, floor: Floor, kind: str) -> Placed | None:
        essential = kind in ("Toilet", "Fridge", "CounterTop", "Sink")
        for _ in range(3 if essential else 1):  # another asset may be small enough
            thing = floor.against_wall(self._draws, self.pick(kind), front_m=_FRONT_M.get(kind, 0.0), essential=essential)
            if thing is not None:
                return thing
        return None

    def _bed(self, floor: Floor) -> None:
        for _ in range(4):
            bed = floor.against_wall(self._draws, self.pick("Bed"), corner=0.3, essential=True)
            if bed is None:
                continue
            for side in (-1.0, 1.0):
                if not self._draws.chance(0.45):
                    continue
                table = self.pick("SideTable")
                back = -bed.asset.size[2] / 2 + table.size[2] / 2
                x, z = ahead(bed, back, side * (bed.asset.size[0] / 2 + table.size[0] / 2 + 0.06))
                if table.size[0] < 0.8 and floor.fits(rect_around(x, z, table.size[0], table.size[2], bed.yaw)):
                    floor.put(table, x, z, bed.yaw)
            return

    def _desk(self, floor: Floor) -> None:
        desk = floor.against_wall(self._draws, self.pick("Desk"))
        if desk is None or "Chair" in self.absent or not self._draws.chance(0.85):
            return
        chair = self.pick("Chair")
        x, z = ahead(desk, desk.asset.size[2] / 2 + chair.size[2] / 2 - 0.12, self._draws.between(-0.2, 0.2))
        self._seat(floor, chair, x, z, desk.yaw + 180.0, desk)

    def _seat(self, floor: Floor, chair: Asset, x: float, z: float, yaw: float, table: Placed) -> None:
        """Put a chair that may reach under its own table, but under nothing else."""
        side = max(chair.size[0], chair.size[2])
        rect = (x - side / 2, z - side / 2, x + side / 2, z + side / 2)
        at = floor.placed.index(table)
        floor.placed.pop(at)
        free = floor.fits(rect)
        floor.placed.insert(at, table)
        if free:
            floor.put(chair, x, z, yaw + self._draws.between(-14.0, 14.0))

    def _tv(self, floor: Floor) -> None:
        if "Television" in self.absent or any(thing.asset.type == "TVStand" for thing in floor.placed):
            return
        stand = floor.against_wall(self._draws, self.pick("TVStand"), front_m=_FRONT_M["TVStand"], corner=0.2)
        if stand is None:
            return
        sets = [row for row in assets.by_type("Television", self._split) if row.size[2] <= stand.asset.size[2] + 0.1]
        if sets:
            tv = self._draws.one(sets)
            y = stand.asset.size[1] + tv.size[1] / 2
            stand.children.append(Placed(asset=tv, room=floor.room, x=stand.x, y=y, z=stand.z, yaw=stand.yaw, essential=True))

    def _lounge(self, floor: Floor) -> None:
        if "Sofa" in self.absent:
            self._piece(floor, "ArmChair")
            return
        sofa = self._sofa(floor)
        if sofa is None or not self._draws.chance(0.65):
            return
        table = self.pick("CoffeeTable")
        x, z = ahead(sofa, sofa.asset.size[2] / 2 + 0.42 + table.size[2] / 2, self._draws.between(-0.25, 0.25))
        rect = rect_around(x, z, table.size[0], table.size[2], sofa.yaw)
        if floor.fits(rect):
            floor.put(table, x, z, sofa.yaw)

    def _sofa(self, floor: Floor) -> Placed | None:
        """A sofa that looks at the television if there is one and room for it, else one against a wall."""
        stand = next((thing for thing in floor.placed if thing.asset.type == "TVStand"), None)
        if stand is not None and self._draws.chance(0.5):
            asset = self.pick("Sofa")
            x, z = ahead(stand, stand.asset.size[2] / 2 + self._draws.between(1.7, 2.8) + asset.size[2] / 2)
            if floor.fits(rect_around(x, z, asset.size[0], asset.size[2], stand.yaw)):
                return floor.put(asset, x, z, stand.yaw + 180.0, essential=True)
        for _ in range(4):
            sofa = floor.against_wall(self._draws, self.pick("Sofa"), essential=True)
            if sofa is not None:
                return sofa
        return None

    def _dining(self, floor: Floor) -> None:
        table = self.pick("DiningTable")
        place = floor.anywhere(self._draws, table.size[0] + 1.0, table.size[2] + 1.0)
        if place is None:
            thing = floor.against_wall(self._draws, table)
        else:
            thing = floor.put(table, *place)
        if thing is None or "Chair" in self.absent:
            return
        first = self.pick("Chair")
        along = (-0.25, 0.25) if table.size[0] > 1.3 else (0.0,)
        seats = [(side, right * table.size[0]) for side in (0.0, 180.0) for right in along] + [(90.0, 0.0), (270.0, 0.0)]
        for side, right in self._draws.shuffled(seats)[: self._draws.whole(1, 5)]:
            chair = first if self._draws.chance(_MATCHING) else self.pick("Chair")
            edge = table.size[2] / 2 if side in (0.0, 180.0) else table.size[0] / 2
            x, z = ahead(thing, edge + chair.size[2] / 2 - self._draws.between(0.0, 0.2), right, turned_deg=side)
            self._seat(floor, chair, x, z, thing.yaw + side + 180.0, thing)
