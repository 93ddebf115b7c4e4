"""What a format is: a table of foreign tensor names with their shapes and what becomes of each, and how a table is matched.

Lightning puts `model.` before every name; what stands beside that belongs to the trainer. A name is a pattern: `{i}` in it
counts layers from 0, and every layer has every row of its kind. A shape is written in sizes: whole numbers, or a letter with
a factor or a summand, such as "3*W" or "A+2". Sizes are read from the tensors: each dimension votes for its letter's value,
so that one wrong tensor is named rather than all the others.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from torch import Tensor

from flare_core.adapters.formats.container import Checkpoint, Kind
from flare_core.errors import CheckpointError
from flare_core.policies.spoc.spec import SpocSpec

Sizes = Mapping[str, int]
Turn = Callable[[Tensor, Sizes], tuple[Tensor, ...]]
Fate = Literal["carried", "left out"]
MODEL: Final = "model."
_DIM: Final = re.compile(r"(?:(\d+)\*)?([A-Za-z]+)(?:\+(\d+))?")
_TOLD: Final = 8  # faults that are told before "and N more"


def _same(tensor: Tensor, sizes: Sizes) -> tuple[Tensor, ...]:
    del sizes
    return (tensor,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tensor, or one for each layer.

    Attributes:
        source: pattern of the foreign name, without `model.`.
        shape: one entry for each dimension; numbers, or letters as the module says.
        targets: our names; none if it is left out. `{i}` is the source's.
        why: why it is left out.
        turn: makes the tensors for `targets` out of the foreign one.
        note: what `turn` does, for the account.
        group: rows of one group may be absent together, but not singly; "" may never be absent.
    """

    source: str
    shape: tuple[int | str, ...]
    targets: tuple[str, ...] = ()
    why: str = ""
    turn: Turn = _same
    note: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One foreign checkpoint format.

    Attributes:
        name: as `--format` takes it.
        about: one line for people, with what is known of it only from source code.
        kind: who writes such a file.
        rows: every tensor of the model.
        copies: prefixes of further whole copies (critics) of the rows, which are left out.
        spec: the policy's shape, from sizes and the optional groups that are there.
        checks: faults that only the tensors' values show.
        refused: patterns of names that only a sister format has which is not supported, with the reason.
        outside: patterns of names of frozen encoders that come from the Hub instead, with the reason. Their own names are not checked.
        origin: what the layout is known from.
    """

    name: str
    about: str
    kind: Kind
    rows: tuple[Row, ...]
    copies: tuple[str, ...] = ()
    spec: Callable[[Sizes, frozenset[str]], SpocSpec]
    checks: tuple[Callable[[Mapping[str, Tensor], Sizes], Iterable[str]], ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    outside: Mapping[str, str] = field(default_factory=dict)
    origin: str

    def all_rows(self) -> tuple[Row, ...]:
        """The rows, and those of the copies as left out."""
        return self.rows + tuple(
            replace(
                row, source=copy + row.source, targets=(), why=f"the copy `{copy.rstrip('.')}` values states; training starts a critic anew"
            )
            for copy in self.copies
            for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccount:
    """What became of one foreign tensor."""

    name: str
    fate: Fate
    shape: tuple[int, ...]
    targets: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How the names of a file fit a format.

    Attributes:
        prefix: before every name of the model in this file, "model." or nothing.
        found: foreign name -> row and layer.
        missing, unknown, outside: names that the table has and the file lacks; the other way round; and that are left out unseen.
        groups: optional groups that are there.
    """

    format: Format
    prefix: str
    found: Mapping[str, tuple[Row, int]]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    outside: Mapping[str, str]
    groups: frozenset[str]

    @property
    def score(self) -> float:
        """Share of names that agree, 1 if all do."""
        total = len(self.found) + len(self.missing) + len(self.unknown)
        return len(self.found) / total if total else 0.0


def match(form: Format, names: Iterable[str]) -> Match:
    """Lay a format's table over the names of a file."""
    names = list(names)
    prefix = MODEL if any(name.startswith(MODEL) for name in names) else ""
    inner = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    outside = {name: "belongs to the trainer, not to the model" for name in names if not name.startswith(prefix)}
    for spelling, why in form.outside.items():
        outside |= {prefix + name: why for name in inner if re.fullmatch(spelling, name)}
    inner = [name for name in inner if prefix + name not in outside]
    patterns = [(re.compile(re.escape(row.source).replace(r"\{i\}", r"(\d+)")), row) for row in form.all_rows()]
    found: dict[str, tuple[Row, int]] = {}
    for name in inner:
        for pattern, row in patterns:
            hit = pattern.fullmatch(name)
            if hit is not None:
                found[prefix + name] = (row, int(hit[1]) if pattern.groups else 0)
                break
    wanted, groups = _wanted(form, found, prefix)
    here = {name: at for name, at in found.items() if name in wanted}
    unknown = tuple(prefix + name for name in inner if prefix + name not in here)
    return Match(
        format=form,
        prefix=prefix,
        found=here,
        missing=tuple(name for name in wanted if name not in here),
        unknown=unknown,
        outside=outside,
        groups=groups,
    )


