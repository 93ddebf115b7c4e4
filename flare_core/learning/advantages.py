"""Generalised advantage estimation."""

import torch
from torch import Tensor


def advantages(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, *, gamma: float, lam: float
) -> Tensor:
    """Advantage of every step; a time limit bootstraps, termination does not, and no episode sees the next.

    Args:
        rewards, values: (T, B).
        next_values: (T, B), V of the state that step t led to, before any reset.
        terminated: bool (T, B), the task itself ended there.
        ended: bool (T, B), terminated or truncated.

    Returns:
        (T, B).

    Reference: Schulman et al. 2016, arXiv:1506.02438, equation 16.
    """
    deltas = rewards + gamma * next_values * ~terminated - values  # (T, B)
    out = torch.zeros_like(deltas)
    later = torch.zeros_like(deltas[0])  # (B,)
    for t in reversed(range(len(deltas))):
        later = deltas[t] + gamma * lam * later * ~ended[t]
        out[t] = later
    return out
