"""Biases of new rows, solved so that each new action begins with the probability that the transfer asks for."""

from collections.abc import Mapping

import torch
from torch import Tensor

from flare_core.errors import TrainError
from flare_core.policies.distribution import log_probabilities

TOLERANCE = 1e-4


def calibrate(logits: Tensor, allowed: Tensor, wanted: Mapping[int, float], rounds: int = 500) -> dict[int, float]:
    """What to add to each new action's bias.

    The mean probability of a new action over all states in which it is allowed becomes the one asked for. Each round
    scales every new action's odds by wanted / present, which for one action is exact up to the spread over states and
    for several converges because their sum stays below one.

    Args:
        logits: (N, A) of the adapted policy in masked states of the target.
        allowed: bool (N, A).
        wanted: probability by action index.

    Returns:
        Shift of the bias by action index.

    Raises:
        TrainError: an action is never allowed in these states, or the probabilities cannot be met together.
    """
    shift = torch.zeros(logits.shape[1], dtype=torch.float64)
    index = torch.tensor(sorted(wanted), dtype=torch.int64)
    if not len(index):
        return {}
    target = torch.tensor([wanted[int(i)] for i in index], dtype=torch.float64)
    often = allowed[:, index].sum(0)
    if (often == 0).any():
        raise TrainError(
            f"new actions with rows {index[often == 0].tolist()} are never allowed in the states sampled; mask them in the transfer"
        )
    present = target
    for _ in range(rounds):
        probability = log_probabilities(logits.double() + shift, allowed).exp()[:, index]  # (N, new)
        present = probability.sum(0) / often
        if ((present - target).abs() <= TOLERANCE).all():
            return {int(i): float(shift[i]) for i in index}
        odds = (target / (1 - target)).log() - (present.clamp(1e-12, 1 - 1e-12) / (1 - present).clamp(min=1e-12)).log()
        shift[index] += odds
    raise TrainError(
        f"probabilities {target.tolist()} cannot be met together (reached {present.tolist()}); ask for less under `new_actions:`"
    )
