"""Named directions of the YAML -> signed amounts of `body.py`. The one place where a sign or a degree is turned."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flare_core.embodiments.body import EffectKind

_MOVES: Final = MappingProxyType(
    {
        "forward_m": ("forward", 1.0),
        "back_m": ("forward", -1.0),
        "right_m": ("right", 1.0),
        "left_m": ("right", -1.0),
    }
)

# effect -> name in the YAML -> axis in `body.Effect` and sign along it
AXES: Final[Mapping[EffectKind, Mapping[str, tuple[str, float]]]] = MappingProxyType(
    {
        "move_base": _MOVES,
        "turn_base": MappingProxyType({"right_deg": ("right", 1.0), "left_deg": ("right", -1.0)}),
        "turn_camera": MappingProxyType(
            {"right_deg": ("pan", 1.0), "left_deg": ("pan", -1.0), "down_deg": ("tilt", 1.0), "up_deg": ("tilt", -1.0)}
        ),
        "move_arm": MappingProxyType(
            {"lift_m": ("lift", 1.0), "lower_m": ("lift", -1.0), "extend_m": ("extend", 1.0), "retract_m": ("extend", -1.0)}
        ),
        "move_hand": MappingProxyType({**_MOVES, "up_m": ("up", 1.0), "down_m": ("up", -1.0)}),
        "turn_wrist": MappingProxyType({"right_deg": ("right", 1.0), "left_deg": ("right", -1.0)}),
    }
)

OPPOSITES: Final[Mapping[str, str]] = MappingProxyType(
    {
        one: other
        for pair in (
            ("forward_m", "back_m"),
            ("left_m", "right_m"),
            ("up_m", "down_m"),
            ("left_deg", "right_deg"),
            ("up_deg", "down_deg"),
            ("pitch_down_deg", "pitch_up_deg"),
            ("yaw_left_deg", "yaw_right_deg"),
            ("lift_m", "lower_m"),
            ("extend_m", "retract_m"),
        )
        for one, other in (pair, pair[::-1])
    }
)


def amount(kind: EffectKind, name: str, size: float) -> tuple[str, float]:
    """Axis and signed amount (metres or radians) of one effect, such as ("turn_base", "left_deg", 30)."""
    axis, sign = AXES[kind][name]
    return axis, sign * (math.radians(size) if name.endswith("_deg") else size)


def along(positive: float | None, negative: float | None) -> float:
    """Signed value of a pair of named directions, of which at most one is given."""
    return (positive or 0.0) - (negative or 0.0)
