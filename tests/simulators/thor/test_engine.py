"""The engine against numbers worked by hand, and AI2-THOR's own words for what cannot be done."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from flare_core.houses.house import House
from flare_core.simulators.thor.engine import engine, wire
from flare_core.simulators.thor.engine.catalogue import ACTIONS, REFUSED
from flare_core.simulators.thor.engine.stage import procedural_stage
from tests.simulators.scenes import house, thing
from tests.simulators.thor.calls import Answer, Direct

DATA = Path(__file__).parents[2] / "data"
SCHEMA = json.loads((DATA / "ai2thor" / "metadata-schema.json").read_text())
BOX = {"agentInitializationParams": {"colliderScaleRatio": {"x": 0.4, "y": 0.9, "z": 0.5}, "originOffsetZ": 0.1}}
INITIALIZE: dict[str, dict[str, Any]] = {"default": {}, "locobot": {"applyActionNoise": False}, "stretch": {}, "arm": {}, "fpin": BOX}


def direct(*, mode: str = "default", scene: House | None = None, build: str = "nanna", **more: Any) -> Direct:
    """An engine in the ten-metre room, the agent in its middle, looking along +z."""
    call = Direct(scene or house(), build=build, agentMode=mode, **INITIALIZE[mode], **more)  # type: ignore[arg-type]
    assert call("Teleport", position={"x": 0.0, "z": 0.0}, rotation={"y": 0.0}, forceAction=True)
    return call


@pytest.mark.parametrize(("yaw_deg", "x", "z"), [(0, 0.0, 0.25), (90, 0.25, 0.0), (180, 0.0, -0.25), (270, -0.25, 0.0)])
def test_ahead_is_z_at_yaw_0_and_x_at_90_as_unity_counts(yaw_deg: int, x: float, z: float) -> None:
    call = direct()
    call("Teleport", rotation={"y": yaw_deg})
    assert call("MoveAhead").position == pytest.approx((x, 0.9009982, z), abs=1e-9)


def test_moves_and_turns_are_as_large_as_they_are_asked_to_be() -> None:
    call = direct(mode="stretch")
    assert call("MoveAgent", ahead=0.2, right=0.1).position == pytest.approx((0.1, 0.9009982, 0.2), abs=1e-9)
    assert call("RotateRight", degrees=30).yaw_deg == pytest.approx(30)
    assert call("RotateAgent", degrees=-36).yaw_deg == pytest.approx(354)
    assert call("MoveBack", moveMagnitude=0.5).position[2] < 0


def test_a_move_that_would_touch_something_does_not_happen_and_says_what_is_in_the_way() -> None:
    # The capsule's radius is 0.2: a box whose side is at z = 0.5 lets the agent come to z = 0.3.
    call = direct(scene=house(thing("Chair", (0.0, 0.5, 0.75), (0.5, 1.0, 0.5), ident="Chair|1")), gridSize=0.01)
    assert call("MoveAhead", moveMagnitude=0.29)
    blocked = call("MoveAhead", moveMagnitude=0.02)
    assert not blocked
    assert blocked.position[2] == pytest.approx(0.29)
    assert blocked.message == "Chair|1 is blocking Agent 0 from moving by (0.0000, 0.0000, 0.0200)."
    assert blocked.metadata["collided"]


def test_the_locobot_looks_up_and_down_by_30_degrees_and_no_other_amount() -> None:
    call = direct(mode="locobot")
    assert call("LookDown").metadata["agent"]["cameraHorizon"] == 30
    over = call("LookDown")
    assert not over
    assert over.message == "can't look down beyond 30 degrees below the forward horizon"
    assert over.metadata["errorCode"] == "LookDownCantExceedMin"
    assert call("LookUp", degrees=10).message == "Must have degrees == 0 for now."
    assert "horizontal movement" in call("MoveLeft").message


def test_the_locobots_motion_is_noisy_unless_it_is_told_not_to_be() -> None:
    noisy = Direct(house(), agentMode="locobot")
    steps = [noisy("MoveAhead", moveMagnitude=0.05).position for _ in range(40)]
    lengths = [math.dist(one, other) for one, other in pairwise(steps)]
    assert np.mean(lengths) == pytest.approx(0.051, abs=0.003)  # mean 0.001, spread 0.005
    assert np.std(lengths) == pytest.approx(0.005, abs=0.002)
    assert direct(mode="locobot")("MoveAhead", moveMagnitude=0.05).position[2] == pytest.approx(0.05)


def test_wrong_calls_are_told_apart_as_the_client_needs_them() -> None:
    call = direct()
    answers = {
        "Fly": (call("Fly"), "InvalidAction", "Invalid action: Fly"),
        "teleport": (call("TeleportFull", position={"x": 1.0}), "MissingArguments",
                     "action: TeleportFull is missing the following arguments: rotation,horizon"),
        "surplus": (call("MoveAhead", distance=1), "InvalidArgument", '\n\tAction: "MoveAhead" called with invalid argument: \'distance\''),
        "kind": (call("MoveAhead", moveMagnitude="far"), "InvalidArgument",
                 "action: MoveAhead has an invalid argument: moveMagnitude (==far). Cannot convert to: float"),
    }  # fmt: skip
    for name, (answer, code, message) in answers.items():
        assert not answer, name
        assert answer.metadata["errorCode"] == code, name
        assert answer.message.startswith(message), name
    assert call("Pass"), "a wrong call changes nothing"


def test_what_the_engine_does_not_have_is_refused_by_name() -> None:
    call = direct()
    for name in sorted(REFUSED - {"SetHandSphereRadius"}):
        answer = call(name)
        assert not answer
        assert answer.metadata["errorCode"] == "InvalidAction"
        assert name in answer.message
        assert "this engine does not" in answer.message
    assert not REFUSED & set(ACTIONS)


def test_builds_differ_in_arguments_and_actions() -> None:
    old, new = direct(mode="stretch", build="5.0.0"), direct(mode="stretch", build="nanna")
    assert old("MoveAgent", ahead=0.1, fixedDeltaTime=0.02)
    assert new("MoveAgent", ahead=0.1, fixedDeltaTime=0.02).metadata["errorCode"] == "InvalidArgument"
    assert old("UpdateMainCamera", rotation={"x": 10.0}).metadata["errorCode"] == "InvalidAction"
    assert new("UpdateMainCamera", rotation={"x": 10.0})
    refused = old("Initialize", agentMode="fpin", **BOX)
    assert not refused
    assert "build 5.0.0 of this engine has default, arm, locobot, stretch" in refused.message


@pytest.mark.parametrize("mode", list(INITIALIZE))
def test_metadata_fits_ai2thors_own_schema_in_every_mode(mode: str) -> None:
    scene = house(thing("Apple", (0.3, 0.9, 0.6), (0.1, 0.1, 0.1)), thing("Bed", (2.0, 0.3, 2.0), (1.0, 0.6, 2.0)))
    answer = direct(mode=mode, scene=scene)("Pass")
    jsonschema.validate(answer.metadata | {"errorCode": answer.metadata["errorCode"]}, SCHEMA)
    assert "NOT AI2-THOR" in answer.metadata["engine"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({key: value for key, value in answer.metadata.items() if key != "objects"}, SCHEMA)


@pytest.mark.parametrize(("away_m", "is_visible"), [(1.49, True), (1.51, False)])
def test_an_object_is_visible_up_to_the_visibility_distance(away_m: float, is_visible: bool) -> None:
    # A flat thing at eye height: the nearest of its points is its front, at away_m from the axis.
    scene = house(thing("Vase", (0.0, 1.576, away_m + 0.01), (0.02, 0.02, 0.02), ident="Vase|1"))
    found = direct(scene=scene, visibilityDistance=1.5)("Pass").thing("Vase|1")
    assert found["visible"] is is_visible
    assert found["isInteractable"] is is_visible
    assert found["distance"] == pytest.approx(math.hypot(away_m + 0.01, 1.576 - 0.9009982), abs=1e-9)


def test_an_object_behind_another_is_not_visible() -> None:
    vase = thing("Vase", (0.0, 1.576, 1.2), (0.02, 0.02, 0.02), ident="Vase|1")
    screen = thing("Painting", (0.0, 1.5, 0.8), (1.0, 1.0, 0.02))
    assert direct(scene=house(vase))("Pass").thing("Vase|1")["visible"]
    assert not direct(scene=house(vase, screen))("Pass").thing("Vase|1")["visible"]


def test_the_filter_lists_what_it_names_and_an_empty_one_nothing() -> None:
    scene = house(*(thing("Chair", (x, 0.5, 3.0), (0.4, 1.0, 0.4), ident=f"Chair|{x}") for x in (-2.0, 0.0, 2.0)))
    call = direct(scene=scene)
    assert len(call("Pass").metadata["objects"]) == 3
    assert [one["objectId"] for one in call("SetObjectFilter", objectIds=["Chair|2.0", "none"]).metadata["objects"]] == ["Chair|2.0"]
    assert call("SetObjectFilter", objectIds=[]).metadata["objects"] == []
    assert len(call("ResetObjectFilter").metadata["objects"]) == 3


def test_depth_is_short_by_the_near_planes_share_and_ends_at_the_far_plane() -> None:
    call = direct(renderDepthImage=True, fieldOfView=60)
    frame = call("Pass").frames[wire.DEPTH][0]
    assert frame[32, 32] == pytest.approx(5.0 * (1 - 0.1 / 20), rel=1e-5)  # the wall at z = 5
    near = direct(renderDepthImage=True, fieldOfView=60, cameraFarPlane=3.0)("Pass").frames[wire.DEPTH][0]
    assert near[32, 32] == pytest.approx(3.0 * (1 - 0.1 / 3), rel=1e-5)


def test_instance_colours_are_those_that_metadata_names() -> None:
    scene = house(thing("Painting", (0.0, 1.576, 1.0), (0.4, 0.4, 0.1), ident="Painting|1"))
    answer = direct(scene=scene, renderInstanceSegmentation=True)("Pass")
    colours = {one["name"]: tuple(one["color"]) for one in answer.metadata["colors"]}
    ids = answer.frames[wire.IDS][0]
    assert (ids[..., 3] == 255).all()
    assert tuple(ids[32, 32, :3]) == colours["Painting|1"]
    assert tuple(ids[2, 2, :3]) == colours["Structure"]
    assert len(set(colours.values())) == len(colours)


def test_a_third_camera_where_the_main_one_is_sees_the_same_and_stays_when_the_agent_goes() -> None:
    scene = house(thing("Sofa", (0.5, 0.4, 2.0), (1.6, 0.8, 0.8)))
    call = direct(scene=scene, fieldOfView=70)
    answer = call("AddThirdPartyCamera", position={"x": 0.0, "y": 1.5759982, "z": 0.0}, rotation={"x": 0, "y": 0, "z": 0}, fieldOfView=70)
    assert np.array_equal(answer.frames[wire.IMAGE][0], answer.frames[wire.THIRD_IMAGE][0])
    before = answer.frames[wire.THIRD_IMAGE][0]
    after = call("MoveAhead")
    assert np.array_equal(after.frames[wire.THIRD_IMAGE][0], before)
    assert not np.array_equal(after.frames[wire.IMAGE][0], before)
    assert call("UpdateThirdPartyCamera", thirdPartyCameraId=0, fieldOfView=40).metadata["thirdPartyCameras"][0]["fieldOfView"] == 40
    assert "There are 1 third party cameras" in call("UpdateThirdPartyCamera", thirdPartyCameraId=3).message


def test_the_stretchs_cameras_are_where_unity_has_them_and_turn_with_it() -> None:
    call = direct(mode="stretch")
    answer = call("Pass")
    assert answer.metadata["cameraPosition"] == pytest.approx({"x": 0.00192035, "y": 0.9009982 + 0.5447009, "z": 0.0678804})
    second = answer.metadata["thirdPartyCameras"][0]
    assert second["position"] == pytest.approx({"x": 0.05390513, "y": 0.9009982 + 0.5238336, "z": -0.05884857})
    assert second["rotation"] == pytest.approx({"x": 50, "y": 90, "z": 0})
    turned = call("RotateRight", degrees=90).metadata["thirdPartyCameras"][0]
    assert turned["position"] == pytest.approx({"x": -0.05884857, "y": 0.9009982 + 0.5238336, "z": -0.05390513})  # (z, -x) of before
    assert turned["rotation"]["y"] == pytest.approx(180)
    assert call("RotateCameraMount", degrees=27).metadata["agent"]["cameraHorizon"] == 27
    assert call("RotateCameraMount", degrees=33, secondary=True).metadata["thirdPartyCameras"][0]["rotation"]["x"] == 33
    assert "should be between" in call("RotateCameraMount", degrees=81).message


def joints(answer: Answer) -> tuple[float, float, float]:
    """Lift, extension and wrist, read from the joints as FLaRe reads them."""
    found = answer.metadata["arm"]["joints"]
    assert found[-2]["name"] == "stretch_robot_wrist_1_jnt"
    lift = found[0]["rootRelativePosition"]["y"] - 0.16297650337219238
    return lift, found[-1]["rootRelativePosition"]["z"], found[-1]["rootRelativeRotation"]["w"] * found[-1]["rootRelativeRotation"]["y"]


def test_the_stretchs_arm_goes_where_it_is_sent_and_no_further_than_its_limits() -> None:
    call = direct(mode="stretch")
    lift, extend, wrist = joints(call("Pass"))
    assert joints(call("MoveArm", position={"x": 0, "y": lift + 0.1, "z": extend + 0.2})) == pytest.approx((0.3, 0.443, wrist), abs=1e-6)
    assert joints(call("MoveArmBase", y=0.5)) == pytest.approx(((1.0457 - 0.055) / 2, 0.443, wrist), abs=1e-6)
    assert joints(call("MoveArmBase", y=0.7, normalizedY=False))[0] == pytest.approx(0.7, abs=1e-6)
    assert joints(call("RotateWristRelative", yaw=-10))[2] == pytest.approx(-10, abs=1e-6)
    over = call("MoveArm", position={"y": 1.2, "z": 0.3})
    assert "lift 1.2000 is not in [-0.0550, 1.0457]" in over.message
    assert joints(over)[0] == pytest.approx(0.7, abs=1e-6)
    assert "wrist" in call("RotateWristRelative", yaw=90).message
    assert "Pitch and roll are not supported" in call("RotateWristRelative", pitch=10).message


def test_the_hand_takes_what_is_in_its_sphere_and_lets_it_fall_onto_what_is_below() -> None:
    # Shoulder 0.163 up, fingers 0.18 beyond the wrist: the hand is at x = 0.243 + 0.18, y = 0.363.
    apple = thing("Apple", (0.43, 0.36, 0.0), (0.06, 0.06, 0.06), ident="Apple|1")
    call = direct(mode="stretch", scene=house(apple, thing("Crate", (0.43, 0.16, 0.0), (0.1, 0.32, 0.1))))
    assert call("Pass").metadata["arm"]["pickupableObjects"] == ["Apple|1"]
    assert "No objects (specified by candidate)" in call("PickupObject", objectIdCandidates=["Mug|1"]).message
    taken = call("PickupObject")
    assert taken.metadata["arm"]["heldObjects"] == ["Apple|1"]
    assert taken.thing("Apple|1")["isPickedUp"]
    assert taken.metadata["inventoryObjects"] == [{"objectId": "Apple|1", "objectType": "Apple"}]
    lifted = call("MoveArm", position={"y": 0.5, "z": 0.243})
    assert lifted.thing("Apple|1")["position"]["y"] == pytest.approx(0.36 + 0.3, abs=1e-6)
    assert call("PickupObject").metadata["errorCode"] == "InventoryFull"
    fallen = call("ReleaseObject").thing("Apple|1")
    assert not fallen["isPickedUp"]
    assert fallen["position"]["y"] == pytest.approx(0.32 + 0.03, abs=1e-6)  # onto the crate


def test_an_agent_without_an_arm_takes_what_it_sees_by_name_and_drops_it() -> None:
    apple = thing("Apple", (0.0, 1.4, 1.0), (0.06, 0.06, 0.06), ident="Apple|1")
    call = direct(scene=house(apple, thing("Bed", (2.0, 0.3, 3.0), (1.0, 0.6, 2.0), ident="Bed|1")), visibilityDistance=5.0)
    assert call("PickupObject", objectId="Bed|1").metadata["errorCode"] == "ObjectNotPickupable"
    assert "is not the objectId on any object in the scene" in call("PickupObject", objectId="Bed|2").message
    assert call("DropHandObject").metadata["errorCode"] == "ObjectNotInInventory"
    assert call("PickupObject", objectId="Apple|1").thing("Apple|1")["isPickedUp"]
    before = call("Pass").thing("Apple|1")["position"]
    after = call("MoveBack").thing("Apple|1")["position"]
    assert after["z"] == pytest.approx(before["z"] - 0.25)
    assert call("DropHandObject").thing("Apple|1")["position"]["y"] == pytest.approx(0.03, abs=1e-6)
    call("RotateRight", degrees=180)
    assert call("PickupObject", objectId="Apple|1").metadata["errorCode"] == "ObjectNotVisible"


def test_teleports_are_checked_unless_forced() -> None:
    scene = house(thing("Bed", (3.0, 0.3, 3.0), (1.0, 0.6, 1.0)))
    call = direct(scene=scene)
    assert call("Teleport", position={"x": 1.0, "y": 0.9, "z": -2.0}, rotation={"y": 45}, horizon=30).position[::2] == (1.0, -2.0)
    assert "hitting an object" in call("Teleport", position={"x": 3.0, "y": 0.9, "z": 3.0}).message
    assert "out of scene bounds" in call("Teleport", position={"x": 50.0, "y": 0.9, "z": 0.0}).message
    assert "too large a change" in call("Teleport", position={"x": 0.0, "y": 2.0, "z": 0.0}).message
    assert "Each horizon must be in [-30:60]" in call("Teleport", horizon=80).message
    assert call("Teleport", position={"x": 3.0, "y": 0.9, "z": 3.0}, forceAction=True).position[::2] == (3.0, 3.0)
    full = call("TeleportFull", position={"x": 0.0, "y": 0.9, "z": 0.0}, rotation={"x": 0, "y": 90, "z": 0}, horizon=0, standing=False)
    assert full.metadata["cameraPosition"]["y"] == pytest.approx(0.9009982)
    assert not full.metadata["agent"]["isStanding"]
    assert call("Crouch").message == "Already crouching"


def test_reachable_positions_are_the_grid_points_where_the_capsule_fits() -> None:
    # A room of 10 m: the axis keeps 0.2 m from the walls, so 1 m steps reach -4..4 in x and z.
    answer = direct()("GetReachablePositions", gridSize=1.0)
    assert answer.is_patch
    found = {(round(one["x"]), round(one["z"])) for one in answer.metadata["actionReturn"]}
    assert found == {(x, z) for x in range(-4, 5) for z in range(-4, 5)}


def test_the_shortest_path_goes_around_what_stands_in_the_way() -> None:
    wall = thing("Shelf", (0.0, 1.0, 2.0), (4.0, 2.0, 0.2))
    call = direct(scene=house(wall))
    corners = call("GetShortestPathToPoint", target={"x": 0.0, "y": 0.0, "z": 4.0}).metadata["actionReturn"]["corners"]
    points = [(one["x"], one["z"]) for one in corners]
    length = sum(math.dist(one, other) for one, other in pairwise(points))
    around = math.hypot(2.2, 1.9) + math.hypot(2.2, 1.9)  # past the corner at (2, 2 -+ 0.1), 0.2 m off
    assert around - 0.4 < length < around + 0.5
    assert max(abs(x) for x, _ in points) > 2.1
    assert "could not be found" in call("GetShortestPathToPoint", target={"x": 40.0, "y": 0.0, "z": 4.0}).message


def test_without_an_image_there_is_metadata_alone() -> None:
    answer = direct()("Pass", renderImage=False)
    assert answer.frames == {}
    assert answer.metadata["thirdPartyCameras"] is None


def test_a_step_of_nothing_goes_nowhere() -> None:
    call = direct()
    assert call("MoveAhead", moveMagnitude=0).position == pytest.approx((0.0, 0.9009982, 0.0))
    assert call("RotateRight", degrees=0).yaw_deg == pytest.approx(0.0)
    assert "moveMagnitude must be null or >= 0" in direct(mode="locobot")("MoveAhead", moveMagnitude=0).message


def test_pictures_that_it_does_not_draw_are_refused_by_name() -> None:
    refused = direct()("Initialize", renderSemanticSegmentation=True)
    assert not refused
    assert "it has no renderSemanticSegmentation" in refused.message


def test_what_was_taken_off_a_table_is_no_longer_on_it() -> None:
    apple = replace(thing("Apple", (0.0, 0.8, 1.0), (0.06, 0.06, 0.06), ident="Apple|1"), parent="Table|1")
    call = direct(scene=house(thing("Table", (0.0, 0.38, 1.0), (0.5, 0.76, 0.5), ident="Table|1"), apple), visibilityDistance=5.0)
    call("LookDown", degrees=30)
    assert call("Pass").thing("Table|1")["receptacleObjectIds"] == ["Apple|1"]
    taken = call("PickupObject", objectId="Apple|1")
    assert taken, taken.message
    assert taken.thing("Table|1")["receptacleObjectIds"] == []
    assert taken.thing("Apple|1")["parentReceptacles"] is None


@pytest.mark.parametrize("name", ["house_3703", "house_746", "procthor_train_4"])
def test_create_house_takes_real_houses_and_says_what_is_wrong_with_others(name: str) -> None:
    document = json.loads((DATA / "houses" / f"{name}.json").read_text())
    call = Direct(house())
    assert call("Reset", sceneName="Procedural")
    assert call("Initialize")
    made = call("CreateHouse", house=document)
    assert made
    ids = {one["objectId"] for one in made.metadata["objects"]}
    assert {one["id"] for one in document["objects"]} <= ids
    document["rooms"] = []
    broken = call("CreateHouse", house=document)
    assert not broken
    assert "rooms" in broken.message
    assert len(call("Pass").metadata["objects"]) == len(ids), "the house before is still there"


def test_a_house_that_it_had_is_at_hand_again_as_it_was_and_one_that_differs_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads((DATA / "houses" / "house_3703.json").read_text())
    monkeypatch.setattr(engine, "HOUSES", 2)
    call, made = Direct(house(), agentMode="default", visibilityDistance=100.0), list[str]()
    monkeypatch.setattr(engine, "procedural_stage", lambda document: (made.append(document["id"]), procedural_stage(document))[1])
    first = call("CreateHouse", house={**document, "id": "first"}).metadata["objects"]
    taken = next(one["objectId"] for one in first if one["pickupable"])
    assert call("PickupObject", objectId=taken, forceAction=True).thing(taken)["isPickedUp"]
    moved = json.loads(json.dumps(document))
    moved["objects"][0]["position"]["x"] += 0.01
    other = call("CreateHouse", house={**moved, "id": "other"}).metadata["objects"]
    assert [one["position"] for one in other] != [one["position"] for one in first]
    assert call("CreateHouse", house={**document, "id": "first"}).metadata["objects"] == first
    assert made == ["first", "other"]
    for name in ("third", "first"):
        assert call("CreateHouse", house={**document, "id": name})
    assert made == ["first", "other", "third"], "the last that was used is the last to go"


def test_an_fpin_agent_is_the_box_that_it_was_given() -> None:
    # 0.4 wide, 0.5 long, its centre 0.1 behind the axis: its front is at 0.15, so a side at z = 1 lets it come to 0.85.
    call = direct(mode="fpin", scene=house(thing("Chair", (0.0, 0.5, 1.25), (0.5, 1.0, 0.5))), gridSize=0.01)
    assert call("MoveAhead", moveMagnitude=0.84)
    assert not call("MoveAhead", moveMagnitude=0.02)
    missing = call("Initialize", agentMode="fpin")
    assert "colliderScaleRatio" in missing.message


def test_faults_of_the_engine_itself_are_answers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    call = direct()
    monkeypatch.setattr(type(call.engine.agent), "move", lambda *_: 1 / 0)
    answer = call("MoveAhead")
    assert not answer
    assert "internal fault in MoveAhead: ZeroDivisionError" in answer.message
