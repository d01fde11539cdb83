"""Endpoints of photos for programs, under /api/v1; docs/server.md has an example."""

from __future__ import annotations

import asyncio
import math
from typing import Any, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from draglab.errors import DraglabError
from draglab.server.api_photo_messages import Frame, PhotoList, PhotoStatus
from draglab.server.api_photos import ApiPhotos, Effort, SentPhoto
from draglab.server.event_streams import EventStreams
from draglab.server.exports import content_disposition
from draglab.server.http import Uploads, read_body
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.openapi import Content, Endpoint
from draglab.server.photo_framing import place_frame
from draglab.server.photo_messages import FindFrame
from draglab.server.photo_pages import clean_name, kind_of
from draglab.server.program_requests import KEY, json_answer, key_of, owner_of, refusals
from draglab.server.security import Access
from draglab.server.worker import Worker, caller_of

NO_PHOTO = "there is no such photo: it was never sent, or it is too old"
PLACE = ("x", "y", "size", "angle")
"""Parameters of a frame."""


class PhotoApi:
    """The endpoints, all of which require a token.

    Args:
        uploads: photos that are received and decoded. streams: the streams of events.
    """

    def __init__(
        self,
        worker: Worker,
        library: Library,
        loaded: LoadedModels,
        photos: ApiPhotos,
        access: Access,
        uploads: Uploads,
        streams: EventStreams,
        limits: Limits,
    ) -> None:
        self._worker, self._library, self._loaded, self._photos = worker, library, loaded, photos
        self._access, self._uploads, self._streams, self._limits = access, uploads, streams, limits

    async def add_photo(self, request: Request) -> Response:
        """Add a photo, the body, and answer 201 with its status, or 429 if too many wait.

        Query: model; effort; name; x, y, size, angle = the frame, all or none of them.
        """
        owner, key, query = owner_of(request), key_of(request), request.query_params
        if key is not None and (known := self._photos.keyed(owner, key)) is not None:
            return _added(known)
        effort, given = _effort(query.get("effort", "default")), _frame(request)
        with refusals():
            await self._on_worker(lambda: self._photos.check_room(owner), owner)
            model = query.get("model") or self._library.default
            generator = await self._on_worker(lambda: self._loaded.get(model), owner)
            limits = self._limits
            async with self._uploads.of(owner):
                body = await read_body(request, limits.photo_bytes, "photo_bytes", limits.body_seconds)

                def look() -> SentPhoto:
                    from draglab.inversion import Frame as CheckedFrame
                    from draglab.inversion import decode_photo

                    picture = decode_photo(body, max_pixels=limits.photo_pixels)
                    size = (picture.pixels.shape[0], picture.pixels.shape[1])
                    if (frame := given) is None:
                        found = place_frame(FindFrame(photo="", model=model), picture.pixels, generator).frame
                        frame = Frame(x=found.x, y=found.y, size=found.size, angle=found.angle)
                    CheckedFrame(frame.x, frame.y, frame.size, frame.angle).checked(size)
                    name, kind = clean_name(query.get("name", "")), kind_of(body)
                    return SentPhoto(body, name, kind, size, picture.notes, model, frame, effort)

                sent = await self._uploads.read(look)
                files = await self._uploads.read(self._photos.write, sent)
                try:
                    return _added(await self._on_worker(lambda: self._photos.add(owner, key, sent, files), owner))
                except BaseException:
                    files.remove()
                    raise

    async def list_photos(self, request: Request) -> Response:
        """Answer with this person's photos, the newest first."""
        return json_answer(PhotoList, self._photos.list(owner_of(request)))

    async def photo_status(self, request: Request) -> Response:
        """Answer with the status of a photo."""
        return json_answer(PhotoStatus, self._status(request))

    async def photo_events(self, request: Request) -> Response:
        """Answer with a stream of the photo's statuses, as server-sent events, until it has ended."""
        owner, id = owner_of(request), self._status(request).id
        limits = self._access.limits_of(owner, self._limits)
        return self._streams.answer(owner, limits, PhotoStatus, lambda: self._photos.status(id, owner))

    async def cancel_photo(self, request: Request) -> Response:
        """End a photo, or delete one that has ended, and answer with its status."""
        owner, id = owner_of(request), request.path_params["id"]
        call = self._worker.call(lambda: self._photos.cancel(id, owner), caller_of(owner), first=True)
        if (status := await asyncio.wrap_future(call)) is None:
            raise HTTPException(404, NO_PHOTO)
        return json_answer(PhotoStatus, status)

    async def photo_file(self, request: Request) -> Response:
        """Answer with the file of a finished photo, or 409 before."""
        status, owner = self._status(request), owner_of(request)
        try:
            photo = self._photos.finished(status.id, owner)
        except DraglabError as error:
            raise HTTPException(409, f"{error}{f' ({status.error})' if status.error else ''}") from None
        headers = {"Content-Disposition": content_disposition(f"{photo.name}.draglab"), "Cache-Control": "no-store"}
        if not photo.stored.path.is_file():
            raise HTTPException(404, NO_PHOTO)
        return FileResponse(photo.stored.path, headers=headers, media_type="application/octet-stream")

    def _status(self, request: Request) -> PhotoStatus:
        status = self._photos.status(request.path_params["id"], owner_of(request))
        if status is None:
            raise HTTPException(404, NO_PHOTO)
        return status

    def _on_worker(self, function, owner: str) -> asyncio.Future[Any]:
        return asyncio.wrap_future(self._worker.call(function, caller_of(owner)))


