"""The server answers every valid question as the policy itself would, whatever other clients send, take or leave undone."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.uri import parse_uri

import flare_core
from flare_core.acting.client import RemotePolicy
from flare_core.acting.policy import Policy
from flare_core.acting.server import MOST_FRAGMENTS, Limits, PolicyServer, serving
from flare_core.acting.session import Session
from flare_core.acting.wire import pack, unpack
from flare_core.errors import ActingError
from tests.acting.malformed import messages
from tests.acting.rig import bundle_for, grey, noise

ROOT = Path(__file__).parents[2]
CLIENTS, QUESTIONS = 50, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_for("locobot", tmp_path_factory.mktemp("bundles") / "locobot")


@pytest.fixture(scope="module")
def policy(folder: Path) -> Policy:
    return flare_core.load(folder, seed=11)


@pytest.fixture
def url(policy: Policy) -> Iterator[str]:
    with serving(PolicyServer(policy)) as found:
        yield found


def talk(one: Any, questions: int = QUESTIONS) -> list[tuple[str, dict[str, float]]]:
    """Actions and probabilities of so many questions on pictures that depend on the policy's seed."""
    found = []
    for at in range(questions):
        if at == 0 or one.over:
            one.reset("find a mug", one.home_state())
        action = one.act(noise(one, 1000 * one.seed + at), one.home_state())
        found.append((str(action), dict(one.probabilities)))
    return found


def as_local(policy: Policy, remote: RemotePolicy, questions: int = QUESTIONS) -> None:
    """The served policy answers exactly what the policy itself does."""
    assert talk(remote, questions) == talk(policy.another(seed=remote.seed), questions)


def healthz(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.replace("ws://", "http://") + "/healthz", timeout=2) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


class Rude:
    """A client on a bare socket with small buffers, which reads only when told to."""

    def __init__(self, url: str) -> None:
        uri = parse_uri(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(5.0)
        self.socket.connect((uri.host, uri.port))
        self.protocol = ClientProtocol(uri)
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        while self.protocol.state.name == "CONNECTING":
            self.protocol.receive_data(self.socket.recv(4096))

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            self.socket.sendall(data)

    def frame(self, opcode: Opcode, data: bytes, fin: bool = True) -> None:
        self.socket.sendall(Frame(opcode, data, fin).serialize(mask=True))

    def is_dropped(self, opcode: Opcode, times: int) -> bool:
        """Whether the server took no more of so many empty frames."""
        try:
            for _ in range(times):
                self.frame(opcode, b"", fin=False)
        except OSError:  # reset or broken pipe
            return True
        return False


def test_50_clients_at_once_are_each_answered_as_the_policy_itself_would(policy: Policy, url: str) -> None:
    gate = threading.Barrier(CLIENTS)

    def work(_: int) -> None:
        with RemotePolicy(url, timeout_s=60.0) as remote:
            gate.wait()
            as_local(policy, remote)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    until(lambda: healthz(url)["clients"] == 0)
    assert healthz(url)["answered"] >= CLIENTS * (QUESTIONS + 1)


def test_what_cannot_be_sent_is_one_fault_and_the_connection_stays(policy: Policy, url: str) -> None:
    with RemotePolicy(url) as remote:
        state: dict[str, Any] = dict(remote.home_state())
        for odd in (2**70, object(), "\ud800"):
            with pytest.raises(ActingError, match="act: cannot be sent"):
                remote.act(grey(policy), state | {next(iter(state)): odd})
        assert talk(remote, 2) == talk(policy.another(seed=remote.seed), 2)


def test_another_seed_is_answered_otherwise(policy: Policy, url: str) -> None:
    with RemotePolicy(url) as remote:
        assert talk(remote, 12) != talk(policy.another(seed=remote.seed + 1), 12)


def test_200_malformed_messages_are_each_answered_and_every_valid_question_too(policy: Policy, url: str) -> None:
    with connect(url, compression=None) as bad, RemotePolicy(url) as good:
        assert unpack(bad.recv())["type"] == "metadata"
        local = policy.another(seed=good.seed)
        for at, message in enumerate(messages(200)):
            bad.send(message)
            answer = unpack(bad.recv(timeout=5))
            assert (answer["type"], answer["code"]) == ("error", "malformed"), message
            if at % 10 == 0:
                assert talk(good, 2) == talk(local, 2)
        bad.send(pack({"type": "reset", "instruction": "find a mug", "id": "still there"}))
        assert unpack(bad.recv(timeout=5))["id"] == "still there"
    assert healthz(url)["status"] == "ok"


def test_a_client_that_stops_reading_is_dropped_and_nobody_waits_for_it(policy: Policy) -> None:
    lines: list[str] = []
    with serving(PolicyServer(policy, limits=Limits(send_s=4.0), report=lines.append)) as url, RemotePolicy(url) as good:
        rude = Rude(url)
        question = pack({"type": "reset"} | {f"{'x' * 120}{at}": 0 for at in range(8)})  # little to send, and an answer of a kilobyte
        local, waits = policy.another(seed=good.seed), [0.0]

        def flood() -> None:
            try:
                while True:
                    rude.frame(Opcode.BINARY, question)
            except OSError:  # dropped
                rude.socket.close()

        flooding = threading.Thread(target=flood, daemon=True)
        flooding.start()
        while "client 1 does not read; dropped" not in lines:
            began = time.monotonic()
            assert talk(good, 1) == talk(local, 1)
            waits.append(time.monotonic() - began)
            assert len(waits) < 5000, "the one that does not read was never dropped"
        flooding.join(timeout=10)
        assert not flooding.is_alive()
        assert max(waits) < 3.0  # to wait for the other would have taken 4
        as_local(policy, RemotePolicy(url))


def test_health_is_told_while_a_policy_thinks(policy: Policy) -> None:
    server = PolicyServer(policy)
    with serving(server) as url, RemotePolicy(url) as remote:
        release = threading.Event()
        server._worker.submit(release.wait, 10)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(as_local, policy, remote)
            began = time.monotonic()
            assert healthz(url)["clients"] == 1
            with RemotePolicy(url) as other:
                assert other.health()["status"] == "ok"
            assert time.monotonic() - began < 2.0
            assert not waiting.done()
            release.set()
            waiting.result(timeout=10)


def test_no_more_clients_are_taken_than_allowed(policy: Policy) -> None:
    with serving(PolicyServer(policy, limits=Limits(clients=2))) as url:
        with RemotePolicy(url) as one, RemotePolicy(url):
            with pytest.raises(ActingError, match=r"no policy server answers there .*503"):
                RemotePolicy(url)
            as_local(policy, one)
        until(lambda: healthz(url)["clients"] == 0)
        with RemotePolicy(url) as again:
            as_local(policy, again)


def test_a_silent_client_is_let_go(policy: Policy) -> None:
    with serving(PolicyServer(policy, limits=Limits(idle_s=0.2))) as url, connect(url, compression=None) as silent:
        silent.recv()
        with pytest.raises(ConnectionClosed) as caught:
            silent.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "no message within 0.2 s")


