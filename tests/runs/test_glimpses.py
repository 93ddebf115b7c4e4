"""Frames that the encoder's lesson is made of."""

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.policies.spec import PolicySpec, View
from flare_core.runs.glimpses import EmbeddedLookout
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.tasks.spec import load_task

VIEWS = (View(name="navigation", width=32, height=18), View(name="manipulation", width=32, height=18))
TASK, BODY = load_task("fetch")[0], load_embodiment("stretch_re1")[0]
POLICY = PolicySpec(views=VIEWS, actions=BODY.action_names, body_inputs=BODY.body_inputs, categories=TASK.types)


def shown(houses: ScenePack, at_hand: float, view: str) -> float:
    """Share of frames in which a view shows something that the task asks for, close by."""
    lookout = EmbeddedLookout(
        houses, BODY, TASK, POLICY, seed=0, worker=0, workers=1, border=0.0, plain=1.0, focus=1.0, at_hand=at_hand, views=(view,)
    )
    glimpses = [lookout.look() for _ in range(3)]
    assert all(set(glimpse) == {view} for glimpse in glimpses)
    cells = np.concatenate([glimpse[view].cells for glimpse in glimpses])  # (N, K, LAYERS, R, C)
    return float(cells[:, :, 2].any(axis=(1, 2, 3)).mean())


def test_what_is_at_hand_is_before_the_manipulation_camera(houses: ScenePack) -> None:
    assert shown(houses, 1.0, "manipulation") > 2 * shown(houses, 0.0, "manipulation")
    assert shown(houses, 0.0, "navigation") > shown(houses, 1.0, "navigation")
