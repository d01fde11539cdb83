"""Who may talk to the server, and the headers that keep the page to itself.

The dangers are other web pages that the same browser shows: they may not read the page (no CORS), frame it
(frame-ancestors), call it by another name (Host: DNS rebinding), or send to it (Origin; the token, which only the page
holds). docs/server.md says what that does not cover.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from draglab.errors import DraglabError

TOKEN_LENGTH = 16
"""Characters that a token given by a person must have."""

HEADER_BYTES = 16 * 1024
"""Size of a request's headers, names and values together; larger ones are refused."""
ONE_HEADER_BYTES = 8000
HEADERS_COUNT = 100
"""Of one header, and how many: below what the websocket library takes."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


CODE_SECONDS = 60.0
"""How long the code works with which draglab opens its page."""
_NO_CODE = ("", -1.0)


class Access:
    """The secrets of one launch, and who is who.

    On this machine only (no token given), everybody who reaches the server is the same person. With a token, each
    browser is a person of its own, told apart by a random cookie: nobody sees another's sessions.

    Args:
        token: given by a person, at least TOKEN_LENGTH characters; None = a new one, which the page is given freely.

    Raises:
        DraglabError: the token is too short, or has characters that would have to be quoted in an address.
    """

    def __init__(self, token: str | None = None) -> None:
        if token is not None and not re.fullmatch(rf"[A-Za-z0-9_.~-]{{{TOKEN_LENGTH},500}}", token):
            raise DraglabError(
                f"the token must be at least {TOKEN_LENGTH} letters, digits, _.~-: for instance --token {new_token()}"
            )
        self.token = token or new_token()
        self.shared = token is not None
        self._code = _NO_CODE

    def new_code(self) -> str:
        """A word that lets one browser in, once and within CODE_SECONDS: others may see it on a command line."""
        self._code = secrets.token_urlsafe(24), time.monotonic() + CODE_SECONDS
        return self._code[0]

    def use_code(self, given: str | None) -> bool:
        """Whether this is the last code; it is used up by that."""
        code, until = self._code
        if given is None or time.monotonic() > until or not secrets.compare_digest(given.encode(), code.encode()):
            return False
        self._code = _NO_CODE
        return True

    def is_token(self, given: str | None) -> bool:
        """Whether this is the token; takes as long for a wrong one."""
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def has_bearer(self, headers: Headers) -> bool:
        """Whether a request carries the token as `Authorization: Bearer TOKEN`."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(value.strip())

    def pass_cookie(self) -> str:
        """What the browser's access cookie holds: it shows that its page was given out by a server with this token."""
        return hashlib.sha256(b"draglab page " + self.token.encode()).hexdigest()

    def has_pass(self, cookies: dict[str, str], port: int) -> bool:
        """Whether a browser was let in before."""
        return secrets.compare_digest(cookies.get(pass_name(port), "").encode(), self.pass_cookie().encode())

    def owner(self, cookies: dict[str, str]) -> str | None:
        """Whose sessions these are: a name for a folder; None if the one person's. Not the cookie itself, a secret.

        Where the server is shared, a client without the cookie (a program) is a person of its own kind: all of them are
        one.
        """
        if not self.shared:
            return None
        return hashlib.sha256(b"draglab person " + cookies.get(PERSON, "").encode()).hexdigest()[:32]


PERSON = "draglab_person"
"""Name of the cookie that tells browsers apart."""


def pass_name(port: int) -> str:
    """Name of the access cookie: cookies do not tell ports apart, and two servers may run on one machine."""
    return f"draglab_pass_{port}"


def new_token() -> str:
    """A random token of 256 bits."""
    return secrets.token_urlsafe(32)


def read_cookies(headers: Headers) -> dict[str, str]:
    """Return a request's cookies by name, the first of each name.

    Values are taken as they stand: ours are letters and digits. http.cookies would undo quotes and backslashes, in a
    time that grows with the square of their number.
    """
    cookies: dict[str, str] = {}
    for part in headers.get("cookie", "").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            cookies.setdefault(name, value)
    return cookies


def too_large(scope: Mapping[str, Any]) -> bool:
    """Whether the address and the headers of an ASGI request are more than are taken."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    sizes.append(len(scope.get("raw_path") or b"") + len(scope["query_string"]))
    return sum(sizes) > HEADER_BYTES or max(sizes, default=0) > ONE_HEADER_BYTES or len(sizes) > HEADERS_COUNT


def is_loopback(host: str) -> bool:
    """Whether a server that listens there is reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Checks Host, Origin and the headers' size of every request and websocket, and adds HEADERS to every answer.

    Host must be a loopback name or what was listened on, or, where the server listens on another address, any address
    in numbers or this machine's name: a page of another name that points here (DNS rebinding) is
    refused. An Origin, which browsers send with all that could do harm, must be that same Host.

    Args:
        app: what is guarded.
        host: the address that the server listens on.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = {*LOOPBACK_NAMES, host.lower()}
        self._numbers = not is_loopback(host)
        if self._numbers:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        raw, status = Headers(scope=scope).raw, 403
        problem = self._problem(raw)
        if too_large(scope):
            status, problem = 431, "the request's headers are too large: delete this site's cookies, then reload"
        if problem is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            # Closed before it is accepted: the handshake is answered with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            await JSONResponse({"error": problem}, status)(scope, receive, _with_headers(send))

    def _problem(self, raw: Iterable[tuple[bytes, bytes]]) -> str | None:
        hosts = [value.decode("latin-1") for key, value in raw if key == b"host"]
        origins = [value.decode("latin-1") for key, value in raw if key == b"origin"]
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return "this address is not draglab's: open the one that it printed"
        if any(
            origin.lower() not in (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower()) for origin in origins
        ):
            return "another page may not talk to draglab: open the address that it printed"
        return None

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.lower().rpartition(":")
        if not colon or "]" in port:
            name, port = host.lower(), ""
        if port and not port.isdecimal():
            return False
        if name.startswith("[") and name.endswith("]"):
            name = name[1:-1]
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._numbers


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
