"""Description of endpoints as data, and the OpenAPI document made from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from draglab._version import __version__
from draglab.server.limits import Limits

A = TypeVar("A")

PICTURES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
"""Media types of images, by the name of their format."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Description of what was wrong, and of what to do about it."""

    error: str


@dataclass(frozen=True)
class Content:
    """An answer that is not JSON of a dataclass. kinds: its media types."""

    description: str
    kinds: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[A]):
    """An endpoint of an API whose handlers are methods of a class A.

    Attributes:
        path: path below /api/v1; parts in braces are parameters. handler: the method of A that answers; its name is
            the operation's.
        summary: one sentence. body: dataclass of the request's JSON, or other content; None = no body.
        answer: dataclass of the answer's JSON, or other content. status: status code of the answer.
        query, headers: JSON schemas of the query's parameters, and of headers, by name.
        problems: status codes of errors, besides 401 and 403. limits: names of the limits that apply, see Limits.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Callable[[A, Request], Awaitable[Response]]
    summary: str
    body: type | Content | None = None
    answer: type | Content
    status: int = 200
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: Sequence[int] = ()
    limits: Sequence[str] = ()


def document(
    endpoints: Sequence[Endpoint[Any]], limits: Limits, schemas: dict[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Build an OpenAPI 3.1 document, as JSON values. It has this server's limits as "x-limits".

    Args:
        schemas: further schemas by name, to which fields refer by "x-schema" in their own.
    """
    paths: dict[str, dict[str, Any]] = {}
    bodies: dict[str, type] = {}
    answers: dict[str, type] = {"Problem": Problem}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, limits)
        for kinds, kind in ((bodies, each.body), (answers, each.answer)):
            if isinstance(kind, type):
                kinds[kind.__name__] = kind
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "draglab",
            "version": __version__,
            "description": "Point-based manipulation of GAN images.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {
                **_referring(_schemas(bodies, "validation")),
                # Answers always have all of their fields.
                **_referring(_schemas(answers, "serialization")),
                **(schemas or {}),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint[Any], limits: Limits) -> dict[str, Any]:
    responses = {str(endpoint.status): _answer(endpoint.answer)}
    responses |= {str(code): _problem(code) for code in (401, 403, *endpoint.problems)}
    operation: dict[str, Any] = {"operationId": endpoint.handler.__name__, "summary": endpoint.summary}
    operation["responses"] = responses
    if parameters := _parameters(endpoint):
        operation["parameters"] = parameters
    if isinstance(body := endpoint.body, Content):
        binary = {"schema": {"type": "string", "format": "binary"}}
        content = dict.fromkeys(body.kinds, binary)
        operation["requestBody"] = {"description": body.description, "required": True, "content": content}
    elif body is not None:
        operation["requestBody"] = {"required": True, "content": _json(body)}
    if endpoint.limits:
        operation["x-limits"] = {name: getattr(limits, name) for name in endpoint.limits}
    return operation


def _parameters(endpoint: Endpoint[Any]) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", endpoint.path)
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    others = [("query", endpoint.query), ("header", endpoint.headers)]
    return in_path + [
        {"name": name, "in": place, "schema": schema} for place, named in others for name, schema in named.items()
    ]


def _problem(code: int) -> dict[str, Any]:
    answer = _answer(Problem)
    if code in (429, 503):
        seconds = {"description": "Seconds until it is worth another attempt.", "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": seconds}
    return answer


def _answer(answer: type | Content) -> dict[str, Any]:
    if isinstance(answer, Content):
        return {"description": answer.description, "content": {kind: {} for kind in answer.kinds}}
    return {"description": (answer.__doc__ or "").split("\n")[0], "content": _json(answer)}


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


def _schemas(kinds: dict[str, type], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}", mode=mode)
        found.update(schema.pop("$defs", {}))
        found[name] = schema
    return found


def _referring(schema: Any) -> Any:
    """Return a schema in which every part with "x-schema": NAME is a reference to the schema NAME."""
    if isinstance(schema, dict):
        if (name := schema.get("x-schema")) is not None:
            return {"$ref": f"#/components/schemas/{name}"}
        return {key: _referring(value) for key, value in schema.items()}
    return [_referring(each) for each in schema] if isinstance(schema, list) else schema
