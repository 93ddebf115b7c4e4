"""Environments for a job: houses of a split, one simulator for each worker, episodes by number."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from flare_core.adapters.spec import SimulatorSpec
from flare_core.embodiments.body import Embodiment
from flare_core.envs.augmentation import Augmentation
from flare_core.envs.augmenting import Augmenter
from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import SimError
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.cache import load_pack
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary
from flare_core.world import Simulator

Split = Literal["train", "val", "test"]
EPISODE_SEED = 20_240_916  # the fixed lists of held-out episodes are those of this seed
HELD_OUT_HOUSES = 200
EMBEDDED = "embedded simulator"
DOCUMENTS: Final = 1000  # houses for AI2-THOR that are kept, some 25 kB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Thor:
    """AI2-THOR in place of the embedded simulator. `document_of`: the JSON of a house by its index, or a scene's name."""

    spec: SimulatorSpec
    document_of: Callable[[int], dict[str, Any] | str]


class Ground(NamedTuple):
    """Houses to play in, the robot as the simulator has it, AI2-THOR where that is it, and a house by its index as it can be drawn.

    Episodes are drawn for the robot as the simulator has it, so that all who play a number play the same, wherever they do.
    """

    pack: ScenePack
    body: Embodiment
    thor: Thor | None = None
    house_of: Callable[[int], House] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """What differs at random from episode to episode beyond the body's own jitter and noise.

    Attributes:
        materials, light: share of episodes in random colours, and in random light.
        augment: what is done to the cameras' pictures.
    """

    materials: float = 0.0
    light: float = 0.0
    augment: Augmentation | None = None


