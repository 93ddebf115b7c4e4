"""The pictured episodes: the house from above with both ways, and what the camera showed first and last."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house
from flare_core.runs.report_page.episodes import KINDS, Row, chosen
from flare_core.runs.report_page.floor import drawing_of, floor_svg
from flare_core.runs.report_page.folder import RunFolder
from flare_core.runs.stages import HELD_OUT_HOUSES
from flare_core.runs.takes import Take

HouseOf = Callable[[int], House]
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture and what it shows."""

    source: Markup
    alt: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One pictured episode; `told` says for each policy how it went."""

    number: int
    instruction: str
    kind: str
    house: str
    floor: Markup
    told: tuple[tuple[str, str], ...]
    views: tuple[View, ...]


def shots_of(run: RunFolder, rows: list[Row], drawings: Mapping[int, Mapping[str, Any]]) -> list[Shot]:
    """Pictures of the episodes that the rule chooses among those that were recorded."""
    by_number = {row.number: row for row in rows}
    return [_shot(run, by_number[number], drawings) for number in picked(run, rows)]


def picked(run: RunFolder, rows: list[Row]) -> list[int]:
    """Episodes to picture: recorded by every policy that the rows tell of."""
    recorded = set(run.before_takes.takes)
    if rows and len(rows[0].success) == 2:
        recorded &= set(run.after_takes.takes)
    return chosen(rows, sorted(recorded))


def drawings_for(run: RunFolder, rows: list[Row], house_of: HouseOf | None = None) -> dict[int, Mapping[str, Any]]:
    """Houses of the episodes to picture: those that the run has kept, the others drawn now.

    Args:
        house_of: a house by its index; else the generator's held-out houses, where the run was judged in these.
    """
    found = dict(run.drawings)
    if house_of is None and run.about.get("generated_houses"):
        house_of = generated(str(run.about.get("split", "test")))
    for number in picked(run, rows):
        index = run.before_takes.takes[number].house
        if index not in found and house_of is not None:
            found[index] = drawing_of(house_of(index))
    return found


def generated(split: str) -> HouseOf:
    """The generator's held-out houses of a split, by index."""
    name: Final = "val" if split == "val" else "test"
    seeds = house_seeds(name, HELD_OUT_HOUSES)
    return lambda index: parse_house(generate_house(seeds[index], name), f"{name} {seeds[index]}")


def data_uri(picture: bytes) -> Markup | None:
    """A JPEG or PNG file for `src`; None for anything else."""
    kind = "jpeg" if picture.startswith(_JPEG) else "png" if picture.startswith(_PNG) else None
    return None if kind is None else Markup(f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}")  # letters of base64


def _shot(run: RunFolder, row: Row, drawings: Mapping[int, Mapping[str, Any]]) -> Shot:
    both = [("before", run.before_takes), ("after", run.after_takes)][: len(row.success)]
    takes = [(when, kept.takes[row.number]) for when, kept in both]
    ways, told = [], []
    for at, (when, take) in enumerate(takes):
        ways.append((when, take.trail(when, row.success[at] == "yes")))
        told.append((when, f"{'success' if row.success[at] == 'yes' else 'no success'} in {_actions(run, when, row)} actions"))
    words = "; ".join(f"{when}: {how}" for when, how in told)
    first = takes[0][1]
    return Shot(
        number=row.number,
        instruction=row.instruction if row.instruction != "–" else first.instruction,
        kind=KINDS[row.kind],
        house=row.house,
        floor=floor_svg(drawings.get(first.house), ways, f"House {row.house} from above. {words}."),
        told=tuple(told),
        views=tuple(_views(takes, run.before_takes.camera)),
    )


def _views(takes: list[tuple[str, Take]], camera: str) -> list[View]:
    """What the camera showed at the start, which is the same for all, and before each policy's last action."""
    wanted = [("at the start", takes[0][1].first), *((f"{when} training: last view", take.last) for when, take in takes)]
    views = []
    for caption, picture in wanted:
        source = data_uri(picture)
        if source is not None:
            views.append(View(source=source, alt=f"What the {camera} camera shows {caption}", caption=caption))
    return views


def _actions(run: RunFolder, when: str, row: Row) -> str:
    episodes = run.before if when == "before" else run.after
    assert episodes is not None  # the row is made of it
    at = episodes.number.tolist().index(row.number)
    return f"{episodes.measures['length'][at]:.0f}"
