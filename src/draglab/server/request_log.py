"""A number and a line in the log for each request, and the log's format. Neither holds personal data."""

from __future__ import annotations

import inspect
import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ID_HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

logger = logging.getLogger("draglab.server.requests")
_current: ContextVar[str | None] = ContextVar("draglab_request", default=None)


class RequestLog:
    """Middleware that gives each HTTP request an id, logs how it was answered, and counts it.

    The id is that of the header X-Request-ID, if a proxy has sent one, and goes back in the same header. The line has
    the route, such as /api/v1/drags/{id}, never what stands in its braces, the query, addresses or cookies.

    Args:
        count: called with method, route and status code.
    """

    def __init__(self, app: ASGIApp, count: Callable[[str, str, int], None]) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(ID_HEADER, "")
        id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        status, began = 500, time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[ID_HEADER] = id
            await send(message)

        _current.set(id)
        try:
            await self._app(scope, receive, sending)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route, seconds = route_of(scope), time.monotonic() - began
            self._count(method, route, status)
            facts = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
            logger.info("request", extra={"facts": facts})


def route_of(scope: Scope) -> str:
    """Return the path of a request with names in place of what identifies persons, sessions and drags."""
    if "endpoint" not in scope:
        return "other"
    if not inspect.isroutine(scope["endpoint"]):
        # A mounted application, such as the static files: what is below its path can be anything.
        return scope["root_path"]
    route = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        if str(value):
            route = route.replace(f"/{value}", f"/{{{name}}}", 1)
    return route


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, message, request, and the facts given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (id := _current.get()) is not None:
            line["request"] = id
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json() -> None:
    """Write the log to standard error as lines of JSON, one for each request and for each drag that ends."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("draglab").setLevel(logging.INFO)
