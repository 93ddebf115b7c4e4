"""Where things are drawn on the plan, and which way the wedge of a camera points, worked by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from flare_core.embodiments.body import Footprint
from flare_core.houses.generate import generate_house
from flare_core.houses.house import House, Room
from flare_core.houses.procthor import parse_house
from flare_core.runs.watching.floor_plan import CONE_M, TWICE, Cone, FloorPlan, Pose, placed
from flare_core.runs.watching.frames import About, EpisodeFrames
from flare_core.runs.watching.layout import Feed
from flare_core.runs.watching.record import record
from flare_core.runs.watching.replay import Replay
from flare_core.simulators.embedded.pack import ScenePack
from tests.runs.watching.scenes import scene_with

ROOM = House(
    id="t",
    rooms=(Room(id="r", type="Kitchen", polygon=((0.0, 0.0), (9.4, 0.0), (9.4, 4.4), (0.0, 4.4))),),
    walls=(),
    openings=(),
    objects=(),
)
ROUND = Footprint(radius_m=0.2, height_m=1.0)


def pose(x: float, z: float, yaw: float, *cones: Cone) -> Pose:
    return Pose(position=(x, z), yaw=yaw, collided=False, cones=cones, targets=np.zeros((0, 2)), turns=(), done=())


def test_a_wedge_opens_towards_where_the_camera_looks() -> None:
    """At (1, 2), turned a quarter clockwise from +z, so along +x; 30 degrees to its left, 60 to its right."""
    outline = Cone(x=1.0, z=2.0, yaw=math.pi / 2, left=math.radians(30), right=math.radians(60)).outline()
    assert outline[0].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(outline[1], [1.0 + CONE_M * math.sqrt(3) / 2, 2.0 + CONE_M / 2])  # left of +x is +z
    np.testing.assert_allclose(outline[-1], [1.0 + CONE_M / 2, 2.0 - CONE_M * math.sqrt(3) / 2])


def test_a_metre_is_as_long_both_ways_and_z_goes_up_the_page() -> None:
    plan = FloorPlan(ROOM, ROUND, 400, 400)  # 10 m by 5 m with the margin, so 40 pixels a metre
    assert plan.size == (400, 200)
    assert plan.pixel(-0.3, 4.7) == pytest.approx((0.0, 0.0))
    assert plan.pixel(0.7, 2.7) == pytest.approx((TWICE * 40.0, TWICE * 80.0))


def colour_at(image: Image.Image, plan: FloorPlan, x: float, z: float) -> tuple[int, ...]:
    across, down = plan.pixel(x, z)
    return tuple(np.asarray(image)[int(down / TWICE), int(across / TWICE)].tolist())


def test_the_wedge_is_drawn_on_its_side_of_the_body_alone() -> None:
    plan = FloorPlan(ROOM, ROUND, 400, 400)
    bare = plan.draw(pose(4.0, 2.0, 0.0))
    seen = plan.draw(pose(4.0, 2.0, 0.0, Cone(x=4.0, z=2.0, yaw=math.pi / 2, left=0.6, right=0.6)))
    assert colour_at(seen, plan, 5.5, 2.0) != colour_at(bare, plan, 5.5, 2.0)
    for x, z in ((2.5, 2.0), (4.0, 3.5), (4.0, 0.7)):
        assert colour_at(seen, plan, x, z) == colour_at(bare, plan, x, z)


def test_the_way_stays_drawn_and_the_body_does_not() -> None:
    plan = FloorPlan(ROOM, ROUND, 400, 400)
    plan.draw(pose(1.0, 2.0, 0.0))
    far = plan.draw(pose(5.0, 2.0, 0.0))
    there = plan.draw(pose(5.0, 4.0, 0.0))
    assert colour_at(there, plan, 3.0, 2.0) == colour_at(far, plan, 3.0, 2.0) == (0, 0x72, 0xB2)
    assert colour_at(far, plan, 5.12, 2.0) == (255, 255, 255)
    assert colour_at(there, plan, 5.12, 2.0) != (255, 255, 255)


def test_a_point_of_the_body_turns_with_it() -> None:
    assert placed(1.0, 2.0, 0.0, 0.1, 0.3) == pytest.approx((1.1, 2.3))
    assert placed(1.0, 2.0, math.pi / 2, 0.1, 0.3) == pytest.approx((1.3, 1.9))  # ahead is +x, right is -z


def test_the_wedge_turns_with_the_pan_of_the_camera(houses: ScenePack) -> None:
    """LoCoBot's camera pans by 30 degrees, as far as 90 either way; its own actions say where it must look."""
    scene, policy, senses, body = scene_with(houses, "locobot", "objectnav_short", horizon=40)
    steps = {"look_left": -30.0, "look_right": 30.0}
    replay, about, panned = Replay(scene, senses.views), ABOUT, set[float]()
    for recording in record(scene, policy, senses, [0, 1]):
        house = parse_house(generate_house(recording.episode.start.house, "train"), "of the fixture")
        frames = EpisodeFrames(recording, replay, body, house, about, [Feed(view="navigation", width=32, height=18, camera="head")])
        pan, start = 0.0, frames.pose(0)
        mounted = start.cones[0].yaw - start.yaw  # its jitter in this episode
        for step, action in enumerate(recording.actions.tolist(), 1):
            pan = min(90.0, max(-90.0, pan + steps.get(body.action_names[action], 0.0)))
            now = frames.pose(step)
            turned = (now.cones[0].yaw - now.yaw - mounted + math.pi) % (2 * math.pi) - math.pi
            assert math.degrees(turned) == pytest.approx(pan, abs=1e-6)
            panned.add(pan)
    assert len(panned) > 2, "it has to pan for the test to mean something"


ABOUT = About(
    policy="tiny", task="objectnav_short", split="test", choice="sampled", simulator="embedded simulator", ends_with="done", horizon=40
)
