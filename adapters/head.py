"""Carry a policy's weights as a plan says: head rows, previous-action rows and body columns; all else unchanged.

Legend: A actions, W width of the policy, D body inputs; "source" and "target" are the two bodies.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeVar

import torch
from torch import Tensor

from flare_core.adapters.plan import NEW, HeadEntry, HeadPlan, InputPlan, Plan
from flare_core.embodiments.body import Action, Embodiment
from flare_core.errors import AdapterError
from flare_core.policies.interface import Shape

S = TypeVar("S", bound=Shape)
Fate = Literal["carried", "head", "previous", "body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorAccount:
    """What became of one tensor.

    Attributes:
        fate: "carried" unchanged, or what its rows (head, previous) or columns (body) stand for.
        source_shape, target_shape: before and after.
        kept: names of rows or columns that come from one of the same meaning or are reused.
        new: names of those that begin anew.
        dropped: names of the source's that nothing takes over.
        note: anything else that changed.
    """

    name: str
    fate: Fate
    source_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    kept: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Every tensor of the source policy, in its order."""

    tensors: tuple[TensorAccount, ...]

    def to_json(self) -> str:
        """The account as JSON text, for the bundle."""
        return json.dumps([asdict(tensor) for tensor in self.tensors], indent=1) + "\n"

    def rows(self) -> list[tuple[str, ...]]:
        """Table: tensor, fate, shapes, how many rows or columns were kept, new and dropped, note."""
        return [
            (t.name, t.fate, f"{[*t.source_shape]} -> {[*t.target_shape]}", *(str(len(x)) for x in (t.kept, t.new, t.dropped)), t.note)
            for t in self.tensors
        ]


def carry(
    state: Mapping[str, Tensor], plan: Plan, *, actions: Sequence[str], body_inputs: Sequence[str], columns: bool = True
) -> tuple[dict[str, Tensor], Account]:
    """Build the target policy's tensors out of the source's.

    A tensor is told by the last two parts of its name: `head.weight` (A, W) and `head.bias` (A,) have one row an action,
    `previous.weight` (A + 1, W) one an action and a last one for the start of an episode, `body.weight` (W, D) one column
    an input. A `head` of another number of rows is no action head (a critic's value) and is carried as it is.

    Biases of new rows are those of the row they start from; `learning.calibrate` solves them afterwards.

    Args:
        state: the source policy's tensors.
        plan: between the two bodies.
        actions: names of the source head's rows, as the policy says; (A) of them.
        body_inputs: names of the source's body inputs, as the policy says; (D) of them.
        columns: whether the policy has `body` columns; one of a family without them is shown its body in another way.

    Returns:
        New tensors of the same devices and dtypes, and the account of every one.

    Raises:
        AdapterError: plan and policy disagree about rows or columns, or a tensor that the plan changes is not there.
    """
    _check_names(state, plan, tuple(actions), tuple(body_inputs), columns)
    constant = _dropped_inputs(state, plan.inputs)
    carried: dict[str, Tensor] = {}
    tensors: list[TensorAccount] = []
    for name, value in state.items():
        fate = _fate(name, value, len(actions))
        note = ""
        if fate == "head":
            new = _carry_rows(value, plan.head)
        elif fate == "previous":
            new = torch.cat([_carry_rows(value[:-1], plan.head), value[-1:]])
            shift = constant.get(_prefix(name))
            if shift is not None:
                new = new + shift
                note = "plus what body inputs that the target lacks gave with their joints at home"
        elif fate == "body":
            new = _carry_columns(value, plan.inputs)
        else:
            new = value.clone()
        carried[name] = new
        tensors.append(_account(name, fate, value, new, plan, note))
    return carried, Account(tensors=tuple(tensors))


def carry_spec(policy: S, target: Embodiment) -> S:
    """What is known of the carried policy besides its weights."""
    return policy.carried(target.action_names, target.body_inputs)


def mask_body(body: Embodiment, plan: HeadPlan) -> Embodiment:
    """The same body with the static masks that the transfer adds, so that every user of masks sees them."""

    def masked(action: Action, entry: HeadEntry) -> Action:
        return replace(action, masked=entry.reason) if entry.how == "masked" and action.masked is None else action

    return replace(body, actions=tuple(masked(action, entry) for action, entry in zip(body.actions, plan.entries, strict=True)))


def _prefix(name: str) -> str:
    """Name of the network that a tensor of `head`, `previous` or `body` belongs to, such as `actor`."""
    return ".".join(name.split(".")[:-2])


