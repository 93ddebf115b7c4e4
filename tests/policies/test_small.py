import torch

from flare_core.policies.small import Inputs, SmallPolicy
from tests.learning.toy import SPEC


def inputs(steps: int, rows: int) -> tuple[Inputs, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    starts = torch.rand(steps, rows, generator=draw) < 0.15
    made = Inputs(
        features=torch.rand(steps, rows, SPEC.feature_width, generator=draw), goal=torch.rand(steps, rows, SPEC.goal_width, generator=draw),
        previous=torch.randint(0, 5, (steps, rows), generator=draw), body=torch.rand(steps, rows, 1, generator=draw),
        step=torch.arange(steps).unsqueeze(1).expand(steps, rows).clone(),
    )  # fmt: skip
    return made, starts


def stepped(policy: SmallPolicy, made: Inputs, starts: torch.Tensor) -> torch.Tensor:
    memory, out = policy.actor.empty_memory(starts.shape[1]), []
    for t in range(len(starts)):
        logits, memory = policy.actor.step(made.at(t), memory.forget(starts[t]))
        out.append(logits)
    return torch.stack(out)


@torch.no_grad()
def test_step_with_memory_equals_the_batched_forward_across_many_contexts() -> None:
    policy, (made, starts) = SmallPolicy(SPEC), inputs(40, 7)
    batched, _ = policy.actor.sequence(made, starts, policy.actor.empty_memory(7))
    assert (stepped(policy, made, starts) - batched).abs().max() < 1e-5


@torch.no_grad()
def test_two_sequences_joined_by_memory_equal_one() -> None:
    policy, (made, starts) = SmallPolicy(SPEC), inputs(40, 7)
    whole, _ = policy.actor.sequence(made, starts, policy.actor.empty_memory(7))
    first, memory = policy.actor.sequence(made.at(slice(0, 13)), starts[:13], policy.actor.empty_memory(7))
    second, _ = policy.actor.sequence(made.at(slice(13, None)), starts[13:], memory)
    assert (torch.cat([first, second]) - whole).abs().max() < 1e-5


@torch.no_grad()
def test_nothing_before_an_episode_is_seen_in_it() -> None:
    policy, (made, _) = SmallPolicy(SPEC), inputs(10, 3)
    starts = torch.zeros(10, 3, dtype=torch.bool)
    starts[5] = True
    other = Inputs(**{name: getattr(made, name).clone() for name in Inputs.__slots__})
    other.features[:5] += 1.0
    one, _ = policy.actor.sequence(made, starts, policy.actor.empty_memory(3))
    two, _ = policy.actor.sequence(other, starts, policy.actor.empty_memory(3))
    assert torch.equal(one[5:], two[5:])
    assert not torch.allclose(one[:5], two[:5])


@torch.no_grad()
def test_nothing_older_than_the_context_is_seen_by_one_layer() -> None:
    from dataclasses import replace

    policy, (made, _) = SmallPolicy(replace(SPEC, layers=1)), inputs(12, 2)
    starts = torch.zeros(12, 2, dtype=torch.bool)
    other = Inputs(**{name: getattr(made, name).clone() for name in Inputs.__slots__})
    other.features[0] += 1.0
    one, _ = policy.actor.sequence(made, starts, policy.actor.empty_memory(2))
    two, _ = policy.actor.sequence(other, starts, policy.actor.empty_memory(2))
    assert not torch.equal(one[SPEC.context - 1], two[SPEC.context - 1])  # the last step that still sees step 0
    assert torch.equal(one[SPEC.context :], two[SPEC.context :])


@torch.no_grad()
def test_critic_starts_as_the_actors_body_with_value_zero() -> None:
    policy, (made, starts) = SmallPolicy(SPEC), inputs(5, 2)
    critic = policy.make_critic()
    values, _ = critic.sequence(made, starts, critic.empty_memory(2))
    assert values.eq(0).all()
    mine, theirs = policy.actor.state_dict(), critic.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if not name.startswith("head."))


@torch.no_grad()
def test_a_dropped_view_equals_an_absent_one() -> None:
    policy = SmallPolicy(SPEC)
    policy.encoder.views["navigation"].absent += 1.0
    images = {"navigation": torch.randint(0, 255, (3, 16, 16, 3), dtype=torch.uint8)}
    dropped = policy.encoder.features(images, 3, {"navigation": torch.tensor([True, False, True])})
    absent, seen = policy.encoder.features({}, 3), policy.encoder.features(images, 3)
    assert torch.equal(dropped[[0, 2]], absent[[0, 2]])
    assert torch.equal(dropped[1], seen[1])
    assert not torch.equal(seen, absent)


@torch.no_grad()
def test_padding_of_a_goal_does_not_change_it() -> None:
    policy, table = SmallPolicy(SPEC), torch.rand(9, SPEC.word_width)
    short = policy.encoder.encode_goal(torch.tensor([[3, 5]]), table)
    long = policy.encoder.encode_goal(torch.tensor([[3, 5, 0, 0, 0]]), table)
    assert (short - long).abs().max() < 1e-6
    assert not torch.allclose(short, policy.encoder.encode_goal(torch.tensor([[3, 4]]), table))
