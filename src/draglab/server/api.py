"""HTTP API for programs, under /api/v1: models, images of seeds, drags. docs/server.md has an example."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from draglab.media.edit_file import EditFile, parse_edit_file
from draglab.media.images import encode_image
from draglab.media.provenance.origin import Origin, edited_by
from draglab.server.api_photos import ApiPhotos
from draglab.server.drag_messages import (
    ENDED,
    SETTINGS,
    DragList,
    DragRequest,
    DragStatus,
    Format,
    GenerateRequest,
    State,
)
from draglab.server.drags import Drags, Result
from draglab.server.edit_uploads import read_edit
from draglab.server.event_streams import EventStreams
from draglab.server.http import Uploads, parse_body, read_body
from draglab.server.library import Library, ModelInfo
from draglab.server.limits import Limits
from draglab.server.openapi import PICTURES, Content, Endpoint, document
from draglab.server.photo_api import PHOTO_ENDPOINTS
from draglab.server.pictures import read_mask
from draglab.server.program_requests import KEY, adapter, json_answer, key_of, owner_of, refusals
from draglab.server.renderer import Renderer
from draglab.server.security import Access
from draglab.server.setting_help import settings_schema
from draglab.server.worker import Worker, caller_of

T = TypeVar("T")

_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
"""Format -> Pillow's name of it."""
SCOPES = ("image", "photo")
"""What an edited image shows: what the model shows, or the whole photo with the edit put back."""
NO_DRAG = "there is no such drag: it was never started, or it ended too long ago"


@dataclass(frozen=True, kw_only=True)
class Models:
    """Available models, the default one first."""

    models: list[ModelInfo]


