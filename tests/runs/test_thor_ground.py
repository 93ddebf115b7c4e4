"""Everybody who plays an episode by its number plays the same one, through AI2-THOR's client or not."""

import shlex
import sys
from pathlib import Path

import pytest

from flare_core.adapters.spec import SimulatorSpec
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SimError
from flare_core.runs.judge import blind
from flare_core.runs.stages import Scene, ground_of, held_out_stages, place_of, rows_at_most
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ENGINE = f"{shlex.quote(str(Path(sys.executable).with_name('flare')))} thor-engine --build nanna"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize("robot", ["turtlebot4", "stretch_re1"])
def test_the_expert_that_sel_is_measured_by_plays_the_same_episodes(robot: str) -> None:
    spec = SimulatorSpec(kind="thor", executable=ENGINE, processes=1, round_base="box")
    body = load_embodiment(robot)[0]
    ground = ground_of(spec, "test", 4, body)
    assert ground.body.footprint != body.footprint, "AI2-THOR has it otherwise"
    scene = Scene(
        pack=ground.pack, body=ground.body, task=load_task("objectnav_short")[0], renders={}, vocabulary=Vocabulary.load(), thor=ground.thor
    )
    (seen,), (judged) = held_out_stages(blind(scene), [range(12)], 12), place_of(spec, body)
    assert judged.body == ground.body
    own = held_out_stages(Scene(
        pack=ground.pack, body=body, task=scene.task, renders={}, vocabulary=scene.vocabulary
    ), [range(12)], 12)[0]  # fmt: skip
    assert "NOT AI2-THOR" in judged.name
    (through,) = held_out_stages(scene, [range(1)], 1) if robot == "stretch_re1" else (None,)
    try:
        starts = [seen.play.sampler.episode(number).start for number in range(12)]
        if through is not None:
            assert [through.play.sampler.episode(number).start for number in range(12)] == starts
        assert [own.play.sampler.episode(number).start for number in range(12)] != starts, "the file's own body would play others"
    finally:
        if through is not None:
            through.close()


def test_more_workers_than_processes_are_refused() -> None:
    spec = SimulatorSpec(kind="thor", executable=ENGINE, processes=1)
    ground = ground_of(spec, "test", 2, load_embodiment("locobot")[0])
    scene = Scene(
        pack=ground.pack, body=ground.body, task=load_task("objectnav_short")[0], renders={}, vocabulary=Vocabulary.load(), thor=ground.thor
    )
    with pytest.raises(SimError, match="Use --workers 1, or more processes"):
        rows_at_most(scene, 50, 2)
