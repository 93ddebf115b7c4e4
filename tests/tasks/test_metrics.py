"""A task's own metrics: whether something held at some step, in a world made by hand and by YAML alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.judging import Asked
from flare_core.tasks.metrics import Milestones
from flare_core.tasks.predicates import parse
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from tests.simulators.scenes import FORWARD, TURN_RIGHT, act, at, body, eye, house, thing

POST = house(thing("Post", (0.0, 1.0, 2.0), (0.1, 0.1, 0.1)))
NEARER = {"metre": parse("near(target, within_m: 1.0)"), "far": parse("near(target, within_m: 1.8)"),
          "left": parse("then(near(target, within_m: 1.8), not(near(target, within_m: 1.8)))")}  # fmt: skip


def test_a_metric_holds_from_the_first_step_that_it_held_at() -> None:
    simulator = EmbeddedSimulator([POST], body(replace(eye(), role="navigation"), gripper="parallel"), 2, 0)
    at(simulator, 0.0, 0.0)  # 2 m before the post; a step is 0.25 m
    milestones, asked = Milestones(NEARER, simulator.body, 2), Asked.of(np.array([[0], [-1]]))
    milestones.begin(np.array([0, 1]), simulator, asked)
    found = []
    for action in (FORWARD, FORWARD, FORWARD, FORWARD, TURN_RIGHT, TURN_RIGHT, *[FORWARD] * 4):
        act(simulator, action)
        milestones.step(simulator, asked)
        assert not milestones.reached[1].any()  # a row that asks for nothing reaches nothing
        found.append([int(value[0]) for value in milestones.results().values()])
    nearer = [[0, 1, 0]] * 3 + [[1, 1, 0]] * 6 + [[1, 1, 1]]
    assert found == nearer
    kept = milestones.snapshot()
    both = Asked.of(np.array([[0], [0]]))
    milestones.reached[:] = False
    before = milestones.reached[0].copy()
    milestones.begin(np.array([1]), simulator, both)
    assert np.array_equal(milestones.reached[0], before), "another row's beginning is nothing to this one"
    milestones.restore(kept)
    milestones.begin(np.array([0]), simulator, asked)
    assert not milestones.reached.any()
    milestones.restore(kept)
    assert milestones.reached[0].all()


def test_metrics_by_yaml_reach_the_record(tmp_path: Path, houses: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "kind: task\nextends: objectnav_short\nmetrics:\n  there: 'near(target, within_m: 100)'\n  stowed_not: 'not(stowed())'\n"
    )
    task, simulator = load_task(path)[0], EmbeddedSimulator(houses, load_embodiment("stretch_re1")[0], 2, 0)
    env = FlareVectorEnv(simulator, task, EpisodeSampler(task, simulator, Vocabulary.load(), 0), {})
    env.reset()
    names = simulator.body.action_names
    env.step(np.array([names.index("move_arm_out" if "move_arm_out" in names else names[10]), names.index("rotate_left")]))
    record = env.step(np.full(2, names.index("done")))[-1]["episode"]
    assert record["metric/there"].tolist() == [1.0, 1.0]
    assert record["metric/stowed_not"].tolist() == [1.0, 0.0]
