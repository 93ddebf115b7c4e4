"""How fast this machine is at what training is made of: pictures, environment steps, training steps. One thread."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from flare_core.adapters.head import carry, carry_spec, mask_body
from flare_core.adapters.planning import plan_transfer
from flare_core.adapters.spec import load_transfer
from flare_core.adapters.view import make_view_map
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.learning.finetune import FineTuner
from flare_core.learning.spec import RecipeSpec
from flare_core.policies.distribution import log_probabilities, sample
from flare_core.policies.families import policy_of
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.reading import read
from flare_core.runs.carry import SensesMaker
from flare_core.runs.randomness import of_recipe
from flare_core.runs.stages import Randomisation, Scene, houses_of, training_stages
from flare_core.seeding import key_of, uniforms
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

HOUSES = 32
SIDE = 64  # pixels of the square images of renderer and environment
TRANSFER = "stretch_to_locobot"
VIEWS = (View(name="navigation", width=128, height=72), View(name="manipulation", width=64, height=36))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure: what was counted, how many a second, how long it was measured."""

    what: str
    per_second: float
    seconds: float


def benchmark(seconds: float) -> list[Measure]:
    """Renderer, environment and training, each for about so many seconds after a warm-up that compiles."""
    return [_rendering(seconds), _stepping(seconds), _training(seconds)]


def _rendering(seconds: float) -> Measure:
    stage = make_stage({})
    simulator, camera = stage.play.simulator, stage.play.simulator.body.cameras[0].name

    def draw() -> int:
        return len(simulator.images(camera, SIDE, SIDE))

    return _measured(f"renderer, frames of {SIDE}x{SIDE}, {HOUSES} houses", draw, seconds)


def _stepping(seconds: float) -> Measure:
    body, _ = load_embodiment("stretch_re1")
    stage = make_stage({camera.name: (SIDE, SIDE) for camera in body.cameras})
    key = key_of(0, "benchmark")

    def step() -> int:
        stage.step(random_actions(stage, key))
        return stage.num_envs

    return _measured(f"environment, steps of stretch_re1 with {len(body.cameras)} cameras of {SIDE}x{SIDE}, {HOUSES} houses", step, seconds)


def _training(seconds: float) -> Measure:
    with tempfile.TemporaryDirectory() as folder:
        tuner = make_tuner(Path(folder))

        def update() -> int:
            before = tuner.progress.steps
            tuner.update()
            return tuner.progress.steps - before

        found = _measured(f"training, steps of {TRANSFER}, random weights", update, seconds)
        tuner.close()
    return found


def _measured(what: str, work: Callable[[], int], seconds: float) -> Measure:
    """Repeat `work`, which returns how many it did, for about so many seconds."""
    work()  # compiles
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not done:
        done += work()
    return Measure(what=what, per_second=done / max(spent, 1e-9), seconds=spent)


def make_stage(renders: dict[str, tuple[int, int]]) -> FlareVectorEnv:
    """Stretch at ObjectNav, one row in each house; `renders` has width and height for every camera that should draw."""
    body, _ = load_embodiment("stretch_re1")
    task, _ = load_task("objectnav")
    scene = Scene(pack=houses_of("train", HOUSES), body=body, task=task, renders=renders, vocabulary=Vocabulary.load())
    (stage,) = training_stages(scene, HOUSES, 1, 0, Randomisation(materials=1.0))
    return stage


def random_actions(stage: FlareVectorEnv, key: int) -> npt.NDArray[np.int64]:
    """Every allowed action with the same chance, but none that ends the episode: those would measure resets."""
    masks = stage.masks()
    masks[:, stage.play.end_action] = False
    logp = log_probabilities(torch.zeros(masks.shape), torch.from_numpy(masks))
    return sample(logp, uniforms(key, stage.episode_numbers, stage.episode_steps.astype(np.int64))[:, 0])


def make_tuner(folder: Path, workers: int = 1, *, processes: bool = False, rows: int | None = None) -> FineTuner:
    """The demo's transfer with a policy of the shipped one's shape and random weights.

    Args:
        rows: of all workers together, if not the recipe's.
    """
    spec = load_transfer(TRANSFER).spec
    source, _ = load_embodiment("stretch_re1")
    target, _ = load_embodiment(spec.embodiment)
    task, _ = load_task(spec.task)
    recipe = read(spec.recipe, "recipe", RecipeSpec).spec
    recipe = recipe.model_copy(update={"critic_warmup_steps": 0, "rows": rows or recipe.rows})
    policy = PolicySpec(views=VIEWS, actions=source.action_names, body_inputs=source.body_inputs)
    plan = plan_transfer(source, target, {view.name: (view.width, view.height) for view in VIEWS}, spec)
    torch.manual_seed(0)
    state, _ = carry(SmallPolicy(policy).state_dict(), plan, actions=policy.actions, body_inputs=policy.body_inputs)
    body = mask_body(target, plan.head)
    views = make_view_map(plan.views, source, body, {view.name: view.fill for view in VIEWS})
    senses = SensesMaker(views=views, words=Vocabulary.load().vectors)
    scene = Scene(pack=houses_of("train", recipe.houses), body=body, task=task, renders=dict(views.renders), vocabulary=Vocabulary.load())
    stages = training_stages(scene, recipe.rows, workers, 0, of_recipe(recipe))
    shared = [row for row, _ in plan.head.shared_rows if body.actions[row].masked is None]
    return FineTuner(
        policy_of(carry_spec(policy, target), state), recipe, stages, senses, folder, new_rows=plan.head.new_rows, shared=shared, seed=0,
        processes=processes,
    )  # fmt: skip
