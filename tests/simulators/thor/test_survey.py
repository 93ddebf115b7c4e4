"""Scenes by name: what stands for them is where the robot can be, and an episode in them can be played."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.houses.house import House
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.simulators.thor.keeper import Keeper, Limits
from flare_core.simulators.thor.messages import Work
from flare_core.simulators.thor.simulator import ThorSimulator
from flare_core.simulators.thor.survey import BLOCK, house_of, scene_names, survey
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.expert import guide_for
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

CONTROLLER = {
    "local_executable_path": f"{shlex.quote(str(Path(sys.executable).with_name('flare')))} thor-engine --build nanna", "x_display": ":0",
}  # fmt: skip
NAMES = ("FloorPlan1", "FloorPlan_Train2_3")


@pytest.fixture(scope="module")
def folder(home: Path) -> Path:
    return home / "scenes"


@pytest.fixture(scope="module")
def surveyed(folder: Path) -> list[House]:
    return survey(NAMES, load_embodiment("locobot")[0], CONTROLLER, Limits(), folder)


def test_splits_are_those_of_ai2thors_documentation() -> None:
    assert scene_names("ithor", "train")[:5] == ["FloorPlan1", "FloorPlan201", "FloorPlan301", "FloorPlan401", "FloorPlan2"]
    assert [len(scene_names("ithor", split)) for split in ("train", "val", "test")] == [80, 20, 20]
    assert [len(scene_names("robothor", split)) for split in ("train", "val")] == [60, 15]
    assert not set(scene_names("ithor", "train")) & {*scene_names("ithor", "val"), *scene_names("ithor", "test")}


def test_reachable_positions_by_hand_become_floor_and_all_else_becomes_low_blocks() -> None:
    # One strip of 1 m along z: the floor is free within the robot's reach of it, 0.176 m, and blocked beyond.
    strip = [[0.0, z / 10] for z in range(11)]
    data = {"scene": "FloorPlan301", "objects": {"Bed|1": ["Bed", [2.0, 0.3, 0.0], [1.0, 0.6, 2.0]]}, "reachable": strip}
    house = house_of(data, load_embodiment("locobot")[0])
    assert house.rooms[0].type == "Bedroom"
    assert [one.id for one in house.objects if one.type != BLOCK] == ["Bed|1"]
    blocks = [one for one in house.objects if one.type == BLOCK]
    assert max(one.size[1] for one in blocks) < 0.1, "they hide nothing"
    for x, z, is_blocked in ((0.0, 0.5, False), (0.1, 0.0, False), (0.25, 0.5, True), (0.0, 1.25, True)):
        covered = any(abs(x - one.position[0]) <= one.size[0] / 2 and abs(z - one.position[2]) <= one.size[2] / 2 for one in blocks)
        assert covered is is_blocked, (x, z)


def test_a_survey_is_kept_and_its_floor_is_where_the_agent_fits(surveyed: list[House], folder: Path) -> None:
    body, _ = load_embodiment("locobot")
    again = survey(NAMES, body, CONTROLLER, Limits(), folder)  # from what was kept: no controller is started
    assert again == surveyed
    assert surveyed[0].rooms[0].type == "Kitchen"
    assert {one.type for one in surveyed[0].objects} > {BLOCK}
    from flare_core.simulators.embedded.navigation import Navigator
    from flare_core.simulators.embedded.simulator import EmbeddedSimulator

    simulator = EmbeddedSimulator(pack([compile_scene(house) for house in surveyed]), body, 1, 0)
    assert isinstance(simulator.navigation, Navigator)
    keeper = Keeper({**CONTROLLER, "width": 64, "height": 64}, Limits())
    keeper.ready()
    try:
        cells = simulator.navigation.reachable(0)
        assert len(cells) > 50
        chosen = cells[np.random.default_rng(0).choice(len(cells), 60)]
        keeper.ask(Work(scene=NAMES[0], initialize={"agentMode": "locobot", "applyActionNoise": False}))
        keeper.answer()
        fits = 0
        for x, z in chosen:
            call = {"action": "Teleport", "position": {"x": float(x), "y": 0.9009982, "z": float(z)}}
            keeper.ask(Work(calls=(call,)))
            fits += keeper.answer().success[0]
        assert fits >= 57, "of 60 places where the mirror would stand, the simulator itself accepts nearly all"
    finally:
        keeper.close()


def test_episodes_in_a_scene_are_played_along_ways_that_are_free(surveyed: list[House]) -> None:
    """Sight in the mirror passes through walls, which a survey knows nothing of; ways do not pass through anything."""
    body, task = load_embodiment("locobot")[0], load_task("objectnav")[0]
    houses = pack([compile_scene(house) for house in surveyed])
    with ThorSimulator(houses, NAMES.__getitem__, body, 2, 0, CONTROLLER, (99, 56)) as simulator:
        stage = FlareVectorEnv(simulator, task, EpisodeSampler(task, simulator, Vocabulary.load(), 3), {"head": (99, 56)})
        stage.reset()
        guide, won, moves, stopped = guide_for(simulator, stage.play.sampler), 0, 0, 0
        for _ in range(120):
            actions = guide.actions(stage.episodes)
            _, _, _, _, info = stage.step(actions)
            moves += int((actions == body.action_names.index("move_ahead")).sum())
            stopped += int(simulator.world().collided.sum())
            won += int(info["episode"]["success"].sum()) if "episode" in info else 0
    assert won >= 1
    assert moves > 30
    assert stopped <= 0.1 * moves
