"""Access to the server, and headers that protect the page.

The threat is other web pages in the same browser: they must not read the page (no CORS), frame it (frame-ancestors),
reach it under another name (Host: DNS rebinding), or send to it (Origin; the token, which only the page has).
docs/server.md says what this does not cover.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from draglab.errors import DraglabError
from draglab.server.limits import Limits
from draglab.server.tokens import Right, TokenFile

TOKEN_LENGTH = 16
"""Least number of characters of a token that a person chooses."""

HEADER_BYTES = 16 * 1024
"""Largest size of a request's headers, names and values together."""
ONE_HEADER_BYTES = 8000
HEADERS_COUNT = 100
"""Largest size of one header, and number of headers: below the limits of the websocket library."""

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
"""Time for which the code works with which draglab opens its page."""
_NO_CODE = ("", -1.0)


@dataclass(frozen=True)
class Program:
    """Who sent a request to the API.

    Attributes:
        owner: key of the owner of its drags; "" = the only person of a server without a token.
        may: what it may do.
    """

    owner: str
    may: frozenset[Right]


class Access:
    """The secrets of one launch, and the identification of persons and programs.

    Without a token, the server can only be reached from this machine, and everybody who reaches it is the same person.
    With a token, each browser is a person of its own, identified by a random cookie: nobody sees another's sessions.

    Args:
        token: token chosen by a person, at least TOKEN_LENGTH characters; None = a random one, which every page gets.
        tokens: tokens of programs, each of which owns its drags, whatever cookies it sends; they do not open the page.

    Raises:
        DraglabError: the token is too short, or has characters that would have to be quoted in an address.
    """

    def __init__(self, token: str | None = None, tokens: TokenFile | None = None) -> None:
        if token is not None and not re.fullmatch(rf"[A-Za-z0-9_.~-]{{{TOKEN_LENGTH},500}}", token):
            raise DraglabError(
                f"the token must be at least {TOKEN_LENGTH} letters, digits, _.~-: for instance --token {new_token()}"
            )
        self.token = token or new_token()
        self.shared = token is not None or tokens is not None
        self.tokens = tokens
        self._code = _NO_CODE

    def new_code(self) -> str:
        """Make a code that opens the page once, within CODE_SECONDS: others may see it on a command line."""
        self._code = secrets.token_urlsafe(24), time.monotonic() + CODE_SECONDS
        return self._code[0]

    def use_code(self, given: str | None) -> bool:
        """Return whether this is the current code, which is used up by that."""
        code, until = self._code
        if given is None or time.monotonic() > until or not secrets.compare_digest(given.encode(), code.encode()):
            return False
        self._code = _NO_CODE
        return True

    def is_token(self, given: str | None) -> bool:
        """Return whether this is the token, in the same time for a wrong one."""
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def has_bearer(self, headers: Headers) -> bool:
        """Return whether a request has the header `Authorization: Bearer TOKEN`, with the token of the page."""
        return self.is_token(_bearer(headers))

    def program(self, headers: Headers) -> Program | None:
        """Return who sent a request, by the token in its header Authorization; None if that is missing or wrong."""
        given = _bearer(headers)
        if self.is_token(given):
            return Program(self.owner(read_cookies(headers)) or "", frozenset({"drags", "metrics"}))
        named = self.tokens.find(given) if self.tokens is not None and given is not None else None
        return None if named is None else Program(f"{NAMED}{named.name}", named.may)

    def limits_of(self, owner: str, limits: Limits) -> Limits:
        """Return the limits of the owner of drags: those of its named token, else the given ones."""
        named = None
        if self.tokens is not None and owner.startswith(NAMED):
            named = self.tokens.named(owner.removeprefix(NAMED))
        return limits if named is None else named.limits

    def pass_cookie(self) -> str:
        """Return the value of the access cookie, which shows that a page came from a server with this token."""
        return hashlib.sha256(b"draglab page " + self.token.encode()).hexdigest()

    def has_pass(self, cookies: dict[str, str], port: int) -> bool:
        """Return whether a browser has the access cookie."""
        return secrets.compare_digest(cookies.get(pass_name(port), "").encode(), self.pass_cookie().encode())

    def owner(self, cookies: dict[str, str]) -> str | None:
        """Return the person who owns a request's sessions, as the name of a folder; None = the only person.

        It is a hash of the cookie, which is secret. On a shared server, all clients without the cookie (programs) are
        one person.
        """
        if not self.shared:
            return None
        return hashlib.sha256(b"draglab person " + cookies.get(PERSON, "").encode()).hexdigest()[:32]


def _bearer(headers: Headers) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


NAMED = "token."
"""Beginning of the keys of named tokens as owners; those of persons are hexadecimal digits."""
PERSON = "draglab_person"
"""Name of the cookie that identifies a browser."""


def pass_name(port: int) -> str:
    """Return the name of the access cookie: cookies ignore ports, and two servers may run on one machine."""
    return f"draglab_pass_{port}"


def new_token() -> str:
    """Make a random token of 256 bits."""
    return secrets.token_urlsafe(32)


def read_cookies(headers: Headers) -> dict[str, str]:
    """Return a request's cookies by name, the first of each name.

    Values are not unquoted: ours are letters and digits, and http.cookies takes quadratic time for quotes and
    backslashes.
    """
    cookies: dict[str, str] = {}
    for part in headers.get("cookie", "").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            cookies.setdefault(name, value)
    return cookies


def too_large(scope: Mapping[str, Any]) -> bool:
    """Return whether the address and the headers of an ASGI request are too large."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    sizes.append(len(scope.get("raw_path") or b"") + len(scope["query_string"]))
    return sum(sizes) > HEADER_BYTES or max(sizes, default=0) > ONE_HEADER_BYTES or len(sizes) > HEADERS_COUNT


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on this address can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Middleware that checks Host, Origin and header sizes of requests and websockets, and adds HEADERS to answers.

    Host must be a loopback name or the address that the server listens on; if this is not a loopback address, also a
    numeric address or this machine's name. A page under another name that resolves to this machine (DNS rebinding) is
    refused. An Origin, which browsers send with every request that could do harm, must equal that Host.

    Args:
        app: the guarded application. host: the address that the server listens on. names: further names under which a
            proxy passes requests on.
    """

    def __init__(self, app: ASGIApp, host: str, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {*LOOPBACK_NAMES, host.lower(), *(name.lower() for name in names)}
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
            # Closing before accepting answers the handshake with 403.
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
