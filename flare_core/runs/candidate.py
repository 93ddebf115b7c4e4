"""A bundle, whole: its policy, and everything that playing with it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flare_core.bundles.bundle import Bundle, load_bundle
from flare_core.bundles.layout import EMBODIMENT, TASK
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import BundleError
from flare_core.hub.references import folder_of
from flare_core.policies.families import policy_of, shape_from_json
from flare_core.policies.interface import Policy
from flare_core.runs.carry import SensesMaker, own_views
from flare_core.tasks.spec import load_task
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A bundle made ready to be judged."""

    bundle: Bundle
    policy: Policy
    senses: SensesMaker
    task: Task


def ready(reference: str, other_task: str | None = None, overrides: Sequence[tuple[str, str]] = ()) -> Candidate:
    """Read a bundle and everything that playing with it takes.

    Args:
        other_task: packaged name or path of a task to play instead of the bundle's own.
        overrides: (`jitter.KEY` or `noise.KEY`, YAML text) of the robot, to see how much of it the policy stands.

    Raises:
        FlareError: it cannot be used.
    """
    folder, _ = folder_of(reference)
    bundle = load_bundle(folder)
    policy = policy_of(shape_from_json(bundle.policy), bundle.state)
    if bundle.plan is not None and bundle.source is None:
        raise BundleError(
            f"{reference}: has a plan but no source_embodiment.yaml, so its views cannot be made. Make the bundle again with this flare"
        )
    views = own_views(policy.spec, bundle.embodiment, bundle.plan, bundle.source)
    task, _ = load_task(other_task or folder / TASK)
    task.check(bundle.embodiment)
    if overrides:
        body, loaded = load_embodiment(folder / EMBODIMENT, overrides=overrides, within="embodiment.", self_contained=True, random="middle")
        shaken = replace(bundle.embodiment, jitter=body.jitter, noise=body.noise)
        bundle = replace(bundle, embodiment=shaken, embodiment_spec=loaded.resolved)  # drawn bodies are drawn from the spec
    return Candidate(bundle=bundle, policy=policy, senses=SensesMaker(views=views, words=Vocabulary.load().vectors), task=task)
