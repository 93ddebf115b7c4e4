import torch

from flare_core.learning.advantages import advantages

NO, YES = torch.zeros(3, 1, dtype=torch.bool), torch.tensor([[False], [True], [False]])


def test_gae_by_hand() -> None:
    rewards, values = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.5], [1.0], [1.5]])
    following = torch.tensor([[1.0], [1.5], [2.0]])
    got = advantages(rewards, values, following, NO, NO, gamma=0.5, lam=0.5)
    # deltas: 1 + .5*1 - .5 = 1.0; 2 + .5*1.5 - 1 = 1.75; 3 + .5*2 - 1.5 = 2.5; each carries a quarter of the next
    assert got.flatten().tolist() == [1.0 + 0.25 * (1.75 + 0.25 * 2.5), 1.75 + 0.25 * 2.5, 2.5]


def test_time_limit_bootstraps_and_termination_does_not() -> None:
    one, zero = torch.ones(1, 2), torch.zeros(1, 2)
    got = advantages(one, zero, 10 * one, torch.tensor([[True, False]]), torch.tensor([[True, True]]), gamma=0.5, lam=1.0)
    assert got.tolist() == [[1.0, 1.0 + 0.5 * 10.0]]  # r, and r + gamma * V(next)


def test_no_episode_sees_the_next() -> None:
    rewards, values = torch.tensor([[0.0], [0.0], [8.0]]), torch.zeros(3, 1)
    got = advantages(rewards, values, torch.zeros(3, 1), YES, YES, gamma=1.0, lam=1.0)
    assert got.flatten().tolist() == [0.0, 0.0, 8.0]