def test_a_message_that_is_too_large_ends_its_own_connection_alone(policy: Policy) -> None:
    server = PolicyServer(policy)
    assert server.message_bytes == 4 * 3 * 396 * 224 + (1 << 20)
    with serving(server) as url, RemotePolicy(url) as good, connect(url, compression=None) as large:
        large.recv()
        large.send(bytes(server.message_bytes + 1))
        with pytest.raises(ConnectionClosed) as caught:
            large.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        as_local(policy, good)


def test_a_message_in_endless_fragments_ends_its_own_connection_alone(policy: Policy, url: str) -> None:
    with RemotePolicy(url) as good:
        rude = Rude(url)
        rude.frame(Opcode.BINARY, b"", fin=False)
        until(lambda: rude.is_dropped(Opcode.CONT, MOST_FRAGMENTS))
        as_local(policy, good)


def test_a_connection_that_breaks_off_harms_nobody(policy: Policy, url: str) -> None:
    with RemotePolicy(url) as good:
        for _ in range(5):
            rude = Rude(url)
            rude.socket.sendall(b"\x82\xfe\x7f\xff")  # the beginning of a frame
            rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            rude.socket.close()
        plain = socket.create_connection((parse_uri(url).host, parse_uri(url).port))
        plain.sendall(b"\x00\xff nonsense\r\n\r\n")
        plain.close()
        as_local(policy, good)
        until(lambda: healthz(url)["clients"] == 1)


