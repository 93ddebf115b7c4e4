"""`flare serve`: a policy behind a websocket, for many robots at once, each with the memory of its own episode.

Every connection is answered one question at a time. Policies run in one worker thread, so the loop that reads, checks and
answers health questions is never held up by one. What a client does wrong, sends too large, does not send or does not read
ends in an answer or in the end of its own connection, never in anybody else's.
"""

import asyncio
import contextlib
import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flare_core.acting.policy import Policy
from flare_core.acting.session import Answer, Session, health, refusal
from flare_core.acting.wire import Health, id_of, pack, read_request, unpack
from flare_core.errors import ActingError

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

NEEDS_EXTRA: Final = "a policy server needs the package 'websockets': pip install 'flare-core[serve]'"
GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1001, 1008, 1013  # RFC 6455 section 7.4.1 and IANA's registry
MOST_FRAGMENTS: Final = 4096  # of one message
_LOG = logging.getLogger("flare_core.acting.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may take.

    Attributes:
        clients: connections at a time.
        idle_s: time that a client has for its next whole message.
        send_s: time that a client has to make room for an answer.
        open_s: time for the opening handshake.
        ping_s: a ping goes out this often, and its pong has as long.
        close_s: time for the closing handshake, and for questions under way when the server stops.
        message_bytes: of one message; None for four times the pictures that the policy's cameras take, and 1 MiB.
    """

    clients: int = 64
    idle_s: float = 300.0
    send_s: float = 5.0
    open_s: float = 10.0
    ping_s: float = 20.0
    close_s: float = 2.0
    message_bytes: int | None = None


class PolicyServer:
    """Serves one policy until it is told to stop."""

    def __init__(
        self, policy: Policy, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        """Prepare; `run` serves.

        Args:
            port: 0 for any that is free.
            report: receives a line for every robot that comes and goes.
        """
        self._policy, self._host, self._port, self._report = policy, host, port, report
        self.limits = Limits() if limits is None else limits
        pictures = sum(3 * camera.width_px * camera.height_px for camera in policy.cameras.values())
        self.message_bytes = self.limits.message_bytes or 4 * pictures + (1 << 20)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")
        self._busy: set[ServerConnection] = set()
        self._clients = self._greeted = self._answered = 0
        self._began = time.monotonic()
        self._stopping = False

    async def run(self, stop: asyncio.Event, ready: Callable[[str], None] = lambda url: None) -> None:
        """Serve until `stop` is set, then answer what is under way and close every connection.

        Args:
            ready: receives the URL once connections are accepted.

        Raises:
            ActingError: the package websockets is missing, or the address cannot be had.
        """
        try:
            from websockets.asyncio.server import serve
        except ImportError:
            raise ActingError(NEEDS_EXTRA) from None
        limits = self.limits
        try:
            server = await serve(
                self._converse, self._host, self._port, process_request=self._http, compression=None, max_size=self.message_bytes,
                max_queue=1, open_timeout=limits.open_s, ping_interval=limits.ping_s, ping_timeout=limits.ping_s,
                close_timeout=limits.close_s, logger=_LOG,
            )  # fmt: skip
        except OSError as fault:
            raise ActingError(f"serve: {self._host}:{self._port} cannot be had: {fault.strerror or fault}. Give another --port") from None
        try:
            host, port = server.sockets[0].getsockname()[:2]
            ready(f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}")
            await stop.wait()
        finally:
            await self._stop(server)
            self._worker.shutdown(wait=True, cancel_futures=True)

    async def _stop(self, server: "Server") -> None:
        self._stopping = True
        open_now = set(server.connections)
        server.close(close_connections=False)
        await asyncio.gather(*(one.close(GOING_AWAY, "the server stops") for one in open_now - self._busy))
        try:
            async with asyncio.timeout(2 * self.limits.close_s):
                await server.wait_closed()
        except TimeoutError:
            for one in open_now:
                one.transport.abort()
            await server.wait_closed()

    def health(self) -> dict[str, Any]:
        """Status, clients, questions answered and seconds since it began."""
        counts = {"clients": self._clients, "answered": self._answered, "up_s": round(time.monotonic() - self._began, 3)}
        return health("stopping" if self._stopping else "ok", counts)

    def _http(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Answer plain HTTP; None goes on with the websocket."""
        if request.path == "/healthz":
            response = connection.respond(503 if self._stopping else 200, json.dumps(self.health()) + "\n")
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json"
            return response
        if request.path != "/":
            return connection.respond(404, "The websocket is at /, the health check at /healthz\n")
        if self._clients >= self.limits.clients:
            return connection.respond(503, f"{self._clients} clients are connected, and no more are taken\n")
        return None

    async def _converse(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        if self._clients >= self.limits.clients or self._stopping:
            await connection.close(TRY_AGAIN_LATER, "no more clients are taken")
            return
        number = self._greeted
        self._clients, self._greeted = self._clients + 1, number + 1
        self._report(f"client {number} connected")
        why = "left"
        try:
            why = await self._talk(connection, Session(self._policy.another(seed=self._policy.seed + number)))
        except ConnectionClosed as closed:
            said = closed.rcvd or closed.sent
            why = "was lost" if said is None else f"left ({said.code} {said.reason})".replace(" )", ")")
        finally:
            self._clients -= 1
            self._report(f"client {number} {why}")

    async def _talk(self, connection: "ServerConnection", session: Session) -> str:
        """Answer one question after the other; returns why it ended."""
        if not await self._send(connection, session.greeting()):
            return "does not read; dropped"
        while not self._stopping:
            try:
                async with asyncio.timeout(self.limits.idle_s):
                    data = await _message(connection)
            except TimeoutError:
                await connection.close(POLICY_VIOLATION, f"no message within {self.limits.idle_s:g} s")
                return "sent nothing for too long; dropped"
            if data is None:
                await connection.close(POLICY_VIOLATION, "a message in too many fragments")
                return "sent a message in too many fragments; dropped"
            self._busy.add(connection)
            try:
                if not await self._send(connection, await self._answer(session, data)):
                    return "does not read; dropped"
            finally:
                self._busy.discard(connection)
        await connection.close(GOING_AWAY, "the server stops")
        return "was told that the server stops"

    async def _answer(self, session: Session, data: bytes | str) -> Answer:
        asked: int | str | None = None
        try:
            message = unpack(data)
            asked = id_of(message)
            request = read_request(message)
        except ActingError as fault:
            return refusal("malformed", str(fault), asked)
        self._answered += 1
        if isinstance(request, Health):
            return self.health() | {"id": request.id}
        return await asyncio.get_running_loop().run_in_executor(self._worker, session.answer, request)

    async def _send(self, connection: "ServerConnection", answer: Answer) -> bool:
        """Whether the client took it in time; one that did not is cut off."""
        try:
            async with asyncio.timeout(self.limits.send_s):
                await connection.send(pack(answer))
        except TimeoutError:
            connection.transport.abort()
            return False
        return True


async def _message(connection: "ServerConnection") -> bytes | str | None:
    """The next whole message; None if it comes in too many fragments, of which empty ones would never reach the limit of its size."""
    parts: list[Any] = []
    async for part in connection.recv_streaming():
        parts.append(part)
        if len(parts) > MOST_FRAGMENTS:
            return None
    return parts[0][:0].join(parts) if parts else b""


def serve_until_signalled(server: PolicyServer, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ActingError: as `PolicyServer.run`.
    """

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, stop.set)
        await server.run(stop, ready)

    asyncio.run(serve())


@contextlib.contextmanager
def serving(server: PolicyServer) -> Iterator[str]:
    """Serve from a thread of this process for as long as the context lasts; gives the URL.

    Raises:
        ActingError: as `PolicyServer.run`.
    """
    started, found = threading.Event(), dict[str, Any]()

    def ready(url: str) -> None:
        found["url"] = url
        started.set()

    async def serve() -> None:
        found["loop"], found["stop"] = asyncio.get_running_loop(), asyncio.Event()
        await server.run(found["stop"], ready)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy-server") as pool:
        served = pool.submit(lambda: asyncio.run(serve()))
        served.add_done_callback(lambda _: started.set())
        started.wait()
        try:
            if "url" in found:
                yield found["url"]
        finally:
            if not served.done():
                with contextlib.suppress(RuntimeError):  # the loop has ended in between
                    found["loop"].call_soon_threadsafe(found["stop"].set)
            served.result()
