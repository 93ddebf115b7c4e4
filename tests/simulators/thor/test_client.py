"""The unmodified ai2thor client starts the engine and is answered. Engine only: nothing here has seen AI2-THOR itself."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai2thor.controller import Controller

from flare_core.simulators.thor.engine import wire
from tests.simulators.thor.calls import Direct

DATA = Path(__file__).parents[2] / "data"
ENGINE = f"{shlex.quote(str(Path(sys.executable).with_name('flare')))} thor-engine"
START: dict[str, Any] = {"width": 300, "height": 300, "x_display": ":0", "server_timeout": 60.0, "server_start_timeout": 120.0}


@pytest.fixture(scope="module")
def controller(home: Path) -> Iterator[Controller]:
    made = Controller(local_executable_path=f"{ENGINE} --build nanna", **START)
    yield made
    made.stop()


def test_a_script_after_the_public_documentation_runs(controller: Controller) -> None:
    """Calls as in the documentation of iTHOR, ManipulaTHOR, RoboTHOR and ProcTHOR, in their order there."""
    say = controller.step
    event = controller.reset(
        scene="FloorPlan212", agentMode="default", visibilityDistance=1.5, gridSize=0.25, renderDepthImage=True,
        renderInstanceSegmentation=True, fieldOfView=90,
    )  # fmt: skip
    assert event.frame.shape == event.instance_segmentation_frame.shape == (300, 300, 3)
    assert event.depth_frame.shape == (300, 300)
    assert event.metadata["sceneName"] == "FloorPlan212_physics"
    for call in (
        {"action": "MoveAhead"}, {"action": "MoveBack", "moveMagnitude": 0.1}, {"action": "MoveLeft"}, {"action": "MoveRight"},
        {"action": "RotateRight"}, {"action": "RotateLeft", "degrees": 30}, {"action": "LookUp", "degrees": 30},
        {"action": "LookDown", "degrees": 30}, {"action": "Crouch"}, {"action": "Stand"}, {"action": "Done"}, {"action": "Pass"},
    ):  # fmt: skip
        event = say(**call)
        assert event.metadata["lastAction"] == call["action"]
        assert event.metadata["errorCode"] in (None, "")
    places = say("GetReachablePositions").metadata["actionReturn"]
    assert len(places) > 10
    for place in places[:4]:
        assert say(action="Teleport", position=place, rotation={"x": 0, "y": 270, "z": 0}, horizon=30, standing=True)
    assert say("TeleportFull", rotation={"x": 0, "y": 0, "z": 0}, horizon=0, standing=True, **{"position": places[0]})
    kinds = {one["objectType"] for one in event.metadata["objects"]}
    found = say("GetObjectMetadata", objectIds=[event.metadata["objects"][0]["objectId"]]).metadata["actionReturn"]
    assert found[0]["objectType"] in kinds
    assert len(say("SetObjectFilter", objectIds=[]).metadata["objects"]) == 0
    assert len(say("ResetObjectFilter").metadata["objects"]) == len(event.metadata["objects"])
    path = say("GetShortestPath", objectType=sorted(kinds)[0], position=places[0]).metadata
    assert not path["lastActionSuccess"] or len(path["actionReturn"]["corners"]) >= 1
    view = say("GetMapViewCameraProperties").metadata["actionReturn"]
    assert say("AddThirdPartyCamera", position=view["position"], rotation=view["rotation"], fieldOfView=90)
    event = say("UpdateThirdPartyCamera", thirdPartyCameraId=0, rotation={"x": 80, "y": 0, "z": 0}, fieldOfView=100)
    assert len(event.third_party_camera_frames) == 1
    assert event.third_party_depth_frames[0].shape == (300, 300)
    shown = [ident for ident in event.instance_detections2D if ident in {one["objectId"] for one in event.metadata["objects"]}]
    assert all(event.instance_masks[ident].any() for ident in shown)

    event = controller.reset(scene="FloorPlan_Train1_3", agentMode="locobot", gridSize=0.25, rotateStepDegrees=90, applyActionNoise=False)
    for name in ("MoveAhead", "RotateRight", "LookDown", "LookUp", "Stop", "RotateLeft", "MoveBack"):
        say(name)
    event = controller.reset(scene="FloorPlan1", agentMode="stretch", gridSize=0.25)
    for call in (
        {"action": "MoveAgent", "ahead": 0.1}, {"action": "RotateAgent", "degrees": 30},
        {"action": "MoveArm", "position": {"x": 0, "y": 0.5, "z": 0.4}, "coordinateSpace": "armBase", "speed": 1},
        {"action": "MoveArmBase", "y": 0.5}, {"action": "MoveArmRelative", "offset": {"x": 0, "y": 0.05, "z": 0}},
        {"action": "RotateWristRelative", "yaw": -20}, {"action": "SetHandSphereRadius", "radius": 0.1},
        {"action": "SetGripperOpenness", "openness": 30}, {"action": "PickupObject"}, {"action": "ReleaseObject"},
        {"action": "RotateCameraMount", "degrees": 27, "secondary": True}, {"action": "GetVisibleObjects", "maxDistance": 2.0},
    ):  # fmt: skip
        event = say(**call)
        assert event.metadata["lastAction"] == call["action"]
    house = json.loads((DATA / "houses" / "procthor_train_4.json").read_text())
    event = controller.reset(scene=house)
    assert event
    assert say("TeleportFull", **house["metadata"]["agent"])


def test_wrong_calls_raise_and_the_next_call_works(controller: Controller) -> None:
    controller.reset(scene="FloorPlan5", agentMode="default")
    with pytest.raises(ValueError, match="Invalid action: Fly"):
        controller.step("Fly")
    with pytest.raises(ValueError, match="invalid argument: 'far'"):
        controller.step("MoveAhead", far=True)
    with pytest.raises(ValueError, match=r"PutObject\. AI2-THOR has it, this engine does not"):
        controller.step("PutObject", objectId="Apple|1")
    controller.step("LookDown", degrees=60)
    with pytest.raises(RuntimeError, match="can't look down beyond 60"):
        controller.step("LookDown", raise_for_failure=True)
    with pytest.raises(ValueError, match="FloorPlan9999"):
        controller.reset(scene="FloorPlan9999")
    assert controller.step("Pass")


def test_frames_are_upright_and_are_the_engines_own(controller: Controller) -> None:
    settings = {"agentMode": "default", "renderDepthImage": True, "fieldOfView": 60, "gridSize": 0.25}
    event = controller.reset(scene="FloorPlan301", **settings)
    call = Direct(width=300, height=300, build="nanna")
    assert call("Reset", sceneName="FloorPlan301_physics")
    assert call("Initialize", **settings)
    answer = call("Pass")
    assert np.array_equal(event.frame, answer.frames[wire.IMAGE][0])
    assert np.array_equal(event.depth_frame, answer.frames[wire.DEPTH][0])
    low = controller.step("LookDown", degrees=60).depth_frame
    assert low[-1].mean() < low[0].mean(), "the floor at one's feet is nearer than what is ahead"


def test_the_engine_ends_when_its_client_stops_or_goes(home: Path) -> None:
    made = Controller(local_executable_path=ENGINE, **START)
    made.stop()
    assert made.server.unity_proc.poll() is not None
    gone = Controller(local_executable_path=ENGINE, **START)
    gone.server.client_pipe.close()  # as when the client is killed: nobody says goodbye
    gone.server.unity_proc.wait(10)
    gone.server.client_pipe = None
    gone.stop()
