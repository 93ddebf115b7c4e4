"""The three real houses in the simulator, against places, distances and image columns worked by hand from their files.

None of these numbers comes from our own code, so a sign that is wrong in two places at once does not pass.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flare_core.embodiments.body import Embodiment, Jitter
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.rehearsal import rehearse
from flare_core.houses.house import House
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Episode, EpisodeSampler
from flare_core.tasks.expert import Expert
from flare_core.tasks.spec import load_task
from flare_core.tasks.task import indices_of
from flare_core.tasks.words import Vocabulary
from flare_core.world import Start

REAL = Path(__file__).parent.parent / "data" / "houses"
NAMES = ("house_3703", "house_746", "procthor_train_4")
# Room of the pose in each house's metadata, from its floor polygons: (3.75, 3.25) lies right of x = 1.884; (5.25, 3.5) between
# x = 4.339 and 6.508, below z = 4.339; (7.25, 6.5) left of x = 8.391, above z = 4.195.
AGENT_ROOM = {"house_3703": "Kitchen", "house_746": "Bathroom", "procthor_train_4": "Kitchen"}
ONE = np.array([0], dtype=np.int64)


def house(name: str) -> House:
    return read_house(REAL / f"{name}.json")


def robot(name: str) -> Embodiment:
    return replace(load_embodiment(name)[0], jitter=Jitter())


def place(simulator: EmbeddedSimulator, x: float, z: float, yaw_deg: float) -> None:
    simulator.reset(ONE, [Start(house=0, x=x, z=z, yaw=math.radians(yaw_deg), episode=0)])


def at_agent(name: str, body: str = "stretch_re1") -> EmbeddedSimulator:
    there = house(name)
    assert there.agent is not None
    simulator = EmbeddedSimulator([there], robot(body), 1, 0)
    place(simulator, *there.agent)
    return simulator


def index(simulator: EmbeddedSimulator, kind: str, x: float) -> int:
    """The object of a type whose centre is nearest to x."""
    of_type = indices_of(simulator.object_types(0), kind)
    return min(of_type, key=lambda at: abs(simulator.object_positions(0)[at, 0] - x))


def is_free(simulator: EmbeddedSimulator, x: float, z: float) -> bool:
    return bool(simulator.free(ONE, np.array([x]), np.array([z]), np.zeros(1))[0])


def gets_through(simulator: EmbeddedSimulator, x: float, z: float, yaw_deg: float, distance_m: float) -> bool:
    yaw = np.array([math.radians(yaw_deg)])
    return bool(simulator.moves(ONE, np.array([x]), np.array([z]), yaw, np.array([distance_m]))[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", ["stretch_re1", "locobot", "turtlebot4"])
def test_the_pose_in_the_metadata_stands_free_in_its_room(name: str, body: str) -> None:
    simulator = at_agent(name, body)
    world = simulator.world()
    assert simulator.room_types(0)[world.room[0]] == AGENT_ROOM[name]
    assert is_free(simulator, world.position[0, 0], world.position[0, 2])
    cells = simulator.navigation.reachable(0)
    assert np.hypot(cells[:, 0] - world.position[0, 0], cells[:, 1] - world.position[0, 2]).min() < 0.1


def test_the_agent_of_train_4_stands_between_the_runs_of_a_counter() -> None:
    # Countertop_C_8x10 spans x from 5.94 to 8.34. Its side runs are 0.6 m deep: the gap is from 6.54 to 7.74.
    simulator = at_agent("procthor_train_4", "locobot")
    assert is_free(simulator, 7.25, 6.5)
    assert not is_free(simulator, 6.24, 6.5)
    assert not is_free(simulator, 8.04, 6.5)


@pytest.mark.parametrize("name", NAMES)
def test_it_renders_without_a_hole(name: str) -> None:
    """The lower half looks down by 27 degrees and more from 1.44 m.

    It could see the sky over a sill, 0.89 m high, only within (1.44 - 0.89) / tan(27 deg) = 1.08 m; the nearest window is 1.37 m away.
    """
    simulator = at_agent(name)
    x, _, z = simulator.world().position[0]
    for yaw_deg in range(0, 360, 30):
        place(simulator, x, z, yaw_deg)
        rgb, depth, ids = simulator.frames("navigation", 198, 112)
        assert rgb.shape == (1, 112, 198, 3)
        assert (ids[0, 56:] >= 0).all()
        assert (depth[0, 56:] > 0).all()
        assert (depth < 15).all()  # no house is longer


def test_what_stands_to_the_right_is_seen_to_the_right_and_what_is_high_is_seen_high() -> None:
    """The chair of house_3703, centre (5.35, 0.41, 0.26), from its agent pose, which faces -z: so +x is to the left."""
    simulator = at_agent("house_3703")
    chair = index(simulator, "Chair", 5.35)
    _, _, ids = simulator.frames("navigation", 396, 224)
    rows, columns = np.nonzero(ids[0] == chair)
    # Camera 1.445 m up, 0.068 m ahead of (3.75, 3.25), 27 degrees down, focal length 112 / tan(29.5 deg) = 198 pixels.
    # The chair is 2.92 m ahead, 1.60 m to the left and 1.035 m below: depth 2.92 cos 27 + 1.035 sin 27 = 3.07 m, and
    # 1.035 cos 27 - 2.92 sin 27 = -0.40 m above the axis. Column 198 - 198 * 1.60 / 3.07 = 95, row 112 - 198 * 0.40 / 3.07 = 86.
    assert (columns.min() + columns.max()) / 2 == pytest.approx(95, abs=6)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(86, abs=6)


def test_yaw_turns_clockwise_seen_from_above() -> None:
    # From (3.75, 3.25) the counter's centre (5.17, 4.10) lies to +x, the arm chair's (0.37, 3.66) to -x beyond the double door.
    simulator = at_agent("house_3703")
    counter, chair = index(simulator, "CounterTop", 5.17), index(simulator, "ArmChair", 0.37)
    shows = {}
    for yaw_deg in (90, 270):
        place(simulator, 3.75, 3.25, yaw_deg)
        ids = simulator.frames("navigation", 396, 224)[2]
        shows[yaw_deg] = [bool((ids == thing).sum() > 100) for thing in (counter, chair)]
    assert shows == {90: [True, False], 270: [False, True]}


def test_depth_is_planar() -> None:
    """A level camera that faces the wall z = 1.884 squarely from z = 3.25 measures 1.366 m everywhere on it."""
    simulator = at_agent("house_3703", "locobot")
    place(simulator, 2.9, 3.25, 180)
    _, depth, ids = simulator.frames("head", 396, 224)
    wall = len(simulator.object_types(0)) + 2  # of the first room, the kitchen
    row = ids[0, 150]  # below the window's sill
    # Focal length 112 / tan(21 deg) = 292 pixels, +x to the left: the wall ends at x = 3.768, in column
    # 198 - 292 * 0.868 / 1.366 = 12.4. Left of that one sees past it to the wall z = 0,
    # and in column 198 - 292 * 2.17 / 3.22 = 1.2 begins the chair whose edge is at x = 5.07, z = 0.03.
    assert (row[13:] == wall).all()
    assert depth[0, 150, 13:] == pytest.approx(1.366, abs=1e-4)  # the control: along the ray column 395 would be 1.65 m away
    assert (row[3:12] == wall).all()
    assert depth[0, 150, 3:12] == pytest.approx(3.25, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "x", "z", "yaw_deg", "distance_m", "passes"),
    [
        # wall0 of door|2|3 runs from (1.884, 5.652) down; its hole, 1.660 to 3.626 m along it, from z = 3.992 to 2.026.
        ("house_3703", 2.6, 3.0, 270, 1.2, True),
        ("house_3703", 2.6, 2.25, 270, 1.2, True),  # closed if the hole counted from the other end: 3.544 to 5.510
        ("house_3703", 2.6, 4.2, 270, 1.2, False),
        # wall0 of door|4|5 runs from (6.508, 6.508) down; its hole from z = 5.223 to 4.186.
        ("house_746", 6.0, 4.7, 90, 1.2, True),
        ("house_746", 6.0, 2.0, 90, 1.2, False),  # open if it counted from the other end: 1.285 to 2.322
        # wall0 of door|4|7 is x = 8.391 between z = 2.098 and 4.195; the hole is 0.873 to 1.924 m along it.
        ("procthor_train_4", 7.9, 3.5, 90, 1.0, True),
        ("procthor_train_4", 7.9, 2.5, 90, 1.0, False),
        ("procthor_train_4", 3.3, 0.7, 180, 0.5, False),  # the front door is in the way of -z, and shut
        ("procthor_train_4", 5.0, 3.7, 0, 1.0, True),  # no wall between kitchen and living room: it is `empty`
    ],
)
def test_doors_are_where_their_holes_are(name: str, x: float, z: float, yaw_deg: float, distance_m: float, passes: bool) -> None:
    simulator = at_agent(name, "locobot")
    assert gets_through(simulator, x, z, yaw_deg, 0.05)  # there is room to stand
    assert gets_through(simulator, x, z, yaw_deg, distance_m) is passes


@pytest.mark.parametrize(
    ("name", "target", "rooms"),
    [
        ("house_3703", "Television", ["Kitchen", "LivingRoom"]),
        # The bathroom has one door, to the bedroom; the bedroom one more, to the kitchen.
        ("house_746", "Television", ["Bathroom", "Bedroom", "Kitchen", "LivingRoom"]),
        ("procthor_train_4", "Toilet", ["Kitchen", "LivingRoom", "Bedroom", "Bathroom"]),
    ],
)
@pytest.mark.parametrize("body", ["stretch_re1", "turtlebot4"])
def test_the_expert_walks_from_the_agent_pose_through_the_rooms_between(name: str, target: str, rooms: list[str], body: str) -> None:
    simulator, (task, _) = at_agent(name, body), load_task("objectnav")
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    there = house(name).agent
    assert there is not None
    start = Start(house=0, x=there[0], z=there[1], yaw=math.radians(there[2]), episode=0)
    targets = indices_of(simulator.object_types(0), target)
    episode = Episode(number=0, start=start, target_type=target, targets=targets, instruction="", goal=(), shortest_m=0.0)
    expert, end, passed = Expert(simulator, sampler), task.end_action(simulator.body), [AGENT_ROOM[name]]
    for _ in range(task.horizon):
        action = expert.actions([episode])
        if action[0] == end:
            break
        simulator.apply(action)
        world = simulator.world()
        assert is_free(simulator, world.position[0, 0], world.position[0, 2])
        room = simulator.room_types(0)[world.room[0]]
        passed += [room] if room != passed[-1] else []
    # It stops as soon as it sees the target, which may be from the doorway of the last room.
    assert passed in (rooms, rooms[:-1])
    assert simulator.visible(np.array([targets]), sampler.camera, sampler.view.within_m).any()


@pytest.mark.parametrize("body", ["stretch_re1", "locobot"])
def test_sampled_episodes_in_the_real_houses_can_be_solved(body: str) -> None:
    simulator, (task, _) = EmbeddedSimulator([house(name) for name in NAMES], robot(body), 4, 0), load_task("objectnav")
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    found = rehearse(simulator, task, sampler, range(12))
    assert found["success"].mean() > 0.9
    assert {sampler.episode(number).start.house for number in range(12)} == {0, 1, 2}
