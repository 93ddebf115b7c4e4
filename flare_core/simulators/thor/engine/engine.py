"""The engine: takes one action after the other and answers with metadata and pictures, as AI2-THOR would.

Reference: AI2-THOR, AgentManager.cs (`Initialize`, `Reset`, what a frame carries) and the client's controller.py and server.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgpack
import numpy as np

from flare_core.embodiments.body import Footprint
from flare_core.errors import FlareError
from flare_core.simulators.thor.engine import taking, wire
from flare_core.simulators.thor.engine.agent import Agent, Settings
from flare_core.simulators.thor.engine.arguments import ActionError, CallError
from flare_core.simulators.thor.engine.asking import told_of
from flare_core.simulators.thor.engine.catalogue import ACTIONS, REFUSED, Action
from flare_core.simulators.thor.engine.metadata import NOT_THOR, PackedObjects, spliced, vector
from flare_core.simulators.thor.engine.optics import Lens
from flare_core.simulators.thor.engine.stage import PROCEDURAL, SCENES, Stage, empty_stage, named_stage, procedural_stage
from flare_core.simulators.thor.modes import MODES, Build
from flare_core.world import Floats

FIRST_SCENE: Final = "FloorPlan1_physics"
HOUSES: Final = 256  # kept, some 150 kB each
_RENAMED: Final = {"locobot": "locobot", "bot": "locobot", "stochastic": "locobot"}
_LARGEST_SIDE: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an action."""

    success: bool
    returned: Any = None
    message: str = ""
    code: str = ""
    is_query: bool = False


