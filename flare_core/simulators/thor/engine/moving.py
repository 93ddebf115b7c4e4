"""Actions of the base and of the cameras."""

import math
from typing import Any, Final

from flare_core.simulators.thor.engine.agent import Agent
from flare_core.simulators.thor.engine.arguments import ActionError
from flare_core.simulators.thor.engine.metadata import vector
from flare_core.simulators.thor.engine.optics import Lens

Given = dict[str, Any]
SECOND_CAMERA: Final = "SecondaryCamera"
_ON_FLOOR_M: Final = 0.05  # how far a teleport may be off the height that the agent stands at
_MOUNT_DEG: Final = 80.00001


def move_by(agent: Agent, given: Given, forward: float, right: float) -> None:
    """MoveAhead and the like: a direction, and how far."""
    magnitude = given.get("moveMagnitude", agent.settings.grid_m)
    if magnitude < 0 or (magnitude == 0 and agent.settings.mode.name == "locobot"):
        raise ActionError("moveMagnitude must be null or >= 0.")
    if right and not agent.settings.mode.sideways:
        raise ActionError(
            "Controller does not support horizontal movement by default. Set AllowHorizontalMovement to true on the Controller."
        )
    agent.move(forward * magnitude, right * magnitude)


def move_agent(agent: Agent, given: Given) -> None:
    """MoveAgent: ahead and to the right at once."""
    ahead, right = given.get("ahead", 0.0), given.get("right", 0.0)
    if ahead == 0.0 and right == 0.0:
        raise ActionError("either ahead or right must be != 0", kind="ArgumentException")
    agent.move(ahead, right)


def rotate(agent: Agent, given: Given, sign: float) -> None:
    """RotateRight, RotateLeft, RotateAgent."""
    agent.turn(sign * given.get("degrees", agent.settings.rotate_step_deg))


def rotate_agent(agent: Agent, given: Given) -> None:
    """RotateAgent: right positive."""
    agent.turn(given["degrees"])


def look(agent: Agent, given: Given, sign: float) -> None:
    """LookDown (sign 1) and LookUp (-1)."""
    step, degrees = agent.settings.mode.look_step_deg, given.get("degrees", 0.0)
    if step is not None and degrees:
        raise ActionError("Must have degrees == 0 for now.", kind="")
    if degrees < 0:
        raise ActionError(f"{'LookDown' if sign > 0 else 'LookUp'} action requires positive degree value. Invalid value used: {degrees}")
    amount = sign * (degrees or step or 30.0)
    up, down = agent.limits_deg
    there = agent.main.pitch + amount
    if there > down + 1e-4:
        raise ActionError(f"can't look down beyond {down:g} degrees below the forward horizon", kind="", code="LookDownCantExceedMin")
    if there < -up - 1e-4:
        raise ActionError(f"can't look up beyond {up:g} degrees above the forward horizon", kind="", code="LookUpCantExceedMax")
    agent.look(amount)


def teleport(agent: Agent, given: Given) -> None:
    """Teleport and TeleportFull: to a pose, unless the body would stick in something there."""
    x, z, yaw = agent.pose
    wanted = given.get("position", {})
    if not all(math.isfinite(value) for value in wanted.values()):
        raise ActionError("the position must be finite numbers", kind="ArgumentException")
    there_x, there_z = wanted.get("x", x), wanted.get("z", z)
    turned = math.radians(given["rotation"]["y"]) if "y" in given.get("rotation", {}) else yaw
    horizon, force = given.get("horizon"), given.get("forceAction", False)
    _check_standing(agent, given)
    low, high = agent.stage.low, agent.stage.high
    if not force and not (low[0] <= there_x <= high[0] and low[2] <= there_z <= high[2]):
        raise ActionError(f"Teleport target ({there_x:.8f}, {there_z:.8f}) is out of scene bounds")
    up, down = agent.limits_deg
    if horizon is not None and not force and not -up - 1e-4 <= horizon <= down + 1e-4:
        raise ActionError(f"Each horizon must be in [{-up:g}:{down:g}]. You gave {horizon}.", kind="ArgumentOutOfRangeException")
    height = wanted.get("y", agent.settings.mode.origin_m)
    if not force and abs(height - agent.settings.mode.origin_m) > _ON_FLOOR_M:
        raise ActionError(
            "After teleporting and adjusting agent position to floor, there was too large a change"
            f"({abs(height - agent.settings.mode.origin_m):.4f} > {_ON_FLOOR_M}) in the y component. Consider using `forceAction=true`"
        )
    if not force and not agent.fits(there_x, there_z, turned):
        raise ActionError("Cannot teleport due to hitting an object or the structure of the scene")
    agent.put(there_x, there_z, turned)
    if horizon is not None:
        agent.main.pitch = horizon
    if "standing" in given:
        _stand(agent, given["standing"])


