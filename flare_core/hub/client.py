"""The Hub client with short timeouts, and one short message for each way in which the Hub can refuse."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from huggingface_hub import HfApi, constants, get_session, is_offline_mode
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx

from flare_core.errors import HubError

PASSING: Final = (408, 500, 502, 503, 504)  # answers of a server that may do better a moment later
PAUSES_S: Final = (0.5, 2.0, 4.0)  # before each further attempt
CONNECT_S: Final = 10.0
ANSWER_S: Final = 120.0  # a commit of a large file takes the Hub a while
ASK_S: Final = 15.0  # for questions that are answered at once

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A Hub and where what comes from it is kept.

    Attributes:
        api: the client, which knows endpoint and token.
        cache: the client's own cache of single files.
        bundles: folder for whole bundles, one for each commit.
        offline: ask nothing of the network.
        sleep: waits, seconds.
    """

    api: HfApi = field(default_factory=lambda: HfApi())
    cache: Path = field(default_factory=lambda: Path(constants.HF_HUB_CACHE))
    bundles: Path = field(default_factory=lambda: Path.home() / ".cache" / "flare_core" / "bundles")
    offline: bool = field(default_factory=is_offline_mode)
    sleep: Callable[[float], None] = time.sleep

    @property
    def endpoint(self) -> str:
        """Address of the Hub."""
        return str(self.api.endpoint)


def attempt(hub: Hub, what: Callable[[], T]) -> T:
    """Do something that may be done twice; once more, after a pause, each time that the server or the line fails for a moment."""
    for pause in PAUSES_S:
        be_impatient()
        try:
            return what()
        except (HfHubHTTPError, httpx.TransportError) as fault:
            if not may_pass(fault):
                raise
            hub.sleep(pause)
    be_impatient()
    return what()


def may_pass(fault: BaseException, more: tuple[int, ...] = ()) -> bool:
    """Whether the same request may succeed a moment later.

    Args:
        more: further HTTP answers after which it may.
    """
    if isinstance(fault, HfHubHTTPError):
        return fault.response is not None and fault.response.status_code in (*PASSING, *more)
    return isinstance(fault, httpx.TransportError) and not isinstance(fault, httpx.ConnectError)  # nobody there: waiting rarely helps


def be_impatient() -> None:
    """Give the client's session timeouts; without them it waits for ever for a server that hangs."""
    get_session().timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)


def be_quiet() -> None:
    """Keep the client from telling of every attempt; what matters becomes a message of ours."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


@contextmanager
def told(hub: Hub, place: str) -> Iterator[None]:
    """Turn the client's faults into messages of one line.

    Args:
        place: what is asked for, such as hub://org/name.

    Raises:
        HubError: instead of any of them.
    """
    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, HFValidationError, httpx.TransportError) as fault:
        raise HubError(f"{place}: {_reason(hub, place, fault)}") from None


def _reason(hub: Hub, place: str, fault: BaseException) -> str:
    """What went wrong and how to mend it."""
    if isinstance(fault, HfHubHTTPError):
        return _refusal(hub, place, fault)
    if isinstance(fault, httpx.TimeoutException):
        return f"{hub.endpoint} does not answer in time. Give the same command again later"
    if isinstance(fault, httpx.TransportError):
        cause = f"{type(fault).__name__}: {fault}".rstrip(": ")
        mend = "Check the network and HF_ENDPOINT; HF_HUB_OFFLINE=1 uses what was fetched before"
        return f"{hub.endpoint} cannot be reached ({cause}). {mend}"
    if isinstance(fault, HFValidationError):
        return str(fault).splitlines()[0]
    beneath = None if hub.offline else fault.__cause__  # what kept the client from asking, where its cache had nothing either
    if isinstance(beneath, HfHubHTTPError | httpx.TransportError):
        return _reason(hub, place, beneath)
    return _absent(hub)


def _absent(hub: Hub) -> str:
    if hub.offline:
        return "is not, or not whole, among what was fetched before, and HF_HUB_OFFLINE forbids asking for it. Unset HF_HUB_OFFLINE"
    return f"could not be fetched from {hub.endpoint}. Give the same command again: it goes on where it stopped"


def _refusal(hub: Hub, place: str, fault: HfHubHTTPError) -> str:
    """What a refusal means and how to mend it."""
    page = f"{hub.endpoint}/{place.removeprefix('hub://').partition('@')[0]}"
    if isinstance(fault, GatedRepoError):
        return f"its owner asks for terms to be accepted first. Accept them at {page}, and give a token with `hf auth login`"
    if isinstance(fault, RepositoryNotFoundError):
        return f"there is no such repository at {hub.endpoint}, or it is private. Check the name; `hf auth login` if you may read it"
    if isinstance(fault, RevisionNotFoundError):
        return f"the repository has no such revision. Its branches and tags are listed at {page}/tree/main"
    if isinstance(fault, RemoteEntryNotFoundError):
        return f"the repository lacks a file that a bundle has ({fault.response.url.path.rpartition('/')[2]}). Is it a bundle?"
    status = 0 if fault.response is None else fault.response.status_code
    return {
        400: f"the Hub does not take it: {fault.server_message or 'bad request'}",
        401: "the Hub wants a token, or does not take yours. `hf auth login`, or set HF_TOKEN",
        402: "the account has no room left for it at the Hub",
        403: "your token may not do this. Use one with the right to write to this repository: `hf auth login`",
        409: "another change is being made to it, or the name is taken. Give the same command again, or another name",
        412: "somebody else changed the repository at the same time. Give the same command again",
        413: "the Hub finds it too large",
        429: f"the Hub asks for fewer requests{_pause(fault)}",
    }.get(status, f"the Hub at {hub.endpoint} fails (HTTP {status}). Give the same command again later")


def _pause(fault: HfHubHTTPError) -> str:
    seconds = fault.response.headers.get("Retry-After", "")
    return f". Give the same command again in {seconds} s" if seconds.isdigit() else ". Give the same command again in some minutes"