class Engine:
    """One client's simulator, whatever carries its messages."""

    def __init__(self, build: Build, width: int, height: int, stage: Stage | None = None) -> None:
        """Show a scene; the first one if none is given."""
        self.build, self.size = build, (width, height)
        self._sequence = 0
        self._action = ""
        self._stages: dict[str, Stage] = {}
        self._house = lru_cache(maxsize=HOUSES)(lambda text: procedural_stage(json.loads(text)))
        self.begin(stage or self._named(FIRST_SCENE), Settings())

    def first(self) -> list[wire.Field]:
        """What the engine says before it was asked."""
        return self._frame(Outcome(success=True), {})

    def answer(self, call: Mapping[str, Any]) -> list[wire.Field]:
        """Carry out one action; the fields of the answer. Whatever goes wrong is an answer too: a client would wait for ever."""
        self._action = str(call.get("action", ""))
        sequence = call.get("sequenceId", self._sequence)
        self._sequence = sequence if isinstance(sequence, int) else self._sequence
        self.agent.collided = False
        outcome = self._carried_out(call)
        try:
            return self._told(outcome, call)
        except Exception as fault:  # noqa: BLE001  # as below
            message = f"thor-engine: internal fault in the answer to {self._action}: {type(fault).__name__}: {fault}"
            self._sequence = self._sequence if abs(self._sequence) < 2**63 else 0
            return [(wire.PATCH, msgpack.packb(self._said(Outcome(success=False, message=message)) | {"agentId": 0}))]

    def _told(self, outcome: Outcome, call: Mapping[str, Any]) -> list[wire.Field]:
        if outcome.is_query and self.agent.settings.emits_fast:
            return [(wire.PATCH, msgpack.packb(self._said(outcome) | {"agentId": 0}))]
        return self._frame(outcome, call)

    def _carried_out(self, call: Mapping[str, Any]) -> Outcome:
        try:
            own = getattr(self, f"_do_{self._action}", None) if self._action in _OWN else None
            if own is not None:
                return Outcome(success=True, returned=own(call), is_query=self._action == "GetScenesInBuild")
            action = self._find()
            given = action.signature(self.build).read(call)
            returned = action.run(self.agent, given)
            taking.carry(self.agent)
            return Outcome(success=True, returned=returned, is_query=action.is_query)
        except CallError as fault:
            return Outcome(success=False, message=str(fault), code=fault.code)
        except ActionError as fault:
            return Outcome(success=False, message=str(fault), code=fault.code)
        except FlareError as fault:
            return Outcome(success=False, message=f"{fault}")
        except Exception as fault:  # noqa: BLE001  # a fault of ours; an engine that fell silent would leave the client waiting
            return Outcome(success=False, message=f"thor-engine: internal fault in {self._action}: {type(fault).__name__}: {fault}")

    def _find(self) -> Action:
        name, mode = self._action, self.agent.settings.mode.name
        here = [one for one in ACTIONS.get(name, ()) if mode in one.modes and self.build in one.builds]
        if here:
            return here[0]
        if name in REFUSED:
            raise CallError("InvalidAction", f"Invalid action: {name}. AI2-THOR has it, this engine does not ({NOT_THOR})")
        if name in ACTIONS:
            raise CallError("InvalidAction", f"Invalid action: {name}. The {mode} agent of build {self.build} has none of this name")
        raise CallError("InvalidAction", f"Invalid action: {name}")

    # Actions of the whole scene; their arguments are free, as AI2-THOR's are here.

    def _do_Reset(self, call: Mapping[str, Any]) -> None:  # noqa: N802, the client's name
        name = str(call.get("sceneName", FIRST_SCENE))
        if name not in SCENES:
            raise ActionError(f"no scene {name!r} in this engine", kind="ArgumentException")
        self.begin(empty_stage() if name == PROCEDURAL else self._named(name), Settings())

    def _do_Initialize(self, call: Mapping[str, Any]) -> dict[str, float]:  # noqa: N802
        settings = self._settings(call)
        self.begin(self.agent.stage, settings)
        return {"cameraNearPlane": settings.near_m, "cameraFarPlane": settings.far_m}

    def _do_CreateHouse(self, call: Mapping[str, Any]) -> None:  # noqa: N802
        if not isinstance(call.get("house"), dict):
            raise CallError("MissingArguments", "action: CreateHouse is missing the following arguments: house")
        stage, lenses = self._house(json.dumps(call["house"])), self.agent.lenses
        start = stage.start
        self.begin(stage, self.agent.settings)
        self.agent.lenses = lenses
        if start is None:
            self.agent.put(0.0, 0.0, 0.0)

    def _do_GetScenesInBuild(self, call: Mapping[str, Any]) -> list[str]:  # noqa: N802
        del call
        return list(SCENES)

    def _do_ChangeResolution(self, call: Mapping[str, Any]) -> None:  # noqa: N802
        size = call.get("x"), call.get("y")
        if not all(isinstance(side, int | float) and 1 <= side <= _LARGEST_SIDE for side in size):
            raise ActionError(f"cannot show {size[0]} x {size[1]} pixels", kind="ArgumentException")
        self.size = (int(size[0]), int(size[1]))  # type: ignore[arg-type]
        self.agent.aspect = self.size[0] / self.size[1]

    def _do_SetHandSphereRadius(self, call: Mapping[str, Any]) -> None:  # noqa: N802
        radius = call.get("radius")
        if not self.agent.settings.mode.has_arm:
            raise CallError("InvalidAction", f"Invalid action: SetHandSphereRadius. The {self.agent.settings.mode.name} agent has no arm")
        if not isinstance(radius, int | float) or not 0.04 <= radius <= 0.5:
            raise ActionError(
                f"radius {radius} of sphere cannot be less than 0.04m nor greater than 0.5m", kind="ArgumentOutOfRangeException"
            )
        self.agent.widen_hand(float(radius))

    def _named(self, name: str) -> Stage:
        if name not in self._stages:
            self._stages[name] = named_stage(name)
        return self._stages[name]

    def begin(self, stage: Stage, settings: Settings) -> None:
        """Show a scene, with the agent where it has it begin."""
        self.agent = Agent(stage, settings, self.size[0] / self.size[1])
        self._packed: tuple[object, PackedObjects] | None = None
        packer = msgpack.Packer()
        names = [thing.id for thing in stage.things]
        self._colours = packer.pack([
            {"name": name, "color": [int(value) for value in colour[:3]]}
            for name, colour in zip([*names, "Structure", "Agent"], self.agent.colours, strict=True)
        ])  # fmt: skip

    def _settings(self, call: Mapping[str, Any]) -> Settings:
        """What `Initialize` asks for.

        Raises:
            ActionError: an agent mode that this build or engine lacks, or an ill-formed value.
        """
        name = str(call.get("agentMode", "default")).lower()
        mode = MODES.get(_RENAMED.get(name, name))
        if mode is None or self.build not in mode.builds:
            has = ", ".join(one.name for one in MODES.values() if self.build in one.builds)
            raise ActionError(f"unsupported agentMode {name!r}: build {self.build} of this engine has {has}", kind="ArgumentException")
        if int(call.get("agentCount", 1)) != 1:
            raise ActionError("this engine has one agent: agentCount must be 1", kind="ArgumentException")
        lacking = [name for name in _NOT_DRAWN if call.get(name)]
        if lacking:
            raise ActionError(f"this engine draws pictures, depth and instances; it has no {lacking[0]}", kind="NotImplementedException")
        number = _Numbers(call)
        return Settings(
            mode=mode, grid_m=number("gridSize", 0.25, 1e-5, 100.0), snaps=bool(call.get("snapToGrid", True)),
            rotate_step_deg=number("rotateStepDegrees", 90.0, 0.0, 360.0),
            visibility_m=number("visibilityDistance", 1.5, 0.0, 1e4), fov_deg=number("fieldOfView", None, 1e-3, 179.999),
            depth=bool(call.get("renderDepthImage", False)),
            ids=bool(call.get("renderInstanceSegmentation", False) or call.get("renderObjectImage", False)),
            image=bool(call.get("renderImage", True)), emits_fast=bool(call.get("fastActionEmit", True)),
            noise=bool(call.get("applyActionNoise", True)),
            move_mean_m=number("movementGaussianMu", 0.001, 0.0, 10.0), move_spread_m=number("movementGaussianSigma", 0.005, 0.0, 10.0),
            turn_mean_deg=number("rotateGaussianMu", 0.0, 0.0, 360.0), turn_spread_deg=number("rotateGaussianSigma", 0.5, 0.0, 360.0),
            up_deg=number("maxUpwardLookAngle", None, 0.0, 90.0) or None, down_deg=number("maxDownwardLookAngle", None, 0.0, 90.0) or None,
            near_m=number("cameraNearPlane", 0.1, 1e-3, 1e3), far_m=number("cameraFarPlane", 20.0, 1e-2, 1e5),
            footprint=_box_of(call) if mode.footprint is None else None,
        )  # fmt: skip

    # Answers.

    def _frame(self, outcome: Outcome, call: Mapping[str, Any]) -> list[wire.Field]:
        settings, shows = self.agent.settings, bool(call.get("renderImage", self.agent.settings.image))
        ids = settings.ids or bool(call.get("renderInstanceSegmentation", False))
        fields: list[wire.Field] = [(wire.METADATA, self._metadata(outcome, shows, ids))]
        if not shows:
            return fields
        pose = self.agent.pose
        views = [(self.agent.main, wire.IMAGE, wire.DEPTH, wire.IDS)]
        views += [(lens, wire.THIRD_IMAGE, wire.THIRD_DEPTH, wire.THIRD_IDS) for lens in self.agent.lenses]
        for lens, image, depth, shown_ids in views:
            picture = self.agent.photographer.take(lens, pose, self.size, depth=settings.depth, ids=ids)
            fields.append((image, picture.rgb))
            if settings.depth:
                fields.append((depth, picture.depth))
            if ids:
                fields.append((shown_ids, picture.ids))
        return fields

    def _said(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "lastAction": self._action, "lastActionSuccess": outcome.success, "errorMessage": outcome.message,
            "errorCode": outcome.code or None, "actionReturn": outcome.returned,
        }  # fmt: skip

    def _metadata(self, outcome: Outcome, shows: bool, ids: bool) -> bytes:
        agent, (x, z, yaw) = self.agent, (float(value) for value in self.agent.pose)
        mode, boxes = agent.settings.mode, agent.boxes()
        listed = list(range(len(boxes))) if agent.filter is None else agent.filter
        origin = np.array([x, mode.origin_m, z])
        away = np.sqrt(((boxes[listed, :3] - origin) ** 2).sum(axis=1)) if listed else np.zeros(0)
        seen = agent.sees(listed, agent.settings.visibility_m)
        third = [_camera_metadata(at, lens, agent.pose) for at, lens in enumerate(agent.lenses)] if shows else None
        (eye_x, eye_y, eye_z), _ = agent.main.pose(agent.pose)
        inner: dict[str, Any] = self._said(outcome) | {
            "isSceneAtRest": True,
            "agent": {
                "name": "agent", "position": vector(x, mode.origin_m, z), "rotation": vector(0.0, float(np.degrees(yaw)), 0.0),
                "cameraHorizon": agent.main.pitch, "isStanding": agent.is_standing, "inHighFrictionArea": False,
            },
            "heldObjectPose": _HELD, "fov": agent.main.fov, "cameraPosition": vector(eye_x, eye_y, eye_z), "cameraOrthSize": 0.0,
            "thirdPartyCameras": third, "collided": agent.collided, "collidedObjects": [],
            "inventoryObjects": self._inventory(), "sceneName": agent.stage.name, "screenWidth": self.size[0],
            "screenHeight": self.size[1], "agentId": 0, "depthFormat": "Meters", "currentTime": 0.0,
            "sceneBounds": _bounds(agent.stage.low, agent.stage.high), "engine": NOT_THOR,
        } | _UNUSED  # fmt: skip
        if mode.has_arm:
            inner["arm"] = taking.arm_metadata(agent)
        top = {"thirdPartyCameras": third, "activeAgentId": 0, "sequenceId": self._sequence, "engine": NOT_THOR}
        return spliced(inner, self._objects(listed, boxes).written(seen, away), self._colours if ids else b"\xc0", top)

    def _objects(self, listed: list[int], boxes: Floats) -> PackedObjects:
        """The listed objects' bytes, packed anew only when the filter changed or one has moved."""
        agent = self.agent
        key = (tuple(listed), agent.held, boxes[listed].tobytes(), agent.moved(boxes).tobytes())
        if self._packed is None or self._packed[0] != key:
            self._packed = (key, PackedObjects(told_of(agent, listed, boxes)))
        return self._packed[1]

    def _inventory(self) -> list[dict[str, str]]:
        held = self.agent.held
        return [] if held < 0 else [{"objectId": self.agent.stage.things[held].id, "objectType": self.agent.stage.things[held].type}]


