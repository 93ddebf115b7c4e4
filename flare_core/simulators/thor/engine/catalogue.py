"""Every action that the engine has, with its arguments, and those of AI2-THOR that it refuses by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from flare_core.simulators.thor.engine import asking, moving, taking
from flare_core.simulators.thor.engine.agent import Agent
from flare_core.simulators.thor.engine.arguments import Kind, Signature
from flare_core.simulators.thor.modes import MODES, Build

Handler = Callable[[Agent, dict[str, Any]], Any]
_BOTH: Final[tuple[Build, ...]] = ("5.0.0", "nanna")
_ANY: Final = tuple(MODES)
_FREE: Final = ("default", "fpin")
_ARMED: Final = ("stretch", "arm")
_TIMES: Final[Mapping[str, Kind]] = {"speed": "float", "returnToStart": "bool"}
_OLD_TIMES: Final[Mapping[str, Kind]] = {"fixedDeltaTime": "float", "disableRendering": "bool"}
_MOVE: Final[Mapping[str, Kind]] = {
    "moveMagnitude": "float", "noise": "float", "forceAction": "bool", "manualInteract": "bool", "allowAgentsToIntersect": "bool",
}  # fmt: skip
_POSE: Final[Mapping[str, Kind]] = {
    "position": "Vector3", "rotation": "Vector3", "horizon": "float", "standing": "bool", "forceAction": "bool",
}  # fmt: skip
_CAMERA: Final[Mapping[str, Kind]] = {
    "position": "Vector3", "rotation": "Vector3", "fieldOfView": "float", "skyboxColor": "string", "orthographic": "bool",
    "orthographicSize": "float", "nearClippingPlane": "float", "farClippingPlane": "float", "antiAliasing": "string",
}  # fmt: skip
_ATTACHED: Final[Mapping[str, Kind]] = {"parent": "string", "agentId": "int", "agentPositionRelativeCoordinates": "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action.

    Attributes:
        needs, may: arguments; `old`: those that only builds before SPOC's take (ai2thor issue 1212).
        modes: agents that have it. builds: builds that have it.
        is_query: answered without a new picture, where `fastActionEmit` is on.
    """

    run: Handler
    needs: Mapping[str, Kind] = field(default_factory=dict)
    may: Mapping[str, Kind] = field(default_factory=dict)
    old: Mapping[str, Kind] = field(default_factory=dict)
    modes: tuple[str, ...] = _ANY
    builds: tuple[Build, ...] = _BOTH
    is_query: bool = False

    def signature(self, build: Build) -> Signature:
        """Its arguments in one build."""
        return Signature(needs=self.needs, may={**self.may, **(self.old if build == "5.0.0" else {})})


def _move(forward: float, right: float) -> Action:
    def run(agent: Agent, given: dict[str, Any]) -> None:
        moving.move_by(agent, given, forward, right)

    return Action(run=run, may={**_MOVE, **_TIMES}, old=_OLD_TIMES)


def _turn(sign: float) -> Action:
    return Action(
        run=partial(moving.rotate, sign=sign), old=_OLD_TIMES,
        may={"degrees": "float", "manualInteract": "bool", "forceAction": "bool", "noise": "float", **_TIMES},
    )  # fmt: skip


def _look(sign: float) -> Action:
    return Action(
        run=partial(moving.look, sign=sign), may={"degrees": "float", "manualInteract": "bool"}, modes=("default", "locobot", "arm", "fpin")
    )


def _pass(agent: Agent, given: dict[str, Any]) -> None:
    del agent, given


