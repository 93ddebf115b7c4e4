from dataclasses import replace

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from flare_core.adapters.head import carry, carry_spec, mask_body
from flare_core.adapters.plan import Plan
from flare_core.adapters.planning import plan_head, plan_transfer
from flare_core.adapters.spec import PlanChoices
from flare_core.embodiments.body import Embodiment
from flare_core.errors import AdapterError
from flare_core.policies.small import Inputs, SmallPolicy
from flare_core.policies.spec import PolicySpec, View

VIEWS = {"navigation": (128, 72), "manipulation": (128, 72)}
TO_LOW = """
new_actions: {start: zero}
head: {look_left: {like: rotate_left}, look_up: {start: mean}}
views: {navigation: {from: head, fit: reproject}, manipulation: absent}
"""


def choices(text: str) -> PlanChoices:
    return PlanChoices.model_validate(yaml.safe_load(text) or {})


def state_of(body: Embodiment, width: int = 4) -> dict[str, Tensor]:
    """Weights like those of a small policy, all different."""
    rows, inputs = len(body.actions), len(body.body_inputs)
    make = torch.Generator().manual_seed(7)
    shapes = {
        "encoder.views.navigation.first.weight": (3, 2),
        "actor.previous.weight": (rows + 1, width),
        "actor.body.weight": (width, inputs),
        "actor.norm.weight": (width,),
        "actor.head.weight": (rows, width),
        "actor.head.bias": (rows,),
    }
    return {name: torch.randn(shape, generator=make) for name, shape in shapes.items()}


def logits(state: dict[str, Tensor], previous: Tensor, body: Tensor) -> Tensor:
    """A policy in miniature: what is known of the last action and the body, through one layer, to the head; (B, A)."""
    hidden = torch.tanh(state["actor.previous.weight"][previous] + body @ state["actor.body.weight"].T)
    return hidden @ state["actor.head.weight"].T + state["actor.head.bias"]


def carry_between(source: Embodiment, target: Embodiment, state: dict[str, Tensor], text: str = "") -> dict[str, Tensor]:
    plan = plan_transfer(source, target, VIEWS, choices(text))
    return carry(state, plan, actions=source.action_names, body_inputs=source.body_inputs)[0]


def test_rows_follow_the_plan_by_hand(tall: Embodiment, low: Embodiment) -> None:
    state = state_of(tall, width=1)
    state["actor.head.weight"] = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0], [9.0]])
    state["actor.head.bias"] = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0, 90.0])
    state["actor.previous.weight"] = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0], [9.0], [100.0]])
    state["actor.body.weight"] = torch.zeros(1, 4)
    new = carry_between(tall, low, state, TO_LOW)
    # forward, left, right, look_left (like rotate_left), look_up (mean of all six rows), finish
    assert new["actor.head.weight"].tolist() == [[1.0], [3.0], [2.0], [3.0], [4.0], [9.0]]
    assert new["actor.head.bias"].tolist() == [10.0, 30.0, 20.0, 30.0, 40.0, 90.0]
    assert new["actor.previous.weight"].tolist() == [[1.0], [3.0], [2.0], [3.0], [4.0], [9.0], [100.0]]  # the start stays last


def test_reuse_carries_the_row_with_its_bias(tall: Embodiment, low: Embodiment) -> None:
    state = state_of(tall)
    new = carry_between(tall, low, state, TO_LOW.replace("{start: mean}", "{reuse: arm_up}"))
    assert torch.equal(new["actor.head.weight"][4], state["actor.head.weight"][4])
    assert torch.equal(new["actor.head.bias"][4], state["actor.head.bias"][4])


def test_a_zero_start_is_a_zero_row(tall: Embodiment, low: Embodiment) -> None:
    new = carry_between(tall, low, state_of(tall), TO_LOW.replace("{start: mean}", "{start: zero}"))
    assert new["actor.head.weight"][4].tolist() == [0.0] * 4
    assert new["actor.head.bias"][4].item() == 0.0


def test_the_mean_leaves_rows_out_that_were_never_used(tall: Embodiment, low: Embodiment) -> None:
    source = replace(tall, actions=tuple(replace(a, masked="broken") if a.name == "arm_up" else a for a in tall.actions))
    state = state_of(source)
    used = [0, 1, 2, 3, 5]
    new = carry_between(source, low, state, TO_LOW)
    assert torch.allclose(new["actor.head.weight"][4], state["actor.head.weight"][used].mean(0))


def test_a_policy_carried_to_its_own_body_is_bit_identical(tall: Embodiment) -> None:
    state = state_of(tall)
    new = carry_between(tall, tall, state)
    assert list(new) == list(state)
    assert all(torch.equal(new[name], value) for name, value in state.items())
    assert all(new[name].data_ptr() != value.data_ptr() for name, value in state.items())  # the source stays as it is


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), seed=st.integers(0, 1000))
def test_every_action_keeps_its_probability_by_name_in_any_order(tall: Embodiment, order: list[int], seed: int) -> None:
    target = replace(tall, actions=tuple(tall.actions[at] for at in order))
    old, new = probabilities(tall, target, state_of(tall), seed)
    assert differs(old, new) < 1e-5  # a matrix product may round differently in another order


