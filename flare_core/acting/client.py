"""A policy that runs in a server: the same calls as `flare_core.acting.policy.Policy`, from the robot's own computer."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from types import MappingProxyType, TracebackType
from typing import Any, NoReturn, Self

from flare_core.acting.actions import Action, read_action
from flare_core.acting.pictures import CameraNeed, pictures_for
from flare_core.acting.state import State, home_state, refuse_missing
from flare_core.acting.wire import PROTOCOL, pack, unpack
from flare_core.embodiments.needs import Need
from flare_core.errors import ActingError

STAND_STILL = "The robot should stand still; connect again, and begin with reset"


class RemotePolicy:
    """A connection to a server of `flare serve`, for one robot.

    Pictures are made as small as the policy needs them before they are sent, just as the server would; so a small
    picture travels and the answer is the same. Every fault of the connection is an ActingError, after which the connection is closed.

    Attributes:
        metadata: what the server said of itself, see `Policy.describe`.
        robot, horizon, needs, cameras, actions, seed: as in `Policy`.
        probabilities, over, steps: of the present episode, as in `Policy`.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        """Connect.

        Args:
            url: such as "ws://127.0.0.1:8791".
            timeout_s: greatest time to wait for the connection and for each answer.

        Raises:
            ActingError: there is no such server, or it is of another version.
        """
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError:
            raise ActingError("a remote policy needs the package 'websockets': pip install 'flare-core[serve]'") from None
        self._url, self._timeout_s, self._asked = url, timeout_s, 0
        self._ends = ExitStack()
        try:
            self._connection = self._ends.enter_context(
                connect(url, compression=None, open_timeout=timeout_s, close_timeout=2.0, max_size=1 << 22, proxy=None)
            )
        except (OSError, TimeoutError, ValueError, WebSocketException) as fault:
            raise ActingError(f"{url}: no policy server answers there ({fault}). Start one with `flare serve BUNDLE`") from None
        self._is_open = True
        self.metadata = self._hear("metadata")
        try:
            self._read_metadata()
        except (KeyError, TypeError, AttributeError) as fault:
            self.close()
            raise ActingError(
                f"{url}: speaks otherwise than this flare ({type(fault).__name__} {fault}). Use one version for both"
            ) from None
        self._begin()

    def _read_metadata(self) -> None:
        said = self.metadata
        if said["protocol"] != PROTOCOL:
            raise KeyError(f"protocol {said['protocol']!r} instead of {PROTOCOL}")
        self.robot, self.horizon, self.seed = str(said["robot"]), int(said["horizon"]), int(said["seed"])
        self.needs: Mapping[str, Need] = MappingProxyType({need["name"]: Need(**need) for need in said["needs"]})
        self.cameras: Mapping[str, CameraNeed] = MappingProxyType(
            {name: CameraNeed(name=name, **sizes) for name, sizes in said["cameras"].items()}
        )
        self.actions = tuple(read_action(action) for action in said["actions"])
        self._all_cameras = (*self.cameras, *said["other_cameras"])

    def _begin(self) -> None:
        self.probabilities: Mapping[str, float] = MappingProxyType({})
        self.steps, self.over = 0, False

    def home_state(self) -> dict[str, float | bool]:
        """As `Policy.home_state`."""
        return home_state(self.needs)

    def reset(self, instruction: str, supplies: Collection[str] | None = None) -> None:
        """As `Policy.reset`.

        Raises:
            ActingError: as there, or the connection is lost.
        """
        self._ask({"type": "reset", "instruction": instruction, "supplies": None if supplies is None else list(supplies)}, "ready")
        self._begin()

    def act(self, images: Mapping[str, Any], state: State | None = None) -> Action:
        """As `Policy.act`.

        Raises:
            ActingError: as there, or the connection is lost.
        """
        small = pictures_for(self.cameras, self._all_cameras, images, self.robot)
        given = {} if state is None else dict(state)
        refuse_missing(self.needs, given, self.robot)
        found = self._ask({"type": "act", "images": small, "state": given}, "action")
        try:
            action = read_action(found["action"])
            self.probabilities = MappingProxyType({str(name): float(chance) for name, chance in found["probabilities"].items()})
            self.steps, self.over = int(found["step"]), bool(found["over"])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            self._lost(f"answers in another way than this flare ({type(fault).__name__} {fault})")
        return action

    def health(self) -> dict[str, Any]:
        """How the server is: `status`, `clients`, `answered`, `up_s`."""
        return self._ask({"type": "health"}, "health")

    def close(self) -> None:
        """End the conversation."""
        self._is_open = False
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ask(self, question: dict[str, Any], expected: str) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed

        if not self._is_open:
            raise ActingError(f"{self._url}: the connection is closed. {STAND_STILL}")
        self._asked += 1
        try:
            message = pack(question | {"id": self._asked})
        except (TypeError, ValueError, OverflowError) as fault:  # such as an int of more than 64 bits, or a text that is no UTF-8
            raise ActingError(f"{question['type']}: cannot be sent: {fault}. Send texts, truths and numbers of 64 bits") from None
        try:
            self._connection.send(message)
        except ConnectionClosed as fault:
            self._lost(f"the connection is lost ({fault})")
        answer = self._hear(expected)
        if answer.get("id") != self._asked:
            self._lost(f"answered question {answer.get('id')!r} instead of {self._asked}")
        return answer

    def _hear(self, expected: str) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed

        try:
            answer = unpack(self._connection.recv(timeout=self._timeout_s))
        except TimeoutError:
            self._lost(f"no answer within {self._timeout_s:g} s")
        except ConnectionClosed as fault:
            self._lost(f"the connection is lost ({fault})")
        except ActingError as fault:
            self._lost(f"sent what cannot be read: {fault}")
        if answer.get("type") == "error" and answer.get("id") == self._asked:
            raise ActingError(str(answer.get("message")))
        if answer.get("type") != expected:
            self._lost(f"sent '{str(answer.get('type'))[:40]}' where '{expected}' belongs")
        return answer

    def _lost(self, why: str) -> NoReturn:
        """Close, so that an answer which comes late is never taken for that of a later question."""
        self.close()
        raise ActingError(f"{self._url}: {why}. {STAND_STILL}")
