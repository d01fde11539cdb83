"""As much of the Hugging Face Hub's API as huggingface_hub needs for a download, on this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """One repository, owner/repo; tests change it between requests."""

    files: dict[str, bytes] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    """The repository's card: {"license": "mit"}."""
    revisions: tuple[str, ...] = ("main", COMMIT)
    error: tuple[int, str] | None = None
    """Answer everything with this status and X-Error-Code."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Files whose SHA-256 is stated wrongly."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Files whose size is stated wrongly by the list of files."""
    cut: int | None = None
    """Close the connection after this many bytes of the next file."""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """"METHOD path" of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def digest(self, name: str) -> str:
        return self.sha256.get(name) or hashlib.sha256(self.files[name]).hexdigest()

    def information(self) -> dict[str, Any]:
        """What /api/models/owner/repo says."""
        siblings = [
            {
                "rfilename": name,
                "size": self.sizes.get(name, len(content)),
                "blobId": "0" * 40,
                "lfs": {"sha256": self.digest(name), "size": len(content), "pointerSize": 134},
            }
            for name, content in self.files.items()
        ]
        return {"id": "owner/repo", "modelId": "owner/repo", "sha": COMMIT, "cardData": self.card, "siblings": siblings}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub: Hub = self.server.hub  # pyright: ignore[reportAttributeAccessIssue]
        path = unquote(urlsplit(self.path).path)
        hub.requests.append(f"{self.command} {path}")
        if hub.error is not None:
            self._send(hub.error[0], b"", {"X-Error-Code": hub.error[1], "X-Error-Message": "for tests"}, body)
            return
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and parts[2:4] == ["owner", "repo"]:
            revision = parts[5] if parts[4:5] == ["revision"] else "main"
            if revision not in hub.revisions:
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound"}, body)
            else:
                content = json.dumps(hub.information()).encode()
                self._send(200, content, {"Content-Type": "application/json"}, body)
        elif parts[:3] == ["owner", "repo", "resolve"] and "/".join(parts[4:]) in hub.files:
            self._send_file(hub, "/".join(parts[4:]), body)
        else:
            code = "EntryNotFound" if parts[:2] == ["owner", "repo"] else "RepoNotFound"
            self._send(404, b"", {"X-Error-Code": code}, body)

    def _send_file(self, hub: Hub, name: str, body: bool) -> None:
        content = hub.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hub.digest(name)}"', "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and not asked.startswith("bytes=0-0"):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._send(206, content[start:], headers, body)
        elif body and hub.cut is not None:
            cut, hub.cut = hub.cut, None
            self._send(200, content, headers, body, cut)
        else:
            self._send(200, content, headers, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that stops in the middle is no error here."""


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Run the server until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    hub = server.hub = Hub(port=server.server_address[1])  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
