"""Bodies drawn from a spec with ranges. A body is a pure function of the spec, a seed and its number.

Every number has a stream of its own, keyed by its key in the spec, so that a further range changes no other number. All bodies
of one spec have the same cameras, joints and actions in the same order, so that one policy fits all of them.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pydantic

from flare_core.embodiments import checks, ranges
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import EmbodimentSpec, build, content_of, load_embodiment
from flare_core.errors import SpecError
from flare_core.reading import Loaded
from flare_core.seeding import stream
from flare_core.yaml_tree import Loc, Value

TRIES: Final = 100


def is_random(resolved: Mapping[str, Value]) -> bool:
    """Whether a resolved spec describes many bodies."""
    return bool(ranges.draws_of(content_of(resolved)))


def draw_body(resolved: Mapping[str, Value], seed: int, index: int) -> Embodiment:
    """Body number `index` of a spec.

    Numbers that do not go together, such as a camera far outside of the base, are drawn again, TRIES times at most.

    Args:
        resolved: the document of a checked spec, as `Loaded.resolved` has it.
        seed, index: counters; the same ones give the same body, whatever else was drawn.

    Returns:
        It is called NAME-INDEX. A spec without ranges gives its one body, whatever the index.

    Raises:
        SpecError: none of the tries went together.
    """
    name, document = str(resolved["name"]), content_of(resolved)
    order = ranges.draws_of(document)
    wrong = ""
    for attempt in range(TRIES):
        numbers, _ = ranges.planted(document, _drawn(order, document, seed, index, attempt))
        try:
            spec = EmbodimentSpec.model_validate_json(json.dumps(numbers), strict=True)
        except pydantic.ValidationError as bad:
            first = bad.errors(include_url=False)[0]
            wrong = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            continue
        wrong = next((f"{'.'.join(map(str, loc))}: {text}" for loc, text in checks.problems(numbers)), "")
        if not wrong:
            return build(spec, f"{name}-{index}" if order else name)
    raise SpecError(
        f"{name}: of {TRIES} bodies that were drawn for number {index} none was possible. The last one: {wrong}. Narrow the ranges"
    )


def draw_bodies(resolved: Mapping[str, Value], seed: int, count: int) -> tuple[Embodiment, ...]:
    """Bodies 0 to count - 1 of a spec; the one body of a spec without ranges.

    Raises:
        SpecError: as `draw_body`.
    """
    return tuple(draw_body(resolved, seed, index) for index in range(count if is_random(resolved) else 1))


def shown_body(reference: str | Path, seed: int | None) -> tuple[Embodiment, Loaded[EmbodimentSpec]]:
    """The body of a spec to look at, and the spec: its one body, the middle of all ranges, or with a seed the first that it draws.

    Raises:
        SpecError: there is no such spec, it is wrong, or it has no ranges to draw from.
    """
    body, loaded = load_embodiment(reference, random="middle")
    if seed is None:
        return body, loaded
    if not is_random(loaded.resolved):
        raise SpecError(f"--seed: '{loaded.name}' describes one body, so that there is nothing to draw. Leave --seed out")
    return draw_body(loaded.resolved, seed, 0), loaded


def _drawn(order: tuple[ranges.Draw, ...], document: Mapping[str, Value], seed: int, index: int, attempt: int) -> dict[Loc, float]:
    """Uniform in every range; whole numbers with both bounds included."""

    def choose(draw: ranges.Draw, low: float, high: float) -> float:
        share = float(stream(seed, f"body/{draw.key}", index, attempt).random())
        if draw.is_whole:
            return int(low) + math.floor(share * (int(high) - int(low) + 1))
        return low + share * (high - low)

    return ranges.solved(order, document, choose)
