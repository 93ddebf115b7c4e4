"""A policy of many bodies is evaluated and watched with the bodies that it plays, and what was random is told of these."""

from dataclasses import replace
from pathlib import Path

import pytest

from flare_core.embodiments.body import Jitter, Noise
from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.runs.candidate import Candidate, ready
from flare_core.runs.evaluating import scene_of
from flare_core.runs.pretraining import HELD_OUT_BODIES
from flare_core.runs.randomness import declared
from flare_core.runs.stages import NOTHING, Ground, Scene
from flare_core.runs.watching import watch
from flare_core.runs.watching.record import record
from flare_core.simulators.embedded.pack import ScenePack
from tests.cli_tools import tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "random", "random_body")


def played(candidate: Candidate, houses: ScenePack) -> Scene:
    ground = Ground(houses, candidate.bundle.embodiment, None, lambda at: parse_house(generate_house(at, "train"), str(at)))
    return scene_of(candidate, ground)


def test_jitter_and_noise_of_an_evaluation_reach_every_held_out_body(bundle: Path, houses: ScenePack) -> None:
    plain = played(ready(str(bundle)), houses)
    shaken = played(ready(str(bundle), overrides=(("noise.move_m", "0.02"), ("jitter.pitch_deg", "4"))), houses)
    assert len(shaken.bodies) == HELD_OUT_BODIES
    assert [replace(body, jitter=Jitter(), noise=Noise()) for body in shaken.bodies] == list(plain.bodies)
    assert {(body.noise.move_m, round(body.jitter.pitch, 6)) for body in shaken.bodies} == {(0.02, 0.069813)}
    assert declared(shaken.body, NOTHING, shaken.bodies).startswith(
        "Evaluation: 200 held-out bodies drawn from the robot's ranges; camera mounts jittered by ±4° pitch; motion noise of 20 mm a move"
    )


def test_a_range_of_jitter_is_told_by_its_widest_body(bundle: Path, houses: ScenePack) -> None:
    candidate = ready(str(bundle), overrides=(("jitter.pitch_deg", "{uniform: [0, 4]}"),))
    bodies = played(candidate, houses).bodies
    widest = max(body.jitter.pitch for body in bodies)
    told = declared(candidate.bundle.embodiment, NOTHING, bodies)
    assert len({body.jitter.pitch for body in bodies}) == HELD_OUT_BODIES
    assert "200 held-out bodies drawn from the robot's ranges, each with its own jitter and noise, at most these;" in told
    assert f"±{widest * 57.29578:.3g}° pitch" in told


def test_a_video_shows_each_episodes_own_body(bundle: Path, houses: ScenePack) -> None:
    candidate = ready(str(bundle))
    scene = played(replace(candidate, task=replace(candidate.task, horizon=2)), houses)
    wish = watch.Wish(numbers=(0, 1), split="test", greedy=False, seed=0, fps=8, out=Path("never.mp4"))
    recordings = record(scene, candidate.policy, candidate.senses, wish.numbers)
    drawn = [watch.painter_of(candidate, scene, recording, wish)._body for recording in recordings]
    assert drawn == [scene.bodies[recording.episode.body] for recording in recordings]
    assert drawn[0] != drawn[1]
    assert candidate.bundle.embodiment not in drawn
