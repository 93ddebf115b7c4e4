"""What a plan refuses: the fault, the YAML line that settles it, and the error that carries them all."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from flare_core.errors import AdapterError

Where = Callable[[tuple[str, ...]], str]
"""From a key path of the transfer to the `file:line` it stands at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One refusal.

    Attributes:
        section, key, value: the YAML line that would settle it; value "" where nothing can be proposed.
    """

    section: Literal["head", "views"]
    key: str
    value: str
    message: str


def nowhere(_: tuple[str, ...]) -> str:
    """Stands for the place of a transfer that has no file."""
    return "the transfer"


def refuse(faults: Iterable[Fault]) -> None:
    """Raise every fault at once, if there is one.

    Raises:
        AdapterError: one line a fault.
    """
    messages = [fault.message for fault in faults]
    if messages:
        raise AdapterError("\n".join(messages))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that ends a message, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""
