"""A golden trace: a fixed list of calls to AI2-THOR and what came of each, to be recorded where Unity runs and replayed where it does not.

Only such a trace of the real thing can show how far the engine is from it. A trace carries its house, so that it stands alone.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from flare_core.errors import SimError
from flare_core.houses.generate import generate_house

VERSION: Final = 1
SIZE: Final = (128, 72)
HOUSE_SEED: Final = 3
POSITION_M, ANGLE_DEG, PICTURE_LEVELS = 1e-3, 0.05, 6.0  # what counts as the same
Call = dict[str, Any]

_BASE: Final[Sequence[Call]] = (
    {"action": "Pass"}, {"action": "MoveAhead", "moveMagnitude": 0.2}, {"action": "RotateRight", "degrees": 30},
    {"action": "MoveAhead", "moveMagnitude": 0.5}, {"action": "RotateLeft", "degrees": 90}, {"action": "MoveBack", "moveMagnitude": 0.25},
    *({"action": "MoveAhead", "moveMagnitude": 0.4} for _ in range(12)),  # into whatever is there
    {"action": "RotateRight", "degrees": 6}, {"action": "RotateRight", "degrees": 180},
    *({"action": "MoveAhead", "moveMagnitude": 0.25} for _ in range(16)),
    {"action": "MoveAhead", "distance": 1.0}, {"action": "Fly"}, {"action": "Teleport", "position": {"x": 500.0, "y": 0.9, "z": 0.0}},
)  # fmt: skip
_OWN: Final[Mapping[str, Sequence[Call]]] = {
    "default": (
        {"action": "LookDown"}, {"action": "LookDown", "degrees": 30}, {"action": "LookDown"}, {"action": "LookUp", "degrees": 60},
        {"action": "LookUp", "degrees": 60}, {"action": "Crouch"}, {"action": "Stand"}, {"action": "MoveLeft"}, {"action": "MoveRight"},
    ),
    "locobot": (
        {"action": "LookDown"}, {"action": "LookDown"}, {"action": "LookUp"}, {"action": "LookUp"}, {"action": "LookUp"},
        {"action": "LookDown", "degrees": 15}, {"action": "MoveLeft"},
    ),
    "stretch": (
        {"action": "MoveAgent", "ahead": 0.2}, {"action": "MoveAgent", "ahead": -0.2}, {"action": "RotateAgent", "degrees": -30},
        *({"action": "MoveArm", "position": {"x": 0.0, "y": lift, "z": extend}, "coordinateSpace": "armBase"}
          for lift, extend in ((0.3, 0.25), (0.6, 0.25), (0.6, 0.5), (0.6, 0.75), (0.6, 0.9), (1.2, 0.3), (0.2, 0.25))),
        *({"action": "RotateWristRelative", "yaw": yaw} for yaw in (10, -10, -90, -90, -90, 200)),
        {"action": "PickupObject"}, {"action": "ReleaseObject"}, {"action": "SetGripperOpenness", "openness": 30},
        {"action": "RotateCameraMount", "degrees": 27}, {"action": "RotateCameraMount", "degrees": 33, "secondary": True},
        {"action": "RotateCameraMount", "degrees": 90},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of one call. `levels`: the picture's mean red, green and blue in 8 x 8 fields."""

    call: Call
    success: bool
    code: str
    message: str
    position: tuple[float, float, float]
    yaw_deg: float
    horizon_deg: float
    visible: tuple[str, ...]
    arm: tuple[float, float, float] | None
    held: tuple[str, ...]
    levels: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Steps of one agent mode in one house. `simulator`: what it calls itself, "AI2-THOR" for the real thing."""

    version: int
    simulator: str
    client: str
    build: str
    mode: str
    house: dict[str, Any]
    steps: tuple[Step, ...]


def script_of(mode: str) -> tuple[Call, ...]:
    """The fixed list of calls of an agent mode.

    Raises:
        SimError: there is none for it.
    """
    if mode not in _OWN:
        raise SimError(f"thor-record: there is no list of calls for agent mode {mode!r}. Use one of {', '.join(_OWN)}")
    return (*_BASE, *_OWN[mode])


def record(arguments: Mapping[str, Any], mode: str, house: dict[str, Any] | None = None) -> Trace:
    """Start a controller and carry out the list.

    Args:
        arguments: of `Controller`.
        house: ProcTHOR JSON; a generated one if none.

    Raises:
        SimError: it cannot be started, or the house cannot be made.
    """
    import importlib.metadata

    from flare_core.simulators.thor.worker import started

    script = script_of(mode)
    document = generate_house(HOUSE_SEED, "val") if house is None else house
    width, height = SIZE
    try:
        controller = started({"width": width, "height": height, **arguments})
    except Exception as fault:  # noqa: BLE001  # the client fails in many ways, and means the same
        why = f"{type(fault).__name__}: {fault}"
        raise SimError(f"thor-record: ai2thor does not start: {why}. `flare doctor` looks at what it needs") from None
    try:
        settings = {"snapToGrid": False, "gridSize": 0.25, "visibilityDistance": 2.0, "applyActionNoise": False}
        event = controller.reset(scene=document, agentMode=mode, **settings)
        if not event.metadata["lastActionSuccess"]:
            raise SimError(f"thor-record: the house cannot be made: {event.metadata['errorMessage']}")
        pose = document["metadata"]["agent"]
        start: Call = {"action": "Teleport", "position": pose["position"] | {"y": event.metadata["agent"]["position"]["y"]},
                       "rotation": pose["rotation"], "forceAction": True}  # fmt: skip
        steps = tuple(_step(controller, call) for call in (start, *script))
        said = event.metadata.get("engine")
        build = str(getattr(getattr(controller, "_build", None), "commit_id", "given executable"))
    finally:
        controller.stop()
    return Trace(
        version=VERSION, simulator=said or "AI2-THOR", client=importlib.metadata.version("ai2thor"), build=build, mode=mode, house=document,
        steps=steps,
    )  # fmt: skip


def _step(controller: Any, call: Call) -> Step:
    try:
        event = controller.step(**call)
    except ValueError:
        event = controller.last_event
    found = event.metadata
    place, joints = found["agent"]["position"], (found.get("arm") or {}).get("joints")
    return Step(
        call=call, success=bool(found["lastActionSuccess"]), code=str(found["errorCode"] or ""),
        message=str(found["errorMessage"] or "").split(". trace:")[0], position=(place["x"], place["y"], place["z"]),
        yaw_deg=found["agent"]["rotation"]["y"], horizon_deg=found["agent"]["cameraHorizon"],
        visible=tuple(sorted(one["objectId"] for one in found["objects"] if one["visible"])),
        arm=None if not joints else _arm(joints), held=tuple((found.get("arm") or {}).get("heldObjects", ())), levels=_levels(event.frame),
    )  # fmt: skip


def _arm(joints: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Height and reach of the wrist, and its yaw in degrees, as FLaRe reads them."""
    last = joints[-1]
    turn = last["rootRelativeRotation"]
    return joints[0]["rootRelativePosition"]["y"], last["rootRelativePosition"]["z"], turn["w"] * turn["y"]


