"""Compile the simulator's kernels into their cache by playing an episode of two tasks.

Tests that begin side by side in a fresh checkout would each compile what they use.

Usage: python scripts/compile_kernels.py
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.augmentation import Augmentation, BlurChange, ColourChange, CropChange
from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.episodes import Actor
from flare_core.learning.searching import SearchingExpert
from flare_core.policies.interface import Observation
from flare_core.runs.judge import play_all
from flare_core.runs.stages import Randomisation, Scene, embedded, houses_of
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ROBOT: Final = "stretch_re1_feeling"  # drives, handles things and feels what it touches
TASKS: Final = ("objectnav", "fetch")
SIDE: Final = 16  # pixels
AUGMENT: Final = Augmentation(colour=ColourChange(brightness=0.1), crop=CropChange(scale=(0.8, 1.0)), blur=BlurChange(sigma=(1.0, 2.0)))


def searcher(stage: FlareVectorEnv) -> Actor:
    """The expert that cloning imitates, as an actor."""
    expert = SearchingExpert(embedded(stage), stage.play.sampler)
    nothing = np.full(stage.num_envs, -1)

    def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        del observation, masks, starting
        return expert.actions(stage.episodes, nothing)

    return act


def main() -> None:
    """Let the expert play with every camera looking on."""
    torch.set_num_threads(1)
    body, _ = load_embodiment(ROBOT)
    renders = {camera.name: (SIDE, SIDE) for camera in body.cameras}
    vocabulary, randomised = Vocabulary.load(), Randomisation(materials=1.0, light=1.0, augment=AUGMENT)
    for name in TASKS:
        task, _ = load_task(name)
        scene = Scene(pack=houses_of("train", 2), body=body, task=task, renders=renders, vocabulary=vocabulary, randomised=randomised)
        play_all(scene, searcher, 1, 1, lambda done: None)


if __name__ == "__main__":
    main()
