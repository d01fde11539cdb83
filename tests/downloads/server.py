"""A web server in a thread that can misbehave in the ways that downloads meet."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT = b"\x80\x03" + random.Random(7).randbytes(300_000)
"""What a small model might be: it starts as a pickle does."""


@dataclass
class Site:
    """What the server does; tests change it between requests."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    length: bool = True
    """Say how long the content is."""
    cut: int | None = None
    """Close the connection after this many bytes of each answer."""
    stall: int | None = None
    """Send nothing more from this byte of the content on."""
    status: int | None = None
    """Answer with this status and nothing else."""
    redirect: str | None = None
    """Send all requests but those for /moved there."""
    shift: int = 0
    """Answer ranges that start this many bytes later than asked."""
    port: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)
    """Headers of each request, and its "path"."""
    stalled: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tiny.pkl"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        site: Site = self.server.site  # pyright: ignore[reportAttributeAccessIssue]
        site.requests.append({**self.headers, "path": self.path})
        if site.status is not None or (site.redirect and "moved" not in self.path):
            self.send_response(site.status or 302)
            if site.redirect:
                self.send_header("Location", site.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, total = 0, len(site.content)
        asked = self.headers.get("Range")
        if asked and site.ranges and self.headers.get("If-Range") in (site.etag, site.modified):
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + site.shift
            if start >= total:
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        for name, value in {"ETag": site.etag, "Last-Modified": site.modified}.items():
            if value is not None:
                self.send_header(name, value)
        if site.length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        end = total if site.cut is None else min(total, start + site.cut)
        if site.stall is not None:
            end = min(end, max(start, site.stall))
        self.wfile.write(site.content[start:end])
        self.wfile.flush()
        if site.stall is not None:
            site.stalled.set()
            site.closing.wait(60)


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Site]:
    """Run a server on a free port of this machine.

    Args:
        certificate: PEM file with certificate and key, for https.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, client_address: None  # clients that hang up are what is tested
    server.site = Site(port=server.server_port)  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.site  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        server.site.closing.set()  # pyright: ignore[reportAttributeAccessIssue]
        server.shutdown()
        thread.join()
        server.server_close()