def _fate(name: str, value: Tensor, actions: int) -> Fate:
    part = tuple(name.split(".")[-2:])
    if part in (("head", "weight"), ("head", "bias")) and len(value) == actions:
        return "head"
    if part == ("previous", "weight"):
        return "previous"
    return "body" if part == ("body", "weight") else "carried"


def _check_names(state: Mapping[str, Tensor], plan: Plan, actions: tuple[str, ...], inputs: tuple[str, ...], columns: bool) -> None:
    faults = []
    if actions != plan.head.source_actions:
        faults.append(f"adapters: the policy's rows are {list(actions)}, the plan's source has {list(plan.head.source_actions)}")
    if inputs != plan.inputs.source_inputs:
        faults.append(f"adapters: the policy's body inputs are {list(inputs)}, the plan's source has {list(plan.inputs.source_inputs)}")
    fates = [_fate(name, value, len(actions)) for name, value in state.items()]
    for fate in ("head", "previous", "body") if columns else ("head", "previous"):
        if fate not in fates:
            faults.append(f"adapters: the policy has no '{fate}' tensor with {len(actions)} actions, so its plan cannot be carried out")
    for (name, value), fate in zip(state.items(), fates, strict=True):
        if fate == "previous" and len(value) != len(actions) + 1:
            faults.append(f"adapters: '{name}' has {len(value)} rows; {len(actions)} actions and the start need {len(actions) + 1}")
        if fate == "body" and value.shape[1] != len(inputs):
            faults.append(f"adapters: '{name}' has {value.shape[1]} columns for {len(inputs)} body inputs")
    if faults:
        raise AdapterError("\n".join(f"{fault}. Plan from the embodiment in the policy's own bundle" for fault in faults))


def _carry_rows(value: Tensor, plan: HeadPlan) -> Tensor:
    """(A_source, ...) to (A_target, ...), row by row."""
    mean = value[list(plan.trained)].mean(dim=0)
    zero = torch.zeros_like(mean)

    def row(entry: HeadEntry) -> Tensor:
        if entry.source_row is not None:
            return value[entry.source_row]
        return mean if entry.how == "mean" else zero

    return torch.stack([row(entry) for entry in plan.entries])


def _carry_columns(value: Tensor, plan: InputPlan) -> Tensor:
    """(W, D_source) to (W, D_target), column by column."""
    new = value.new_zeros(len(value), len(plan.entries))
    for at, entry in enumerate(plan.entries):
        if entry.source_column is not None:
            new[:, at] = value[:, entry.source_column] * entry.scale
    return new


def _dropped_inputs(state: Mapping[str, Tensor], plan: InputPlan) -> dict[str, Tensor]:
    """What the target's body input no longer adds to the sum, for each network: (W,) by prefix; nothing where it is zero.

    The network adds the body's and the previous action's embedding up, so it can go into every row of the latter.
    """
    parts = [(column, home) for column, home in plan.dropped if home != 0.0]
    parts += [(entry.source_column, entry.offset) for entry in plan.entries if entry.source_column is not None and entry.offset != 0.0]
    if not parts:
        return {}
    columns, factors = [column for column, _ in parts], [factor for _, factor in parts]
    return {
        _prefix(name): value[:, columns] @ torch.tensor(factors, dtype=value.dtype, device=value.device)
        for name, value in state.items()
        if name.split(".")[-2:] == ["body", "weight"]
    }


def _account(name: str, fate: Fate, old: Tensor, new: Tensor, plan: Plan, note: str) -> TensorAccount:
    kept: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    if fate in ("head", "previous"):
        taken = {e.action for e in plan.head.entries if e.how not in NEW and e.source is not None}
        kept = tuple(e.action for e in plan.head.entries if e.action in taken) + (("(start)",) if fate == "previous" else ())
        begun = tuple(e.action for e in plan.head.entries if e.action not in taken)
        dropped = plan.head.dropped
    elif fate == "body":
        kept = tuple(e.name for e in plan.inputs.entries if e.source_column is not None)
        begun = tuple(e.name for e in plan.inputs.entries if e.source_column is None)
        dropped = tuple(plan.inputs.source_inputs[column] for column, _ in plan.inputs.dropped)
    return TensorAccount(
        name=name,
        fate=fate,
        source_shape=tuple(old.shape),
        target_shape=tuple(new.shape),
        kept=kept,
        new=begun,
        dropped=dropped,
        note=note,
    )
