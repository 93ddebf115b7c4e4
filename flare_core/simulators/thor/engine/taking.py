"""Actions of arms and hands."""

import math
from typing import Any, Final

import numpy as np

from flare_core.simulators.thor.engine.agent import HELD_FORWARD_M, Agent
from flare_core.simulators.thor.engine.arguments import ActionError
from flare_core.simulators.thor.modes import SHOULDER_M, STANDING_M, STRETCH_ARM

Given = dict[str, Any]
_SLACK: Final = 1e-4
_OPENNESS_EDGES: Final = (0, 5, 15, 25, 35, 45)


def move_arm(agent: Agent, given: Given) -> None:
    """MoveArm: the wrist to a position of the arm's base (y up the mast, z along the telescope), or of the world."""
    space, wanted = given.get("coordinateSpace", "armBase"), given["position"]
    lift, extend, _ = agent.joints
    if space == "armBase":
        to_lift, to_extend = wanted.get("y", lift), wanted.get("z", extend)
    elif space == "world":
        x, z, yaw = agent.pose
        along = yaw + STRETCH_ARM.reach_yaw
        to_lift = wanted.get("y", lift + SHOULDER_M) - SHOULDER_M
        to_extend = (wanted.get("x", x) - x) * math.sin(along) + (wanted.get("z", z) - z) * math.cos(along)
    else:
        raise ActionError(
            f"coordinateSpace {space!r} is not supported by this engine: use 'armBase' or 'world'", kind="NotImplementedException"
        )
    _bend(agent, lift_m=to_lift, extend_m=to_extend)


def move_arm_relative(agent: Agent, given: Given) -> None:
    """MoveArmRelative: by an offset in the arm's base."""
    lift, extend, _ = agent.joints
    _bend(agent, lift_m=lift + given["offset"].get("y", 0.0), extend_m=extend + given["offset"].get("z", 0.0))


def move_arm_base(agent: Agent, given: Given) -> None:
    """MoveArmBase: the lift, from 0 to 1 of its way or in metres."""
    low, high = STRETCH_ARM.lift.low, STRETCH_ARM.lift.high
    share = given["y"]
    if given.get("normalizedY", True):
        if not 0 <= share <= 1:
            raise ActionError(f"y={share} value must be [0, 1] when normalizedY=true.", kind="ArgumentOutOfRangeException")
        share = low + share * (high - low)
    _bend(agent, lift_m=share)


def move_arm_base_by(agent: Agent, given: Given, sign: float) -> None:
    """MoveArmBaseUp and MoveArmBaseDown."""
    if given["distance"] <= 0:
        raise ActionError("distance must be > 0", kind="ArgumentOutOfRangeException")
    _bend(agent, lift_m=agent.joints[0] + sign * given["distance"])


def rotate_wrist(agent: Agent, given: Given) -> None:
    """RotateWristRelative: yaw alone, right positive."""
    if given.get("pitch", 0.0) or given.get("roll", 0.0):
        raise ActionError("Pitch and roll are not supported for the stretch agent.", kind="NotImplementedException")
    _bend(agent, wrist=agent.joints[2] + math.radians(math.fmod(given.get("yaw", 0.0), 360.0)))


def _bend(agent: Agent, lift_m: float | None = None, extend_m: float | None = None, wrist: float | None = None) -> None:
    """Move joints, within their limits: a target beyond one is not reached at all, as by THOR's arm."""
    now, spec = agent.joints, STRETCH_ARM
    there = [float(old if new is None else new) for old, new in zip(now, (lift_m, extend_m, wrist), strict=True)]
    for at, (name, joint) in enumerate((("lift", spec.lift), ("extension", spec.extend), ("wrist", spec.wrist))):
        if not joint.low - _SLACK <= there[at] <= joint.high + _SLACK:
            raise ActionError(
                f"Position is out of arm range: {name} {there[at]:.4f} is not in [{joint.low:.4f}, {joint.high:.4f}]", kind=""
            )
        there[at] = min(max(there[at], joint.low), joint.high)
    agent.bend(*there)


def set_openness(agent: Agent, given: Given) -> None:
    """SetGripperOpenness: one of seven states."""
    openness = given["openness"]
    if not -100 <= openness <= 50:
        raise ActionError(f"Invalid value for `openness`: '{openness}'. Value should be between -100 and 50")
    agent.openness_state = sum(openness >= edge for edge in _OPENNESS_EDGES)


