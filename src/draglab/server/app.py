"""The application: the page, uploads and downloads, and the assembly of all parts."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute

from draglab.errors import DraglabError
from draglab.folders import PROGRAMS, data_folder
from draglab.public_models import Catalogue
from draglab.server.api import ENDPOINTS, Api
from draglab.server.api_photos import ApiPhotos
from draglab.server.client import Client
from draglab.server.drags import Drags
from draglab.server.event_streams import EventStreams
from draglab.server.exports import Exports
from draglab.server.health import Health
from draglab.server.http import ERRORS, Uploads, guarded
from draglab.server.inverter import Inverter
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.metrics import Metrics
from draglab.server.model_downloads import ModelDownloads
from draglab.server.model_menu import ModelMenu
from draglab.server.outbox import Outbox
from draglab.server.pages import STATIC, Pages, Static
from draglab.server.photo_api import PHOTO_ENDPOINTS, PhotoApi
from draglab.server.photo_pages import PhotoPages
from draglab.server.photos import Photos
from draglab.server.renderer import Renderer
from draglab.server.request_log import RequestLog
from draglab.server.security import Access, Guard
from draglab.server.sessions import Sessions
from draglab.server.socket import Socket
from draglab.server.tokens import TokenFile
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from draglab.downloads.transfer import Rules

CLOSE_SECONDS = 0.7
"""Time for the running step to end when the server ends."""

LogFormat = Literal["text", "json"]

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class Options:
    """Options of a server.

    Attributes:
        host, port: address on which the server listens. names: see Guard. token: see Access. tokens: file of the tokens
            of programs, see TokenFile.
        models: folder of model files, see Library. device: see LoadedModels. data: see Sessions.
        downloads: whether people may download public models; None = only on a server without a token, where there is
            one person. catalogue, rules: the public models and the patience of downloads; None = draglab's.
        log_format: "json" = as log_as_json writes it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()
    token: str | None = None
    tokens: Path | None = None
    models: Path | None = None
    device: str | None = None
    data: Path | None = None
    limits: Limits = field(default_factory=Limits)
    downloads: bool | None = None
    log_format: LogFormat = "text"
    catalogue: Catalogue | None = None
    rules: Rules | None = None


class Editor:
    """The parts of one server."""

    def __init__(self, options: Options) -> None:
        limits = options.limits
        self.options = options
        tokens = None if options.tokens is None else TokenFile(options.tokens, limits)
        self.access = Access(options.token, tokens)
        shared = self.access.shared
        self.worker = Worker(at_end=lambda: self.sessions.close())
        self.library = Library(options.models, options.catalogue)
        self.loaded = LoadedModels(
            self.library,
            self.worker,
            limits.generators,
            options.device,
            changed=lambda: self.menu.tell_work(),
        )
        self.downloads = ModelDownloads(
            self.library,
            allowed=not shared if options.downloads is None else options.downloads,
            shared=shared,
            rules=options.rules,
            changed=lambda: self.menu.tell_work(),
            arrived=lambda: self.menu.tell_list(),
        )
        self.menu = ModelMenu(self.library, self.loaded, self.downloads, shared)
        self.sessions = Sessions(self.library, self.loaded, self.worker, limits, options.data)
        # A hand that pauses still counts: its next pull comes soon.
        self.inverter = Inverter(lambda: max(self.worker.running, self.sessions.pulling))
        self.photos = Photos(self.library, self.loaded, self.sessions, self.worker, self.inverter, limits)
        self.exports = Exports(limits)
        self.drags = Drags(
            self.library,
            self.loaded,
            self.worker,
            limits,
            folder=self._programs,
            photo_of=lambda id, owner: self.api_photos.finished(id, owner),
            limits_of=lambda owner: self.access.limits_of(owner, limits),
        )
        self.api_photos = ApiPhotos(
            self.loaded,
            self.worker,
            self.inverter,
            self.drags,
            limits,
            # As drags: one process at a time has those of a folder.
            folder=lambda: self._programs() if self.drags.lasting else self.exports.folder,
            limits_of=lambda owner: self.access.limits_of(owner, limits),
        )
        self.uploads = Uploads(limits.uploads)
        self.ready = threading.Event()
        """Set when the default model is loaded and warm."""

    def _programs(self) -> Path:
        return (self.options.data or data_folder()) / PROGRAMS

    def start(self) -> None:
        """Start to load torch and the default model, then to inspect the models folder."""
        self.worker.call(self._warm_up)
        try:
            # Photos first: drags may be of them.
            if self._programs().exists():
                self.api_photos.resume()
            self.drags.resume()
        except DraglabError as error:
            logger.error("what programs sent to an earlier server cannot be read: %s", error)
        self.worker.start()
        self.inverter.start()

    def close(self) -> None:
        """End running rounds and put everything away."""
        self.inverter.close()
        self.loaded.close()
        self.downloads.close()
        if not self.worker.close(CLOSE_SECONDS) and self.ready.is_set():
            logger.warning("a step took too long: its result is lost, everything before it is kept")
        self.api_photos.close()
        self.drags.close()
        self.exports.close()

    def new_client(self, owner: str | None, outbox: Outbox) -> Client:
        """Make a client; see :class:`Client` for the arguments."""
        limits = self.options.limits
        return Client(
            self.worker, self.inverter, self.sessions, self.menu, self.photos, self.exports, limits, owner, outbox
        )

    def _warm_up(self) -> None:
        try:
            import draglab.editor.session  # noqa: F401

            self.library.find()
            self.loaded.load(self.library.default)
        except Exception:
            logger.exception("the first model could not be loaded")
        self.menu.refresh()
        self.ready.set()


