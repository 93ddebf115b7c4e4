from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.peers import task
from bench.peers.asking import Order
from bench.peers.flare_side import tuner_of
from bench.peers.network import PARAMETERS, WIDTH, parameters
from bench.peers.policy import GruPolicy, GruShape, Seen, Tower, stretches
from flare_core.policies.memory import Recurrent

STEPS, ROWS = 7, 3


def order(frozen: bool, out: Path = Path()) -> Order:
    return Order(updates=1, frozen=frozen, bfloat16=False, own_gru=False, gamma=0.5, step_us=0.0, seed=0, out=out)


def seen(steps: int = STEPS, rows: int = ROWS) -> Seen:
    draws = torch.Generator().manual_seed(0)
    return Seen(
        picture=torch.rand(steps, rows, WIDTH, generator=draws), body=torch.rand(steps, rows, task.BODY, generator=draws),
        previous=torch.zeros(steps, rows, dtype=torch.int64),
    )  # fmt: skip


def starts() -> Tensor:
    out = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    out[3, 1] = out[5, 0] = True
    return out


def by_steps(tower: Tower, inputs: Seen, begins: Tensor, memory: Recurrent) -> Tensor:
    """The sequence as the collector goes through it."""
    outputs, now = [], memory
    for t in range(len(begins)):
        out, now = tower.step(inputs.at(t), now.forget(begins[t]))
        outputs.append(out)
    return torch.stack(outputs)


@torch.no_grad()
def test_a_sequence_is_its_steps_and_no_episode_sees_the_one_before() -> None:
    torch.manual_seed(0)
    tower, inputs = Tower(GruShape(frozen=True), task.ACTIONS), seen()
    memory = Recurrent.of(torch.rand(ROWS, WIDTH))
    whole, after = tower.sequence(inputs, starts(), memory)
    assert torch.allclose(whole, by_steps(tower, inputs, starts(), memory), atol=1e-6)
    alone, _ = tower.sequence(inputs.at((slice(3, None), slice(1, 2))), starts()[3:, 1:2], tower.empty_memory(1))
    assert torch.allclose(whole[3:, 1:2], alone, atol=1e-6)
    assert isinstance(after, Recurrent)
    unbroken, _ = tower.sequence(inputs, torch.zeros_like(starts()), memory)  # control: without its reset the row differs
    assert (whole[3:, 1] - unbroken[3:, 1]).abs().max() > 1e-3
    assert torch.equal(whole[:, 2], unbroken[:, 2]) or torch.allclose(whole[:, 2], unbroken[:, 2], atol=1e-6)


def test_the_own_gru_gives_torchs_outputs_and_gradients_with_resets() -> None:
    torch.manual_seed(0)
    plain, own = Tower(GruShape(frozen=True), task.ACTIONS), Tower(GruShape(frozen=True, own_gru=True), task.ACTIONS)
    own.load_state_dict(plain.state_dict())
    memory, weigh = Recurrent.of(torch.rand(ROWS, WIDTH)), torch.rand(STEPS, ROWS, task.ACTIONS)
    outputs = [tower.sequence(seen(), starts(), memory)[0] for tower in (plain, own)]
    assert torch.allclose(*outputs, atol=1e-6)
    for out in outputs:
        torch.autograd.backward((out * weigh).sum())
    for one, two in zip(plain.parameters(), own.parameters(), strict=True):
        if one.numel():
            assert one.grad is not None
            assert two.grad is not None
            assert torch.allclose(one.grad, two.grad, rtol=1e-4, atol=1e-5)
    forgetful, _ = own.sequence(seen(), torch.zeros_like(starts()), memory)  # control: resets make a difference
    assert not torch.allclose(outputs[1], forgetful, atol=1e-3)


def test_the_own_gru_recurs_in_float32_where_the_rest_is_bfloat16() -> None:
    torch.manual_seed(0)
    tower, memory = Tower(GruShape(frozen=True, own_gru=True), task.ACTIONS), Recurrent.of(torch.rand(ROWS, WIDTH))
    exact, _ = tower.trunk(seen(), starts(), memory)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, _ = tower.trunk(seen(), starts(), memory)
    assert rough.dtype == torch.float32
    assert torch.allclose(rough, exact, atol=1e-2)
    assert not torch.equal(rough, exact)  # control: what goes into the recursion is rounded
    gradients = [torch.autograd.grad(out.float().sum(), tower.gru.weight_hh_l0)[0] for out in (exact, rough)]
    assert torch.allclose(*gradients, rtol=0.02, atol=0.02 * float(gradients[0].abs().max()))