def grasp(agent: Agent, given: Given) -> None:
    """PickupObject of an agent with an arm: what is in the hand sphere."""
    if agent.held >= 0:
        raise ActionError("Can't pick up, as the hand holds something already", kind="", code="InventoryFull")
    candidates = given.get("objectIdCandidates")
    thing = int(agent.simulator.graspable(np.zeros(1, dtype=np.int64))[0])
    if thing < 0 or (candidates is not None and agent.stage.things[thing].id not in candidates):
        raise ActionError("No objects (specified by candidate) can be picked up.", kind="")
    agent.grip(close=True)


def pick_up(agent: Agent, given: Given) -> None:
    """PickupObject of an agent without an arm: an object by its id, if it can be seen."""
    thing = agent.index_of(given["objectId"])
    if agent.held >= 0:
        raise ActionError("Agent hand has something in it already! Can't pick up anything else", kind="", code="InventoryFull")
    if not agent.stage.things[thing].is_pickupable:
        raise ActionError(f"{given['objectId']} must have the property CanPickup to be picked up.", kind="", code="ObjectNotPickupable")
    if not given.get("forceAction", False) and not agent.sees([thing], agent.settings.visibility_m)[0]:
        raise ActionError(
            "Target object not found within the specified visibility.", kind="NullReferenceException", code="ObjectNotVisible"
        )
    agent.hold(thing, _hand(agent))


def carry(agent: Agent) -> None:
    """Keep what an agent without an arm holds in front of its camera."""
    if agent.held >= 0 and not agent.settings.mode.has_arm:
        agent.hold(agent.held, _hand(agent))


def let_go(agent: Agent, given: Given) -> None:
    """ReleaseObject and DropHandObject: it falls onto what is below."""
    del given
    if agent.held < 0:
        if agent.settings.mode.has_arm:
            return  # THOR's arm opens its hand, whether or not it holds something
        raise ActionError("nothing in hand to drop", kind="", code="ObjectNotInInventory")
    agent.grip(close=False)


def _hand(agent: Agent) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(4,) pose of what is held in front of the main camera."""
    (x, y, z), _ = agent.main.pose(agent.pose)
    yaw, pitch = float(agent.pose[2]), math.radians(agent.main.pitch)
    flat = HELD_FORWARD_M * math.cos(pitch)
    return np.array([x + math.sin(yaw) * flat, y - HELD_FORWARD_M * math.sin(pitch) - 0.15, z + math.cos(yaw) * flat, yaw])


def joints_metadata(agent: Agent) -> list[dict[str, Any]]:
    """The arm's joints from the mast to the wrist, as metadata has them: positions from the agent's root, angle and axis."""
    lift, extend, wrist = (float(value) for value in agent.joints)
    x, z, yaw = (float(value) for value in agent.pose)
    along = yaw + STRETCH_ARM.reach_yaw
    out = []
    links = [("lift", 0.0), *((f"arm_{number}", extend * number / 4) for number in range(1, 5)), ("wrist_1", extend), ("wrist_2", extend)]
    for name, reach in links:
        turned = math.degrees(wrist) if name.startswith("wrist") else 0.0
        rotation = {"x": 0.0, "y": 1.0, "z": 0.0, "w": turned}
        out.append({
            "name": f"stretch_robot_{name}_jnt",
            "position": {"x": x + math.sin(along) * reach, "y": lift + SHOULDER_M, "z": z + math.cos(along) * reach},
            "rootRelativePosition": {"x": 0.0, "y": lift + SHOULDER_M, "z": reach}, "rotation": rotation,
            "rootRelativeRotation": rotation, "localRotation": rotation,
        })  # fmt: skip
    return out


def arm_metadata(agent: Agent) -> dict[str, Any]:
    """What metadata says of the arm."""
    things, held = agent.stage.things, agent.held
    near = int(agent.simulator.graspable(np.zeros(1, dtype=np.int64))[0])
    hand = agent.world.hand[0]
    return {
        "joints": joints_metadata(agent), "heldObjects": [things[held].id] if held >= 0 else [],
        "pickupableObjects": [things[near].id] if near >= 0 else [], "touchedNotHeldObjects": [],
        "handSphereCenter": {"x": float(hand[0]), "y": float(hand[1]), "z": float(hand[2])},
        "handSphereRadius": agent.settings.hand_radius_m, "gripperOpennessState": agent.openness_state, "rootHeight": STANDING_M,
    }  # fmt: skip