def make_app(options: Options) -> Starlette:
    """Make the application; its Editor is `app.state.editor`, its Api `app.state.api`.

    Raises:
        DraglabError: the token, or the file of tokens, cannot be used.
    """
    editor = Editor(options)
    limits = options.limits
    pages = Pages(editor)
    photos = PhotoPages(
        editor.access,
        options.port,
        editor.library,
        editor.photos,
        editor.sessions,
        editor.worker,
        editor.uploads,
        limits,
    )
    streams = EventStreams()
    api = Api(
        editor.worker,
        editor.library,
        editor.drags,
        editor.api_photos,
        Renderer(editor.library, editor.loaded),
        editor.access,
        Uploads(limits.drag_uploads),
        limits,
        streams,
    )
    photo_api = PhotoApi(
        editor.worker,
        editor.library,
        editor.loaded,
        editor.api_photos,
        editor.access,
        Uploads(limits.uploads),
        streams,
        limits,
    )
    programs = [
        *guarded(api, ENDPOINTS, editor.access),
        *guarded(photo_api, PHOTO_ENDPOINTS, editor.access),
    ]
    socket = Socket(editor.worker, editor.access, limits, editor.new_client)
    metrics = Metrics(editor.worker, editor.drags, editor.api_photos, editor.sessions, editor.loaded, socket)
    health = Health(editor.worker, editor.drags, editor.access, editor.ready, metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        editor.start()
        sweeping = [
            asyncio.create_task(_every(30, editor.exports.expire)),
            asyncio.create_task(_every(600, lambda: editor.worker.call(editor.drags.expire))),
            asyncio.create_task(_every(600, lambda: editor.worker.call(editor.api_photos.expire))),
        ]
        try:
            yield
        finally:
            for task in sweeping:
                task.cancel()
            await asyncio.to_thread(editor.close)

    app = Starlette(
        routes=[
            Route("/", pages.page),
            Mount("/static", Static(directory=STATIC)),
            Route("/exports/{id}", pages.download, methods=["GET"]),
            Route("/thumbnails/{session}/{picture:int}", pages.thumbnail, methods=["GET"]),
            Route("/upload/edit", pages.upload_edit, methods=["POST"]),
            *photos.routes(),
            WebSocketRoute("/ws", socket.__call__),
            *health.routes(),
            Mount("/api/v1", routes=programs),
        ],
        middleware=[
            Middleware(RequestLog, count=metrics.count),
            Middleware(Guard, host=options.host, names=options.names),
        ],
        exception_handlers=ERRORS,  # pyright: ignore[reportArgumentType]
        lifespan=lifespan,
    )
    app.state.editor, app.state.api = editor, api
    return app


async def _every(seconds: float, function: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        function()
