"""Twenty thousand steps of a LoCoBot whose pan and tilt have limits, through the sampler that training and evaluation use."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.episodes import policy_actor
from flare_core.policies.agent import Senses
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.runs.carry import own_views
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

ROWS, STEPS = 50, 400


@pytest.mark.parametrize("keeps_masks", [True, False])
def test_20_000_steps_without_one_masked_action(houses: ScenePack, keeps_masks: bool) -> None:
    torch.manual_seed(0)
    body, task = load_embodiment("locobot")[0], load_task("objectnav_short")[0]
    spec = PolicySpec(
        views=(View(name="navigation", width=16, height=16),), actions=body.action_names, body_inputs=body.body_inputs,
        channels=(4, 4, 8, 8), features=16, width=32, heads=2, layers=1, context=8,
    )  # fmt: skip
    policy = SmallPolicy(spec)
    with torch.no_grad():
        policy.actor.head.weight.mul_(0.2)
        for name, more in (
            ("look_left", 2.0),
            ("look_up", 2.0),
            ("done", -9.0),
            ("sub_done", -9.0),
        ):  # it drives its camera into the limits
            policy.actor.head.bias[body.action_names.index(name)] += more
    simulator, views, words = EmbeddedSimulator(houses, body, ROWS, 0), own_views(spec, body, None, None), Vocabulary.load()
    stage = FlareVectorEnv(simulator, task, EpisodeSampler(task, simulator, words, 0), dict(views.renders))
    observation, info = stage.reset()
    act, starting, masked = policy_actor(stage, Senses(policy, views, words.vectors), 0), np.ones(ROWS, np.bool_), 0
    shut = 0
    for _ in range(STEPS):
        mask: npt.NDArray[np.bool_] = info["action_mask"]
        action = act(observation, mask if keeps_masks else np.ones_like(mask), starting)
        masked += int((~mask[np.arange(ROWS), action]).sum())
        shut += int((~mask).sum())
        observation, _, terminated, truncated, info = stage.step(action)
        starting = np.asarray(terminated | truncated)
    assert shut > STEPS * ROWS // 2  # limits are met at every other step
    assert (masked == 0) == keeps_masks
