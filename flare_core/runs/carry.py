"""From a transfer to an adapted policy: read, plan, carry, calibrate."""

from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from flare_core.adapters.head import Account, carry, carry_spec, mask_body
from flare_core.adapters.plan import Plan
from flare_core.adapters.planning import plan_transfer, plan_views
from flare_core.adapters.spec import TransferSpec
from flare_core.adapters.view import ViewMap, make_view_map
from flare_core.bundles.bundle import Bundle
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import EmbodimentSpec, load_embodiment
from flare_core.hub.references import is_elsewhere, open_bundle, open_outline
from flare_core.learning.spec import RecipeSpec
from flare_core.policies.agent import Senses
from flare_core.policies.families import policy_of, senses_of, shape_from_json
from flare_core.policies.interface import Policy, PolicySenses, Shape
from flare_core.policies.small import SmallPolicy
from flare_core.reading import Loaded, read
from flare_core.runs.overrides import NO_OVERRIDES, Overrides
from flare_core.tasks.spec import TaskSpec, load_task
from flare_core.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer that has been read and planned; nothing is trained yet.

    Attributes:
        body: the target, with the static masks that the transfer adds.
        policy: shape of the carried policy; `bundle` is the source's.
        overrides: (key, value) of every `-o` that the specs were read with.
    """

    loaded: Loaded[TransferSpec]
    bundle: Bundle
    source_policy: Shape
    policy: Shape
    body: Embodiment
    embodiment: Loaded[EmbodimentSpec]
    task: Task
    task_spec: Loaded[TaskSpec]
    recipe: RecipeSpec
    recipe_spec: Loaded[RecipeSpec]
    plan: Plan
    overrides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two ends of a transfer: the source policy's bundle, and the target."""

    bundle: Bundle
    policy: Shape
    target: Embodiment
    embodiment: Loaded[EmbodimentSpec]

    @property
    def views(self) -> dict[str, tuple[int, int]]:
        """Width and height of every image that the policy expects."""
        return {view.name: (view.width, view.height) for view in self.policy.views}


def pair_of(loaded: Loaded[TransferSpec], overrides: Overrides = NO_OVERRIDES, *, weights: bool = True) -> Pair:
    """Read the policy and the body that a transfer names.

    Args:
        weights: read the policy's weights; else only what planning needs, so that of a policy on the Hub no weights are fetched.

    Raises:
        FlareError: one of them cannot be used.
    """
    spec = loaded.spec
    bundle = (open_bundle if weights else open_outline)(bundle_beside(spec.policy, loaded.folder_of(("policy",))))
    line = loaded.line_of(("embodiment",))
    target, embodiment = load_embodiment(
        spec.embodiment, loaded.folder_of(("embodiment",)), overrides.embodiment, within="embodiment.", where=line
    )
    return Pair(bundle=bundle, policy=shape_from_json(bundle.policy), target=target, embodiment=embodiment)


def plan_of(loaded: Loaded[TransferSpec], overrides: Overrides = NO_OVERRIDES, *, weights: bool = True) -> Transfer:
    """Read everything that a transfer names and plan it.

    Args:
        weights: as for `pair_of`. Without, the transfer can be looked at but not carried out.

    Raises:
        FlareError: a spec or the bundle cannot be used, or the plan lacks a choice.
    """
    spec = loaded.spec
    pair = pair_of(loaded, overrides, weights=weights)
    task, task_spec = load_task(spec.task, loaded.folder_of(("task",)), overrides.task, within="task.")
    folder, line = loaded.folder_of(("recipe",)), loaded.line_of(("recipe",))
    recipe = read(spec.recipe, "recipe", RecipeSpec, base=folder, overrides=overrides.recipe, within="recipe.", where=line)
    plan = plan_transfer(pair.bundle.embodiment, pair.target, pair.views, spec, loaded.line_of, pair.bundle.eyes)
    body = mask_body(pair.target, plan.head)
    task.check(body)
    return Transfer(
        loaded=loaded, bundle=pair.bundle, source_policy=pair.policy, policy=carry_spec(pair.policy, pair.target), body=body,
        embodiment=pair.embodiment, task=task, task_spec=task_spec, recipe=recipe.spec, recipe_spec=recipe, plan=plan,
        overrides=overrides.given,
    )  # fmt: skip


def carried_policy(transfer: Transfer) -> tuple[Policy, Account]:
    """The adapted policy before calibration, and what became of every tensor."""
    source = transfer.source_policy
    state, account = carry(
        transfer.bundle.state, transfer.plan, actions=source.actions, body_inputs=source.body_inputs, columns=source.has_body_columns
    )
    return policy_of(transfer.policy, state), account


def view_map(transfer: Transfer) -> ViewMap:
    """The plan's views, ready for images."""
    fill = {view.name: view.fill for view in transfer.source_policy.views}
    return make_view_map(transfer.plan.views, transfer.bundle.eyes, transfer.body, fill)


def own_views(policy: Shape, body: Embodiment, plan: Plan | None, source: Embodiment | None) -> ViewMap:
    """Views of a bundle on its own body: by its plan if it was carried, else each camera by its role."""
    fill = {view.name: view.fill for view in policy.views}
    if plan is not None and source is not None:
        return make_view_map(plan.views, source, body, fill)
    views = {view.name: (view.width, view.height) for view in policy.views}
    return make_view_map(plan_views(body, body, views, {}), body, body, fill)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensesMaker:
    """Makes senses for a policy; each worker needs its own."""

    views: ViewMap
    words: npt.NDArray[np.float32]

    @overload
    def __call__(self, policy: SmallPolicy) -> Senses: ...

    @overload
    def __call__(self, policy: Policy) -> PolicySenses: ...

    def __call__(self, policy: Policy) -> PolicySenses:
        return senses_of(policy, self.views, self.words)


def bundle_beside(reference: str, folder: Path) -> str | Path:
    """`shipped:NAME` and `hub://...` as they are; a folder relative to the file that names it."""
    if is_elsewhere(reference):
        return reference
    beside = folder / reference
    return beside if beside.exists() else Path(reference)
