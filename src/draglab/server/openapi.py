"""The OpenAPI document of the API for programs, made from its dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from draglab._version import __version__
from draglab.server.drags import DragRequest, DragStatus, GenerateRequest
from draglab.server.library import ModelInfo


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models that there are, the default one first."""

    models: list[ModelInfo]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What was wrong, and what to do about it."""

    error: str


_KINDS = {
    "Models": Models,
    "GenerateRequest": GenerateRequest,
    "DragRequest": DragRequest,
    "DragStatus": DragStatus,
    "Problem": Problem,
}
_PICTURE = {"content": {f"image/{kind}": {} for kind in ("png", "jpeg", "webp")}, "description": "The image."}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_FORMAT = {
    "name": "format",
    "in": "query",
    "schema": {"type": "string", "enum": ["png", "jpg", "webp"], "default": "png"},
}
_EDIT = {"description": "An edit file, see docs/edit-files.md.", "content": {"application/json": {}}}


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "draglab", "version": __version__, "description": "Drags points of a GAN's images."},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": {
            "/models": {"get": _operation("The models that there are.", {"200": _json("Models")})},
            "/generate": {
                "post": _operation(
                    "An image of a seed.", {"200": _PICTURE}, body="GenerateRequest", problems="400 413 422"
                )
            },
            "/drags": {
                "post": _operation(
                    "Begin a drag.", {"201": _json("DragStatus")}, body="DragRequest", problems="400 413 422 429"
                )
            },
            "/drags/{id}": {
                "parameters": [_ID],
                "get": _operation("How a drag stands.", {"200": _json("DragStatus")}, problems="404"),
                "delete": _operation(
                    "End a drag; the best step so far is kept.", {"200": _json("DragStatus")}, problems="404"
                ),
            },
            "/drags/{id}/image": {
                "parameters": [_ID, _FORMAT],
                "get": _operation("The edited image.", {"200": _PICTURE}, problems="404 409 422"),
            },
            "/drags/{id}/edit": {
                "parameters": [_ID],
                "get": _operation("The edit file that makes the result again.", {"200": _EDIT}, problems="404 409"),
            },
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[name] = schema
    return found


def _operation(summary: str, answers: dict[str, Any], body: str | None = None, problems: str = "") -> dict[str, Any]:
    """One method of a path. problems: its status codes of errors, besides 401."""
    refused = {code: _json("Problem") for code in ["401", *problems.split()]}
    operation: dict[str, Any] = {"summary": summary, "responses": {**answers, **refused}}
    if body is not None:
        operation["requestBody"] = {"required": True, **_json(body)}
        del operation["requestBody"]["description"]
    return operation


def _json(kind: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind}"}
    return {
        "description": (_KINDS[kind].__doc__ or "").split("\n")[0],
        "content": {"application/json": {"schema": schema}},
    }