_OWN: Final = frozenset(name.removeprefix("_do_") for name in vars(Engine) if name.startswith("_do_"))
_NOT_DRAWN: Final = ("renderSemanticSegmentation", "renderClassImage", "renderNormalsImage", "renderFlowImage")
_ZERO: Final = vector(0.0, 0.0, 0.0)
_HELD: Final = {"position": _ZERO, "rotation": _ZERO, "localPosition": _ZERO, "localRotation": _ZERO}
_UNUSED: Final[dict[str, Any]] = {
    "colorBounds": None, "flatSurfacesOnGrid": [], "distances": [], "normals": [], "isOpenableGrid": [], "segmentedObjectIds": [],
    "objectIdsInBox": [], "actionIntReturn": 0, "actionFloatReturn": 0.0, "actionStringsReturn": [], "actionFloatsReturn": [],
    "actionVector3sReturn": [], "visibleRange": None,
}  # fmt: skip


class _Numbers:
    """Numbers of an `Initialize`, each within its bounds."""

    def __init__(self, call: Mapping[str, Any]) -> None:
        self._call = call

    def __call__(self, name: str, otherwise: Any, low: float, high: float) -> Any:
        value = self._call.get(name)
        if value is None:
            return otherwise
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ActionError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}", kind="ArgumentException")
        return float(value)


