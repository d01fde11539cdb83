"""A package index in a thread, as pip reads it, that asks for a login and can misbehave."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "reader", "hunter2-secret"


@dataclass
class Index:
    """What the index does; tests change it between requests."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Names of wheels -> content."""
    stall: int | None = None
    """Send nothing more from this byte of a wheel on."""
    stated: int | None = None
    """Say that a wheel has this many bytes."""
    login: bool = True
    """Whether the login is right."""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Address as a user's settings have it: with a password."""
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}/simple"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        index: Index = self.server.index  # pyright: ignore[reportAttributeAccessIssue]
        index.requests.append(self.path)
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != expected or not index.login:
            self._send(401, b"", "text/plain")
            return
        parts = self.path.strip("/").split("/")
        if parts[0] == "files" and parts[-1] in index.files:
            self._send_wheel(index, index.files[parts[-1]])
        elif parts[0] == "simple" and any(name.lower().startswith(parts[-1].replace("-", "_")) for name in index.files):
            links = "".join(f'<a href="/files/{name}">{name}</a>' for name in index.files)
            self._send(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
        else:
            self._send(404, b"", "text/plain")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_wheel(self, index: Index, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(index.stated or len(content)))
        self.end_headers()
        self.wfile.write(content if index.stall is None else content[: index.stall])
        self.wfile.flush()
        if index.stall is not None:
            index.stalled.set()
            index.closing.wait(60)


@contextmanager
def serve_index() -> Iterator[Index]:
    """Run an index on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.handle_error = lambda request, client_address: None  # clients that hang up are what is tested
    server.index = Index(port=server.server_port)  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.index  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        server.index.closing.set()  # pyright: ignore[reportAttributeAccessIssue]
        server.shutdown()
        thread.join()
        server.server_close()
