"""A searcher knows what its camera has seen and nothing else; and it uses the actions that its body has, no others."""

import math

import numpy as np
import pytest

from flare_core.embodiments.body import Action, Camera, Effect, Embodiment, Footprint, Range
from flare_core.evaluation.belief import SPOT_OWNER, SearchMap
from flare_core.evaluation.oracle import Oracle
from flare_core.houses.house import House, HouseObject, Room, Wall
from flare_core.runs.camera_actions import NEITHER, Study, masked, study
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Episode, EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from flare_core.world import Start

QUARTER = math.pi / 2
STEP = math.radians(30)
FOCAL = 100 / math.tan(math.radians(22.5))


def action(name: str, kind: str, axis: str, amount: float = 0.0, camera: str | None = None) -> Action:
    return Action(name=name, effect=Effect(kind=kind, axis=axis, amount=amount, camera=camera))  # type: ignore[arg-type]


# A knee-high eye that sees 45 degrees wide and high, level; it can pan and tilt.
BODY = Embodiment(
    name="low", footprint=Footprint(radius_m=0.15, height_m=0.4), arm=None, gripper="none",
    cameras=(
        Camera(
            name="eye", role="navigation", on="head", up_m=0.35, fx=FOCAL, fy=FOCAL, cx=100, cy=100, width_px=200, height_px=200,
            pan=Range(low=-QUARTER, high=QUARTER), tilt=Range(low=-QUARTER, high=QUARTER),
        ),
    ),
    actions=(
        action("ahead", "move_base", "forward", 0.2), action("right", "turn_base", "right", STEP),
        action("left", "turn_base", "right", -STEP), action("done", "say", "done"),
        action("pan_right", "turn_camera", "pan", STEP, "eye"), action("pan_left", "turn_camera", "pan", -STEP, "eye"),
        action("up", "turn_camera", "tilt", -STEP / 2, "eye"), action("down", "turn_camera", "tilt", STEP / 2, "eye"),
    ),
)  # fmt: skip


def thing(name: str, x: float, y: float, z: float, kind: str, size: tuple[float, float, float] = (0.3, 0.4, 0.3)) -> HouseObject:
    return HouseObject(id=name, asset_id="", type=kind, position=(x, y, z), rotation=(0, 0, 0), size=size)


def house(*objects: HouseObject, side: float = 5.0) -> House:
    corners = ((0.0, 0.0), (side, 0.0), (side, side), (0.0, side))
    walls = tuple(Wall(id=f"w{at}", room="r", start=corners[at], end=corners[(at + 1) % 4], height_m=2.5) for at in range(4))
    return House(id="h", rooms=(Room(id="r", type="Kitchen", polygon=corners),), walls=walls, openings=(), objects=objects)


def search(home: House, *, within_m: float, body: Embodiment = BODY, with_spots: bool = False) -> tuple[EmbeddedSimulator, Oracle, Episode]:
    """A body in the middle of the house's south side, facing north, with a searcher for its vase."""
    simulator, task = EmbeddedSimulator([home], body, 1, 0), load_task("objectnav_short")[0]
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    start = Start(house=0, x=2.5, z=1.0, yaw=0.0, episode=0)
    simulator.reset(np.array([0]), [start])
    targets = tuple(at for at, one in enumerate(home.objects) if one.type == "Vase")
    episode = Episode(number=0, start=start, target_type="Vase", targets=targets, instruction="", goal=(1,), shortest_m=0.0)
    search_map = SearchMap(simulator, body.cameras[0], within_m, with_spots)
    return simulator, Oracle(simulator, sampler, search_map), episode


def test_only_what_the_camera_has_seen_is_struck_off() -> None:
    home = house(
        thing("in view", 2.5, 0.2, 3.0, "GarbageCan"),
        thing("behind the body", 2.5, 0.2, 0.3, "GarbageCan"),
        thing("beside the view", 4.5, 0.2, 1.5, "GarbageCan"),
        thing("out of range", 2.5, 0.8, 4.8, "Painting", (0.3, 0.3, 0.05)),
        thing("screen", 1.7, 1.0, 3.0, "Dresser", (0.6, 2.0, 0.1)),
        thing("behind the screen", 1.7, 0.2, 3.5, "Vase", (0.1, 0.2, 0.1)),
    )  # fmt: skip
    _, oracle, episode = search(home, within_m=3.0)
    oracle.actions([episode], np.array([True]))
    assert oracle.unseen(0).tolist() == [False, True, True, True, False, True]