class Api:
    """The endpoints, all of which require a token.

    Args:
        uploads: bodies of programs.

    Attributes:
        streams: the streams of events.
    """

    def __init__(
        self,
        worker: Worker,
        library: Library,
        drags: Drags,
        photos: ApiPhotos,
        renderer: Renderer,
        access: Access,
        uploads: Uploads,
        limits: Limits,
        streams: EventStreams,
    ) -> None:
        self._worker = worker
        self._library = library
        self._drags, self._photos = drags, photos
        self._renderer = renderer
        self._access = access
        self._limits = limits
        self._uploads = uploads
        self.streams = streams

    async def describe(self, request: Request) -> Response:
        """Answer with the OpenAPI document of the API."""
        # It imports torch, which takes seconds if nothing else has done so yet.
        schemas = {SETTINGS: await asyncio.to_thread(settings_schema)}
        return JSONResponse(document([*ENDPOINTS, *PHOTO_ENDPOINTS], self._limits, schemas))

    async def models(self, request: Request) -> Response:
        """Answer with the available models."""
        # On the worker: the first request may come before the models have been searched.
        models = await self._on_worker(self._library.models, owner_of(request))
        return JSONResponse(asdict(Models(models=models)))

    async def generate(self, request: Request) -> Response:
        """Answer with the image of a seed."""
        owner = owner_of(request)
        async with self._uploads.of(owner):
            asked = await self._parsed(request, GenerateRequest)
        pixels, origin = await self._on_worker(lambda: self._renderer.generate(asked), owner)
        return await self._picture(pixels, asked.format, origin)

    async def add_drag(self, request: Request) -> Response:
        """Add a drag and answer 201 with its status, or 429 if too many wait."""
        owner, key = owner_of(request), key_of(request)
        if key is not None and (known := self._drags.keyed(owner, key)) is not None:
            return _added(known)
        with refusals():
            async with self._uploads.of(owner):
                asked, mask = await self._parsed(request, DragRequest), None
                if asked.mask is not None:
                    size = await self._on_worker(lambda: self._drags.size(asked, owner), owner)
                    mask = await self._uploads.read(read_mask, asked.mask, size, self._limits.mask_pixels)
            return _added(await self._on_worker(lambda: self._drags.add(asked, owner, mask, key), owner))

    async def add_edit(self, request: Request) -> Response:
        """Add the rounds of an edit file as one drag and answer 201 with its status, or 429 if too many wait.

        Query: photo = id of a photo that they are done to, in place of the file's image.
        """
        owner, key, photo = owner_of(request), key_of(request), request.query_params.get("photo")
        if key is not None and (known := self._drags.keyed(owner, key)) is not None:
            return _added(known)
        limits = self._access.limits_of(owner, self._limits)
        with refusals():
            async with self._uploads.of(owner):
                body = await read_body(request, limits.drag_edit_bytes, "drag_edit_bytes", limits.body_seconds)
                edit = await self._uploads.read(read_edit, body, limits)
            return _added(await self._on_worker(lambda: self._drags.add_edit(edit, owner, key, photo), owner))

    async def list_drags(self, request: Request) -> Response:
        """Answer with a page of this person's drags. Query: state; before = id of a drag."""
        state, before = request.query_params.get("state", ""), request.query_params.get("before")
        if state and state not in get_args(State):
            raise HTTPException(422, f"there is no state {state[:20]!a}: take {', '.join(get_args(State))}")
        owner = owner_of(request)
        page = await asyncio.to_thread(self._drags.page, owner, state, before)
        return json_answer(DragList, page)

    async def drag_status(self, request: Request) -> Response:
        """Answer with the status of a drag."""
        return json_answer(DragStatus, self._status(request))

    async def drag_events(self, request: Request) -> Response:
        """Answer with a stream of the drag's statuses, as server-sent events, until it has ended."""
        owner, id = owner_of(request), self._status(request).id
        limits = self._access.limits_of(owner, self._limits)
        return self.streams.answer(owner, limits, DragStatus, lambda: self._drags.status(id, owner))

    async def cancel_drag(self, request: Request) -> Response:
        """End a drag, keeping its best step, and answer with its status."""
        owner, id = owner_of(request), request.path_params["id"]
        status = await asyncio.wrap_future(
            self._worker.call(lambda: self._drags.cancel(id, owner), caller_of(owner), first=True)
        )
        if status is None:
            raise HTTPException(404, NO_DRAG)
        return json_answer(DragStatus, status)

    async def drag_image(self, request: Request) -> Response:
        """Answer with the edited image, or 409 while the drag runs.

        Query: format = png, jpg or webp; scope = image, or photo for the whole photo with the edit put back.
        """
        kind, scope = request.query_params.get("format", "png"), request.query_params.get("scope", "image")
        if kind not in PICTURES:
            raise HTTPException(422, f"there is no format {kind[:20]!a}: take png, jpg or webp")
        if scope not in SCOPES:
            raise HTTPException(422, f"there is no scope {scope[:20]!a}: take {' or '.join(SCOPES)}")
        status, owner = self._status(request), owner_of(request)
        if scope == "photo" and status.photo is None:
            raise HTTPException(422, "this drag is not of a photo: take the scope image")
        result = await self._result(status)
        pixels = await self._on_worker(lambda: self._renderer.result(self._drags.source(status, owner), result), owner)
        if scope == "photo":
            assert status.photo is not None
            photo = self._photos.finished(status.photo, owner)
            before = await self._on_worker(lambda: self._renderer.photo(photo), owner)
            pixels = await asyncio.to_thread(photo.stored.paste, before, pixels)
        return await self._picture(pixels, kind, await asyncio.to_thread(_origin, result, scope == "photo"))

    async def drag_edit(self, request: Request) -> Response:
        """Answer with the edit file that reproduces the result, or 409 while the drag runs."""
        result = await self._result(self._status(request))
        return Response(result.edit + "\n", media_type="application/json")

    def _on_worker(self, function: Callable[[], Any], owner: str) -> asyncio.Future[Any]:
        return asyncio.wrap_future(self._worker.call(function, caller_of(owner)))

    async def _parsed(self, request: Request, kind: type[T]) -> T:
        limits = self._limits
        body = await read_body(request, limits.message_bytes, "message_bytes", limits.body_seconds)
        return await self._uploads.read(parse_body, body, adapter(kind), limits.values)

    async def _picture(self, pixels: NDArray[np.uint8], kind: str, origin: Origin) -> Response:
        body = await asyncio.to_thread(encode_image, pixels, origin, _FORMATS[kind])
        return Response(body, media_type=PICTURES[kind])

    def _status(self, request: Request) -> DragStatus:
        status = self._drags.status(request.path_params["id"], owner_of(request))
        if status is None:
            raise HTTPException(404, NO_DRAG)
        return status

    async def _result(self, status: DragStatus) -> Result:
        if status.state not in ENDED:
            raise HTTPException(409, f"the drag is still {status.state}: wait for its end, or cancel it")
        result = await asyncio.to_thread(self._drags.result, status.id)
        if result is None:
            reason = status.error or "it was cancelled before it began"
            raise HTTPException(409, f"the drag has no result: {reason}")
        return result


