"""Environments for a job: houses of a split, one simulator for each worker, episodes by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from flare_core.embodiments.body import Embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.simulators.embedded.cache import load_pack
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

Split = Literal["train", "val", "test"]
EPISODE_SEED = 20_240_916  # the fixed lists of held-out episodes are those of this seed
HELD_OUT_HOUSES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a stage is set with: houses, the body, the task and the pictures to take."""

    pack: ScenePack
    body: Embodiment
    task: Task
    renders: Mapping[str, tuple[int, int]]
    vocabulary: Vocabulary


def houses_of(split: Split, count: int) -> ScenePack:
    """Compiled houses of a split, from the cache or made now."""
    return load_pack(split, count)


def training_stages(scene: Scene, rows: int, workers: int, seed: int, randomise_materials: float) -> list[FlareVectorEnv]:
    """One group of environments for each worker; row b of all rows plays episodes b, b + rows, b + 2 rows, ..."""
    each = rows // workers
    stages = [_stage(scene, each, seed, randomise_materials, "striped") for _ in range(workers)]
    for at, stage in enumerate(stages):
        stage.reset(options={"first": at * each, "stride": rows})
    return stages


def held_out_stages(scene: Scene, parts: Sequence[Sequence[int]], rows: int) -> list[FlareVectorEnv]:
    """One queue of fixed episodes for each worker; part k is a run of consecutive numbers that worker k plays."""
    stages = [_stage(scene, min(rows, len(part)), EPISODE_SEED, 0.0, "queue") for part in parts]
    for stage, part in zip(stages, parts, strict=True):
        stage.reset(options={"first": part[0]})
    return stages


def parts_of(episodes: int, workers: int) -> list[range]:
    """Episode numbers 0 to N - 1 in as many consecutive runs as there are workers."""
    workers = min(workers, episodes)
    edges = [episodes * at // workers for at in range(workers + 1)]
    return [range(low, high) for low, high in pairwise(edges)]


def _stage(scene: Scene, rows: int, seed: int, randomise: float, schedule: Literal["striped", "queue"]) -> FlareVectorEnv:
    simulator = EmbeddedSimulator(scene.pack, scene.body, rows, seed)
    sampler = EpisodeSampler(scene.task, simulator, scene.vocabulary, seed, randomise_materials=randomise)
    return FlareVectorEnv(simulator, scene.task, sampler, scene.renders, schedule)


def embedded(stage: FlareVectorEnv) -> EmbeddedSimulator:
    """The stage's simulator, for what only the embedded one can tell."""
    simulator = stage.play.simulator
    assert isinstance(simulator, EmbeddedSimulator)  # made so above
    return simulator