ACTIONS: Final[Mapping[str, tuple[Action, ...]]] = MappingProxyType({
    "MoveAhead": (_move(1.0, 0.0),),
    "MoveBack": (_move(-1.0, 0.0),),
    "MoveRight": (_move(0.0, 1.0),),
    "MoveLeft": (_move(0.0, -1.0),),
    "MoveAgent": (Action(
        run=moving.move_agent, may={"ahead": "float", "right": "float", **_TIMES}, old=_OLD_TIMES, modes=(*_ARMED, "fpin"),
    ),),
    "RotateRight": (_turn(1.0),),
    "RotateLeft": (_turn(-1.0),),
    "RotateAgent": (Action(run=moving.rotate_agent, needs={"degrees": "float"}, may=_TIMES, old=_OLD_TIMES, modes=(*_ARMED, "fpin")),),
    "LookUp": (_look(-1.0),),
    "LookDown": (_look(1.0),),
    "Teleport": (Action(run=moving.teleport, may=_POSE),),
    "TeleportFull": (Action(run=moving.teleport, needs={"position": "Vector3", "rotation": "Vector3", "horizon": "float"}, may={
        "standing": "bool", "forceAction": "bool",
    }),),
    "Stand": (Action(run=lambda agent, _: moving.stand(agent, True), modes=("default",)),),
    "Crouch": (Action(run=lambda agent, _: moving.stand(agent, False), modes=("default",)),),
    "Pass": (Action(run=_pass),),
    "Done": (Action(run=_pass),),
    "Stop": (Action(run=_pass, modes=("locobot",)),),
    "AddThirdPartyCamera": (
        Action(run=moving.add_camera, may=_CAMERA, builds=("5.0.0",)),
        Action(run=moving.add_camera, may={**_CAMERA, **_ATTACHED}, builds=("nanna",)),
    ),
    "UpdateThirdPartyCamera": (
        Action(run=moving.update_camera, may={"thirdPartyCameraId": "int", **_CAMERA}, builds=("5.0.0",)),
        Action(run=moving.update_camera, may={"thirdPartyCameraId": "int", **_CAMERA, **_ATTACHED}, builds=("nanna",)),
    ),
    "UpdateMainCamera": (Action(run=moving.update_main, may=_CAMERA, builds=("nanna",)),),
    "RotateCameraMount": (
        Action(run=moving.rotate_mount, needs={"degrees": "float"}, may={"secondary": "bool"}, modes=("stretch",)),
    ),
    "ChangeFOV": (
        Action(run=moving.change_fov, needs={"fieldOfView": "float"}, may={"camera": "string"}, modes=("stretch",), builds=("nanna",)),
    ),
    "GetMapViewCameraProperties": (Action(run=moving.map_view, is_query=True),),
    "MoveArm": (
        Action(run=taking.move_arm, needs={"position": "Vector3"}, may={
            "coordinateSpace": "string", "restrictMovement": "bool", **_TIMES,
        }, old=_OLD_TIMES, modes=("stretch",)),
    ),
    "MoveArmRelative": (
        Action(run=taking.move_arm_relative, needs={"offset": "Vector3"}, may={
            "coordinateSpace": "string", "restrictMovement": "bool", **_TIMES,
        }, old=_OLD_TIMES, modes=("stretch",)),
    ),
    "MoveArmBase": (
        Action(run=taking.move_arm_base, needs={"y": "float"}, may={"normalizedY": "bool", **_TIMES}, old=_OLD_TIMES, modes=("stretch",)),
    ),
    "MoveArmBaseUp": (
        Action(run=partial(taking.move_arm_base_by, sign=1.0), needs={"distance": "float"}, may=_TIMES, old=_OLD_TIMES, modes=("stretch",)),
    ),
    "MoveArmBaseDown": (
        Action(
            run=partial(taking.move_arm_base_by, sign=-1.0), needs={"distance": "float"}, may=_TIMES, old=_OLD_TIMES, modes=("stretch",),
        ),
    ),
    "RotateWristRelative": (
        Action(
            run=taking.rotate_wrist, may={"pitch": "float", "yaw": "float", "roll": "float", **_TIMES}, old=_OLD_TIMES, modes=("stretch",),
        ),
    ),
    "SetGripperOpenness": (Action(run=taking.set_openness, needs={"openness": "float"}, modes=("stretch",)),),
    "ToggleMagnetVisibility": (Action(run=_pass, may={"visible": "bool"}, modes=("stretch",)),),
    "PickupObject": (
        Action(run=taking.grasp, may={"objectIdCandidates": "string[]"}, modes=("stretch",)),
        Action(run=taking.pick_up, needs={"objectId": "string"}, may={"forceAction": "bool", "manualInteract": "bool"}, modes=_FREE),
    ),
    "ReleaseObject": (Action(run=taking.let_go, modes=("stretch",)),),
    "DropHandObject": (Action(run=taking.let_go, may={"forceAction": "bool", "autoSimulation": "bool"}, modes=_FREE),),
    "GetReachablePositions": (
        Action(run=asking.reachable, may={"gridSize": "float", "maxStepCount": "int", "directionsRelativeAgent": "bool"}, is_query=True),
    ),
    "GetShortestPath": (Action(run=asking.path_to_object, may={
        "objectType": "string", "objectId": "string", "position": "Vector3", "rotation": "Vector3", "allowedError": "float",
    }, is_query=True),),
    "GetShortestPathToPoint": (
        Action(run=asking.path_to_point, needs={"target": "Vector3"}, may={"position": "Vector3", "allowedError": "float"}, is_query=True),
    ),
    "GetObjectMetadata": (Action(run=asking.objects_named, needs={"objectIds": "string[]"}, is_query=True),),
    "GetVisibleObjects": (
        Action(run=asking.visible_objects, may={
            "maxDistance": "float", "visibilityScheme": "string", "thirdPartyCameraIndex": "int",
        }, is_query=True, builds=("nanna",)),
    ),
    "SetObjectFilter": (Action(run=asking.set_filter, needs={"objectIds": "string[]"}),),
    "SetObjectFilterForType": (Action(run=asking.set_filter_by_type, needs={"objectTypes": "string[]"}),),
    "ResetObjectFilter": (Action(run=asking.reset_filter),),
    "ChangeQuality": (Action(run=_pass, needs={"quality": "string"}),),
    "PausePhysicsAutoSim": (Action(run=_pass, may={"autoSyncTransforms": "bool"}),),
    "UnpausePhysicsAutoSim": (Action(run=_pass),),
    "AdvancePhysicsStep": (Action(run=_pass, may={"timeStep": "float", "simSeconds": "float", "allowAutoSimulation": "bool"}),),
})  # fmt: skip

REFUSED: Final = frozenset({
    "BreakObject", "CleanObject", "CloseObject", "CookObject", "DirtyObject", "DirectionalPush", "DisableObject", "EmptyLiquidFromObject",
    "EnableObject", "FillObjectWithLiquid", "GetCoordinateFromRaycast", "GetObjectInFrame", "GetSpawnCoordinatesAboveReceptacle",
    "InitialRandomSpawn", "MakeAllObjectsMoveable", "MoveHeldObject", "MoveHeldObjectAhead", "ObjectNavExpertAction", "OpenObject",
    "PlaceHeldObject", "PlaceObjectAtPoint", "PullObject", "PushObject", "PutObject", "RandomizeColors", "RandomizeLighting",
    "RandomizeMaterials", "RemoveFromScene", "ResetMaterials", "RotateHeldObject", "RotateWrist", "SetHandSphereRadius",
    "SetObjectPoses", "SetObjectStates", "SliceObject", "SpawnAsset", "TeleportArm", "ThrowObject", "ToggleObjectOff", "ToggleObjectOn",
    "TouchThenApplyForce", "UseUpObject",
})  # fmt: skip
"""Actions of AI2-THOR that the engine knows of and does not have."""
