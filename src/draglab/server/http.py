"""What all HTTP endpoints share: errors as JSON, bodies within limits, the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from draglab.errors import DraglabError
from draglab.media.edit_file import count_values
from draglab.problems import first_problem
from draglab.server.security import Access

T = TypeVar("T")


def require_token(request: Request, access: Access) -> None:
    """Raises:
    HTTPException: 401, the request does not carry the token.
    """
    if not access.has_bearer(request.headers):
        headers = {"WWW-Authenticate": "Bearer"}
        raise HTTPException(401, "the token is missing or wrong: send Authorization: Bearer TOKEN", headers)


class Uploads:
    """Bodies that are being received and read: so many of each person at once; others of that person wait.

    Args:
        most: for each person.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: dict[str | None, tuple[asyncio.Semaphore, list[None]]] = {}
        # A thread of its own, so that to read a large one holds up no picture.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="draglab-reading")

    @asynccontextmanager
    async def of(self, owner: str | None) -> AsyncIterator[None]:
        """One of a person's, for as long as the block takes."""
        turn, users = self._turns.setdefault(owner, (asyncio.Semaphore(self._most), []))
        users.append(None)
        try:
            async with turn:
                yield
        finally:
            users.pop()
            if not users:
                del self._turns[owner]

    async def read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run what takes a while, beside the event loop."""
        return await asyncio.wrap_future(self._thread.submit(function, *arguments))


async def read_body(request: Request, limit: int, name: str, seconds: float) -> bytes:
    """The body.

    Args:
        limit: bytes. name: of the limit, for the message. seconds: how long it may take.

    Raises:
        HTTPException: 413, it is larger; no more than the limit is read. 408, it did not come in time.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(413, f"what was sent is larger than {limit} bytes (limit {name!a}): send less")
    except TimeoutError:
        problem = f"the request's body did not come within {seconds:g} seconds (limit 'body_seconds'): send it again"
        raise HTTPException(408, problem, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the request's body ended early") from None
    return bytes(body)


def parse_body(body: bytes, kind: TypeAdapter[T], values: int) -> T:
    """The body as a dataclass.

    Args:
        values: how many it may hold.

    Raises:
        HTTPException: 413, it holds more. 422, it is not JSON or a field is wrong; the message names it.
    """
    if count_values(body) > values:
        raise HTTPException(413, f"the request holds more than {values} values (limit 'values'): send less")
    try:
        return kind.validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, f"the request cannot be used: {first_problem(error)}") from None


async def on_http_error(request: Request, error: Exception) -> Response:
    """{"error": message} with the status code."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def on_draglab_error(request: Request, error: Exception) -> Response:
    """400: what was asked for cannot be done, and why."""
    return JSONResponse({"error": str(error)}, 400)


async def on_any_error(request: Request, error: Exception) -> Response:
    """500, without details: they are in the log."""
    return JSONResponse({"error": "draglab failed at this; its log says where, please report it"}, 500)


ERRORS = {HTTPException: on_http_error, DraglabError: on_draglab_error, Exception: on_any_error}
