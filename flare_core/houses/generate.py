"""Generates furnished houses in ProcTHOR's schema 1.0.0 with real asset ids, so that AI2-THOR's CreateHouse takes them too.

A house is a pure function of (seed, split). Every room can be reached by an upright cylinder; furniture that would shut
a room off is taken out again.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from flare_core.errors import HouseError
from flare_core.houses import assets
from flare_core.houses.clutter import SMALL_TARGETS, TARGETS, Clutter
from flare_core.houses.draws import Draws
from flare_core.houses.floor import Floor
from flare_core.houses.floorplan import FloorPlan, draw_floor_plan
from flare_core.houses.furnish import Furnisher
from flare_core.houses.reach import Bools, ReachMap
from flare_core.houses.write import house_document
from flare_core.seeding import stream

BODY_RADIUS_M: Final = 0.30
_WIDEST_BODY_M: Final = 0.34
_MOST_PLANS: Final = 200  # a house takes two or three; more than this is no accident
_MARGIN_M: Final = 0.03  # beyond the body's radius, for what a simulator's own shapes add
_LEAST_SHARE: Final = 0.6  # of a room's free floor that must be reachable
_LEAST_CELLS: Final = 80  # and so many cells of it at least
_MOST_REMOVED: Final = 12  # pieces; a house that needs more is drawn anew
_MOST_OBJECTS: Final = 84
_LEAST_OBJECTS: Final = 40
_LEAST_TARGETS: Final = 8  # categories of the 15
_FIRST_SEED: Final = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}
_SOURCES: Final = (
    "assets.json", "placements.json", "assets.py", "clutter.py", "doors.py", "draws.py", "floor.py", "floorplan.py", "furnish.py",
    "generate.py", "geometry.py", "reach.py", "surfaces.py", "write.py",
)  # fmt: skip


def house_seeds(split: str, count: int) -> range:
    """The first `count` seeds of a split; no two splits share one.

    Raises:
        HouseError: no such split, or more seeds than a split has.
    """
    if split not in _FIRST_SEED:
        raise HouseError(f"houses: no split '{split}'. Use 'train', 'val' or 'test'")
    if not 0 <= count <= 1_000_000_000:
        raise HouseError(f"houses: {count} seeds of '{split}' were asked for. A split has 0 to 1,000,000,000")
    return range(_FIRST_SEED[split], _FIRST_SEED[split] + count)


def generator_hash() -> str:
    """SHA-256 over the generator's sources and tables: equal hashes make equal houses."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update(f"{name}\n{assets.table_text(name)}\n".encode())
    return digest.hexdigest()


def generate_house(seed: int, split: str, *, body_radius_m: float = BODY_RADIUS_M) -> dict[str, Any]:
    """Generate one house.

    Args:
        seed: any non-negative integer; `house_seeds` gives those of a split.
        split: whose assets it is furnished with.
        body_radius_m: radius of the upright cylinder that must be able to reach every room.

    Returns:
        The decoded JSON of a house, schema 1.0.0.

    Raises:
        HouseError: no such split, a negative seed, or a radius that no door lets through.
    """
    if split not in _FIRST_SEED:
        raise HouseError(f"houses: no split '{split}'. Use 'train', 'val' or 'test'")
    if seed < 0:
        raise HouseError(f"houses: seed {seed} is negative. Use 0 or more")
    if not 0.0 < body_radius_m <= _WIDEST_BODY_M:
        raise HouseError(f"houses: a body of radius {body_radius_m} m does not go through doors of 1 m. Use up to {_WIDEST_BODY_M} m")
    draws = Draws(stream(seed, f"house/{split}"))
    for _ in range(_MOST_PLANS):
        plan = draw_floor_plan(draws, split)
        made = _furnished(draws, plan, split, body_radius_m)
        if made is not None:
            floors, main = made
            return house_document(draws, plan, floors, main, seed=seed, split=split)
    raise HouseError(f"houses: seed {seed} of '{split}' gives no house for a body of radius {body_radius_m} m. Use another seed")