def _wanted(form: Format, found: Mapping[str, tuple[Row, int]], prefix: str) -> tuple[list[str], frozenset[str]]:
    """Every name that a file of this format with as many layers as this one has; and the optional groups that it has."""
    rows = form.all_rows()
    layers = {stem: _layers([at for row, at in found.values() if _stem(row) == stem], sum(_stem(row) == stem for row in rows)) for stem in {
        _stem(row) for row in rows if "{i}" in row.source
    }}  # fmt: skip
    here = {id(row) for row, _ in found.values()}
    groups = frozenset(row.group for row in rows if row.group and id(row) in here)
    wanted = []
    for row in rows:
        if row.group and row.group not in groups:
            continue
        count = layers[_stem(row)] if "{i}" in row.source else 1
        wanted += [prefix + row.source.replace("{i}", str(at)) for at in range(count)]
    return wanted, groups


def _stem(row: Row) -> str:
    return row.source.partition("{i}")[0]


def _layers(indices: Sequence[int], rows: int) -> int:
    """How many layers there are: a layer counts if half of its tensors are there, and there is at least one."""
    seen = Counter(indices)
    count = 0
    while 2 * seen[count] >= rows:
        count += 1
    return max(count, 1)


def faults_of(fit: Match) -> list[str]:
    """What keeps a file from being of a format, name by name, each with the nearest name of the other side."""
    faults = []
    for pattern, why in fit.format.refused.items():
        hits = [name for name in fit.unknown if re.fullmatch(pattern, name.removeprefix(fit.prefix))]
        if hits:
            return [f"{hits[0]}{_more(len(hits))}: {why}"]
    for name in fit.missing[:_TOLD]:
        near = difflib.get_close_matches(name, fit.unknown, n=1, cutoff=0.6)
        faults.append(f"{name} is missing" + (f"; the nearest name in the file is {near[0]}" if near else ""))
    if len(fit.missing) > _TOLD:
        faults.append(f"... and {len(fit.missing) - _TOLD} more are missing")
    expected = [*fit.missing, *fit.found]
    for name in fit.unknown[:_TOLD]:
        near = difflib.get_close_matches(name, expected, n=1, cutoff=0.6)
        faults.append(f"{name} is not known" + (f"; the nearest name of the format is {near[0]}" if near else ""))
    if len(fit.unknown) > _TOLD:
        faults.append(f"... and {len(fit.unknown) - _TOLD} more are not known")
    return faults


def _more(count: int) -> str:
    return f" and {count - 1} more" if count > 1 else ""


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
                parsed = _parse(dim)
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
        more = [f"... and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
        raise CheckpointError("\n".join([*faults[:_TOLD], *more]))
    return sizes


def _rivals(row: Row, votes: Mapping[str, Counter[int]], fit: Match, tensors: Mapping[str, Tensor], name: str) -> str:
    """Another tensor with the same size in it, where the votes do not tell which of two is wrong."""
    for dim in row.shape:
        parsed = _parse(dim)
        if parsed is not None and len(votes[parsed[1]]) > 1 and votes[parsed[1]].most_common(1)[0][1] <= 2:
            for other, (rival, _) in fit.found.items():
                if other != name and any(_parse(d) is not None and _parse(d)[1] == parsed[1] for d in rival.shape):  # type: ignore[index]
                    return f"{other} {[*tensors[other].shape]}"
    return ""


def _parse(dim: int | str) -> tuple[int, str, int] | None:
    """(factor, letter, summand) of one dimension; None for a plain number."""
    if isinstance(dim, int):
        return None
    hit = _DIM.fullmatch(dim)
    assert hit is not None, dim
    return int(hit[1] or 1), hit[2], int(hit[3] or 0)


def _size(dim: int | str, sizes: Sizes) -> int:
    parsed = _parse(dim)
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
            counts[_stem(row)] = max(counts.get(_stem(row), 0), layer + 1)
    return counts


def _fault(checkpoint: Checkpoint, form: Format, faults: Sequence[str]) -> CheckpointError:
    head = f"{checkpoint.path}: is not a {form.name} checkpoint ({form.about}; layout known from {form.origin}):"
    return CheckpointError("\n  ".join([head, *faults]))
