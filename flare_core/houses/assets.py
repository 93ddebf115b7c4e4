"""The asset table: type, size, split and colour of every asset that a house may name, and where things stand.

Made by `scripts/make_assets.py` from the databases of the `procthor` package (Apache-2.0).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

from flare_core.errors import HouseError
from flare_core.houses.house import Colour

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
Size = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One model of a thing.

    Attributes:
        size: extents (x, y, z) of its box in metres, unrotated; its front looks along +z.
        split: "train", "val" or "test"; None for the few that every split shares.
        colour: base colour, r, g, b in 0..1; other categories have the same colours.
    """

    id: str
    type: str
    size: Size
    split: str | None
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Placements:
    """What stands where in real houses.

    Attributes:
        rooms: room type -> object type -> 1 (may) or 2 (typical).
        where: property ("onFloor", "isKinematic", ...) -> object types that have it.
        on: receptacle type -> child type -> share of such receptacles that carry one.
        holes: asset id of a door, frame or window -> (width, height) of its hole and (right, up) offset of its centre, metres.
        floors, walls: names of materials. wall_colours: r, g, b in 0..1.
    """

    rooms: Mapping[str, Mapping[str, int]]
    where: Mapping[str, frozenset[str]]
    on: Mapping[str, Mapping[str, float]]
    holes: Mapping[str, tuple[float, float, float, float]]
    floors: tuple[str, ...]
    walls: tuple[str, ...]
    wall_colours: tuple[Colour, ...]


def table_text(name: str) -> str:
    """Text of one of the tables beside this file."""
    return (files("flare_core") / "houses" / name).read_text(encoding="utf-8")


def _rgb(text: str) -> Colour:
    return (int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255)


@cache
def _by_type() -> Mapping[str, tuple[Asset, ...]]:
    raw = json.loads(table_text("assets.json"))
    return MappingProxyType(
        {
            kind: tuple(Asset(id=row[0], type=kind, size=(row[1], row[2], row[3]), split=row[4], colour=_rgb(row[5])) for row in rows)
            for kind, rows in raw.items()
        }
    )


@cache
def _by_id() -> Mapping[str, Asset]:
    return MappingProxyType({row.id: row for rows in _by_type().values() for row in rows})


@cache
def placements() -> Placements:
    """The placement facts, read once."""
    raw = json.loads(table_text("placements.json"))
    return Placements(
        rooms=MappingProxyType(raw["rooms"]),
        where=MappingProxyType({key: frozenset(kinds) for key, kinds in raw["where"].items()}),
        on=MappingProxyType(raw["on"]),
        holes=MappingProxyType({name: (row[0], row[1], row[2], row[3]) for name, row in raw["holes"].items()}),
        floors=tuple(raw["floors"]),
        walls=tuple(raw["walls"]),
        wall_colours=tuple((r, g, b) for r, g, b in raw["wall_colours"]),
    )


def types() -> tuple[str, ...]:
    """All object types, in alphabetical order."""
    return tuple(_by_type())


def find(asset_id: str) -> Asset | None:
    """The asset of that id, or None."""
    return _by_id().get(asset_id)


def asset(asset_id: str) -> Asset:
    """The asset of that id.

    Raises:
        HouseError: the table lacks it.
    """
    found = find(asset_id)
    if found is None:
        raise HouseError(f"asset '{asset_id}' is not in the asset table. Use an id from flare_core/houses/assets.json")
    return found


@cache
def by_type(kind: str, split: str | None = None) -> tuple[Asset, ...]:
    """Assets of one type that a split may use: its own and those that every split shares.

    Args:
        kind: object type, such as "Chair".
        split: "train", "val" or "test"; None for all assets of the type.

    Raises:
        HouseError: no such type or split.
    """
    if split is not None and split not in SPLITS:
        raise HouseError(f"houses: no split '{split}'. Use 'train', 'val' or 'test'")
    rows = _by_type().get(kind)
    if rows is None:
        raise HouseError(f"houses: no object type '{kind}' in the asset table. `types()` lists the {len(_by_type())} there are")
    return tuple(row for row in rows if split is None or row.split in (split, None))