def _furnished(draws: Draws, plan: FloorPlan, split: str, radius_m: float) -> tuple[list[Floor], Bools] | None:
    """Furniture, a check that all rooms can be reached, then small things; None if the house is too bare or its rooms stay shut."""
    floors = [Floor(room, plan.types[room], plan.edges[room], plan.rects[room]) for room in range(len(plan.types))]
    for hole in plan.holes:
        if not hole.is_window:
            _keep_doorway_free(floors, plan, hole.edge.room, hole.ends)
            if hole.edge.other >= 0:
                _keep_doorway_free(floors, plan, hole.edge.other, hole.ends)
    absent, wanted = _draw_targets(draws, plan.types)
    furnisher = Furnisher(draws, split, absent)
    for floor in floors:
        furnisher.furnish(floor)
    furniture = sum(1 + len(thing.children) for floor in floors for thing in floor.placed)
    on_floor = [kind for kind in wanted if kind in ("GarbageCan", "BasketBall", "HousePlant")]
    clutter = Clutter(draws, split, floors)
    for kind in on_floor:
        clutter.place_target(kind)
    main = _clear_ways(ReachMap(plan, radius_m + _MARGIN_M), floors)
    if main is None:
        return None
    clutter.forget_removed()
    for kind in draws.shuffled([kind for kind in wanted if kind not in on_floor]):
        clutter.place_target(kind)
    clutter.scatter(_MOST_OBJECTS - furniture)
    things = [thing for floor in floors for placed in floor.placed for thing in (placed, *placed.children)]
    kinds = {thing.asset.type for thing in things}
    if len(things) < _LEAST_OBJECTS or len(kinds.intersection(TARGETS)) < _LEAST_TARGETS:
        return None
    return floors, main


def _draw_targets(draws: Draws, types: Sequence[str]) -> tuple[list[str], list[str]]:
    """Large target types that the house lacks, and the small target things it shall have, repeats included."""
    absent = [kind for kind, share in (("Sofa", 0.08), ("Television", 0.15), ("Chair", 0.08)) if draws.chance(share)]
    large = sum(
        (
            "Bedroom" in types, "Bathroom" in types, "LivingRoom" in types and "Sofa" not in absent,
            "LivingRoom" in types and "Television" not in absent, "Chair" not in absent,
        )
    )  # fmt: skip
    kinds = draws.shuffled(SMALL_TARGETS)[: min(max(draws.whole(9, 13) - large, 4), len(SMALL_TARGETS))]
    wanted = [kind for kind in kinds for _ in range(2 if draws.chance(0.35) else 1)]
    return absent, wanted


def _keep_doorway_free(floors: Sequence[Floor], plan: FloorPlan, room: int, ends: Sequence[tuple[float, float]]) -> None:
    """Keep a strip before a door free on one of its sides."""
    (ax, az), (bx, bz) = ends
    for edge in plan.edges[room]:
        at = 0 if edge.start[1] == edge.end[1] else 1
        low, high = sorted((edge.start[at], edge.end[at]))
        first, last = sorted(((ax, bx), (az, bz))[at])
        if (az, ax)[at] == (edge.start[1], edge.start[0])[at] and low <= first and last <= high:
            offset = (first - edge.start[at]) if edge.end[at] > edge.start[at] else (edge.start[at] - last)
            floors[room].keep_free(edge, offset - 0.08, offset + (last - first) + 0.08, 0.95)
            return


def _clear_ways(reach: ReachMap, floors: Sequence[Floor]) -> Bools | None:
    """Take furniture out until the largest free piece of floor reaches well into every room.

    Returns:
        That piece, or None where taking out does not help.
    """
    for _ in range(_MOST_REMOVED):
        free, main = reach.main(thing.rect for floor in floors for thing in floor.placed)
        shut = [
            floor
            for floor, (cells, reached) in zip(floors, reach.shares(free, main), strict=True)
            if reached < _LEAST_CELLS or reached < _LEAST_SHARE * cells
        ]
        if not shut:
            return main
        lost = reach.lost(free, main, [floor.room for floor in shut])
        # What stands between the lost cells and the others goes first, small things before large ones.
        between = [
            (thing.essential and thing.footprint_m2 > 0.3, thing.footprint_m2, floor.room, at)
            for floor in floors
            for at, thing in enumerate(floor.placed)
            if reach.divides(thing.rect, main, lost)
        ]
        if between:
            _, _, room, at = min(between)
            floors[room].placed.pop(at)
            continue
        crowded = next((floor for floor in shut if floor.placed), None)
        if crowded is None:
            return None
        loose = [at for at, thing in enumerate(crowded.placed) if not thing.essential]
        crowded.placed.pop(loose[-1] if loose else -1)
    return None
