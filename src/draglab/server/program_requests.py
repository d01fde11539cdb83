"""What the endpoints for programs have in common: who asks, keys, refusals, JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from draglab.server.drags import Draining, QueueFull
from draglab.server.security import Program

T = TypeVar("T")

KEY = {"Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 200}}
"""Header by which a request that is sent again is known."""


@cache
def adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return what reads and writes a kind of message; it takes a while to build."""
    return TypeAdapter(kind)


def owner_of(request: Request) -> str:
    """Return the owner of what the program that sent a request has."""
    program: Program = request.state.program
    return program.owner


def key_of(request: Request) -> str | None:
    """Return the header by which a request that is sent again is known; None = it has none.

    Raises:
        HTTPException: 422, the key is too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise HTTPException(422, "the header Idempotency-Key must have 1 to 200 characters")
    return key


@contextmanager
def refusals() -> Iterator[None]:
    """Answer 429 when too much waits, and 503 when the server is about to end."""
    try:
        yield
    except QueueFull as error:
        raise HTTPException(429, str(error), {"Retry-After": str(error.seconds)}) from None
    except Draining as error:
        raise HTTPException(503, str(error), {"Retry-After": "10"}) from None


def json_answer(kind: type[T], value: T, code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a value as JSON."""
    return Response(adapter(kind).dump_json(value), code, headers, "application/json")
