"""Endpoints of photos: uploads, pictures of them, maps of where an inversion differs."""

from __future__ import annotations

import asyncio
import io
import secrets
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from draglab.errors import DraglabError
from draglab.server.file_names import safe
from draglab.server.http import Uploads, read_body, require_token
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.photo_framing import look_for_face, suited_model
from draglab.server.photo_job import Draft
from draglab.server.photos import Photos
from draglab.server.security import Access, read_cookies
from draglab.server.sessions import Sessions
from draglab.server.worker import Worker, caller_of

if TYPE_CHECKING:
    from pathlib import Path

    from draglab.editor.photo import PhotoKind
    from draglab.inversion.photo_file import PhotoContent

PICTURE_SIDE = 1600
"""Longer side in pixels of a photo's picture."""


class PhotoPages:
    """The endpoints. Bodies are read within limits before anything is decoded."""

    def __init__(
        self,
        access: Access,
        port: int,
        library: Library,
        photos: Photos,
        sessions: Sessions,
        worker: Worker,
        uploads: Uploads,
        limits: Limits,
    ) -> None:
        self._access, self._port, self._limits = access, port, limits
        self._library, self._photos, self._sessions = library, photos, sessions
        self._worker, self._uploads = worker, uploads

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/upload/photo", self.upload, methods=["POST"]),
            Route("/upload/inverted", self.upload_inverted, methods=["POST"]),
            Route("/photos/{photo}", self.picture, methods=["GET"]),
            Route("/heat-maps/{session}", self.heat_map, methods=["GET"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Take a photo and answer with what is known of it, and the model that suits.

        Parameters of the address: name of the file, and the model that is shown.
        """
        require_token(request, self._access)
        limits, query = self._limits, request.query_params
        owner = self._access.owner(read_cookies(request.headers))
        async with self._uploads.of(owner):
            body = await read_body(request, limits.photo_bytes, "photo_bytes", limits.body_seconds)
            draft = await self._uploads.read(_read_photo, body, query.get("name", ""), owner, limits.photo_pixels)
            await self._call(lambda: self._photos.add(draft), owner)
        names = [model.name for model in self._library.models()]
        current = query.get("model", "")
        model, missing = suited_model(draft.has_face, current if current in names else self._library.default, names)
        return JSONResponse(
            {
                "photo": draft.id,
                "name": draft.name,
                "width": draft.pixels.shape[1],
                "height": draft.pixels.shape[0],
                "notes": list(draft.notes),
                "model": model,
                "missing": missing,
            }
        )

    async def upload_inverted(self, request: Request) -> Response:
        """Create a session from the file of an inverted photo and answer with its id, {"session": id}."""
        require_token(request, self._access)
        limits = self._limits
        owner = self._access.owner(read_cookies(request.headers))
        folder = await self._call(lambda: self._sessions.folder(owner), owner)
        async with self._uploads.of(owner):
            body = await read_body(request, limits.photo_file_bytes, "photo_file_bytes", limits.body_seconds)
            path, content, size = await self._uploads.read(_keep_inverted, body, folder, limits.photo_pixels)
            try:
                session = await self._call(
                    lambda: self._from_file(owner, path, content, size, request.query_params.get("name", "")), owner
                )
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return JSONResponse({"session": session})

    def _from_file(self, owner: str | None, path: Path, content: PhotoContent, size: tuple[int, int], name: str) -> str:
        from draglab.editor.photo import PhotoStart
        from draglab.inversion.report import QualityReport

        model = self._library.name_of(content.info.model_name)
        quality = QualityReport(**content.info.quality.model_dump())
        start = PhotoStart.of(path.stem, clean_name(name), "png", size, quality)
        return self._sessions.from_photo(owner, model, content.w_plus.numpy(), start)

    async def picture(self, request: Request) -> Response:
        """Answer with a picture of a photo that is being brought into a model, at most PICTURE_SIDE a side."""
        owner = self._owner(request)
        try:
            found = await self._call(lambda: self._photos.pixels(owner, request.path_params["photo"]), owner)
            if isinstance(found, np.ndarray):
                data = await asyncio.to_thread(_encoded, found)
            else:
                data = await self._uploads.read(lambda: _encoded(_decoded(found.photo(), self._limits.photo_pixels)))
        except DraglabError as error:
            raise HTTPException(404, str(error), {"Cache-Control": "no-store"}) from None
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    async def heat_map(self, request: Request) -> Response:
        """Answer with a picture of where the inversion of a session's photo differs from it."""
        owner = self._owner(request)
        try:
            make = await self._call(lambda: self._sessions.heat_map(owner, request.path_params["session"]), owner)
            data = await self._uploads.read(lambda: _encoded(make(), "PNG"))
        except DraglabError as error:
            raise HTTPException(404, str(error), {"Cache-Control": "no-store"}) from None
        return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})

    def _owner(self, request: Request) -> str | None:
        cookies = read_cookies(request.headers)
        if not (self._access.has_bearer(request.headers) or self._access.has_pass(cookies, self._port)):
            raise HTTPException(401, "this picture is for the page of its person: reload the page")
        return self._access.owner(cookies)

    def _call(self, function, owner: str | None):
        return asyncio.wrap_future(self._worker.call(function, caller_of(owner)))


