"""A small Hugging Face Hub on this machine: what the library asks of the real one, and servers that fail."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["COMMIT", "Repository", "serve"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """What the server has, how it behaves, and what it was asked.

    Args:
        name: "owner/repo".
        files: Contents by name.
        breaks_at: Where it breaks off a file: bytes from its start.
        breaks: How often it does so.
        stalls_at: Where it stops sending without closing: bytes from a file's start.
        etags: What it says that a content is, in place of its SHA-256.
    """

    name: str
    files: dict[str, bytes]
    breaks_at: int | None = None
    breaks: int = 0
    stalls_at: int | None = None
    etags: dict[str, str] = field(default_factory=dict)
    ranges: list[tuple[str, int]] = field(default_factory=list)
    """The downloads that were begun: names, and bytes from the start."""
    tokens: set[str] = field(default_factory=set)
    """What it was shown as ``Authorization``."""
    stalled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def etag(self, name: str) -> str:
        return self.etags.get(name, hashlib.sha256(self.files[name]).hexdigest())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repository: Repository

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.repository.tokens.update(self.headers.get_all("Authorization", []))
        if self.path.startswith("/api/models/"):
            self._describe()
            return
        found = re.fullmatch(r"/(?P<repo>[^/]+/[^/]+)/resolve/[^/]+/(?P<name>.+)", self.path)
        if found is None or found["repo"] != self.repository.name or found["name"] not in self.repository.files:
            self._refuse("EntryNotFound")
        else:
            self._file(found["name"], body=body)

    def _describe(self) -> None:
        if self.path.partition("?")[0] != f"/api/models/{self.repository.name}":
            self._refuse("RepoNotFound")
            return
        siblings = [{"rfilename": name} for name in self.repository.files]
        page = {"_id": "0", "id": self.repository.name, "sha": COMMIT, "siblings": siblings, "tags": []}
        self._begin(200, len(text := json.dumps(page).encode()), {"Content-Type": "application/json"})
        self.wfile.write(text)

    def _refuse(self, code: str) -> None:
        self._begin(404, 0, {"X-Error-Code": code})

    def _begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _file(self, name: str, *, body: bool) -> None:
        content = self.repository.files[name]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(wanted[1]) if wanted else 0
        headers = {"ETag": f'"{self.repository.etag(name)}"', "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._begin(206 if wanted else 200, len(content) - begin, headers)
        if body:
            self.repository.ranges.append((name, begin))
            self._send(content, begin)

    def _send(self, content: bytes, begin: int) -> None:
        server = self.repository
        if server.breaks_at is not None and server.breaks and begin < server.breaks_at:
            server.breaks -= 1
            self.wfile.write(content[begin : server.breaks_at])
            self.close_connection = True
        elif server.stalls_at is not None and begin < server.stalls_at:
            self.wfile.write(content[begin : server.stalls_at])
            self.wfile.flush()
            server.stalled.set()
            server.over.wait()
            self.close_connection = True
        else:
            self.wfile.write(content[begin:])


@contextmanager
def serve(repository: Repository) -> Iterator[str]:
    """Serve a repository, and yield the endpoint."""
    handler = type("Handler", (_Handler,), {"repository": repository})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        repository.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
