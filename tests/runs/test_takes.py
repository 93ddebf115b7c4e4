"""What is taken down of judged episodes: each by the worker whose it is, from its start to its end."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from flare_core.runs.takes import Takes


class Stage:
    """Two rows whose positions are 10 x row + step."""

    def __init__(self) -> None:
        self.numbers = np.array([0, 1])
        self.step = 0
        simulator = SimpleNamespace(world=self._world, object_positions=lambda house: np.array([[4.0, 0.0, 5.0]]))
        self.play = SimpleNamespace(renders={"head": (4, 2)}, simulator=simulator)

    def _world(self) -> Any:
        return SimpleNamespace(position=np.array([[0.0, 0.0, self.step], [10.0, 0.0, self.step]]))

    @property
    def episode_numbers(self) -> Any:
        return self.numbers.copy()

    @property
    def episodes(self) -> Any:
        return [
            SimpleNamespace(instruction=f"find {n}", start=SimpleNamespace(house=7, yaw=0.5), point=None, targets=(0,), later=())
            for n in self.numbers
        ]


def test_a_worker_records_its_own_episodes_and_none_that_it_plays_for_nobody() -> None:
    takes, stage = Takes(), Stage()
    actor = takes.around(stage, lambda observation, masks, starting: np.zeros(2, dtype=np.int64), range(2))  # type: ignore[arg-type]
    masks = np.ones((2, 1), dtype=bool)
    for stage.step, (numbers, starting) in enumerate([([0, 1], [1, 1]), ([0, 1], [0, 0]), ([2, 1], [1, 0]), ([2, 1], [0, 1])]):
        stage.numbers = np.array(numbers)
        shade = np.full((2, 2, 4, 3), 60 * stage.step, dtype=np.uint8)
        actor({"camera/head": shade}, masks, np.array(starting, dtype=bool))
    takes.develop()
    assert sorted(takes.takes) == [0, 1], "episode 2 is another worker's"
    assert takes.takes[0].points == [(0.0, 0.0), (0.0, 1.0)]
    assert takes.takes[1].points == [(10.0, 3.0)], "begun again: its simulator was lost"
    assert takes.takes[0].first != takes.takes[0].last
    assert (takes.takes[0].targets, takes.takes[0].house, takes.camera) == (((4.0, 5.0),), 7, "head")
    assert Takes.from_json(takes.to_json()) == takes
