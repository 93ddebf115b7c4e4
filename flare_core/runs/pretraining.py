"""What a pretraining spec asks for: the body with its randomised mounts, and the policy that it begins with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flare_core.adapters.head import carry, carry_spec
from flare_core.adapters.plan import Plan, ViewPlan
from flare_core.adapters.planning import plan_body_inputs, plan_head
from flare_core.adapters.spec import HeadChoices
from flare_core.bundles.bundle import Bundle
from flare_core.embodiments.body import Embodiment, Jitter, OtherMounts
from flare_core.embodiments.drawing import draw_bodies, is_random
from flare_core.embodiments.spec import EmbodimentSpec, load_embodiment
from flare_core.errors import BundleError, HubError, SpecError, TrainError
from flare_core.hub.references import open_bundle
from flare_core.learning.spec import PretrainingSpec, RecipeSpec
from flare_core.policies.families import policy_of
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.policies.widen import can_widen, widened
from flare_core.reading import Loaded, read
from flare_core.runs.carry import bundle_beside
from flare_core.runs.stages import Randomisation, Scene, training_stages
from flare_core.seeding import key_of
from flare_core.tasks.spec import TaskSpec, load_task
from flare_core.tasks.task import Task

COLOUR_ROWS = 64
HELD_OUT_SEED, HELD_OUT_BODIES = key_of(0, "held-out bodies"), 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """A pretraining that has been read.

    Attributes:
        further: the other tasks that are imitated.
        recipe: of its practice.
        start: the policy to begin with, once the run has begun.
    """

    loaded: Loaded[PretrainingSpec]
    body: Embodiment
    embodiment: Loaded[EmbodimentSpec]
    task: Task
    task_spec: Loaded[TaskSpec]
    further: tuple[tuple[Task, Loaded[TaskSpec]], ...] = ()
    recipe: Loaded[RecipeSpec] | None = None
    start: Bundle | None = None

    @property
    def spec(self) -> PretrainingSpec:
        return self.loaded.spec

    @property
    def lessons(self) -> list[str]:
        """What is done, in order, in words."""
        said = []
        if self.spec.perception is not None:
            said.append(f"{self.spec.perception.frames:,} frames of seeing")
        if self.spec.cloning is not None:
            shared = f" of {', '.join([self.task.name, *(task.name for task, _ in self.further)])}" if self.further else ""
            said.append(f"{self.spec.cloning.steps:,} steps of imitation{shared}")
        if self.recipe is not None:
            said.append(f"{self.recipe.spec.steps:,} steps of practice")
        return said


def load_pretraining(reference: str | Path, overrides: tuple[tuple[str, str], ...] = ()) -> Pretraining:
    """Read a pretraining spec and what it names.

    Raises:
        FlareError: one of them cannot be used.
    """
    loaded = read(reference, "pretraining", PretrainingSpec, overrides=overrides)
    body, embodiment = load_embodiment(loaded.spec.embodiment, loaded.folder_of(("embodiment",)), random="middle")
    task, task_spec = load_task(loaded.spec.task, loaded.folder_of(("task",)))
    spec, recipe = loaded.spec, None
    if not task.types:
        raise SpecError(f"{loaded.line_of(('task',))}: task: '{task.name}' names no object types, which the lesson in seeing is about")
    if task.subjects.gaps != {"target"}:
        raise SpecError(f"{loaded.line_of(('task',))}: task: '{task.name}' names more than one type of object; name it in `further_tasks`")
    further = tuple(load_task(name, loaded.folder_of(("further_tasks", at))) for at, name in enumerate(spec.further_tasks))
    if further and spec.practice is not None:
        raise SpecError(
            f"{loaded.line_of(('practice',))}: practice: is for one task. Leave out `further_tasks`, or practise in a run after this"
        )
    if spec.start is None and (spec.perception is None or spec.cloning is None):
        missing = "perception" if spec.perception is None else "cloning"
        raise SpecError(f"{loaded.line_of(())}: without `{missing}` there is nothing to begin with. Add it, or `start:` with a bundle")
    if spec.practice is not None:
        where = ("practice", "recipe")
        recipe = read(spec.practice.recipe, "recipe", RecipeSpec, base=loaded.folder_of(where), where=loaded.line_of(where))
    return Pretraining(loaded=loaded, body=body, embodiment=embodiment, task=task, task_spec=task_spec, further=further, recipe=recipe)


def randomised_bodies(pretraining: Pretraining, seed: int) -> tuple[Embodiment, ...]:
    """The bodies that are learned with, each as `randomised_body`; empty where the spec's robot is one."""
    document = pretraining.embodiment.resolved
    if not is_random(document):
        return ()
    drawn = draw_bodies(document, key_of(seed, "bodies to learn with"), pretraining.spec.randomisation.bodies)
    return tuple(randomised_body(pretraining, body) for body in drawn)