def _levels(frame: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[float, ...]:
    height, width = frame.shape[0] // 8 * 8, frame.shape[1] // 8 * 8
    fields = frame[:height, :width, :3].reshape(8, height // 8, 8, width // 8, 3).mean(axis=(1, 3))
    return tuple(round(float(value), 2) for value in fields.ravel())


def deviations(golden: Trace, other: Trace) -> list[str]:
    """What is not the same in another trace of the same list; the messages' wording does not count."""
    found = []
    for at, (one, two) in enumerate(zip(golden.steps, other.steps, strict=True)):
        told = []
        if one.success != two.success:
            told.append(f"success {one.success}, here {two.success} ({two.message or one.message})")
        if one.code != two.code:
            told.append(f"code {one.code or 'none'}, here {two.code or 'none'}")
        away = math.dist(one.position, two.position)
        if away > POSITION_M:
            told.append(f"{away:.3f} m apart")
        for what, mine, its in (("yaw", one.yaw_deg, two.yaw_deg), ("horizon", one.horizon_deg, two.horizon_deg)):
            gap = abs((mine - its + 180) % 360 - 180)
            if gap > ANGLE_DEG:
                told.append(f"{what} {gap:.2f} degrees apart")
        if set(one.visible) != set(two.visible):
            told.append(f"sees {len(set(one.visible) ^ set(two.visible))} objects more or fewer")
        if one.arm is not None and two.arm is not None and math.dist(one.arm[:2], two.arm[:2]) > POSITION_M:
            told.append(f"arm {math.dist(one.arm[:2], two.arm[:2]):.3f} m apart")
        if one.held != two.held:
            told.append(f"holds {list(one.held)}, here {list(two.held)}")
        gap = float(np.abs(np.array(one.levels) - np.array(two.levels)).mean())
        if gap > PICTURE_LEVELS:
            told.append(f"picture {gap:.0f} levels apart")
        found += [f"step {at}, {one.call['action']}: {'; '.join(told)}"] if told else []
    return found


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace as JSON."""
    path.write_text(json.dumps(asdict(trace), indent=1) + "\n", encoding="utf-8")


def read_trace(path: Path) -> Trace:
    """Read a trace.

    Raises:
        SimError: the file is none.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise SimError(f"{path}: is a trace of version {data['version']}, this flare reads {VERSION}. Record it again")
        steps = tuple(Step(**_with_tuples(step)) for step in data["steps"])
        return Trace(**{**data, "steps": steps})
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise SimError(f"{path}: is no trace ({type(fault).__name__}: {fault}). `flare thor-record --out` makes one") from None


def _with_tuples(step: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where a step has tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in step.items()}