def test_what_was_seen_stays_seen_and_what_was_not_is_not_guessed() -> None:
    home = house(thing("can", 1.0, 0.2, 4.0, "GarbageCan"), thing("vase", 4.5, 0.1, 0.4, "Vase", (0.1, 0.2, 0.1)))
    simulator, oracle, episode = search(home, within_m=5.0, with_spots=True)
    starting, before, seen = np.array([True]), np.ones(1), 0
    for _ in range(60):
        taken = oracle.actions([episode], starting)
        unseen = oracle.unseen(0)
        if not starting[0]:
            assert not (unseen & ~before.astype(bool)).any()
        camera = simulator.visible(np.array([[0, 1]]), "eye", 5.0)[0]
        assert not (unseen[:2] & camera).any()
        seen, before, starting = int((~unseen).sum()), unseen, np.array([False])
        if taken[0] == 3:
            break
        simulator.apply(taken)
    assert simulator.visible(np.array([[1]]), "eye", 2.0)[0, 0]
    assert seen > 2  # spots too


def test_spots_lie_on_the_floor_and_on_furniture_and_share_the_belief_with_the_things() -> None:
    simulator, _, _ = search(house(thing("table", 2.5, 0.4, 3.5, "Dresser", (1.0, 0.8, 1.0))), within_m=5.0)
    places = SearchMap(simulator, BODY.cameras[0], 5.0, True).places(0)
    spots = places.points[places.owner == SPOT_OWNER, 0]
    assert sorted(set(spots[:, 1].round(3).tolist())) == [0.1, 0.85]
    assert (spots[:, 1] > 0.8).sum() == 4  # 1 x 1 m, half a metre apart
    assert places.weight[places.owner == SPOT_OWNER].sum() == pytest.approx(places.weight[places.owner != SPOT_OWNER].sum())


@pytest.fixture(scope="module")
def high_vase() -> Study:
    """From within 2 m a vase at 1.6 m stands 32 degrees above a knee-high eye; the image ends at 22.5."""
    home = house(thing("vase", 4.0, 1.6, 4.0, "Vase", (0.1, 0.2, 0.1)), thing("can", 0.5, 0.2, 0.5, "GarbageCan"), side=8.0)
    return study(BODY, load_task("objectnav_short")[0], pack([compile_scene(home)]), Vocabulary.load(), 12, within_m=2.5, with_spots=True)


def test_a_target_above_the_view_is_found_with_tilt_and_never_without(high_vase: Study) -> None:
    able = high_vase.feasible
    assert able["pan and tilt"].all()
    assert 0 < able[NEITHER].sum() < 12  # the can, and the vase
    assert (able["tilt"] == able["pan and tilt"]).all()
    assert (able["pan"] == able[NEITHER]).all()
    success = {name: np.array([record["success"] for record in records]) for name, records in high_vase.records.items()}
    assert success["pan and tilt"].all()
    assert success["tilt"].all()
    assert success["pan"].tolist() == success[NEITHER].tolist() == able[NEITHER].tolist()


def test_every_variant_plays_the_same_episodes_with_its_own_actions_only(high_vase: Study) -> None:
    panned, tilted = slice(4, 6), slice(6, 8)
    for name, records in high_vase.records.items():
        used = np.sum([record["action_counts"] for record in records], axis=0)
        assert [record["shortest_m"] for record in records] == [record["shortest_m"] for record in high_vase.records[NEITHER]]
        assert "pan" in name or used[panned].sum() == 0
        assert "tilt" in name or used[tilted].sum() == 0


def test_the_account_names_what_each_variant_gained(high_vase: Study) -> None:
    account = high_vase.to_json()
    gained = account["all"]["minus_neither"]["tilt"]["success"]
    share = 1.0 - account["feasible"][NEITHER] / 12
    assert gained["mean"] == pytest.approx(share)
    assert account["feasible_with_neither"]["minus_neither"]["tilt"]["success"]["mean"] == 0.0


def test_masking_touches_the_named_axis_alone() -> None:
    left_out = [one.name for one in masked(BODY, ("tilt",)).actions if one.masked is not None]
    assert left_out == ["up", "down"]
