"""A small Hub on this machine: what it stores, and the answers that the real `huggingface_hub` client needs to push and pull.

Contents are kept in memory. Large files go the LFS way and are served from another host name, as the Hub's are from its
storage. `Fault`s make it fail on purpose.
"""

import base64
import hashlib
import json
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any, Literal

LARGE = 10_000  # bytes from which a file is kept as LFS; the Hub's own limit is 10 MB, and all *.safetensors
USERS = {"hf_write": "org", "hf_read": "reader"}  # tokens; "hf_read" may not write

Kind = Literal["status", "drop", "truncate", "corrupt", "slow"]


@dataclass(kw_only=True)
class Fault:
    """One way to fail.

    Attributes:
        kind: "status" (answer with that HTTP status), "drop" (close the connection in the middle of the request), "truncate" (close it in
            the middle of the answer), "corrupt" (one bit of what is sent or received is another), "slow" (answer later).
        method, path: of the requests that it strikes; `path` is a pattern.
        times: how often.
        status, seconds: for "status" and "slow".
    """

    kind: Kind
    method: str = "GET"
    path: str = ".*"
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    struck: int = 0


@dataclass(kw_only=True)
class Repo:
    """Branches and tags by name, and every commit's files: path -> bytes."""

    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def resolve(self, revision: str) -> str | None:
        """Commit that a branch, a tag or a commit's own name stands for."""
        found = self.refs.get(revision) or self.tags.get(revision)
        return found or (revision if revision in self.commits else None)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        """Make these the files of a branch."""
        sha = hashlib.sha1(f"{branch} {len(self.order)} {sorted(files)}".encode()).hexdigest()
        self.commits[sha] = files
        self.order.append(sha)
        self.refs[branch] = sha
        return sha


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as a killed one does, is no fault of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class LocalHub:
    """The state of the Hub, and its HTTP server in a thread.

    Attributes:
        repos: by name.
        blobs: LFS objects by SHA-256.
        faults: struck in this order; a spent one is passed over.
        log: (method, path, bytes of the answer's body) of every request.
    """

    def __init__(self) -> None:
        from tests.hub.answers import Handler

        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def storage(self) -> str:
        """The same server under another name, as large files are served from another host."""
        return f"http://localhost:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def create(self, name: str, **facts: bool) -> Repo:
        """A repository with the Hub's own first commit."""
        repo = self.repos[name] = Repo(**facts)
        repo.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"})
        return repo

    def files(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """Files of a revision."""
        repo = self.repos[name]
        return repo.commits[repo.resolve(revision) or ""]

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, if one does."""
        with self.lock:
            for fault in self.faults:
                if fault.struck < fault.times and fault.method == method and re.search(fault.path, path):
                    fault.struck += 1
                    return fault
        return None

    def sent_bytes(self) -> int:
        """Bytes of all answers so far."""
        return sum(size for _, _, size in self.log)


def git_id(data: bytes) -> str:
    """Git's name of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(name: str, size: int) -> bool:
    """Whether a file goes the LFS way."""
    return size > 0 and (name.endswith(".safetensors") or size >= LARGE)


def entry_of(name: str, data: bytes) -> dict[str, Any]:
    """A file as tree and repository information list it."""
    found: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": git_id(data)}
    if is_large(name, len(data)):
        found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return found


def committed(hub: LocalHub, repo: Repo, branch: str, lines: list[dict[str, Any]]) -> str | tuple[int, str]:
    """Carry out a commit: its new name, or status and message of what is wrong with it."""
    header = next(line["value"] for line in lines if line["key"] == "header")
    with hub.lock:
        head = repo.refs[branch]
        if header.get("parentCommit") not in (None, head):
            return 412, "A commit has happened since. Please refresh and try again."
        files = dict(repo.commits[head])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in hub.blobs:
                    return 400, f"LFS object {value['oid']} does not exist"
                files[value["path"]] = hub.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                files.pop(value["path"], None)
        return repo.commit(branch, files)


def card_faults(content: str) -> list[dict[str, str]]:
    """What the Hub would say against a card's front matter."""
    import yaml

    found = re.match(r"---\r?\n(.*?)\r?\n---\r?\n", content, flags=re.DOTALL)
    if found is None:
        return [{"message": "empty or missing yaml metadata"}]
    try:
        data = yaml.safe_load(found.group(1))
    except yaml.YAMLError as fault:
        return [{"message": f"bad indentation or YAML: {fault}"}]
    faults = [] if isinstance(data.get("license"), str) else [{"message": '"license" must be a string'}]
    for model in data.get("model-index", []):
        for result in model.get("results", []):
            if not {"task", "dataset", "metrics"} <= set(result) or not all({"type", "value"} <= set(one) for one in result["metrics"]):
                faults.append({"message": f'"model-index[{model.get("name")}]" is not as it has to be'})
    return faults


def as_json(data: object) -> bytes:
    return json.dumps(data).encode()