def _effort(text: str) -> Effort:
    for effort in get_args(Effort):
        if text == effort:
            return effort
    raise HTTPException(422, f"there is no effort {text[:20]!a}: take {', '.join(get_args(Effort))}")


def _frame(request: Request) -> Frame | None:
    """Return the frame of the query; None = it has none.

    Raises:
        HTTPException: 422, it has a part of one, or something that is no number.
    """
    given = {name: text for name in PLACE if (text := request.query_params.get(name)) is not None}
    if not given:
        return None
    try:
        numbers = {name: float(text) for name, text in given.items()}
    except ValueError:
        numbers = {}
    if len(numbers) < len(PLACE) or not all(math.isfinite(each) and abs(each) <= 1e6 for each in numbers.values()):
        raise HTTPException(422, "a frame has four numbers, x, y, size and angle: give all, or none to have it found")
    return Frame(**numbers)


def _added(status: PhotoStatus) -> Response:
    return json_answer(PhotoStatus, status, 201, {"Location": f"/api/v1/photos/{status.id}"})


_NUMBER = {"type": "number"}

PHOTO_ENDPOINTS: tuple[Endpoint[PhotoApi], ...] = (
    Endpoint(
        method="POST",
        path="/photos",
        handler=PhotoApi.add_photo,
        summary="Queue a photo to be brought into a model, so that it can be dragged.",
        body=Content("The photo's file: JPEG, PNG, WebP, TIFF, HEIC...", ["application/octet-stream", "image/*"]),
        query={
            "model": {"type": "string"},
            "effort": {"type": "string", "enum": [*get_args(Effort)], "default": "default"},
            "name": {"type": "string"},
            **dict.fromkeys(PLACE, _NUMBER),
        },
        headers=KEY,
        answer=PhotoStatus,
        status=201,
        problems=(400, 408, 413, 422, 429, 503),
        limits=(
            "photo_bytes", "photo_pixels", "body_seconds", "uploads", "photo_jobs", "photo_jobs_waiting",
            "photo_jobs_waiting_per_person",
        ),
    ),
    Endpoint(
        method="GET",
        path="/photos",
        handler=PhotoApi.list_photos,
        summary="List your photos, the newest first.",
        answer=PhotoList,
        limits=("photos_kept_per_person", "photos_kept_bytes", "drag_days"),
    ),
    Endpoint(
        method="GET",
        path="/photos/{id}",
        handler=PhotoApi.photo_status,
        summary="Get the status of a photo.",
        answer=PhotoStatus,
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/photos/{id}/events",
        handler=PhotoApi.photo_events,
        summary="Stream the status of a photo, whenever it changes, until it has ended.",
        answer=Content("Server-sent events `status`, each with a PhotoStatus as data.", ["text/event-stream"]),
        problems=(404, 429),
        limits=("event_streams", "event_streams_per_person"),
    ),
    Endpoint(
        method="DELETE",
        path="/photos/{id}",
        handler=PhotoApi.cancel_photo,
        summary="Cancel a photo, or delete one that has ended, with its file.",
        answer=PhotoStatus,
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/photos/{id}/file",
        handler=PhotoApi.photo_file,
        summary="Get the file of a finished photo, with its latent and tuned weights, for the editor and draglab drag.",
        answer=Content("A photo file, see docs/photos.md.", ["application/octet-stream"]),
        problems=(404, 409),
    ),
)  # fmt: skip
"""The endpoints of photos; see ENDPOINTS in api.py."""
