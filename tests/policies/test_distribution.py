import math

import numpy as np
import torch

from flare_core.policies.distribution import chosen, divergence, entropy, log_probabilities, sample
from flare_core.seeding import key_of, uniforms


def test_masked_softmax_by_hand() -> None:
    logits = torch.tensor([[math.log(1.0), math.log(3.0), 50.0]])
    logp = log_probabilities(logits, torch.tensor([[True, True, False]]))
    assert torch.allclose(logp.exp(), torch.tensor([[0.25, 0.75, 0.0]]))
    assert logp[0, 2] == -torch.inf


def test_exploration_is_folded_in_by_hand() -> None:
    logits = torch.tensor([[math.log(1.0), math.log(3.0), -100.0]])
    logp = log_probabilities(logits, torch.ones(1, 3, dtype=torch.bool), torch.tensor([False, False, True]), 0.1)
    assert torch.allclose(logp.exp(), torch.tensor([[0.225, 0.675, 0.1]]))
    masked = log_probabilities(logits, torch.tensor([[True, True, False]]), torch.tensor([False, False, True]), 0.1)
    assert torch.allclose(masked.exp(), torch.tensor([[0.25, 0.75, 0.0]]))  # no new action allowed: nothing to explore


def test_a_million_draws_through_the_production_sampler_never_take_a_masked_action() -> None:
    draws = np.random.default_rng(0)
    key, rows = key_of(0, "test"), 10_000
    for turn in range(100):
        logits = torch.from_numpy(draws.normal(scale=draws.choice([0.1, 3.0, 60.0]), size=(rows, 20)).astype(np.float32))
        allowed = torch.from_numpy(draws.random((rows, 20)) < draws.choice([0.1, 0.5, 0.95]))
        allowed[torch.arange(rows), torch.from_numpy(draws.integers(0, 20, rows))] = True
        logp = log_probabilities(logits, allowed, allowed.any(0), 0.02 if turn % 2 else 0.0)
        uniform = uniforms(key, np.arange(rows, dtype=np.int64), np.full(rows, turn, dtype=np.int64))[:, 0]
        uniform[:2] = 0.0, np.nextafter(1.0, 0.0)  # the ends of the interval
        actions = sample(logp, uniform)
        assert allowed[torch.arange(rows), torch.from_numpy(actions)].all()
        assert torch.isfinite(chosen(logp, torch.from_numpy(actions))).all()


def test_sampler_follows_the_probabilities() -> None:
    logp = torch.tensor([[0.2, 0.5, 0.3]]).log().expand(100_000, 3)
    uniform = uniforms(key_of(1, "test"), np.arange(100_000, dtype=np.int64), np.zeros(100_000, dtype=np.int64))[:, 0]
    share = np.bincount(sample(logp, uniform), minlength=3) / 100_000
    assert np.abs(share - [0.2, 0.5, 0.3]).max() < 0.006


def test_entropy_and_divergence_by_hand() -> None:
    half = log_probabilities(torch.zeros(1, 3), torch.tensor([[True, True, False]]))
    assert torch.allclose(entropy(half), torch.tensor([math.log(2.0)]))
    skewed = log_probabilities(torch.tensor([[math.log(1.0), math.log(3.0), 7.0]]), torch.tensor([[True, True, True]]))
    shared = torch.tensor([[True, True, False]])
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)  # the third action does not count on either side
    assert torch.allclose(divergence(half, skewed, shared), torch.tensor([expected]))


def test_gradients_stay_finite_under_masks() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    allowed = torch.tensor([[True, False, True], [True, False, False]])
    logp = log_probabilities(logits, allowed, torch.tensor([False, False, True]), 0.1)
    (entropy(logp).sum() + chosen(logp, torch.tensor([2, 0])).sum() + divergence(logp.detach(), logp, allowed).sum()).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[:, 1].eq(0).all()
