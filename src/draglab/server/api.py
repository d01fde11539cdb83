"""HTTP API for programs, under /api/v1: models, images of seeds, drags. docs/server.md has an example."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from draglab.media.images import EDITED, GENERATED, save_image
from draglab.server.drags import Drag, DragRequest, Drags, DragStatus, Format, GenerateRequest, TooManyDrags
from draglab.server.http import Uploads, parse_body, read_body, require_token
from draglab.server.library import Library, ModelInfo
from draglab.server.limits import Limits
from draglab.server.openapi import PICTURES, Content, Endpoint, document
from draglab.server.pictures import read_mask
from draglab.server.security import Access, read_cookies
from draglab.server.worker import Worker, caller_of

T = TypeVar("T")


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return what reads and writes a kind of message; it takes a while to build."""
    return TypeAdapter(kind)


@dataclass(frozen=True, kw_only=True)
class Models:
    """Available models, the default one first."""

    models: list[ModelInfo]


class Api:
    """The endpoints, all of which require the token.

    Args:
        folder: folder for temporary files.
    """

    def __init__(
        self,
        worker: Worker,
        library: Library,
        drags: Drags,
        access: Access,
        uploads: Uploads,
        limits: Limits,
        folder: Path,
    ) -> None:
        self._worker = worker
        self._library = library
        self._drags = drags
        self._access = access
        self._limits = limits
        self._uploads = uploads
        self._folder = folder

    def routes(self) -> list[Route]:
        """Return the routes of ENDPOINTS, relative to /api/v1."""
        return [Route(each.path, self._guarded(each), methods=[each.method]) for each in ENDPOINTS]

    async def describe(self, request: Request) -> Response:
        """Answer with the OpenAPI document of this API."""
        return JSONResponse(document(ENDPOINTS, self._limits))

    async def models(self, request: Request) -> Response:
        """Answer with the available models."""
        # On the worker: the first request may come before the models have been searched.
        models = await self._on_worker(self._library.models, self._owner(request))
        return JSONResponse(asdict(Models(models=models)))

    async def generate(self, request: Request) -> Response:
        """Answer with the image of a seed."""
        owner = self._owner(request)
        async with self._uploads.of(owner):
            asked = await self._parsed(request, GenerateRequest)
        pixels, model = await self._on_worker(lambda: self._drags.generate(asked), owner)
        return await self._picture(pixels, asked.format, f"{GENERATED} Model {model}, seed {asked.start.seed}.")

    async def start(self, request: Request) -> Response:
        """Start a drag and answer 201 with its status, or 429 if too many run."""
        owner = self._owner(request)
        try:
            async with self._uploads.of(owner):
                asked, mask = await self._parsed(request, DragRequest), None
                if asked.mask is not None:
                    size = await self._on_worker(lambda: self._drags.size(asked, owner), owner)
                    mask = await self._uploads.read(read_mask, asked.mask, size, self._limits.mask_pixels)
            status = await self._on_worker(lambda: self._drags.start(asked, owner, mask), owner)
        except TooManyDrags as error:
            raise HTTPException(429, str(error)) from None
        return _status(status, 201, {"Location": f"/api/v1/drags/{status.id}"})

    async def status(self, request: Request) -> Response:
        """Answer with the status of a drag."""
        return _status(self._drag(request).status)

    async def cancel(self, request: Request) -> Response:
        """End a drag, keeping its best step, and answer with its status."""
        drag = self._drag(request)
        return _status(await self._on_worker(lambda: self._drags.cancel(drag), drag.owner))

    async def image(self, request: Request) -> Response:
        """Answer with the edited image, or 409 while the drag runs. Query: format = png, jpg or webp."""
        kind = request.query_params.get("format", "png")
        if kind not in PICTURES:
            raise HTTPException(422, f"there is no format {kind[:20]!a}: take png, jpg or webp")
        drag = self._ended(request)
        pixels = await self._on_worker(lambda: self._drags.image(drag), drag.owner)
        return await self._picture(pixels, kind, EDITED)

    async def edit(self, request: Request) -> Response:
        """Answer with the edit file that reproduces the result, or 409 while the drag runs."""
        drag = self._ended(request)
        assert drag.edit is not None
        return Response(drag.edit.model_dump_json(indent=2) + "\n", media_type="application/json")

    def _guarded(self, endpoint: Endpoint[Api]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            require_token(request, self._access)
            return await endpoint.handler(self, request)

        return guarded

    def _on_worker(self, function: Callable[[], Any], owner: str | None) -> asyncio.Future[Any]:
        return asyncio.wrap_future(self._worker.call(function, caller_of(owner)))

    async def _parsed(self, request: Request, kind: type[T]) -> T:
        limits = self._limits
        body = await read_body(request, limits.message_bytes, "message_bytes", limits.body_seconds)
        return await self._uploads.read(parse_body, body, _adapter(kind), limits.values)

    async def _picture(self, pixels: NDArray[np.uint8], kind: str, description: str) -> Response:
        body = await asyncio.to_thread(_encoded, pixels, kind, description, self._folder)
        return Response(body, media_type=PICTURES[kind])

    def _owner(self, request: Request) -> str | None:
        return self._access.owner(read_cookies(request.headers))

    def _drag(self, request: Request) -> Drag:
        drag = self._drags.find(request.path_params["id"], self._owner(request))
        if drag is None:
            raise HTTPException(404, "there is no such drag: it was never started, or it ended too long ago")
        return drag

    def _ended(self, request: Request) -> Drag:
        drag = self._drag(request)
        if drag.status.state == "running":
            raise HTTPException(409, "the drag is still running: wait for its end, or cancel it")
        if drag.w_plus is None:
            raise HTTPException(409, f"the drag has failed, so there is no result: {drag.status.error}")
        return drag


_BODY = ("message_bytes", "body_seconds", "values", "uploads")
_PICTURE = Content("The image.", [*PICTURES.values()])
_FORMATS = get_args(Format)

ENDPOINTS: tuple[Endpoint[Api], ...] = (
    Endpoint(
        method="GET",
        path="/openapi.json",
        handler=Api.describe,
        summary="Get this document.",
        answer=Content("An OpenAPI document.", ["application/json"]),
    ),
    Endpoint(
        method="GET",
        path="/models",
        handler=Api.models,
        summary="List the available models.",
        answer=Models,
    ),
    Endpoint(
        method="POST",
        path="/generate",
        handler=Api.generate,
        summary="Generate the image of a seed.",
        body=GenerateRequest,
        answer=_PICTURE,
        problems=(400, 408, 413, 422),
        limits=_BODY,
    ),
    Endpoint(
        method="POST",
        path="/drags",
        handler=Api.start,
        summary="Start a drag.",
        body=DragRequest,
        answer=DragStatus,
        status=201,
        problems=(400, 408, 413, 422, 429),
        limits=(*_BODY, "points", "mask_pixels", "drag_steps", "drags", "drags_per_person"),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}",
        handler=Api.status,
        summary="Get the status of a drag.",
        answer=DragStatus,
        problems=(404,),
        limits=("drags_kept",),
    ),
    Endpoint(
        method="DELETE",
        path="/drags/{id}",
        handler=Api.cancel,
        summary="Cancel a drag, keeping its best step.",
        answer=DragStatus,
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}/image",
        handler=Api.image,
        summary="Get the edited image of a drag that has ended.",
        query={"format": _FORMATS},
        answer=_PICTURE,
        problems=(404, 409, 422),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}/edit",
        handler=Api.edit,
        summary="Get the edit file that reproduces the result of a drag that has ended.",
        answer=Content("An edit file, see docs/edit-files.md.", ["application/json"]),
        problems=(404, 409),
    ),
)
"""The API for programs; routes and the OpenAPI document are made from this table."""


def _status(status: DragStatus, code: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_adapter(DragStatus).dump_json(status), code, headers, "application/json")


def _encoded(pixels: NDArray[np.uint8], kind: str, description: str, folder: Path) -> bytes:
    """Encode an image as a file, with its statement of origin."""
    path = folder / f"{secrets.token_hex(16)}.{kind}"
    try:
        save_image(path, pixels, description)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
