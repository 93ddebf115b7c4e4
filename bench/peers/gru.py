"""A GRU over whole sequences with resets, for processors: the same function as torch's, with another way to its gradient.

torch's GRU goes back through a sequence step by step, and adds a product of a few rows to the gradient of its weights at every step; here
that gradient is one product over all steps. Resets stand in the recursion, so that the sequence need not be cut either.

Shapes: T steps, B rows, W width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sequence(gru: nn.GRU, inputs: Tensor, state: Tensor, keep: Tensor) -> Tensor:
    """Outputs (T, B, W) of a one-layer GRU.

    Args:
        inputs: (T, B, I). state: (B, W) before step 0.
        keep: float (T, B, 1), 0 where the state is forgotten before the step, else 1.
    """
    out: Tensor = _Recursion.apply(F.linear(inputs, gru.weight_ih_l0, gru.bias_ih_l0), state, gru.weight_hh_l0, gru.bias_hh_l0, keep)
    return out


class _Recursion(torch.autograd.Function):
    """h' = (1 - z) n + z h with r, z = sigmoid(x + h W + b), n = tanh(x + r (h W + b)), as torch has it.

    Reference: Cho et al. 2014, arXiv:1406.1078.
    """

    # The recursion itself is float32 always: with products of so few rows, lower precision gains nothing.
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, projected: Tensor, state: Tensor, weight: Tensor, bias: Tensor, keep: Tensor) -> Tensor:
        steps, rows, width = len(projected), *state.shape
        out, before = projected.new_empty(steps, rows, width), projected.new_empty(steps, rows, width)
        gates, told = torch.empty_like(projected), projected.new_empty(steps, rows, width)
        across = weight.t()
        for t in range(steps):
            torch.mul(state, keep[t], out=before[t])
            seen, now, gate = projected[t], torch.addmm(bias, before[t], across), gates[t]
            torch.add(seen[:, : 2 * width], now[:, : 2 * width], out=gate[:, : 2 * width]).sigmoid_()
            told[t] = now[:, 2 * width :]
            fresh = torch.addcmul(seen[:, 2 * width :], gate[:, :width], told[t], out=gate[:, 2 * width :]).tanh_()
            state = torch.lerp(fresh, before[t], gate[:, width : 2 * width], out=out[t])
        ctx.save_for_backward(before, gates, told, weight, keep)
        return out

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor | None, ...]:
        before, gates, told, weight, keep = ctx.saved_tensors
        steps, _, width = before.shape
        r, z, n = gates.split(width, dim=-1)
        # What does not depend on the step behind is made for all steps at once.
        to_fresh, to_update, to_reset = (1 - z) * (1 - n * n), (before - n) * z * (1 - z), told * r * (1 - r)
        inner, fresh, back = torch.empty_like(gates), torch.empty_like(before), torch.zeros_like(before[0])
        for t in range(steps - 1, -1, -1):
            back = back + wanted[0][t]
            torch.mul(back, to_fresh[t], out=fresh[t])
            torch.mul(fresh[t], to_reset[t], out=inner[t, :, :width])
            torch.mul(back, to_update[t], out=inner[t, :, width : 2 * width])
            torch.mul(fresh[t], r[t], out=inner[t, :, 2 * width :])
            back = torch.addmm(back * z[t], inner[t], weight).mul_(keep[t])
        flat = inner.flatten(0, 1)
        return torch.cat([inner[..., : 2 * width], fresh], dim=-1), back, flat.t() @ before.flatten(0, 1), flat.sum(0), None
