"""What of an expert's advice is worth imitating."""

import numpy as np
import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.runs.pretrain import teacher_of
from flare_core.runs.stages import NOTHING, Scene, training_stages
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary


@pytest.mark.parametrize("name", ["objectnav", "fetch", "roomvisit", "objectnav_two"])
def test_an_action_that_has_just_failed_is_not_learned_once_more(houses: ScenePack, name: str) -> None:
    scene = Scene(
        pack=houses, body=load_embodiment("stretch_re1")[0], task=load_task(name)[0], renders={"navigation": (16, 16)},
        vocabulary=Vocabulary.load(),
    )  # fmt: skip
    (stage,) = training_stages(scene, 8, 1, 0, NOTHING)
    teacher, simulator = teacher_of(stage), stage.play.simulator
    stage.step(np.full(8, scene.body.action_names.index("rotate_left")))
    first, good = teacher.actions(np.full(8, -1))
    assert good.all()
    simulator._state["succeeded"][:] = False  # type: ignore[attr-defined]
    again, worth = teacher.actions(first)
    assert (again == first).any()
    assert not worth[again == first].any()
    assert worth[again != first].all()
