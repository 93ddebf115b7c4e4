"""Doubts about the base: sizes that do not fit the houses, or no robot."""

from collections.abc import Iterator
from typing import Final

from flare_core.houses.doorways import narrowest_door_m
from flare_core.houses.generate import BODY_RADIUS_M
from flare_core.runs.warnings.subject import Doubt, Subject

SMALLEST_M: Final = 0.09  # half of the narrowest of the small research robots' bases, the TurtleBot3's 0.18 m
LOWEST_M: Final = 0.05


def too_wide_for_doors(subject: Subject) -> Iterator[Doubt]:
    """A base that no door lets through, or for which the furniture leaves no way."""
    foot, (door_m, _) = subject.body.footprint, narrowest_door_m()
    across_m = 2 * (foot.half_width_m if foot.radius_m is None else foot.radius_m)
    key = "width_m" if foot.radius_m is None else "radius_m"
    is_round = foot.radius_m is not None
    diameter = f" If {foot.radius_m:g} m is the diameter, write `radius_m: {foot.radius_m / 2:g}`" if foot.radius_m else ""
    if across_m >= door_m:
        yield (
            ("base", key),
            f"the base is {across_m:.2f} m across and the houses' narrowest door {door_m:.2f} m wide: it passes none.{diameter}",
        )
    elif is_round and across_m / 2 > BODY_RADIUS_M + 1e-9:
        most = f"the houses (doors from {door_m:.2f} m) are furnished for up to {2 * BODY_RADIUS_M:.2f} m"
        what = f"the base is {across_m:.2f} m across; {most}"
        yield ("base", key), f"{what}, and some rooms may be shut to it.{diameter}"


def too_high_for_doors(subject: Subject) -> Iterator[Doubt]:
    """A robot higher than a door, or as flat as a plate."""
    height_m, (_, door_m) = subject.body.footprint.height_m, narrowest_door_m()
    if height_m >= door_m:
        yield (
            ("base", "height_m"),
            f"{height_m:g} m is more than the height of a door, {door_m:.2f} m. Check the number; the unit is metres",
        )
    if height_m < LOWEST_M:
        yield ("base", "height_m"), f"a robot {height_m:g} m high? Write the height of its highest part above the floor, in metres"


def too_small(subject: Subject) -> Iterator[Doubt]:
    """A base smaller than any."""
    base = subject.spec.base
    for key in ("radius_m", "width_m", "length_m"):
        size = getattr(base, key)
        half = size if key == "radius_m" else None if size is None else size / 2
        if half is not None and half < SMALLEST_M:
            yield ("base", key), f"{size:g} m is less than any mobile robot's base has. Measure the widest part, in metres"


def turns_about_a_point_outside(subject: Subject) -> Iterator[Doubt]:
    """An outline that its own axis of rotation does not stand in."""
    foot = subject.body.footprint
    half = (foot.radius_m, foot.radius_m) if foot.radius_m is not None else (foot.half_width_m, foot.half_length_m)
    if abs(foot.right_m) > half[0] or abs(foot.forward_m) > half[1]:
        what = "the axis of rotation lies outside of the base's outline"
        yield ("base", "centre"), f"{what}. `centre` is where the outline's middle is, seen from the axis between the wheels, in metres"
