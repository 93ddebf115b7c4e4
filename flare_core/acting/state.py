"""What a policy has to be told of its robot's state: what the masks and the policy's body inputs are computed from."""

import difflib
import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.needs import Need, described
from flare_core.errors import ActingError
from flare_core.world import World

State = Mapping[str, float | bool]
"""Value of every field that a policy needs, by name; `policy.needs` tells which."""

OVERSHOOT: Final = 0.05
"""Part of a joint's range by which a reading may lie outside its limits: encoders do, mistaken units lie further off."""


def refuse_missing(needs: Mapping[str, Need], supplied: Collection[str], robot: str) -> None:
    """Refuse a state that lacks a field, or has one that nobody asked for.

    Raises:
        ActingError: the fields, and what each of them means.
    """
    missing = [need for name, need in needs.items() if name not in supplied]
    if missing:
        listed = "\n".join(f"  {need.name}: {described(need)}" for need in missing)
        raise ActingError(
            f"state: {robot}'s masks and inputs need what is not supplied; without it no action is safe to allow. Supply\n{listed}"
        )
    odd = [name for name in supplied if name not in needs]
    if odd:
        near = difflib.get_close_matches(str(odd[0]), list(needs), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ActingError(f"state: {robot} has no '{str(odd[0])[:80]}'. Its state has {', '.join(needs) or 'no fields at all'}.{hint}")


def world_of(body: Embodiment, needs: Mapping[str, Need], state: State) -> World:
    """One row of the view of the world, of which only what masks and body inputs read means something.

    Raises:
        ActingError: a field is missing, unknown, of another type, not finite, or far beyond the joint's limits.
    """
    if not isinstance(state, Mapping):
        raise ActingError(
            f"state: must be a mapping from names to values, not {type(state).__name__}. It needs {', '.join(needs) or 'no fields'}"
        )
    refuse_missing(needs, state.keys(), body.name)
    for need in needs.values():
        _check(need, state[need.name], body.name)
    arm = [state.get("lift_m", 0.0), state.get("extend_m", 0.0), math.radians(state.get("wrist_right_deg", 0.0))]
    heads = [
        [math.radians(state.get(f"{camera.name}.{joint}", 0.0)) for joint in ("pan_right_deg", "tilt_down_deg")] for camera in body.cameras
    ]
    cameras, nowhere = len(body.cameras), np.zeros((1, 3))
    return World(
        house=np.zeros(1, dtype=np.int64), position=nowhere, yaw=np.zeros(1), joints=np.array([arm], dtype=np.float64),
        camera_joints=np.array(heads, dtype=np.float64).reshape(1, cameras, 2), camera_position=np.zeros((1, cameras, 3)),
        camera_yaw=np.zeros((1, cameras)), camera_pitch=np.zeros((1, cameras)), room=np.full(1, -1, dtype=np.int64),
        held=np.array([0 if state.get("holding", False) else -1], dtype=np.int64), hand=nowhere,
        collided=np.array([bool(state.get("contact", False))]), action_succeeded=np.array([not state.get("contact", False)]),
    )  # fmt: skip


def home_state(needs: Mapping[str, Need]) -> dict[str, float | bool]:
    """Every joint at home, nothing in the gripper, nothing touched."""
    return {need.name: False if need.home is None else need.home for need in needs.values()}


def _check(need: Need, value: object, robot: str) -> None:
    if need.kind == "boolean":
        if not isinstance(value, bool | np.bool_):
            raise ActingError(f"state: {need.name} of {robot} must be true or false, not {_shown(value)}: {need.about}")
        return
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating) or not _is_finite(value):
        raise ActingError(f"state: {need.name} of {robot} must be a finite number, not {_shown(value)}: {described(need)}")
    assert need.low is not None
    assert need.high is not None
    slack = OVERSHOOT * (need.high - need.low)
    if not need.low - slack <= value <= need.high + slack:
        raise ActingError(
            f"state: {need.name} of {robot} is {value:g}, far outside of its limits {need.low:g} to {need.high:g}. "
            f"Is it in another unit, or counted the other way? It is {need.about}"
        )


def _is_finite(value: float | np.integer[Any] | np.floating[Any]) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 128:
        return f"int of {value.bit_length()} bits"
    return f"{type(value).__name__} {str(value)[:40]}"
