"""From logits to a distribution over allowed actions. The only place where masks are applied.

Shapes: (..., A), with any leading axes.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def log_probabilities(logits: Tensor, allowed: Tensor, explore: Tensor | None = None, epsilon: float = 0.0) -> Tensor:
    """Log-probability of every action; forbidden actions get -inf and exactly zero probability.

    With exploration the distribution is (1 - epsilon) softmax + epsilon uniform over the allowed actions in `explore`,
    so that what is sampled is what the update differentiates. A row in which no such action is allowed keeps the softmax.

    Args:
        logits: (..., A).
        allowed: bool (..., A), at least one True in each row.
        explore: bool (A,), the actions that exploration is for, or None.
        epsilon: 0 <= epsilon < 1.

    Returns:
        (..., A) float32 or the dtype of logits.
    """
    logp = torch.log_softmax(logits.masked_fill(~allowed, -torch.inf), dim=-1)
    if explore is None or epsilon <= 0.0:
        return logp
    chosen = (allowed & explore).to(logits.dtype)
    count = chosen.sum(-1, keepdim=True)
    weight = torch.where(count > 0, epsilon, 0.0)
    mixed = (1.0 - weight) * logp.exp() + weight * chosen / count.clamp(min=1.0)
    return torch.where(allowed, mixed.clamp(min=torch.finfo(logits.dtype).tiny).log(), -torch.inf)


def sample(logp: Tensor, uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Draw one action per row by inverting the cumulative distribution.

    An action of probability zero adds nothing to the cumulative sum, so it can never be the first to exceed the
    threshold, whatever the rounding.

    Args:
        logp: (B, A) from `log_probabilities`.
        uniform: (B,) in [0, 1).

    Returns:
        (B,) action indices.
    """
    probability = np.exp(logp.detach().numpy().astype(np.float64))  # exp(-inf) is exactly 0
    cumulative = np.cumsum(probability, axis=1)
    threshold = uniform * cumulative[:, -1]
    picked: npt.NDArray[np.int64] = (cumulative > threshold[:, None]).argmax(axis=1).astype(np.int64)
    return picked


def chosen(logp: Tensor, actions: Tensor) -> Tensor:
    """Log-probability of the actions taken: (..., A) and (...) to (...)."""
    return logp.gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def entropy(logp: Tensor) -> Tensor:
    """Entropy in nats over the allowed actions, (..., A) to (...)."""
    return -(logp.exp() * logp.masked_fill(logp == -torch.inf, 0.0)).sum(-1)


def divergence(reference: Tensor, logp: Tensor, shared: Tensor) -> Tensor:
    """KL(reference || policy) over the shared actions, both renormalised over them.

    Args:
        reference, logp: (..., A) log-probabilities; forbidden actions are -inf in both.
        shared: bool (..., A), actions that both policies know and that are allowed.

    Returns:
        (...) nats; 0 where fewer than two actions are shared.
    """
    p = torch.log_softmax(reference.masked_fill(~shared, -torch.inf), dim=-1)
    q = torch.log_softmax(logp.masked_fill(~shared, -torch.inf), dim=-1)
    gap = torch.where(shared, p.exp() * (p - q), 0.0)
    return torch.where(shared.sum(-1) > 1, gap.sum(-1), 0.0)