_BODY = ("message_bytes", "body_seconds", "values", "drag_uploads")
_QUEUE = (
    "drags",
    "drags_per_person",
    "drags_waiting",
    "drags_waiting_per_person",
    "drag_bytes",
    "drag_bytes_per_person",
    "drag_steps",
    "points",
    "mask_pixels",
)
_KEPT = ("drags_kept", "drags_kept_per_person", "drag_days")
_PICTURE = Content("The image.", [*PICTURES.values()])
_FORMAT = {"type": "string", "enum": [*get_args(Format)], "default": get_args(Format)[0]}

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
        method="GET",
        path="/drags",
        handler=Api.list_drags,
        summary="List your drags, the newest first.",
        query={"state": {"type": "string", "enum": [*get_args(State)]}, "before": {"type": "string"}},
        answer=DragList,
        problems=(422,),
        limits=_KEPT,
    ),
    Endpoint(
        method="POST",
        path="/drags",
        handler=Api.add_drag,
        summary="Queue a drag.",
        body=DragRequest,
        headers=KEY,
        answer=DragStatus,
        status=201,
        problems=(400, 408, 413, 422, 429, 503),
        limits=(*_BODY, *_QUEUE),
    ),
    Endpoint(
        method="POST",
        path="/edits",
        handler=Api.add_edit,
        summary="Queue all rounds of an edit file (docs/edit-files.md) as one drag, of its image or of a photo.",
        body=EditFile,
        query={"photo": {"type": "string"}},
        headers=KEY,
        answer=DragStatus,
        status=201,
        problems=(400, 408, 413, 422, 429, 503),
        limits=("drag_edit_bytes", "body_seconds", "values", "rounds", "edit_mask_pixels", "drag_uploads", *_QUEUE),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}",
        handler=Api.drag_status,
        summary="Get the status of a drag.",
        answer=DragStatus,
        problems=(404,),
        limits=_KEPT,
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}/events",
        handler=Api.drag_events,
        summary="Stream the status of a drag, whenever it changes, until it has ended.",
        answer=Content("Server-sent events `status`, each with a DragStatus as data.", ["text/event-stream"]),
        problems=(404, 429),
        limits=("event_streams", "event_streams_per_person"),
    ),
    Endpoint(
        method="DELETE",
        path="/drags/{id}",
        handler=Api.cancel_drag,
        summary="Cancel a drag, keeping its best step.",
        answer=DragStatus,
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}/image",
        handler=Api.drag_image,
        summary="Get the edited image of a drag that has ended.",
        query={"format": _FORMAT, "scope": {"type": "string", "enum": [*SCOPES], "default": SCOPES[0]}},
        answer=_PICTURE,
        problems=(400, 404, 409, 422),
    ),
    Endpoint(
        method="GET",
        path="/drags/{id}/edit",
        handler=Api.drag_edit,
        summary="Get the edit file that reproduces the result of a drag that has ended.",
        answer=Content("An edit file, see docs/edit-files.md.", ["application/json"]),
        problems=(404, 409),
    ),
)
"""The API for programs, beside PHOTO_ENDPOINTS; routes and the OpenAPI document are made from both tables."""


def _added(status: DragStatus) -> Response:
    return json_answer(DragStatus, status, 201, {"Location": f"/api/v1/drags/{status.id}"})


def _origin(result: Result, put_back: bool) -> Origin:
    """Return what the image of a drag says, or the photo with it put back."""
    return edited_by(parse_edit_file(result.edit.encode()), put_back)