def clean_name(name: str) -> str:
    """Return the name of a photo, of letters and digits, from that of its file."""
    return safe(PurePath(name.replace("\\", "/")).stem[:200]) or "photo"


def _read_photo(body: bytes, name: str, owner: str | None, most: int) -> Draft:
    """Decode an uploaded photo of at most `most` pixels, and look for a face."""
    from draglab.inversion import decode_photo

    picture = decode_photo(body, max_pixels=most)
    kind = kind_of(body)
    face = look_for_face(picture.pixels)
    return Draft(secrets.token_hex(8), owner, clean_name(name), kind, body, picture.pixels, picture.notes, face)


def _decoded(data: bytes, most: int) -> NDArray[np.uint8]:
    from draglab.inversion import decode_photo

    return decode_photo(data, max_pixels=most).pixels


def kind_of(data: bytes) -> PhotoKind:
    """Return the format in which an edited photo is offered first: its own, or the next best."""
    if data.startswith(b"\xff\xd8"):
        return "jpg"
    if data[:4] == b"RIFF":
        return "webp"
    # HEIC and AVIF are lossy as JPEG is; all others lose nothing.
    return "jpg" if data[4:8] == b"ftyp" else "png"


def _keep_inverted(body: bytes, folder: Path, most: int) -> tuple[Path, PhotoContent, tuple[int, int]]:
    """Write the file of an inverted photo into a journal's folder, and check everything in it.

    Args:
        most: pixels that its photo may have.

    Returns:
        the path, what is in the file, and the photo's (height, width).

    Raises:
        DraglabError: it is damaged, too large, or does not hold its photo.
    """
    from draglab.editor.photo import photo_path
    from draglab.files import write_atomically, write_error
    from draglab.folders import make_private
    from draglab.inversion import Frame
    from draglab.inversion.photo_file import read_photo_file

    path = photo_path(folder, secrets.token_hex(8))
    try:
        make_private(path.parent)
    except OSError as error:
        raise write_error(path, error) from None
    with write_atomically(path) as temporary:
        temporary.write_bytes(body)
    try:
        try:
            content = read_photo_file(path)
        except DraglabError as error:
            raise DraglabError(str(error).replace(str(path), "the file")) from None
        if content.photo is None:
            # The server opens no paths that a file names.
            raise DraglabError("the file has only the path of its photo: make it again without --reference")
        height, width = content.info.photo_size
        if width * height > most:
            raise DraglabError(
                f"its photo is {width}x{height}: more than {most / 1e6:g} million pixels are refused "
                "(limit 'photo_pixels')"
            )
        pixels = content.pixels(path.parent)
        size = (pixels.shape[0], pixels.shape[1])
        Frame(**content.info.frame.model_dump()).checked(size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, content, size


def _encoded(pixels: NDArray[np.uint8], kind: str = "JPEG") -> bytes:
    """Encode a picture, at most PICTURE_SIDE a side."""
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **({"quality": 90} if kind == "JPEG" else {}))
    return buffer.getvalue()
