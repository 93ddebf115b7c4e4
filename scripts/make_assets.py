"""Make the compact tables in flare_core/houses from the databases of the `procthor` package.

    python scripts/make_assets.py PATH/TO/procthor/databases

Writes `assets.json` (asset id, type, size, split, colour) and `placements.json` (what stands where, holes of doors and
windows, names of materials, wall colours). Colours are not in the databases: each asset gets one by a hash of its id, so
that colours overlap between categories and are the same everywhere.

Source: PyPI `procthor` 0.0.1.dev2, https://github.com/allenai/procthor, Apache-2.0.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

TABLES = Path(__file__).resolve().parent.parent / "flare_core" / "houses"
ROOM_KEYS = {"Kitchen": "inKitchens", "LivingRoom": "inLivingRooms", "Bedroom": "inBedrooms", "Bathroom": "inBathrooms"}
WHERE_KEYS = ("onFloor", "onEdge", "inCorner", "inMiddle", "onWall", "isPickupable", "isKinematic", "multiplePerRoom")

# Colours that household things of every category come in.
COMMON = (
    "#e8e4da", "#f4f2ee", "#c9c2b4", "#9a9a98", "#5c5e60", "#2b2b2d", "#7b4f2f", "#a87445", "#c9a16b", "#5a3a26", "#8c2f2b",
    "#c0473a", "#d98a3d", "#e2c24f", "#7d9a55", "#3f6b4a", "#4b7f8c", "#3b5a8a", "#27355a", "#6a4a7a", "#b77a8c", "#d7b7a4",
)  # fmt: skip
# Things whose colour is mostly given by nature: a choice of the common ones; one in four is drawn from all of them.
OWN = {
    "Apple": ("#8c2f2b", "#c0473a", "#e2c24f", "#7d9a55"),
    "BasketBall": ("#d98a3d", "#a87445", "#c0473a"),
    "Bread": ("#a87445", "#c9a16b"),
    "Egg": ("#e8e4da", "#d7b7a4"),
    "HousePlant": ("#7d9a55", "#3f6b4a"),
    "Lettuce": ("#7d9a55",),
    "Potato": ("#a87445", "#c9a16b"),
    "Tomato": ("#c0473a", "#8c2f2b", "#d98a3d"),
}


def colour_of(asset_id: str, kind: str) -> str:
    """Hex colour of an asset, a pure function of its id and type."""
    word = int.from_bytes(hashlib.sha256(asset_id.encode()).digest()[:8], "little")
    own = OWN.get(kind)
    palette = own if own is not None and word % 4 else COMMON
    return palette[(word >> 8) % len(palette)]


def asset_rows(database: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """Rows [id, x, y, z, split, colour] by type, sizes to a tenth of a millimetre."""
    return {
        kind: [
            [row["assetId"], *(round(row["boundingBox"][axis], 4) for axis in "xyz"), row.get("split"), colour_of(row["assetId"], kind)]
            for row in rows
        ]
        for kind, rows in sorted(database.items())
    }


def placement_facts(folder: Path) -> dict[str, Any]:
    """The facts that the generator draws on."""
    notes = json.loads((folder / "placement-annotations.json").read_text())
    receptacles = json.loads((folder / "receptacles.json").read_text())
    holes = json.loads((folder / "wall-holes.json").read_text())
    materials = json.loads((folder / "material-database.json").read_text())
    colours = json.loads((folder / "solid-wall-colors.json").read_text())
    return {
        "rooms": {room: {kind: n for kind, n in sorted(notes[key].items()) if n} for room, key in ROOM_KEYS.items()},
        "where": {key: sorted(kind for kind, yes in notes[key].items() if yes) for key in WHERE_KEYS},
        "on": {kind: {child: round(fact["p"], 4) for child, fact in sorted(facts.items())} for kind, facts in sorted(receptacles.items())},
        "holes": {name: _hole_row(hole) for name, hole in sorted(holes.items())},
        "floors": materials["Wood"],
        "walls": materials["Wall"],
        "wall_colours": [[round(colour[channel], 4) for channel in "rgb"] for colour in colours],
    }


def _hole_row(hole: dict[str, Any]) -> list[float]:
    """Width and height of a hole, then where the asset's centre lies from the hole's, in metres."""
    size = [round(hole["max"][axis] - hole["min"][axis], 4) for axis in "xy"]
    return size + [round(hole["offset"][axis], 4) + 0.0 for axis in "xy"]


def one_line_each(tables: dict[str, Any]) -> str:
    """JSON with one line for every entry of the top level's values, so that a change shows as one line."""
    blocks = []
    for key, value in tables.items():
        rows = (
            ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            if isinstance(value, dict)
            else ",\n".join(f"  {json.dumps(v)}" for v in value)
        )
        left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
        blocks.append(f"{json.dumps(key)}: {left}\n{rows}\n{right}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    """Read the databases named on the command line and write both tables."""
    if len(sys.argv) != 2 or not (folder := Path(sys.argv[1])).is_dir():
        sys.exit("usage: python scripts/make_assets.py PATH/TO/procthor/databases")
    database = json.loads((folder / "asset-database.json").read_text())
    (TABLES / "assets.json").write_text(one_line_each(asset_rows(database)))
    (TABLES / "placements.json").write_text(one_line_each(placement_facts(folder)))


if __name__ == "__main__":
    main()
