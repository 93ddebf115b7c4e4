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

from flare_core.adapters.formats.container import Kind
from flare_core.policies.spoc.spec import SpocSpec

Sizes = Mapping[str, int]
Turn = Callable[[Tensor, Sizes], tuple[Tensor, ...]]
Fate = Literal["carried", "left out"]
MODEL: Final = "model."
_DIM: Final = re.compile(r"(?:(\d+)\*)?([A-Za-z]+)(?:\+(\d+))?")
TOLD: Final = 8  # faults that are told before "and N more"


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
    stems = {stem(row) for row in rows if "{i}" in row.source}
    layers = {
        name: _layers([at for row, at in found.values() if stem(row) == name], sum(stem(row) == name for row in rows)) for name in stems
    }
    here = {row.source for row, _ in found.values()}
    groups = frozenset(row.group for row in rows if row.group and row.source in here)
    wanted = []
    for row in rows:
        if row.group and row.group not in groups:
            continue
        count = layers[stem(row)] if "{i}" in row.source else 1
        wanted += [prefix + row.source.replace("{i}", str(at)) for at in range(count)]
    return wanted, groups


def dimension(dim: int | str) -> tuple[int, str, int] | None:
    """(factor, letter, summand) of one dimension; None for a plain number."""
    if isinstance(dim, int):
        return None
    hit = _DIM.fullmatch(dim)
    assert hit is not None, dim
    return int(hit[1] or 1), hit[2], int(hit[3] or 0)


def stem(row: Row) -> str:
    """What stands before the layer's number."""
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
    for name in fit.missing[:TOLD]:
        near = difflib.get_close_matches(name, fit.unknown, n=1, cutoff=0.6)
        faults.append(f"{name} is missing" + (f"; the nearest name in the file is {near[0]}" if near else ""))
    if len(fit.missing) > TOLD:
        faults.append(f"... and {len(fit.missing) - TOLD} more are missing")
    expected = [*fit.missing, *fit.found]
    for name in fit.unknown[:TOLD]:
        near = difflib.get_close_matches(name, expected, n=1, cutoff=0.6)
        faults.append(f"{name} is not known" + (f"; the nearest name of the format is {near[0]}" if near else ""))
    if len(fit.unknown) > TOLD:
        faults.append(f"... and {len(fit.unknown) - TOLD} more are not known")
    return faults


def _more(count: int) -> str:
    return f" and {count - 1} more" if count > 1 else ""
