"""Doubts about the action vocabulary."""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flare_core.adapters.pairing import describe
from flare_core.embodiments.body import Effect
from flare_core.runs.warnings.subject import Doubt, Subject

USUAL: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"move_base": (0.03, 1.0), "turn_base": (2.0, 90.0), "turn_camera": (2.0, 90.0), "move_arm": (0.005, 0.5), "move_hand": (0.005, 0.5),
     "turn_wrist": (2.0, 90.0)}
)  # fmt: skip
"""Sizes of one action that robots have, metres or degrees."""

# A word in an action's name -> the effects that it contradicts: kind, axis, sign.
_AGAINST: Final[Mapping[str, tuple[tuple[str, str, int], ...]]] = MappingProxyType(
    {"left": (("turn_base", "right", 1), ("move_base", "right", 1), ("turn_camera", "pan", 1), ("move_hand", "right", 1)),
     "right": (("turn_base", "right", -1), ("move_base", "right", -1), ("turn_camera", "pan", -1), ("move_hand", "right", -1)),
     "ahead": (("move_base", "forward", -1), ("move_hand", "forward", -1)), "forward": (("move_base", "forward", -1),),
     "back": (("move_base", "forward", 1), ("move_hand", "forward", 1)), "backward": (("move_base", "forward", 1),),
     "up": (("turn_camera", "tilt", 1), ("move_arm", "lift", -1), ("move_hand", "up", -1)),
     "down": (("turn_camera", "tilt", -1), ("move_arm", "lift", 1), ("move_hand", "up", 1)),
     "in": (("move_arm", "extend", 1),), "out": (("move_arm", "extend", -1),)}
)  # fmt: skip


def _effects(subject: Subject, kind: str) -> list[Effect]:
    return [action.effect for _, action in subject.allowed() if action.effect.kind == kind]


def no_done(subject: Subject) -> Iterator[Doubt]:
    """A robot that can never end an episode."""
    if not any(effect.axis == "done" for effect in _effects(subject, "say")):
        yield ("actions",), "there is no `done`, and most tasks are won by saying it. Add `- done: {say: done}`"


def no_way_on(subject: Subject) -> Iterator[Doubt]:
    """A robot that cannot go forward."""
    if not any(effect.axis == "forward" and effect.amount > 0 for effect in _effects(subject, "move_base")):
        yield ("actions",), "no action moves the base forward. Add one, such as `- move_ahead: {move_base: {forward_m: 0.25}}`"


def one_way_round(subject: Subject) -> Iterator[Doubt]:
    """A base that turns one way only, or not at all."""
    ways = {effect.amount > 0 for effect in _effects(subject, "turn_base")}
    for is_right, name in ((True, "right"), (False, "left")):
        if is_right not in ways:
            lacking = f"no action turns the base to the {name}. Add one, such as `- rotate_{name}: {{turn_base: {{{name}_deg: 30}}}}`"
            yield ("actions",), lacking


def no_full_circle(subject: Subject) -> Iterator[Doubt]:
    """Turns that never come back to where they began."""
    sizes = {round(abs(math.degrees(effect.amount)) * 1000) for effect in _effects(subject, "turn_base")}
    if sizes and min(sizes) >= 1000 * USUAL["turn_base"][0] and 360_000 % math.gcd(*sizes):
        listed = ", ".join(f"{size / 1000:g}" for size in sorted(sizes))
        what = f"turns of {listed} degrees never add up to a full circle, so that the robot does not come back to a heading"
        yield ("actions",), f"{what}. Take sizes that divide 360, such as 30, 20 or 5"


def unusual_size(subject: Subject) -> Iterator[Doubt]:
    """A step or turn of a size that no robot has: another unit, mostly."""
    for loc, action in subject.allowed():
        effect = action.effect
        if effect.kind not in USUAL:
            continue
        low, high = USUAL[effect.kind]
        is_turn = effect.unit == "rad"
        size = math.degrees(abs(effect.amount)) if is_turn else abs(effect.amount)
        if low <= size <= high:
            continue
        unit = "degrees" if is_turn else "m"
        guess = f" If this is in radians, write {math.degrees(size):.4g}" if is_turn and size < low else ""
        what = f"{action.name}: {describe(effect)} is an unusual size; {low:g} to {high:g} {unit} are usual"
        yield loc, f"{what}. Check the unit.{guess}"


def beyond_the_joint(subject: Subject) -> Iterator[Doubt]:
    """A turn of a camera that is larger than its joint's whole range."""
    for loc, action in subject.allowed():
        effect = action.effect
        if effect.camera is None:
            continue
        camera = subject.body.camera(effect.camera)
        limits = camera.pan if effect.axis == "pan" else camera.tilt
        if limits is not None and abs(effect.amount) > limits.high - limits.low:
            whole = math.degrees(limits.high - limits.low)
            yield loc, f"{action.name}: {describe(effect)} is more than the joint's whole range of {whole:g} degrees. Check both"


def name_and_effect(subject: Subject) -> Iterator[Doubt]:
    """`rotate_left` that turns to the right."""
    for loc, action in subject.allowed():
        effect = action.effect
        sign = 1 if effect.amount > 0 else -1
        for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", action.name):
            if (effect.kind, effect.axis, sign) in _AGAINST.get(word.lower(), ()):
                yield loc, f"'{action.name}' does {describe(effect)}, which its name contradicts. Rename it, or turn the direction round"


def same_effect_twice(subject: Subject) -> Iterator[Doubt]:
    """Two rows that do the same."""
    first: dict[Effect, str] = {}
    for loc, action in subject.allowed():
        other = first.setdefault(action.effect, action.name)
        if other != action.name:
            yield loc, f"'{action.name}' does the same as '{other}': {describe(action.effect)}. Remove one, or give it its own size"
