from dataclasses import replace

import torch

from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import MATCHES, PolicySpec, View
from flare_core.policies.widen import can_widen, widened

VIEWS = (View(name="navigation", width=32, height=24), View(name="manipulation", width=16, height=16))
NARROW = PolicySpec(
    views=VIEWS, actions=("go", "done"), body_inputs=("lift",), categories=("mug", "bed"), channels=(8, 8, 8, 8), features=16, width=32,
    heads=2, context=8,
)  # fmt: skip
WIDE = replace(NARROW, levels=3, context=20, body_inputs=("lift", "contact"))


def first_layer(policy: SmallPolicy, *, absent: bool) -> torch.Tensor:
    """What a tower makes of the same two frames, both views given or the second one absent."""
    draw = torch.Generator().manual_seed(2)
    images = {view.name: torch.randint(0, 255, (2, view.height, view.width, 3), dtype=torch.uint8, generator=draw) for view in VIEWS}
    goal, encoder = torch.rand(2, NARROW.goal_width, generator=draw), policy.encoder
    if absent:
        del images["manipulation"]
    encoder.fast = False
    features = encoder.features(images, 2)
    seen = torch.cat([encoder.scenes(features), encoder.match(features, goal)], dim=-1)
    out: torch.Tensor = policy.actor.see(seen)
    return out


@torch.no_grad()
def test_a_wider_policy_does_as_before() -> None:
    torch.manual_seed(0)
    narrow, wide = SmallPolicy(NARROW), SmallPolicy(WIDE)
    wide.load_state_dict(widened(narrow.state_dict(), NARROW, WIDE))
    for absent in (False, True):
        assert torch.allclose(first_layer(narrow, absent=absent), first_layer(wide, absent=absent), atol=1e-5)
    lift = torch.tensor([[0.3], [-1.0]])
    for touches in (0.0, 1.0):
        felt = torch.cat([lift, torch.full((2, 1), touches)], dim=1)
        assert torch.allclose(narrow.actor.body(lift), wide.actor.body(felt))
    wide.actor.see.weight[:, -1] += 1.0  # the last level of the last view: what was nothing is listened to now
    assert not torch.allclose(first_layer(narrow, absent=False), first_layer(wide, absent=False), atol=1e-5)


def test_only_levels_context_and_further_inputs_may_differ() -> None:
    assert can_widen(NARROW, NARROW)
    assert can_widen(NARROW, WIDE)
    assert not can_widen(WIDE, NARROW)
    assert not can_widen(NARROW, replace(WIDE, width=64))
    assert not can_widen(NARROW, replace(WIDE, body_inputs=("contact", "lift")))
    assert WIDE.matches == MATCHES + 3
