import pytest
import torch

from flare_core.errors import TrainError
from flare_core.learning.calibrate import calibrate
from flare_core.policies.distribution import log_probabilities


def test_biases_give_each_new_action_the_probability_asked_for() -> None:
    logits = torch.randn(3000, 6, generator=torch.Generator().manual_seed(0)) * 3
    allowed = torch.rand(3000, 6, generator=torch.Generator().manual_seed(1)) < 0.8
    allowed[:, 0] = True
    shift = calibrate(logits, allowed, {3: 0.02, 5: 0.10})
    logits[:, 3] += shift[3]
    logits[:, 5] += shift[5]
    p = log_probabilities(logits, allowed).exp()
    assert abs(float(p[allowed[:, 3], 3].mean()) - 0.02) < 1e-3
    assert abs(float(p[allowed[:, 5], 5].mean()) - 0.10) < 1e-3


def test_one_state_by_hand() -> None:
    shift = calibrate(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), {1: 0.2})
    assert abs(shift[1] - torch.tensor(0.25).log().item()) < 1e-3  # odds 0.2 / 0.8


def test_an_action_that_is_never_allowed_is_refused() -> None:
    with pytest.raises(TrainError, match=r"rows \[1\] are never allowed"):
        calibrate(torch.zeros(4, 2), torch.tensor([[True, False]]).expand(4, 2), {1: 0.2})


def test_probabilities_that_leave_nothing_over_are_refused() -> None:
    with pytest.raises(TrainError, match="cannot be met together"):
        calibrate(torch.zeros(4, 3), torch.ones(4, 3, dtype=torch.bool), {1: 0.7, 2: 0.6})
