"""The local Hub's answers, one function for each thing that the client asks."""

import hashlib
import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.server import USERS, Fault, LocalHub, Repo, as_json, card_faults, committed, entry_of, git_id, is_large

ID = r"(?P<repo>[\w.-]+/[\w.-]+)"
ROUTES = (
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("GET", rf"/api/models/{ID}(/revision/(?P<rev>[^/]+))?", "info"),
    ("GET", rf"/api/models/{ID}/tree/(?P<rev>[^/]+)", "tree"),
    ("POST", rf"/api/models/{ID}/preupload/(?P<rev>[^/]+)", "preupload"),
    ("POST", rf"/api/models/{ID}/commit/(?P<rev>[^/]+)", "commit"),
    ("POST", rf"/api/models/{ID}/tag/(?P<rev>[^/]+)", "tag"),
    ("POST", rf"/api/models/{ID}/branch/(?P<rev>[^/]+)", "branch"),
    ("POST", rf"/{ID}\.git/info/lfs/objects/batch", "batch"),
    ("POST", r"/lfs/verify", "verify"),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "put"),
    ("GET", r"/lfs/(?P<oid>[0-9a-f]{64})", "lfs"),
    ("GET", rf"/{ID}/resolve/(?P<rev>[^/]+)/(?P<file>.+)", "resolve"),
    ("HEAD", rf"/{ID}/resolve/(?P<rev>[^/]+)/(?P<file>.+)", "resolve"),
)
WRITES = ("create", "preupload", "commit", "tag", "branch", "batch")