NOTHING: Final = Randomisation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a stage is set with: houses, the body, the task, the pictures to take, and the simulator.

    `randomised` is for held-out episodes; training has its own.
    Where there are `bodies`, every episode is played with one of these; `body` is like them in all but sizes.
    """

    pack: ScenePack
    body: Embodiment
    task: Task
    renders: Mapping[str, tuple[int, int]]
    vocabulary: Vocabulary
    thor: Thor | None = None
    house_of: Callable[[int], House] | None = None
    randomised: Randomisation = NOTHING
    bodies: tuple[Embodiment, ...] = ()


def ground_of(spec: SimulatorSpec, split: Split, houses: int, body: Embodiment) -> Ground:
    """The first houses of a split, or AI2-THOR's own scenes, for the simulator that is asked for.

    Raises:
        SimError: AI2-THOR does not start, or a scene cannot be looked into.
    """
    seeds = house_seeds(split, houses)

    def generated(house: int) -> House:
        return parse_house(generate_house(seeds[house], split), f"{split} {seeds[house]}")

    if spec.kind == "embedded":
        return Ground(houses_of(split, houses), body, None, generated)
    body = place_of(spec, body).body
    if spec.scenes == "procthor":
        thor = Thor(spec=spec, document_of=lambda house: json.loads(_document(seeds[house], split)))
        return Ground(houses_of(split, houses), body, thor, generated)
    from flare_core.simulators.embedded.compile import compile_scene
    from flare_core.simulators.embedded.pack import pack
    from flare_core.simulators.thor.launching import controller_arguments, limits_of
    from flare_core.simulators.thor.survey import scene_names, survey, without_blocks

    names = scene_names(spec.scenes, split)[:houses]
    folder = Path.home() / ".cache" / "flare_core" / "scenes"
    found = survey(names, body, controller_arguments(spec), limits_of(spec), folder, mode=spec.agent_mode, round_base=spec.round_base)
    thor = Thor(spec=spec, document_of=names.__getitem__)
    return Ground(pack([compile_scene(house) for house in found]), body, thor, lambda house: without_blocks(found[house]))


@lru_cache(maxsize=DOCUMENTS)
def _document(seed: int, split: Split) -> str:
    """A house as JSON: AI2-THOR is given one for every episode, and to make it takes ten times as long as to read it."""
    return json.dumps(generate_house(seed, split))


def houses_of(split: Split, count: int) -> ScenePack:
    """Compiled houses of a split, from the cache or made now."""
    return load_pack(split, count)


def training_stages(scene: Scene, rows: int, workers: int, seed: int, randomised: Randomisation) -> list[FlareVectorEnv]:
    """One group of environments for each worker; row b of all rows plays episodes b, b + rows, b + 2 rows, ..."""
    each = rows // workers
    stages = [_stage(scene, each, seed, randomised, "striped") for _ in range(workers)]
    for at, stage in enumerate(stages):
        stage.reset(options={"first": at * each, "stride": rows})
    return stages


def held_out_stages(scene: Scene, parts: Sequence[Sequence[int]], rows: int) -> list[FlareVectorEnv]:
    """One queue of fixed episodes for each worker; part k is a run of consecutive numbers that worker k plays."""
    stages = [_stage(scene, min(rows, len(part)), EPISODE_SEED, scene.randomised, "queue") for part in parts]
    for stage, part in zip(stages, parts, strict=True):
        stage.reset(options={"first": part[0]})
    return stages


def parts_of(episodes: int, workers: int) -> list[range]:
    """Episode numbers 0 to N - 1 in as many consecutive runs as there are workers."""
    workers = min(workers, episodes)
    edges = [episodes * at // workers for at in range(workers + 1)]
    return [range(low, high) for low, high in pairwise(edges)]


def _stage(scene: Scene, rows: int, seed: int, randomised: Randomisation, schedule: Literal["striped", "queue"]) -> FlareVectorEnv:
    simulator, augmenter = _simulator(scene, rows, seed), None
    sampler = EpisodeSampler(scene.task, simulator, scene.vocabulary, seed, randomised.materials, randomised.light)
    if randomised.augment is not None:
        augmenter = Augmenter(randomised.augment, seed, [camera.name for camera in scene.body.cameras], rows)
    return FlareVectorEnv(simulator, scene.task, sampler, scene.renders, schedule, augmenter)


def _simulator(scene: Scene, rows: int, seed: int) -> Simulator:
    if scene.thor is None:
        return EmbeddedSimulator(scene.pack, scene.body, rows, seed, bodies=scene.bodies)
    if scene.bodies:
        raise SimError(
            "ai2thor: plays with one robot at a time, not with bodies that are drawn. Use `simulator.kind: embedded`, or one robot"
        )
    from flare_core.simulators.thor.launching import controller_arguments, limits_of
    from flare_core.simulators.thor.simulator import ThorSimulator

    spec, sizes, first = scene.thor.spec, sorted(set(scene.renders.values())), scene.body.cameras[0]
    own = (first.width_px, first.height_px)  # where nobody looks at the pictures
    if len(sizes) > 1:
        raise SimError(f"ai2thor: all cameras take pictures of one size, and the policy wants {sizes[0]} and {sizes[1]}")
    return ThorSimulator(
        scene.pack, scene.thor.document_of, scene.body, rows, seed, controller_arguments(spec), sizes[0] if sizes else own,
        gpus=spec.gpu_devices, limits=limits_of(spec), mode=spec.agent_mode, round_base=spec.round_base,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a simulator calls itself, the robot as it has it, and what of that is not as the robot's file says."""

    name: str
    body: Embodiment
    differences: tuple[str, ...] = ()


@cache
def place_of(spec: SimulatorSpec, body: Embodiment) -> Place:
    """Where and as what a robot plays; AI2-THOR is started once to be asked.

    Raises:
        SimError: it does not start, or cannot stand for the robot.
    """
    if spec.kind == "embedded":
        return Place(name=EMBEDDED, body=body)
    from flare_core.simulators.thor.launching import controller_arguments, limits_of
    from flare_core.simulators.thor.simulator import ask_once

    name, found = ask_once(controller_arguments(spec), limits_of(spec), body, spec.agent_mode, spec.round_base)
    return Place(name=name, body=found.body, differences=found.differences)


def rows_at_most(scene: Scene, rows: int, workers: int) -> int:
    """Rows that one of several workers may have at a time: as many as wanted, or its share of AI2-THOR's processes."""
    if scene.thor is None:
        return rows
    processes = scene.thor.spec.processes
    if processes < workers:
        raise SimError(f"ai2thor: {workers} workers have no process each among {processes}. Use --workers {processes}, or more processes")
    return min(rows, processes // workers)


def embedded(stage: FlareVectorEnv) -> EmbeddedSimulator:
    """The stage's simulator, for what only the embedded one can tell."""
    simulator = stage.play.simulator
    assert isinstance(simulator, EmbeddedSimulator)  # made so above
    return simulator
