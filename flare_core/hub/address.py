"""Where a bundle lies on the Hub: `hub://org/name@revision`, or `org/name@revision` where only such a place can be meant."""

import re
from dataclasses import dataclass
from typing import Final

from flare_core.errors import HubError

SCHEME: Final = "hub://"
MAIN: Final = "main"
_PART: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO: Final = re.compile(rf"{_PART}/{_PART}")
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,127}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A repository and a revision of it: a branch, a tag or a commit."""

    repo: str
    revision: str = MAIN

    def __str__(self) -> str:
        return f"{SCHEME}{self.repo}" + ("" if self.revision == MAIN else f"@{self.revision}")

    @property
    def is_pinned(self) -> bool:
        """Whether it names a commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None


def parse_address(text: str) -> Address:
    """Read an address, with or without `hub://`.

    Raises:
        HubError: it is none.
    """
    repo, at, revision = text.removeprefix(SCHEME).partition("@")
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise HubError(f"{text}: is no place on the Hub. Write org/name, or org/name@revision, such as {SCHEME}org/name@main")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision):
        raise HubError(f"{text}: '{revision}' is no name of a revision. Write a branch, a tag or a commit after the '@'")
    return Address(repo=repo, revision=revision or MAIN)
