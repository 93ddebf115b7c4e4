"""One robot's conversation with a policy server: its questions and their answers, without any network."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from flare_core.acting.policy import Policy
from flare_core.acting.wire import PROTOCOL, Act, Reset
from flare_core.errors import FlareError

Answer = dict[str, Any]


class Session:
    """A policy with the memory of one robot's episode."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def greeting(self) -> Answer:
        """What the server says first."""
        return {"type": "metadata", "protocol": PROTOCOL} | self._policy.describe()

    def answer(self, request: Reset | Act) -> Answer:
        """Do what is asked; a refusal is an answer too, and changes nothing."""
        began = time.perf_counter()
        try:
            found = self._begun(request) if isinstance(request, Reset) else self._acted(request)
        except FlareError as fault:
            return refusal("refused", str(fault), request.id)
        return found | {"id": request.id, "seconds": time.perf_counter() - began}

    def _begun(self, request: Reset) -> Answer:
        self._policy.reset(request.instruction, request.supplies)
        return {"type": "ready"}

    def _acted(self, request: Act) -> Answer:
        policy = self._policy
        action = policy.act({name: picture.array() for name, picture in request.images.items()}, request.state)
        return {
            "type": "action", "action": action.to_json(), "probabilities": dict(policy.probabilities), "step": policy.steps,
            "over": policy.over,
        }  # fmt: skip


def refusal(code: Literal["malformed", "refused"], message: str, asked: int | str | None) -> Answer:
    """An error for an answer; `asked` is the question's id."""
    return {"type": "error", "code": code, "message": message, "id": asked}


def health(status: str, counts: Mapping[str, float]) -> Answer:
    """How the server is."""
    return {"type": "health", "status": status} | dict(counts)
