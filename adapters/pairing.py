"""When two actions, cameras or joints of different bodies mean the same. Nothing here looks at an index or a shape."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from flare_core.embodiments.body import Camera, Effect, Embodiment, Range

SAME_SIZE: Final = 1e-6
"""Greatest log ratio of two amounts that count as one size."""
MOST_LOG: Final = math.log(2.0)
"""Beyond this log ratio a row is not rescaled without a choice: its meaning has changed too much."""

# YAML's word for a positive and for a negative amount along each axis.
_WORDS: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {
        ("move_base", "forward"): ("forward_m", "back_m"),
        ("move_base", "right"): ("right_m", "left_m"),
        ("turn_base", "right"): ("right_deg", "left_deg"),
        ("turn_camera", "pan"): ("right_deg", "left_deg"),
        ("turn_camera", "tilt"): ("down_deg", "up_deg"),
        ("move_arm", "lift"): ("lift_m", "lower_m"),
        ("move_arm", "extend"): ("extend_m", "retract_m"),
        ("turn_wrist", "right"): ("right_deg", "left_deg"),
        ("move_hand", "forward"): ("forward_m", "back_m"),
        ("move_hand", "right"): ("right_m", "left_m"),
        ("move_hand", "up"): ("up_m", "down_m"),
    }
)


def describe(effect: Effect) -> str:
    """An effect in the words of its YAML, such as `turn_base {left_deg: 30}`."""
    if not effect.unit:
        return f"{effect.kind} {effect.axis}".strip()
    size = math.degrees(effect.amount) if effect.unit == "rad" else effect.amount
    word = _WORDS[effect.kind, effect.axis][effect.amount < 0]
    camera = f"camera: {effect.camera}, " if effect.camera else ""
    return f"{effect.kind} {{{camera}{word}: {round(abs(size), 4):g}}}"


def direction(effect: Effect) -> str:
    """The direction alone, such as `turn_base left`; for messages about what a body lacks."""
    if (effect.kind, effect.axis) in _WORDS:
        return f"{effect.kind} {_WORDS[effect.kind, effect.axis][effect.amount < 0].rsplit('_', 1)[0]}"
    return f"{effect.kind} {effect.axis}".strip()


def cameras_match(source: Camera, target: Camera) -> bool:
    """Whether two cameras stand for one another: the same role, or the same name where a role is missing."""
    if source.role is not None and target.role is not None:
        return source.role == target.role
    return source.name == target.name


def same_direction(source: Embodiment, a: Effect, target: Embodiment, b: Effect) -> bool:
    """Whether two effects differ at most in size: kind, axis, sign and, for a camera, which one."""
    if a.kind != b.kind or a.axis != b.axis or (a.unit and (a.amount > 0) != (b.amount > 0)):
        return False
    if a.camera is None or b.camera is None:
        return a.camera == b.camera
    return cameras_match(source.camera(a.camera), target.camera(b.camera))


def log_ratio(a: Effect, b: Effect) -> float:
    """log(|b| / |a|) of two effects of one direction; 0 where there is nothing to measure."""
    if not a.unit or a.amount == b.amount:
        return 0.0
    if a.amount == 0.0 or b.amount == 0.0:
        return math.inf
    return math.log(abs(b.amount) / abs(a.amount))


def joint_of(body: Embodiment, name: str) -> tuple[Range, float] | None:
    """Limits and home position of the joint behind an entry of `body_inputs`; None for one that is no joint (`holding`)."""
    if ":" in name:
        joint, camera = name.split(":", 1)
        limits = getattr(body.camera(camera), joint)
        return (limits, 0.0) if limits is not None else None
    if body.arm is not None and name in ("lift", "extend", "wrist"):
        return getattr(body.arm, name), getattr(body.arm, f"home_{name}")
    return None


def inputs_match(source: Embodiment, a: str, target: Embodiment, b: str) -> bool:
    """Whether two entries of `body_inputs` measure the same thing."""
    if (":" in a) != (":" in b):
        return False
    if ":" not in a:
        return a == b
    (joint_a, camera_a), (joint_b, camera_b) = a.split(":", 1), b.split(":", 1)
    return joint_a == joint_b and cameras_match(source.camera(camera_a), target.camera(camera_b))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Which source row each target action takes over.

    Attributes:
        rows: source row by target row; the same effect, or one of the same direction within a factor of two.
        ties: source rows that suit a target row equally well, so that nobody but the user can say which is meant.
    """

    rows: Mapping[int, int]
    ties: Mapping[int, tuple[int, ...]]


def pair_actions(source: Embodiment, target: Embodiment, free: Iterable[int], wanted: Iterable[int]) -> Pairs:
    """Pair target actions with source rows, one to one: the same effect first, then the nearest size.

    Args:
        free: source rows that may be taken.
        wanted: target rows that look for one.
    """
    rows: dict[int, int] = {}
    ties: dict[int, tuple[int, ...]] = {}
    left, open_ = set(free), list(wanted)
    gap = {
        (t, s): abs(log_ratio(source.actions[s].effect, target.actions[t].effect))
        for t in open_
        for s in left
        if same_direction(source, source.actions[s].effect, target, target.actions[t].effect)
    }
    for (t, s), size in gap.items():
        if size <= SAME_SIZE and source.actions[s].name == target.actions[t].name and t not in rows and s in left:
            rows[t] = s
            left.discard(s)
    while choices := {pair: size for pair, size in gap.items() if _is_open(pair, rows, ties, left) and size <= MOST_LOG + SAME_SIZE}:
        size = min(choices.values())
        best = [pair for pair, other in choices.items() if other - size <= SAME_SIZE]
        t, s = best[0]
        rivals = [pair for pair in best[1:] if t == pair[0] or s == pair[1]]
        if not rivals:
            rows[t] = s
            left.discard(s)
            continue
        for tied in {t} | {pair[0] for pair in rivals}:
            ties[tied] = tuple(sorted(pair[1] for pair in best if pair[0] == tied))
    return Pairs(rows=rows, ties=ties)


def _is_open(pair: tuple[int, int], rows: Mapping[int, int], ties: Mapping[int, tuple[int, ...]], left: set[int]) -> bool:
    return pair[0] not in rows and pair[0] not in ties and pair[1] in left


def nearest_rows(source: Embodiment, target: Embodiment, effect: Effect) -> tuple[int, ...]:
    """Source rows nearest to a target's effect: same direction, smallest |log ratio|; more than one is a tie, none is none.

    Rows that the source never used (static masks) are left out: they were never trained.
    """
    gaps = {
        at: abs(log_ratio(action.effect, effect))
        for at, action in enumerate(source.actions)
        if action.masked is None and same_direction(source, action.effect, target, effect)
    }
    least = min(gaps.values(), default=math.inf)
    return tuple(at for at, gap in gaps.items() if gap - least <= SAME_SIZE)
