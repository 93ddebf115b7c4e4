"""From a foreign file and its format's table to the tensors, the shape and the account of a `spoc` policy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from flare_core.adapters.formats.container import Checkpoint
from flare_core.adapters.formats.table import TOLD, Fate, Format, KeyAccount, Match, Row, Sizes, dimension, faults_of, match, stem
from flare_core.errors import CheckpointError
from flare_core.policies.spoc.spec import SpocSpec


def sizes_of(fit: Match, tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes by letter, read from the shapes.

    Raises:
        CheckpointError: shapes do not agree with each other; names every tensor that does not fit.
    """
    votes: dict[str, Counter[int]] = {}
    for name, (row, _) in fit.found.items():
        shape = tuple(tensors[name].shape)
        if len(shape) == len(row.shape):
            for dim, size in zip(row.shape, shape, strict=True):
                parsed = dimension(dim)
                if parsed is not None and size > parsed[2] and (size - parsed[2]) % parsed[0] == 0:
                    votes.setdefault(parsed[1], Counter())[(size - parsed[2]) // parsed[0]] += 1
    sizes = {letter: counted.most_common(1)[0][0] for letter, counted in votes.items()}
    faults = []
    for name, (row, _) in fit.found.items():
        expected = tuple(_size(dim, sizes) for dim in row.shape)
        if tuple(tensors[name].shape) != expected:
            rivals = _rivals(row, votes, fit, tensors, name)
            said = f"{name} has the shape {[*tensors[name].shape]}, not {[*expected]} ({', '.join(map(str, row.shape))})"
            faults.append(said + (f"; or else {rivals} is wrong" if rivals else ""))
    if faults:
        more = [f"... and {len(faults) - TOLD} more"] if len(faults) > TOLD else []
        raise CheckpointError("\n".join([*faults[:TOLD], *more]))
    return sizes


def _rivals(row: Row, votes: Mapping[str, Counter[int]], fit: Match, tensors: Mapping[str, Tensor], name: str) -> str:
    """Another tensor with the same size in it, where the votes do not tell which of two is wrong."""
    for dim in row.shape:
        parsed = dimension(dim)
        if parsed is not None and len(votes[parsed[1]]) > 1 and votes[parsed[1]].most_common(1)[0][1] <= 2:
            for other, (rival, _) in fit.found.items():
                if other != name and any(dimension(d) is not None and dimension(d)[1] == parsed[1] for d in rival.shape):  # type: ignore[index]
                    return f"{other} {[*tensors[other].shape]}"
    return ""


def _size(dim: int | str, sizes: Sizes) -> int:
    parsed = dimension(dim)
    return int(dim) if parsed is None else parsed[0] * sizes.get(parsed[1], 0) + parsed[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A foreign policy in our names.

    Attributes:
        state: tensors of the `spoc` policy, float32, new ones; frozen encoders may be missing, and `spec` then says where they are.
        sizes: by the letters of the table, and layers by the name before their number.
        account: every tensor of the file, in its order.
    """

    format: Format
    state: Mapping[str, Tensor]
    spec: SpocSpec
    sizes: Sizes
    account: tuple[KeyAccount, ...]


def convert(checkpoint: Checkpoint, form: Format) -> Imported:
    """Carry a checkpoint of a known format over.

    Raises:
        CheckpointError: names, shapes or values do not fit; with every name concerned and the nearest one.
    """
    fit = match(form, checkpoint.tensors)
    if fit.missing or fit.unknown:
        raise _fault(checkpoint, form, faults_of(fit))
    try:
        sizes = sizes_of(fit, checkpoint.tensors) | _counts(fit)
    except CheckpointError as fault:
        raise _fault(checkpoint, form, str(fault).splitlines()) from None
    inner = {name.removeprefix(fit.prefix): checkpoint.tensors[name] for name in fit.found}
    faults = [
        f"{name} holds {tensor.dtype}, not floating point numbers" for name, tensor in inner.items() if not tensor.is_floating_point()
    ]
    faults = faults or [fault for check in form.checks for fault in check(inner, sizes)]
    if faults:
        named = [fit.prefix + fault if fault.partition(" ")[0] in inner else fault for fault in faults]
        raise _fault(checkpoint, form, named)
    state: dict[str, Tensor] = {}
    account = []
    for name, tensor in checkpoint.tensors.items():
        if name in fit.outside:
            account.append(KeyAccount(name=name, fate="left out", shape=tuple(tensor.shape), note=fit.outside[name]))
            continue
        row, layer = fit.found[name]
        targets = tuple(target.replace("{i}", str(layer)) for target in row.targets)
        if targets:
            # `+ 0`: a new tensor of its own, so that nothing hangs on the file and tied tensors do not share.
            state |= {new: value.float() + 0.0 for new, value in zip(targets, row.turn(tensor, sizes), strict=True)}
        fate: Fate = "carried" if targets else "left out"
        note = row.note if targets else row.why
        if targets and str(tensor.dtype) != "torch.float32":
            note = f"{note}; from {tensor.dtype}".lstrip("; ")
        account.append(KeyAccount(name=name, fate=fate, shape=tuple(tensor.shape), targets=targets, note=note))
    return Imported(format=form, state=state, spec=form.spec(sizes, fit.groups), sizes=sizes, account=tuple(account))


def _counts(fit: Match) -> dict[str, int]:
    """Layers by the name before them, such as "decoder.layers."."""
    counts: dict[str, int] = {}
    for row, layer in fit.found.values():
        if "{i}" in row.source:
            counts[stem(row)] = max(counts.get(stem(row), 0), layer + 1)
    return counts


def _fault(checkpoint: Checkpoint, form: Format, faults: Sequence[str]) -> CheckpointError:
    head = f"{checkpoint.path}: is not a {form.name} checkpoint ({form.about}; layout known from {form.origin}):"
    return CheckpointError("\n  ".join([head, *faults]))