def _box_of(call: Mapping[str, Any]) -> Footprint:
    """The box of an fpin agent, in metres. Without a body asset `colliderScaleRatio` is its size, as in FpinAgentController.

    Raises:
        ActionError: the size is missing, or depends on an asset's own.
    """
    given = call.get("agentInitializationParams") or {}
    size = given.get("colliderScaleRatio")
    if not isinstance(size, dict) or not all(isinstance(size.get(axis), int | float) and size[axis] > 0 for axis in "xyz"):
        raise ActionError("fpin needs agentInitializationParams with colliderScaleRatio {x, y, z} in metres", kind="ArgumentException")
    if given.get("bodyAsset") is not None and not given.get("useAbsoluteSize", False):
        raise ActionError("this engine has no assets to scale: give useAbsoluteSize=True", kind="NotImplementedException")
    return Footprint(
        radius_m=None, half_width_m=size["x"] / 2, half_length_m=size["z"] / 2, height_m=size["y"],
        right_m=-float(given.get("originOffsetX", 0.0)), forward_m=-float(given.get("originOffsetZ", 0.0)),
    )  # fmt: skip


def _camera_metadata(number: int, lens: Lens, pose: Floats) -> dict[str, Any]:
    (x, y, z), yaw = lens.pose(pose)
    return {
        "thirdPartyCameraId": number, "position": vector(x, y, z), "rotation": vector(lens.pitch, yaw % 360, 0.0), "fieldOfView": lens.fov,
    }  # fmt: skip


def _bounds(low: Floats, high: Floats) -> dict[str, Any]:
    corners = [[float(x), float(y), float(z)] for x in (high[0], low[0]) for y in (high[1], low[1]) for z in (high[2], low[2])]
    return {"cornerPoints": corners, "center": vector(*((low + high) / 2)), "size": vector(*(high - low))}
