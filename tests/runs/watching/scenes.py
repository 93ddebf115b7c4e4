"""A scene with a policy of random weights on any body, small enough to play in a moment."""

from dataclasses import replace

import torch

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.drawing import draw_bodies, is_random
from flare_core.embodiments.spec import load_embodiment
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.runs.carry import SensesMaker, own_views
from flare_core.runs.stages import Scene
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

VIEWS = (View(name="navigation", width=32, height=18), View(name="manipulation", width=16, height=9))


def scene_with(houses: ScenePack, robot: str, task: str, horizon: int = 16) -> tuple[Scene, SmallPolicy, SensesMaker, Embodiment]:
    """Where and with what to play; a body with one camera has no manipulation view."""
    body, loaded = load_embodiment(robot, random="middle")
    views = VIEWS if len(body.cameras) > 1 else VIEWS[:1]
    spec = PolicySpec(
        views=views, actions=body.action_names, body_inputs=body.body_inputs, channels=(4, 4, 8, 8), features=16, width=32, heads=2,
        layers=1, context=8,
    )  # fmt: skip
    torch.manual_seed(0)
    policy, view_map, vocabulary = SmallPolicy(spec), own_views(spec, body, None, None), Vocabulary.load()
    scene = Scene(
        pack=houses, body=body, task=replace(load_task(task)[0], horizon=horizon), renders=dict(view_map.renders), vocabulary=vocabulary,
        bodies=draw_bodies(loaded.resolved, 0, 6) if is_random(loaded.resolved) else (),
    )  # fmt: skip
    return scene, policy, SensesMaker(views=view_map, words=vocabulary.vectors), body
