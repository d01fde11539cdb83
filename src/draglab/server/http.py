"""Common parts of HTTP endpoints: the token, bodies within limits, errors as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from draglab.errors import DraglabError
from draglab.media.edit_file import count_values
from draglab.problems import first_problem
from draglab.server.openapi import Endpoint
from draglab.server.security import Access, Program
from draglab.server.tokens import Right

T = TypeVar("T")
A = TypeVar("A")


def require_token(request: Request, access: Access) -> None:
    """Check that a request has the token.

    Raises:
        HTTPException: 401, the token is missing or wrong.
    """
    if not access.has_bearer(request.headers):
        headers = {"WWW-Authenticate": "Bearer"}
        raise HTTPException(401, "the token is missing or wrong: send Authorization: Bearer TOKEN", headers)


def require_program(request: Request, access: Access, right: Right = "drags") -> Program:
    """Return who sent a request.

    Raises:
        HTTPException: 401, the token is missing or wrong; 403, it may not do this.
    """
    program = access.program(request.headers)
    if program is None:
        headers = {"WWW-Authenticate": "Bearer"}
        raise HTTPException(401, "the token is missing or wrong: send Authorization: Bearer TOKEN", headers)
    if right not in program.may:
        raise HTTPException(403, f"this token may not be used for this: add {right!a} to its `may`, or take another")
    return program


class Uploads:
    """Bodies that are being received and parsed: a limited number for each person, while further ones wait.

    Args:
        most: number for each person.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: dict[str | None, tuple[asyncio.Semaphore, list[None]]] = {}
        # A thread of its own, so that parsing a large body delays no picture.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="draglab-reading")

    @asynccontextmanager
    async def of(self, owner: str | None) -> AsyncIterator[None]:
        """Wait for a person's turn, and hold it during the block."""
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
        """Run a slow function on a thread, not on the event loop."""
        return await asyncio.wrap_future(self._thread.submit(function, *arguments))


async def read_body(request: Request, limit: int, name: str, seconds: float) -> bytes:
    """Receive the body of a request.

    Args:
        limit: size in bytes. name: name of this limit, for the error. seconds: time for the whole body.

    Raises:
        HTTPException: 413, the body is larger than the limit, and was not read further. 408, it did not come in time.
            400, it ended early.
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
    """Parse a body as a dataclass.

    Args:
        values: limit of the number of values in it.

    Raises:
        HTTPException: 413, there are more values. 422, the body is not JSON, or a field is wrong, which is named.
    """
    if count_values(body) > values:
        raise HTTPException(413, f"the request holds more than {values} values (limit 'values'): send less")
    try:
        return kind.validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, f"the request cannot be used: {first_problem(error)}") from None


def guarded(api: A, endpoints: Sequence[Endpoint[A]], access: Access) -> list[Route]:
    """Return the routes of endpoints for programs, relative to /api/v1; `request.state.program` says who asks."""

    def route(endpoint: Endpoint[A]) -> Route:
        async def answer(request: Request) -> Response:
            request.state.program = require_program(request, access)
            return await endpoint.handler(api, request)

        return Route(endpoint.path, answer, methods=[endpoint.method])

    return [route(each) for each in endpoints]


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer {"error": message} with the error's status code."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def on_draglab_error(request: Request, error: Exception) -> Response:
    """Answer 400 with the reason why a request cannot be carried out."""
    return JSONResponse({"error": str(error)}, 400)


async def on_any_error(request: Request, error: Exception) -> Response:
    """Answer 500 without details, which are in the log."""
    return JSONResponse({"error": "draglab failed at this; its log says where, please report it"}, 500)


ERRORS = {HTTPException: on_http_error, DraglabError: on_draglab_error, Exception: on_any_error}