def differs(old: dict[str, list[float]], new: dict[str, list[float]]) -> float:
    assert set(old) == set(new)
    return max(abs(a - b) for name in old for a, b in zip(old[name], new[name], strict=True))


def probabilities(
    source: Embodiment, target: Embodiment, state: dict[str, Tensor], seed: int, spoil: bool = False
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Probability of each action by name over a few random situations, before and after carrying."""
    carried = carry_between(source, target, state)
    if spoil:
        swap = [1, 0, *range(2, len(target.actions))]
        carried["actor.head.weight"] = carried["actor.head.weight"][swap]
    make = torch.Generator().manual_seed(seed)
    previous = torch.randint(len(source.actions) + 1, (5,), generator=make)
    body = torch.rand(5, len(source.body_inputs), generator=make)
    moved = [len(source.actions) if at == len(source.actions) else target.action_names.index(source.action_names[at]) for at in previous]
    old, new = logits(state, previous, body), logits(carried, torch.tensor(moved), body)
    old, new = torch.softmax(old, dim=1), torch.softmax(new, dim=1)
    by_name = {name: new[:, at].tolist() for at, name in enumerate(target.action_names)}
    return {name: old[:, at].tolist() for at, name in enumerate(source.action_names)}, by_name


def test_failing_control_two_swapped_weight_rows_are_noticed(tall: Embodiment) -> None:
    target = replace(tall, actions=tall.actions[::-1])
    old, new = probabilities(tall, target, state_of(tall), seed=1, spoil=True)
    assert differs(old, new) > 0.05


def test_shared_actions_keep_their_logits_on_a_body_without_the_arm(tall: Embodiment, low: Embodiment) -> None:
    state = state_of(tall)
    carried = carry_between(tall, low, state, TO_LOW)
    # The arm at home: lift 0.75 of 0..1 m is 0.5; extension and wrist are in the middle; nothing held.
    home = torch.tensor([[0.5, 0.0, 0.0, 0.0]])
    old = logits(state, torch.tensor([6]), home)[0]
    new = logits(carried, torch.tensor([6]), torch.rand(1, 2))[0]  # pan and tilt are not known to the policy yet
    assert torch.allclose(new[[0, 1, 2, 5]], old[[0, 2, 1, 5]], atol=1e-6)


def test_body_columns_are_rescaled_to_the_target_s_limits(tall: Embodiment) -> None:
    assert tall.arm is not None
    lift = replace(tall.arm.lift, high=2.0)
    target = replace(tall, arm=replace(tall.arm, lift=lift))
    state = state_of(tall)
    carried = carry_between(tall, target, state)
    at_0_9_m = (torch.tensor([[0.8, 0.0, 0.0, 0.0]]), torch.tensor([[-0.1, 0.0, 0.0, 0.0]]))  # on 0..1 m and on 0..2 m
    previous = torch.tensor([2])
    assert torch.allclose(logits(state, previous, at_0_9_m[0]), logits(carried, previous, at_0_9_m[1]), atol=1e-6)


def test_every_tensor_is_accounted_for(tall: Embodiment, low: Embodiment) -> None:
    state = state_of(tall) | {"critic.head.weight": torch.zeros(1, 4), "critic.head.bias": torch.zeros(1)}
    plan = plan_transfer(tall, low, VIEWS, choices(TO_LOW))
    new, account = carry(state, plan, actions=tall.action_names, body_inputs=tall.body_inputs)
    assert [tensor.name for tensor in account.tensors] == list(state) == list(new)
    fates = {tensor.name: tensor.fate for tensor in account.tensors}
    assert fates == {
        "encoder.views.navigation.first.weight": "carried",
        "actor.previous.weight": "previous",
        "actor.body.weight": "body",
        "actor.norm.weight": "carried",
        "actor.head.weight": "head",
        "actor.head.bias": "head",
        "critic.head.weight": "carried",
        "critic.head.bias": "carried",
    }
    for tensor in account.tensors:
        assert tensor.source_shape == tuple(state[tensor.name].shape)
        assert tensor.target_shape == tuple(new[tensor.name].shape)
    head = next(tensor for tensor in account.tensors if tensor.name == "actor.head.weight")
    assert (head.kept, head.new) == (("forward", "left", "right", "finish"), ("look_left", "look_up"))
    assert head.dropped == ("rotate_left_small", "arm_up")
    body = next(tensor for tensor in account.tensors if tensor.name == "actor.body.weight")
    assert (body.kept, body.new, body.dropped) == ((), ("pan:head", "tilt:head"), ("lift", "extend", "wrist", "holding"))


def test_a_policy_that_is_not_the_plan_s_is_refused(tall: Embodiment, low: Embodiment) -> None:
    plan = plan_transfer(tall, low, VIEWS, choices(TO_LOW))
    with pytest.raises(AdapterError) as caught:
        carry(state_of(tall), plan, actions=tall.action_names[::-1], body_inputs=tall.body_inputs)
    assert str(caught.value) == (
        "adapters: the policy's rows are ['done', 'arm_up', 'rotate_left_small', 'rotate_left', 'rotate_right', 'move_ahead'], "
        "the plan's source has ['move_ahead', 'rotate_right', 'rotate_left', 'rotate_left_small', 'arm_up', 'done']. "
        "Plan from the embodiment in the policy's own bundle"
    )
    short = state_of(tall)
    short["actor.previous.weight"] = short["actor.previous.weight"][:-1]
    with pytest.raises(AdapterError, match=r"'actor.previous.weight' has 6 rows; 6 actions and the start need 7"):
        carry(short, plan, actions=tall.action_names, body_inputs=tall.body_inputs)
    del short["actor.head.weight"], short["actor.head.bias"]
    with pytest.raises(AdapterError, match=r"no 'head' tensor with 6 actions"):
        carry(short, plan, actions=tall.action_names, body_inputs=tall.body_inputs)


def test_masks_of_the_transfer_reach_the_body(tall: Embodiment) -> None:
    plan = plan_head(tall, tall, choices("head: {arm_up: {masked: not in this house}}"))
    masked = mask_body(tall, plan)
    assert masked.actions[4].masked == "not in this house"
    assert [action.masked is None for action in masked.actions] == [True, True, True, True, False, True]
    assert all(action.masked is None for action in tall.actions)


def test_the_carried_policy_knows_its_new_actions_and_inputs(low: Embodiment, tall: Embodiment) -> None:
    spec = PolicySpec(views=(View(name="navigation", width=128, height=72),), actions=tall.action_names, body_inputs=tall.body_inputs)
    carried = carry_spec(spec, low)
    assert (carried.actions, carried.body_inputs) == (low.action_names, ("pan:head", "tilt:head"))
    assert carried.views == spec.views


def test_a_plan_read_back_from_json_carries_the_same_weights(tall: Embodiment, low: Embodiment) -> None:
    plan = plan_transfer(tall, low, VIEWS, choices(TO_LOW))
    state = state_of(tall)
    one, _ = carry(state, plan, actions=tall.action_names, body_inputs=tall.body_inputs)
    two, _ = carry(state, Plan.from_json(plan.to_json()), actions=tall.action_names, body_inputs=tall.body_inputs)
    assert all(torch.equal(one[name], two[name]) for name in one)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_the_small_policy_itself_gives_each_action_its_logit_by_name(tall: Embodiment, low: Embodiment, order: list[int]) -> None:
    torch.manual_seed(0)
    spec = PolicySpec(
        views=(View(name="navigation", width=32, height=18),),
        actions=tall.action_names,
        body_inputs=tall.body_inputs,
        channels=(2, 2, 2, 2),
        features=4,
        goal_width=4,
        width=8,
        heads=2,
        layers=1,
        context=4,
    )
    policy = SmallPolicy(spec)
    target = replace(low, actions=tuple(tall.actions[at] for at in order))
    plan = plan_transfer(tall, target, {"navigation": (32, 18)}, choices("views: {navigation: {from: head, fit: crop}}"))
    state, account = carry(policy.state_dict(), plan, actions=spec.actions, body_inputs=spec.body_inputs)
    assert [tensor.name for tensor in account.tensors] == list(policy.state_dict())
    carried = SmallPolicy(carry_spec(spec, target))
    carried.load_state_dict(state, strict=True)
    seen = {"features": torch.rand(5, 1, spec.feature_width), "goal": torch.rand(5, 1, 4), "step": torch.arange(5).unsqueeze(1)}
    before = torch.tensor([6, 0, 3, 4, 5])  # the start, then four actions
    moved = torch.tensor([6, *(order.index(at) for at in before[1:].tolist())])
    home = torch.tensor([0.5, 0.0, 0.0, 0.0]).expand(5, 1, 4)  # the arm of the source at home; see above
    starts = torch.tensor([True, False, False, False, False]).unsqueeze(1)
    one, _ = policy.actor.sequence(Inputs(**seen, previous=before.unsqueeze(1), body=home), starts, policy.actor.empty_memory(1))
    two, _ = carried.actor.sequence(
        Inputs(**seen, previous=moved.unsqueeze(1), body=torch.rand(5, 1, 2)), starts, carried.actor.empty_memory(1)
    )
    assert torch.allclose(two, one[..., order], atol=1e-5)
