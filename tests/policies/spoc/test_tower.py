from dataclasses import replace

import pytest
import torch
from torch import Tensor

from flare_core.policies.interface import cat
from flare_core.policies.spoc.fusion import Fusion
from flare_core.policies.spoc.inputs import PADDING, SpocInputs
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.spec import SpocSpec
from tests.policies.spoc.tiny import FAMILIES, RING, SPEC, inputs, policy

STARTS = torch.zeros(9, 3, dtype=torch.bool)
STARTS[[0, 4], [0, 1]] = True


def stepped(made: SpocPolicy, seen: SpocInputs, starts: Tensor) -> Tensor:
    memory, found = made.actor.empty_memory(starts.shape[1]), []
    for t in range(len(starts)):
        out, memory = made.actor.step(seen.at(t), memory.forget(starts[t]))
        found.append(out)
    return torch.stack(found)


@pytest.mark.parametrize("spec", FAMILIES.values(), ids=FAMILIES)
def test_steps_with_a_memory_equal_the_sequence(spec: SpocSpec) -> None:
    """Nine steps, a context of six, and an episode that begins in the middle."""
    made, seen = policy(spec), inputs(spec)
    whole, _ = made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
    assert (stepped(made, seen, STARTS) - whole).abs().max() < 1e-5
    assert (stepped(made, seen, torch.zeros_like(STARTS)) - whole)[4:, 1].abs().max() > 1e-3  # control: an episode that is not forgotten


def test_two_halves_equal_the_whole() -> None:
    made, seen = policy(), inputs()
    whole, end = made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
    first, memory = made.actor.sequence(seen.at(slice(0, 5)), STARTS[:5], made.actor.empty_memory(3))
    second, after = made.actor.sequence(seen.at(slice(5, None)), STARTS[5:], memory)
    assert (torch.cat([first, second]) - whole).abs().max() < 1e-5
    assert after.age.tolist() == end.age.tolist() == [6, 5, 6]
    assert memory.keys[0].shape[2] == 5  # no slot that nothing looks at


def test_memory_never_exceeds_the_context_and_nothing_older_is_seen() -> None:
    made, seen = policy(replace(SPEC, decoder_layers=1)), inputs()  # a second layer would look back twice as far
    starts = torch.zeros_like(STARTS)
    changed = replace(seen, features=seen.features.clone())
    changed.features[:2] += 1.0
    one, memory = made.actor.sequence(seen, starts, made.actor.empty_memory(3))
    two, _ = made.actor.sequence(changed, starts, made.actor.empty_memory(3))
    assert memory.keys[0].shape[2] == SPEC.context
    assert (one - two)[6].abs().max() > 1e-3  # step 6 still looks at step 1
    assert torch.equal(one[7:], two[7:])  # step 7 looks back to step 2


@pytest.mark.parametrize("spec", [SPEC, FAMILIES["spoc"]], ids=["flare", "spoc"])
def test_padding_of_an_instruction_changes_nothing_unless_the_release_is_reproduced(spec: SpocSpec) -> None:
    for exact, least, most in ((False, 0.0, 1e-5), (True, 1e-3, 1e9)):
        made, seen = policy(replace(spec, exact=exact)), inputs(spec, words=3)
        padding = torch.full((9, 3, 4), PADDING)
        longer = replace(seen, text=torch.cat([seen.text, padding], dim=-1))
        beside = replace(longer, text=longer.text.clone())
        beside.text[:, 2, :] = 5  # one row's instruction is long: the others have to be padded
        short, _ = made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
        padded, _ = made.actor.sequence(beside, STARTS, made.actor.empty_memory(3))
        assert least <= (short - padded)[:, :2].abs().max() < most


def test_instructions_that_differ_give_different_logits() -> None:
    for spec in FAMILIES.values():
        made, seen = policy(spec), inputs(spec)
        other = replace(seen, text=torch.where(seen.text == PADDING, PADDING, (seen.text - 1) % 8 + 2))
        one, _ = made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
        two, _ = made.actor.sequence(other, STARTS, made.actor.empty_memory(3))
        assert (one - two).abs().max() > 1e-3


def test_the_last_fusion_layer_for_one_token_equals_torch_s_encoder_for_all() -> None:
    torch.manual_seed(0)
    fusion, tokens = Fusion(SPEC), torch.randn(4, 11, SPEC.width)
    allowed = torch.ones(4, 11, dtype=torch.bool)
    allowed[1, 8:] = False
    whole = tokens
    for layer in fusion.layers:
        whole = layer(whole, src_key_padding_mask=~allowed)
    assert (fusion(tokens, allowed) - whole[:, 0]).abs().max() < 1e-5
    assert (fusion(tokens, None) - whole[:, 0])[1].abs().max() > 1e-3  # control: the mask matters
    last = fusion.layers[-1]
    with torch.no_grad():
        last.self_attn.in_proj_weight[SPEC.width : SPEC.width + 2] = last.self_attn.in_proj_weight[[SPEC.width + 1, SPEC.width]]
    assert (fusion(tokens, allowed) - whole[:, 0]).abs().max() > 1e-4  # control: two rows of the keys' weights are swapped