def _check_standing(agent: Agent, given: Given) -> None:
    if given.get("standing") is False and agent.settings.mode.crouch_m is None:
        raise ActionError(f"the {agent.settings.mode.name} agent cannot crouch")


def stand(agent: Agent, standing: bool) -> None:
    """Stand and Crouch."""
    if agent.settings.mode.crouch_m is None:
        raise ActionError(f"the {agent.settings.mode.name} agent cannot crouch")
    if agent.is_standing == standing:
        raise ActionError("Already standing" if standing else "Already crouching", kind="")
    _stand(agent, standing)


def _stand(agent: Agent, standing: bool) -> None:
    crouch = agent.settings.mode.crouch_m
    if crouch is not None and agent.is_standing != standing:
        agent.main.up += crouch if standing else -crouch
        agent.is_standing = standing


def add_camera(agent: Agent, given: Given) -> None:
    """AddThirdPartyCamera: in the world, or on the agent."""
    lens = Lens(right=0.0, up=0.0, forward=0.0, pitch=0.0, yaw=0.0, fov=90.0, is_attached=given.get("parent", "world") == "agent")
    _aim(agent, lens, given)
    agent.lenses.append(lens)


def update_camera(agent: Agent, given: Given) -> None:
    """UpdateThirdPartyCamera: what is not named stays."""
    number = given.get("thirdPartyCameraId", 0)
    if not 0 <= number < len(agent.lenses):
        raise ActionError(
            f"Invalid thirdPartyCameraId (int: {number}) for UpdateThirdPartyCamera. There are {len(agent.lenses)} third party cameras",
            kind="ArgumentOutOfRangeException",
        )
    lens = agent.lenses[number]
    relative = given.get("agentPositionRelativeCoordinates", False)
    if lens.is_attached and not relative:
        (x, y, z), yaw = lens.pose(agent.pose)
        lens.right, lens.up, lens.forward, lens.yaw, lens.is_attached = x, y, z, yaw, False
    elif relative and not lens.is_attached:
        raise ActionError("agentPositionRelativeCoordinates needs a camera whose parent is the agent")
    _aim(agent, lens, given)


def update_main(agent: Agent, given: Given) -> None:
    """UpdateMainCamera: position and rotation in the agent's frame, and the field of view."""
    _aim(agent, agent.main, given)


def _aim(agent: Agent, lens: Lens, given: Given) -> None:
    fov = given.get("fieldOfView")
    if fov is not None and not 0 < fov < 180:
        raise ActionError(f"fov must be set to (0, 180) noninclusive, not {fov}.", kind="ArgumentOutOfRangeException")
    lens.fov = lens.fov if fov is None else fov
    place, turn = given.get("position", {}), given.get("rotation", {})
    origin = agent.settings.mode.origin_m if lens.is_attached else 0.0
    lens.right, lens.forward = place.get("x", lens.right), place.get("z", lens.forward)
    lens.up = place["y"] + origin if "y" in place else lens.up
    lens.pitch, lens.yaw = turn.get("x", lens.pitch), turn.get("y", lens.yaw)
    if turn.get("z"):
        raise ActionError("this engine has no cameras that roll: rotation.z must be 0", kind="NotImplementedException")
    if given.get("orthographic"):
        raise ActionError("this engine has no orthographic cameras", kind="NotImplementedException")


def rotate_mount(agent: Agent, given: Given) -> None:
    """RotateCameraMount: the pitch of one of the Stretch's cameras."""
    degrees = given["degrees"]
    if not -_MOUNT_DEG <= degrees <= _MOUNT_DEG:
        raise ActionError(f"Invalid value for `degrees`: '{degrees}'. Value should be between '{-_MOUNT_DEG}' and '{_MOUNT_DEG}'.", kind="")
    lens = agent.lenses[0] if given.get("secondary", False) else agent.main
    lens.pitch = degrees


def change_fov(agent: Agent, given: Given) -> None:
    """ChangeFOV: of the main camera, or of the Stretch's second one."""
    camera = given.get("camera", "FirstPersonCharacter")
    if camera not in ("FirstPersonCharacter", SECOND_CAMERA) or (camera == SECOND_CAMERA and not agent.lenses):
        raise ActionError(f"no camera {camera!r}: use 'FirstPersonCharacter' or '{SECOND_CAMERA}'", kind="ArgumentException")
    _aim(agent, agent.lenses[0] if camera == SECOND_CAMERA else agent.main, {"fieldOfView": given["fieldOfView"]})


def map_view(agent: Agent, given: Given) -> dict[str, Any]:
    """GetMapViewCameraProperties: a camera that looks down on the whole scene."""
    del given
    low, high = agent.stage.low, agent.stage.high
    centre = (low + high) / 2
    return {
        "position": vector(centre[0], high[1], centre[2]), "rotation": vector(90.0, 0.0, 0.0),
        "orthographicSize": float(max(high[0] - low[0], high[2] - low[2]) / 2), "orthographic": True,
    }  # fmt: skip
