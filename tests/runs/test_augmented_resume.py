"""Training with all that can be random, and two workers, goes on after a stop as if there had been none."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from flare_core.learning.finetune import FineTuner
from flare_core.learning.spec import RecipeSpec
from flare_core.runs.randomness import FULL, of_recipe
from flare_core.runs.stages import training_stages
from flare_core.simulators.embedded.pack import ScenePack
from tests.runs.watching.scenes import scene_with

RECIPE = RecipeSpec(
    name="shaken", learning_rate=1e-3, steps=16 * 8 * 4, rows=8, rollout=16, minibatches=2, critic_warmup_steps=0, randomise_materials=0.8,
    randomise_light=0.8, augment=FULL.model_copy(), horizon=20,
)  # fmt: skip


@contextmanager
def tuning(
    houses: ScenePack, out: Path, robot: str, workers: int, recipe: RecipeSpec = RECIPE, *, processes: bool = True
) -> Iterator[FineTuner]:
    scene, policy, senses, body = scene_with(houses, robot, "objectnav_short", 20)
    scene = replace(scene, task=replace(scene.task, reward=replace(scene.task.reward, step=-0.1)))  # else there is nothing to learn yet
    stages = training_stages(scene, recipe.rows, workers, 3, of_recipe(recipe))
    every = range(len(body.actions))
    try:
        with closing(FineTuner(policy, recipe, stages, senses, out, new_rows=(), shared=every, seed=3, processes=processes)) as tuner:
            yield tuner
    finally:
        for stage in stages:
            stage.close()


def quiet(_: Any) -> None:
    """Nobody listens."""


def weights(tuner: FineTuner) -> dict[str, torch.Tensor]:
    towers = {"actor": tuner.learner.actor, "critic": tuner.learner.critic}
    return {f"{tower}/{name}": value.clone() for tower, each in towers.items() for name, value in each.state_dict().items()}


@pytest.mark.parametrize("workers", [2])
@pytest.mark.parametrize("robot", ["locobot"])
def test_a_run_with_augmented_pictures_and_light_resumes_bit_identical(houses: ScenePack, tmp_path: Path, robot: str, workers: int) -> None:
    with tuning(houses, tmp_path / "whole", robot, workers, processes=False) as whole:
        start = weights(whole)
        whole.run(quiet)
        end = weights(whole)
    with tuning(houses, tmp_path / "half", robot, workers) as half:
        half.update()
        half.save()
        half.update()  # lost
    with tuning(houses, tmp_path / "half", robot, workers) as again:
        again.resume()
        again.run(quiet)
        resumed = weights(again)
    assert any(not torch.equal(start[name], end[name]) for name in end)
    assert all(torch.equal(end[name], resumed[name]) for name in end)


def test_without_augmentation_pictures_are_others(houses: ScenePack, tmp_path: Path) -> None:
    ends = []
    for recipe in (RECIPE, RECIPE.model_copy(update={"augment": None}), RECIPE.model_copy(update={"randomise_light": 0.0})):
        with tuning(houses, tmp_path / str(len(ends)), "locobot", 1, recipe) as tuner:
            tuner.update()
            ends.append(weights(tuner))
    assert any(not torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert any(not torch.equal(ends[0][name], ends[2][name]) for name in ends[0])