@pytest.mark.parametrize("rows", [1, 20])
def test_frames_are_fused_alike_in_any_number(rows: int) -> None:
    made, seen = policy(), inputs(steps=2, rows=20)
    every, _ = made.actor.sequence(seen, torch.ones(2, 20, dtype=torch.bool), made.actor.empty_memory(20))
    some = seen.at((slice(None), slice(0, rows)))
    few, _ = made.actor.sequence(some, torch.ones(2, rows, dtype=torch.bool), made.actor.empty_memory(rows))
    assert (every[:, :rows] - few).abs().max() < 1e-5


def test_the_adapter_of_texts_runs_once_an_instruction_and_its_encoder_once_ever() -> None:
    made, seen = policy(), inputs()
    adapted, encoded = list[tuple[int, ...]](), list[tuple[int, ...]]()
    made.actor.text_adapt.register_forward_hook(lambda module, given, out: adapted.append(tuple(given[0].shape)))
    made.encoder.text.register_forward_hook(lambda module, given, out: encoded.append(tuple(out.last_hidden_state.shape)))
    for _ in range(2):
        made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
    made.make_critic().sequence(seen, STARTS, made.actor.empty_memory(3))
    assert adapted == [(3, 4, 16), (3, 4, 16)]
    assert sorted(encoded) == [(1, 2, 16), (1, 3, 16), (1, 4, 16)]


def test_the_time_code_is_sine_and_cosine_by_turns() -> None:
    made = policy()
    code = made.actor._time(torch.tensor([0, 3]))
    assert code[0].tolist() == [0.0, 1.0] * (SPEC.width // 2)
    rate = 10000.0 ** (-2 / SPEC.width)
    by_hand = torch.tensor([3.0, 3.0 * rate])
    assert torch.allclose(code[1, :4], torch.stack([by_hand.sin(), by_hand.cos()], dim=-1).flatten())


def test_the_row_behind_the_actions_is_the_start_of_an_episode() -> None:
    """Rows of `previous` are actions in the head's order, and one more."""
    made, seen = policy(), inputs(steps=1)
    assert made.actor.previous.weight.shape == (len(SPEC.actions) + 1, SPEC.width)
    start = replace(seen, previous=torch.full((1, 3), len(SPEC.actions)))
    before, _ = made.actor.sequence(start, STARTS[:1], made.actor.empty_memory(3))
    with torch.no_grad():
        made.actor.previous.weight[-1] += 1.0
    after, _ = made.actor.sequence(start, STARTS[:1], made.actor.empty_memory(3))
    assert (before - after).abs().max() > 1e-3
    action = replace(seen, previous=torch.zeros(1, 3, dtype=torch.int64))
    one, _ = made.actor.sequence(action, STARTS[:1], made.actor.empty_memory(3))
    with torch.no_grad():
        made.actor.previous.weight[-1] += 1.0
    two, _ = made.actor.sequence(action, STARTS[:1], made.actor.empty_memory(3))
    assert torch.equal(one, two)


def test_what_is_held_is_seen_only_by_families_that_feed_it() -> None:
    for spec in (SPEC, RING):
        made, seen = policy(spec), inputs(spec)
        other = replace(seen, holding=1 - seen.holding)
        one, _ = made.actor.sequence(seen, STARTS, made.actor.empty_memory(3))
        two, _ = made.actor.sequence(other, STARTS, made.actor.empty_memory(3))
        assert torch.equal(one, two) is not spec.uses_holding


def test_an_absent_view_is_left_out_and_the_other_keeps_its_own_token() -> None:
    made, seen = policy(), inputs()
    single = {"features": seen.features[:, :, :1], "views": seen.views[:, :, :1]}
    one, _ = made.actor.sequence(replace(seen, **single), STARTS, made.actor.empty_memory(3))
    with torch.no_grad():
        made.actor.view_tokens["manipulation"] += 1.0
    same, _ = made.actor.sequence(replace(seen, **single), STARTS, made.actor.empty_memory(3))
    assert torch.equal(one, same)
    swapped = single | {"views": torch.ones_like(single["views"])}
    other, _ = made.actor.sequence(replace(seen, **swapped), STARTS, made.actor.empty_memory(3))
    assert (one - other).abs().max() > 1e-3


def test_value_of_a_cut_episode_s_last_state_equals_one_more_step() -> None:
    """The state that follows step t, seen with the same past: what the sequence would say if the episode went on."""
    made, seen = policy(), inputs()
    critic = made.make_critic()
    with torch.no_grad():
        critic.head.weight.normal_()
    whole, _ = critic.sequence(seen, STARTS, critic.empty_memory(3))
    at, row = torch.tensor([2, 5, 7]), torch.tensor([0, 1, 2])
    found = critic.value_after(seen, STARTS, at, row, seen.at((at + 1, row)))
    assert (found - whole[at + 1, row]).abs().max() < 1e-5


def test_joined_inputs_are_padded_to_the_longest_instruction() -> None:
    short, long = inputs(words=3, steps=2), inputs(words=5, steps=2)
    joined = cat([short, long], 0)
    assert joined.text.shape == (4, 3, 5)
    assert (joined.text[:2, :, 3:] == PADDING).all()
    assert torch.equal(joined.text[2:], long.text)