def test_stretches_are_cut_where_any_row_begins() -> None:
    assert stretches(starts()) == [(0, 3), (3, 5), (5, 7)]
    assert stretches(torch.ones(1, 2, dtype=torch.bool)) == [(0, 1)]


@pytest.mark.parametrize("frozen", [True, False])
def test_the_network_has_the_size_that_all_learners_have(frozen: bool) -> None:
    run = tuner_of(order(frozen), task.Tally())
    assert parameters(run.policy, run.learner.actor, run.learner.critic) == PARAMETERS


def test_ratio_is_one_at_unchanged_weights_behind_rollout_boundaries_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "ROLLOUT", 50)
    torch.set_num_threads(1)
    run = tuner_of(order(frozen=True), task.Tally())
    run.recipe = run.learner.recipe = run.recipe.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
    for optimiser in (run.learner.actor_optimiser, run.learner.critic_optimiser):
        for group in optimiser.param_groups:
            group["lr"] = 1e-12
    run.learner._rates = [
        [1e-12 for _ in optimiser.param_groups] for optimiser in (run.learner.actor_optimiser, run.learner.critic_optimiser)
    ]
    spreads = [run.update()["ratio_spread"] for _ in range(3)]
    assert max(spreads) < 1e-4
    assert run.workers[0].collector.carried is not None
    run.workers[0].collector.carried = Recurrent.of(torch.ones(task.ROWS, WIDTH))
    rollout = run.workers[0].collector.collect(run.learner.actor, 4, _nothing(run.learner.new_rows), keep_trunk=True)
    with torch.no_grad():  # control: an update that forgets the memory sees other probabilities
        logits, _ = run.learner.actor.sequence(rollout.inputs, rollout.starts, run.learner.actor.empty_memory(task.ROWS))
        other = (
            torch.log_softmax(logits.masked_fill(~rollout.allowed, -torch.inf), -1).gather(-1, rollout.actions.unsqueeze(-1)).squeeze(-1)
        )
    assert (other - rollout.logp).abs().max() > 1e-3


def test_values_of_a_shared_critic_are_those_of_a_pass_of_its_own() -> None:
    run = tuner_of(order(frozen=True), task.Tally())
    torch.nn.init.normal_(run.learner.critic.head.weight)
    collector = run.workers[0].collector
    rollout = collector.collect(run.learner.actor, 90, _nothing(run.learner.new_rows), keep_trunk=True)
    assert rollout.trunk is not None
    assert rollout.starts[1:].any(), "an episode has to end in it"
    with torch.no_grad():
        kept = run.learner.critic.head(rollout.trunk[:-1])
        again, _ = run.learner.critic.sequence(rollout.inputs, rollout.starts, rollout.memory)
    assert torch.allclose(kept, again, atol=1e-5)


def _nothing(rows: Tensor):  # type: ignore[no-untyped-def]
    from flare_core.learning.rollout import Exploration

    return Exploration(actions=rows)


def test_an_encoder_that_learns_gets_gradients_and_a_frozen_one_none() -> None:
    policy = GruPolicy(GruShape(frozen=False))
    inputs = Seen(
        picture=torch.zeros(2, 1, 64, 64, 3, dtype=torch.uint8), body=torch.zeros(2, 1, 8), previous=torch.zeros(2, 1, dtype=torch.int64)
    )
    out, _ = policy.actor.sequence(inputs, torch.zeros(2, 1, dtype=torch.bool), policy.actor.empty_memory(1))
    torch.autograd.backward(out.square().sum())
    assert policy.actor.encoder is not None
    assert all(tensor.grad is not None for tensor in policy.actor.encoder.parameters())
    frozen = GruPolicy(GruShape(frozen=True))
    frozen.freeze_encoder()
    assert frozen.encoder is not None
    assert not any(tensor.requires_grad for tensor in frozen.encoder.parameters())