def randomised_body(pretraining: Pretraining, body: Embodiment | None = None) -> Embodiment:
    """A body, the spec's if none is given, with the mounts' uncertainty that the spec asks for, never less than its own."""
    body = body or pretraining.body
    own, wide, other = body.jitter, pretraining.spec.randomisation, pretraining.spec.randomisation.other_mounts
    jitter = Jitter(
        pitch=max(own.pitch, math.radians(wide.pitch_deg)),
        yaw=max(own.yaw, math.radians(wide.yaw_deg)),
        fov=max(own.fov, math.radians(wide.fov_deg)),
        position_m=max(own.position_m, wide.position_m),
    )
    if other is not None:
        raised, narrower = math.radians(other.raise_deg), math.radians(other.narrow_deg)
        mounts = OtherMounts(share=other.share, lower_m=other.lower_m, raised=raised, narrower=narrower)
        jitter = replace(jitter, other_mounts=mounts)
    return replace(body, jitter=jitter)


def held_out_bodies(document: Mapping[str, Any]) -> tuple[Embodiment, ...]:
    """The bodies that a policy of a random body is judged on, which no training draws; empty for one robot.

    Args:
        document: the robot's resolved spec.
    """
    return draw_bodies(document, HELD_OUT_SEED, HELD_OUT_BODIES) if is_random(document) else ()


def blank_policy(pretraining: Pretraining, fill: Mapping[str, tuple[int, int, int]]) -> SmallPolicy:
    """A policy of the spec's shape with random weights."""
    views = tuple(View(name=name, width=size.width, height=size.height, fill=fill[name]) for name, size in pretraining.spec.views.items())
    return SmallPolicy(
        PolicySpec(
            views=views,
            actions=pretraining.body.action_names,
            body_inputs=pretraining.body.body_inputs,
            features=pretraining.spec.features,
            levels=pretraining.spec.levels,
            context=pretraining.spec.context,
            categories=pretraining.task.types,
        )
    )


def with_start(pretraining: Pretraining) -> Pretraining:
    """The same with the bundle that its spec begins with, read.

    Raises:
        FlareError: there is none, or it cannot be read.
    """
    where, reference = ("start",), pretraining.spec.start
    if reference is None:
        return pretraining
    try:
        found = open_bundle(bundle_beside(reference, pretraining.loaded.folder_of(where)))
    except (BundleError, HubError) as bad:
        line = pretraining.loaded.line_of(where)
        raise TrainError(f"{line}: {bad}. First make it: `flare pretrain` of its own spec, with --out to the folder above") from None
    return replace(pretraining, start=found)


def first_policy(pretraining: Pretraining, shape: PolicySpec, scene: Scene, seed: int) -> SmallPolicy:
    """What the lessons begin with: the policy of `start`, or random weights.

    Raises:
        TrainError: `start` has another shape, or the body lacks a camera.
    """
    if pretraining.start is not None:
        start = _carried(pretraining.start, pretraining.body)
        there, wide = _like(shape, start)
        return policy_of(wide, widened(start.state, there, wide))
    return blank_policy(pretraining, _mean_colours(scene, pretraining.spec, seed))


def _carried(start: Bundle, body: Embodiment) -> Bundle:
    """A policy to begin with, its rows and inputs those of this body, where the body has no action that it lacks; else as it is."""
    actions = tuple(PolicySpec.from_json(start.policy).actions)
    if actions == body.action_names or not set(body.action_names) <= set(actions):
        return start
    head, inputs = plan_head(start.embodiment, body, HeadChoices()), plan_body_inputs(start.embodiment, body)
    plan = Plan(source=start.embodiment.name, target=body.name, head=head, views=ViewPlan(entries=(), unused=()), inputs=inputs)
    policy = PolicySpec.from_json(start.policy)
    state, _ = carry(start.state, plan, actions=policy.actions, body_inputs=policy.body_inputs)
    return replace(start, state=state, policy=carry_spec(policy, body).to_json())


def _like(shape: PolicySpec, start: Bundle) -> tuple[PolicySpec, PolicySpec]:
    """The shape of the policy that a run begins with, and the one that it goes on in; covered pixels keep the colour that it knows.

    Raises:
        TrainError: the spec asks for another shape.
    """
    there = PolicySpec.from_json(start.policy)
    fills = {view.name: view.fill for view in there.views}
    asked = replace(shape, views=tuple(replace(view, fill=fills.get(view.name, view.fill)) for view in shape.views))
    if not can_widen(there, asked):
        raise TrainError(
            f"start: {start.name} is a policy of another shape (views, actions, categories, body inputs or widths); leave `start` out"
        )
    return there, asked


def _mean_colours(scene: Scene, spec: PretrainingSpec, seed: int) -> dict[str, tuple[int, int, int]]:
    """Mean colour of every view over first states of training: what uncovered pixels are filled with."""
    (stage,) = training_stages(scene, COLOUR_ROWS, 1, seed, Randomisation(materials=1.0 - spec.randomisation.plain))
    observation = stage.observe()
    means = {}
    for name in spec.views:
        camera = scene.body.camera_for(name)
        if camera is None:
            raise TrainError(f"{scene.body.name} has no camera with the role '{name}'; give one a `role: {name}`")
        r, g, b = observation[f"camera/{camera.name}"].reshape(-1, 3).mean(axis=0)
        means[name] = (round(float(r)), round(float(g)), round(float(b)))
    return means