def test_a_fault_of_ours_in_one_session_ends_that_one_alone(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Session.answer

    def faulty(self: Session, request: Any) -> dict[str, Any]:
        if getattr(request, "instruction", "") == "find a bug":
            raise ZeroDivisionError
        return answer(self, request)

    monkeypatch.setattr(Session, "answer", faulty)
    with serving(PolicyServer(policy)) as url, RemotePolicy(url) as good, RemotePolicy(url) as bad:
        with pytest.raises(ActingError, match=r"the connection is lost .*1011.*The robot should stand still"):
            bad.reset("find a bug")
        as_local(policy, good)


def test_refusals_reach_the_robot_in_full_and_change_nothing(policy: Policy, url: str) -> None:
    with RemotePolicy(url) as remote:
        local = policy.another(seed=remote.seed)
        for one in (remote, local):
            with pytest.raises(ActingError, match="no episode has begun"):
                one.act(noise(one, 0), one.home_state())
            with pytest.raises(ActingError, match=r"does not know the word 'mugg'\. Near it are mug"):
                one.reset("find a mugg")
            with pytest.raises(ActingError, match=r"head\.pan_right_deg: pan, clockwise"):
                one.reset("find a mug", ["head.tilt_down_deg"])
            one.reset("find a mug")
            with pytest.raises(ActingError, match="is 900, far outside of its limits"):
                one.act(noise(one, 0), one.home_state() | {"head.pan_right_deg": 900.0})
            with pytest.raises(ActingError, match="the picture of camera 'head' is missing"):
                one.act({}, one.home_state())
        assert remote.act(noise(remote, 0), remote.home_state()) == local.act(noise(local, 0), local.home_state())


def test_pictures_of_full_size_are_answered_alike(policy: Policy, url: str) -> None:
    import numpy as np

    draws = np.random.default_rng(0)
    with RemotePolicy(url) as remote:
        local = policy.another(seed=remote.seed)
        image = {"head": draws.integers(0, 256, (448, 792, 3), dtype=np.uint8)}
        with connect(url, compression=None) as raw:  # another client of the protocol, which sends the picture as it is
            raw.recv()
            raw.send(pack({"type": "reset", "instruction": "find a mug"}))
            raw.recv()
            raw.send(pack({"type": "act", "images": image, "state": remote.home_state()}))
            whole = unpack(raw.recv())
        for one in (remote, local):
            one.reset("find a mug")
            one.act(image, one.home_state())
        assert dict(remote.probabilities) == dict(local.probabilities) == whole["probabilities"]


def test_the_client_refuses_to_wait_for_ever(policy: Policy) -> None:
    server = PolicyServer(policy)
    with serving(server) as url, RemotePolicy(url, timeout_s=0.3) as remote:
        release = threading.Event()
        server._worker.submit(release.wait, 10)
        with pytest.raises(ActingError, match=r"no answer within 0\.3 s\. The robot should stand still"):
            remote.reset("find a mug")
        release.set()
        with pytest.raises(ActingError, match="the connection is closed"):
            remote.reset("find a mug")


def test_an_address_that_is_taken_or_empty_is_said(policy: Policy, url: str) -> None:
    port = parse_uri(url).port
    with pytest.raises(ActingError, match=f"serve: 127.0.0.1:{port} cannot be had"), serving(PolicyServer(policy, port=port)):
        pass
    with pytest.raises(ActingError, match="no policy server answers there"):
        RemotePolicy("ws://127.0.0.1:1", timeout_s=1.0)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url.replace("ws", "http") + "/secret")


def test_what_is_under_way_is_answered_when_the_server_stops(policy: Policy) -> None:
    server = PolicyServer(policy)
    with ThreadPoolExecutor(1) as pool:
        with serving(server) as url:
            idle, remote = RemotePolicy(url), RemotePolicy(url)
            server._worker.submit(time.sleep, 0.5)
            asked = pool.submit(remote.reset, "find a mug")
            until(lambda: server.health()["answered"] == 1)
        asked.result(timeout=5)
    with pytest.raises(ActingError, match="1001"):
        idle.health()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_cleanly(folder: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-u", "-c", "from flare_core.cli import main; main()", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()) as served:
        assert served.stdout is not None
        found = re.search(r"for locobot at (ws://127\.0\.0\.1:\d+)\. Ctrl-C ends it", served.stdout.readline())
        assert found is not None
        remote = RemotePolicy(found[1])
        remote.reset("find a mug", remote.home_state())
        served.send_signal(how)
        out, err = served.communicate(timeout=10)
    assert (served.returncode, out) == (0, "Stopped.\n")
    assert "client 0 connected" in err
    assert "Traceback" not in err
    with pytest.raises(ActingError, match="1001"):
        remote.health()


def test_the_client_needs_no_torch() -> None:
    script = "import sys, flare_core.acting.client; print(sorted({'torch', 'numba'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_robots_process_loads_neither_training_nor_drawing() -> None:
    unneeded = {"matplotlib", "flare_core.learning.finetune", "ai2thor"}
    script = f"import sys, flare_core.acting.server; print(sorted({unneeded} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_of_another_version_is_refused() -> None:
    from websockets.sync.server import ServerConnection, serve

    def other(connection: ServerConnection) -> None:
        connection.send(pack({"type": "metadata", "protocol": 99}))

    with serve(other, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever).start()
        with pytest.raises(ActingError, match=r"speaks otherwise than this flare .*protocol 99 instead of 1"):
            RemotePolicy(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        server.shutdown()


def test_the_missing_package_is_named(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    monkeypatch.setitem(sys.modules, "websockets.sync.client", None)
    with pytest.raises(ActingError, match=re.escape("pip install 'flare-core[serve]'")):
        asyncio.run(PolicyServer(policy).run(asyncio.Event()))
    with pytest.raises(ActingError, match=re.escape("pip install 'flare-core[serve]'")):
        RemotePolicy("ws://127.0.0.1:1")
