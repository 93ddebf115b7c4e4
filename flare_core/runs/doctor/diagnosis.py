"""What was found on a machine, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

State = Literal["ok", "missing", "warning"]
Need = Literal["toolkit", "GPU", "AI2-THOR", "Hub"]

OPTIONAL: Final[Mapping[Need, str]] = MappingProxyType({
    "GPU": "the toolkit computes on the CPU; a GPU is for what AI2-THOR draws and for code of your own",
    "AI2-THOR": "the embedded simulator, which is the default, does without AI2-THOR",
    "Hub": "packaged specs, shipped policies and bundles on disk need no Hugging Face Hub",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        needed_for: the toolkit itself, or something that not everybody uses.
        state: missing: what needs it cannot work; warning: it works, but less well or not in every way.
        found: what there is, for a person to read.
        mend: the one command that mends it; empty where there is nothing to mend.
    """

    name: str
    needed_for: Need
    state: State
    found: str
    mend: str = ""

    def __post_init__(self) -> None:
        assert (self.state == "ok") == (not self.mend), f"{self.name}: what is not ok has a remedy, and nothing else has one"

    @property
    def is_optional(self) -> bool:
        """Whether the toolkit itself does without."""
        return self.needed_for in OPTIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All findings about one machine, in the order in which they are told."""

    findings: tuple[Finding, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names of what the toolkit itself needs and has not."""
        return tuple(one.name for one in self.findings if one.state == "missing" and not one.is_optional)

    def rows(self) -> list[tuple[str, ...]]:
        """Rows of a table, the heading first."""
        told = [(one.name, one.state, f"{one.needed_for}{', optional' if one.is_optional else ''}", one.found) for one in self.findings]
        return [("what", "state", "needed for", "found"), *told]

    def remedies(self) -> dict[str, tuple[str, ...]]:
        """Each command once, with the names of what it mends."""
        return {
            command: tuple(one.name for one in self.findings if one.mend == command)
            for command in dict.fromkeys(one.mend for one in self.findings if one.mend)
        }

    def reasons(self) -> list[str]:
        """Why one can do without what is optional, for each use of which something is not ok."""
        uses = {one.needed_for for one in self.findings if one.state != "ok"}
        return [f"{use} is optional: {why}." for use, why in OPTIONAL.items() if use in uses]

    def verdict(self) -> str:
        """Whether the toolkit can work here, in one line."""
        if self.lacking:
            return f"The toolkit cannot work here; missing: {', '.join(self.lacking)}."
        return "The toolkit has all that it needs."

    def to_json(self) -> dict[str, Any]:
        """The same content, for programs."""
        return {
            "ok": not self.lacking,
            "findings": [
                {
                    "name": one.name, "state": one.state, "needed_for": one.needed_for, "optional": one.is_optional,
                    "why_optional": OPTIONAL.get(one.needed_for, ""), "found": one.found, "mend": one.mend,
                }
                for one in self.findings
            ],
            "mend": [{"command": command, "for": list(names)} for command, names in self.remedies().items()],
        }  # fmt: skip