class _RefusedError(Exception):
    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    hub: ClassVar[LocalHub]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """The log is the hub's own."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self._fault: Fault | None = self.hub.fault_for(self.command, self.path)
        if self._fault is not None and self._fault.kind == "drop":
            self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 4096) // 2)
            self.close_connection = True
            self.connection.close()
            return
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._fault is not None and self._fault.kind == "slow":
            time.sleep(self._fault.seconds)
        try:
            if self._fault is not None and self._fault.kind == "status":
                raise _RefusedError(self._fault.status, message="injected", **self._fault.headers)
            self._route()
        except _RefusedError as no:
            headers = {"X-Error-Code": no.code, "X-Error-Message": no.message, **{k.replace("_", "-"): v for k, v in no.headers.items()}}
            self._send(no.status, as_json({"error": no.message}), {name: value for name, value in headers.items() if value})

    def _route(self) -> None:
        parts = urlsplit(self.path)
        self._query = parse_qs(parts.query)
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if method == self.command and found is not None:
                self._user = USERS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
                if name in WRITES and self._user is None:
                    raise _RefusedError(401, message="Invalid credentials in Authorization header")
                if name in WRITES and self._user != "org":
                    raise _RefusedError(403, message="You don't have the rights to write to this repository")
                getattr(self, name)(**{key: unquote(value) for key, value in found.groupdict().items() if value is not None})
                return
        raise _RefusedError(404, message=f"no such page: {parts.path}")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        given = {"Content-Type": "application/json", **(headers or {})}
        sent = b"" if self.command == "HEAD" else body
        if self._fault is not None and self._fault.kind == "corrupt" and self.command == "GET" and sent:
            sent = sent[:-1] + bytes([sent[-1] ^ 1])
        cut = self._fault is not None and self._fault.kind == "truncate"
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent[: len(sent) // 2] if cut else sent)
        self.hub.log.append((self.command, self.path, len(sent)))
        if cut:
            self.wfile.flush()
            self.close_connection = True

    def _json(self) -> Any:
        return json.loads(self._body)

    def _repo(self, name: str) -> Repo:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self._user != "org"):
            raise _RefusedError(401 if self._user is None else 404, "RepoNotFound", "Repository not found")
        return repo

    def _at(self, name: str, revision: str) -> tuple[Repo, str]:
        repo = self._repo(name)
        sha = repo.resolve(revision)
        if sha is None:
            raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo, sha

    def create(self) -> None:
        asked = self._json()
        name = f"{asked.get('organization') or self._user}/{asked['name']}"
        if not name.startswith("org/"):
            raise _RefusedError(403, message="You don't have the rights to create a model under this namespace")
        if name in self.hub.repos:
            raise _RefusedError(409, message="You already created this model repo")
        self.hub.create(name, private=asked.get("visibility") == "private")
        self._send(200, as_json({"url": f"{self.hub.endpoint}/{name}", "name": name}))

    def validate(self) -> None:
        faults = card_faults(self._json()["content"])
        self._send(400 if faults else 200, as_json({"errors": faults, "warnings": []}))

    def whoami(self) -> None:
        if self._user is None:
            raise _RefusedError(401, message="Invalid credentials in Authorization header")
        self._send(200, as_json({"name": self._user, "type": "user", "orgs": []}))

    def info(self, repo: str, rev: str = "main") -> None:
        found, sha = self._at(repo, rev)
        files = [{"rfilename": name, "size": len(data)} for name, data in sorted(found.commits[sha].items())]
        if "blobs" not in self._query:
            files = [{"rfilename": one["rfilename"]} for one in files]
        about = {"id": repo, "modelId": repo, "sha": sha, "private": found.private, "gated": "manual" if found.gated else False}
        self._send(200, as_json({**about, "siblings": files, "tags": []}))

    def tree(self, repo: str, rev: str) -> None:
        found, sha = self._at(repo, rev)
        self._send(200, as_json([entry_of(name, data) for name, data in sorted(found.commits[sha].items())]))

    def preupload(self, repo: str, rev: str) -> None:
        found, sha = self._at(repo, rev)
        there, answers = found.commits[sha], []
        for file in self._json()["files"]:
            name, data = file["path"], there.get(file["path"])
            large = is_large(name, file["size"])
            oid = None if data is None else hashlib.sha256(data).hexdigest() if large else git_id(data)
            ignored = name in there.get(".gitignore", b"").decode().splitlines()
            answers.append({"path": name, "uploadMode": "lfs" if large else "regular", "shouldIgnore": ignored, "oid": oid})
        self._send(200, as_json({"files": answers}))

    def batch(self, repo: str) -> None:
        self._repo(repo)
        objects = []
        for one in self._json()["objects"]:
            answer = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.hub.blobs:
                verify = {"href": f"{self.hub.endpoint}/lfs/verify"}
                answer["actions"] = {"upload": {"href": f"{self.hub.storage}/lfs/{one['oid']}"}, "verify": verify}
            objects.append(answer)
        self._send(200, as_json({"transfer": "basic", "objects": objects}))

    def put(self, oid: str) -> None:
        body = self._body
        if self._fault is not None and self._fault.kind == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if hashlib.sha256(body).hexdigest() == oid:
            self.hub.blobs[oid] = body
        self._send(200, b"")

    def verify(self) -> None:
        asked = self._json()
        if len(self.hub.blobs.get(asked["oid"], b"")) != asked["size"]:
            raise _RefusedError(422, message="what was uploaded does not have this hash")
        self._send(200, b"{}")

    def commit(self, repo: str, rev: str) -> None:
        found = self._repo(repo)
        if rev not in found.refs:
            raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {rev}")
        made = committed(self.hub, found, rev, [json.loads(line) for line in self._body.splitlines()])
        if isinstance(made, tuple):
            raise _RefusedError(made[0], message=made[1])
        self._send(200, as_json({"commitUrl": f"{self.hub.endpoint}/{repo}/commit/{made}", "commitOid": made}))

    def tag(self, repo: str, rev: str) -> None:
        found, sha = self._at(repo, rev)
        name = self._json()["tag"]
        if name in found.tags:
            raise _RefusedError(409, message="Tag reference exists already")
        found.tags[name] = sha
        self._send(200, b"{}")

    def branch(self, repo: str, rev: str) -> None:
        found = self._repo(repo)
        if rev in found.refs:
            raise _RefusedError(409, message="Branch reference exists already")
        found.refs[rev] = found.refs["main"]
        self._send(200, b"{}")

    def resolve(self, repo: str, rev: str, file: str) -> None:
        found, sha = self._at(repo, rev)
        if found.gated:
            raise _RefusedError(403, "GatedRepo", f"Access to model {repo} is restricted")
        data = found.commits[sha].get(file)
        if data is None:
            raise _RefusedError(404, "EntryNotFound", "Entry not found", X_Repo_Commit=sha)
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if is_large(file, len(data)):
            oid = hashlib.sha256(data).hexdigest()
            self.hub.blobs.setdefault(oid, data)
            linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(data)), "Location": f"{self.hub.storage}/lfs/{oid}"}
            self._send(302, b"", headers | linked)
            return
        self._bytes(data, headers | {"ETag": f'"{git_id(data)}"'})

    def lfs(self, oid: str) -> None:
        if oid not in self.hub.blobs:
            raise _RefusedError(404, "EntryNotFound", "no such object")
        self._bytes(self.hub.blobs[oid], {"ETag": f'"{oid}"', "Content-Type": "application/octet-stream"})

    def _bytes(self, data: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, data, headers)
            return
        begin, end = int(asked.group(1)), int(asked.group(2) or len(data) - 1)
        if begin >= len(data):
            raise _RefusedError(416, message="Range not satisfiable")
        part = data[begin : end + 1]
        self._send(206, part, headers | {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(data)}"})
