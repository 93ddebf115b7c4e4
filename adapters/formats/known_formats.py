"""Every format there is, and which one a file is of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flare_core.adapters.formats import flare_il, flare_rl, poliformer, ring, safevla, spoc
from flare_core.adapters.formats.container import Checkpoint
from flare_core.adapters.formats.table import Format, Match, faults_of, match
from flare_core.errors import CheckpointError

_ALL: Final = (
    flare_il.FORMAT, flare_rl.SEPARATE, flare_rl.SHARED, safevla.FORMAT, ring.SEPARATE, ring.SHARED, spoc.DINOV2, spoc.SIGLIP,
    poliformer.FORMAT,
)  # fmt: skip
FORMATS: Final[Mapping[str, Format]] = MappingProxyType({form.name: form for form in _ALL})


def recognise(checkpoint: Checkpoint) -> tuple[Format, str]:
    """The format whose table has the names that the file has, and why it is this one.

    Raises:
        CheckpointError: none fits; says which came nearest and what it lacks or has too much.
    """
    fits = sorted((match(form, checkpoint.tensors) for form in FORMATS.values()), key=lambda fit: fit.score, reverse=True)
    best = fits[0]
    if best.missing or best.unknown:
        raise CheckpointError("\n  ".join([_no_format(checkpoint, best), *faults_of(best)]))
    return best.format, _reason(best, fits[1])


def _reason(best: Match, second: Match) -> str:
    own = [name for name in best.found if name not in second.found]
    lacks = [name for name in second.missing if name not in best.found]
    mark = f"such as {own[0]}" if own else f"without {lacks[0]}"
    return f"all {len(best.found)} names are those of {best.format.about}; {second.format.name} came next ({mark})"


def _no_format(checkpoint: Checkpoint, best: Match) -> str:
    total = len(best.found) + len(best.missing)
    head = f"{checkpoint.path}: its {len(checkpoint.tensors)} tensors have the names of no known format ({', '.join(FORMATS)})."
    if not best.found:
        some = ", ".join(list(checkpoint.tensors)[:3])
        return f"{head} Not one agrees; the file begins with {some}"
    return f"{head} The nearest is {best.format.name} with {len(best.found)} of {total} ({best.format.origin}), but:"
