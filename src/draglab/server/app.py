"""The application: the page, uploads and downloads, and the assembly of all parts."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from draglab.errors import DraglabError
from draglab.folders import PROGRAMS, data_folder
from draglab.public_models import Catalogue
from draglab.server.api import Api
from draglab.server.client import Client
from draglab.server.drags import Drags
from draglab.server.edit_uploads import read_edit
from draglab.server.exports import Exports, content_disposition, read
from draglab.server.health import Health
from draglab.server.http import ERRORS, Uploads, read_body, require_token
from draglab.server.inverter import Inverter
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.metrics import Metrics
from draglab.server.model_downloads import ModelDownloads
from draglab.server.model_menu import ModelMenu
from draglab.server.outbox import Outbox
from draglab.server.photo_pages import PhotoPages
from draglab.server.photos import Photos
from draglab.server.renderer import Renderer
from draglab.server.request_log import RequestLog
from draglab.server.security import PERSON, Access, Guard, pass_name, read_cookies
from draglab.server.sessions import Sessions
from draglab.server.socket import Socket
from draglab.server.tokens import TokenFile
from draglab.server.worker import Worker, caller_of

if TYPE_CHECKING:
    from draglab.downloads.transfer import Rules

STATIC = Path(__file__).resolve().parent / "static"
PLACEHOLDER = "__DRAGLAB_TOKEN__"
"""Text in the page that is replaced by the token."""
CLOSE_SECONDS = 0.7
"""Time for the running step to end when the server ends."""
FOREVER = "private, max-age=31536000, immutable"
MONTH = 30 * 24 * 3600

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
            folder=lambda: (options.data or data_folder()) / PROGRAMS,
            limits_of=lambda owner: self.access.limits_of(owner, limits),
        )
        self.uploads = Uploads(limits.uploads)
        self.ready = threading.Event()
        """Set when the default model is loaded and warm."""

    def start(self) -> None:
        """Start to load torch and the default model, then to inspect the models folder."""
        self.worker.call(self._warm_up)
        try:
            self.drags.resume()
        except DraglabError as error:
            logger.error("drags of an earlier server cannot be read: %s", error)
        self.worker.start()
        self.inverter.start()

    def close(self) -> None:
        """End running rounds and put everything away."""
        self.inverter.close()
        self.loaded.close()
        self.downloads.close()
        if not self.worker.close(CLOSE_SECONDS) and self.ready.is_set():
            logger.warning("a step took too long: its result is lost, everything before it is kept")
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
    pages = _Pages(editor)
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
    api = Api(
        editor.worker,
        editor.library,
        editor.drags,
        Renderer(editor.library, editor.loaded),
        editor.access,
        Uploads(limits.drag_uploads),
        limits,
    )
    socket = Socket(editor.worker, editor.access, limits, editor.new_client)
    metrics = Metrics(editor.worker, editor.drags, editor.sessions, editor.loaded, socket)
    health = Health(editor.worker, editor.drags, editor.access, editor.ready, metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        editor.start()
        sweeping = [
            asyncio.create_task(_every(30, editor.exports.expire)),
            asyncio.create_task(_every(600, lambda: editor.worker.call(editor.drags.expire))),
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
            Mount("/static", _Static(directory=STATIC)),
            Route("/exports/{id}", pages.download, methods=["GET"]),
            Route("/thumbnails/{session}/{picture:int}", pages.thumbnail, methods=["GET"]),
            Route("/upload/edit", pages.upload_edit, methods=["POST"]),
            *photos.routes(),
            WebSocketRoute("/ws", socket.__call__),
            *health.routes(),
            Mount("/api/v1", routes=api.routes()),
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


class _Pages:
    """Endpoints for browsers, besides static files."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    async def page(self, request: Request) -> Response:
        """Answer with the editor's page, which contains the token.

        A server for this machine only gives it to everybody. A shared server gives it to those who have the token, in
        the address once, then in a cookie, or the code with which draglab has opened the browser.
        """
        access, port = self._editor.access, self._editor.options.port
        cookies = read_cookies(request.headers)
        if access.shared:
            query = request.query_params
            # A preview by HEAD must not use up the code.
            if access.is_token(query.get("token")) or (request.method == "GET" and access.use_code(query.get("code"))):
                answer: Response = RedirectResponse("/", 303)
                _set_cookie(answer, pass_name(port), access.pass_cookie())
                if PERSON not in cookies:
                    _set_cookie(answer, PERSON, token_hex(32))
                answer.headers["Cache-Control"] = "no-store"
                return answer
            if not access.has_pass(cookies, port):
                problem = "Open the whole address that draglab printed, with its token.\n"
                return PlainTextResponse(problem, 403, {"Cache-Control": "no-store"})
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        page = HTMLResponse(text.replace(PLACEHOLDER, access.token, 1), headers={"Cache-Control": "no-store"})
        _set_cookie(page, pass_name(port), access.pass_cookie())
        return page

    async def download(self, request: Request) -> Response:
        """Answer with an exported file of this person, once."""
        access = self._editor.access
        cookies = read_cookies(request.headers)
        if not (access.has_bearer(request.headers) or access.has_pass(cookies, self._editor.options.port)):
            raise HTTPException(401, "this file is for the page that asked for it: export again")
        # Starlette routes HEAD here, too; it must not use up the file.
        if request.method != "GET":
            raise HTTPException(405, "fetch the file with GET")
        offer = self._editor.exports.take(request.path_params["id"], access.owner(cookies))
        if offer is None:
            raise HTTPException(404, "this file was fetched already or is too old: export again")
        headers = {
            "Content-Disposition": content_disposition(offer.name),
            "Content-Length": str(offer.path.stat().st_size),
            "Cache-Control": "no-store",
        }
        return StreamingResponse(read(offer), headers=headers, media_type="application/octet-stream")

    async def thumbnail(self, request: Request) -> Response:
        """Answer with a small picture of a session of this person. It never changes: browsers may keep it."""
        editor, cookies = self._editor, read_cookies(request.headers)
        if not (editor.access.has_bearer(request.headers) or editor.access.has_pass(cookies, editor.options.port)):
            raise HTTPException(401, "this picture is for the page of its session: reload the page")
        headers = {"Cache-Control": FOREVER, "ETag": f'"{request.path_params["picture"]}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        owner, session, picture = (
            editor.access.owner(cookies),
            request.path_params["session"],
            request.path_params["picture"],
        )
        try:
            found = await asyncio.wrap_future(
                editor.worker.call(lambda: editor.sessions.thumbnail(owner, session, picture))
            )
            data = await asyncio.wrap_future(found)
        except DraglabError as error:
            raise HTTPException(404, str(error), {"Cache-Control": "no-store"}) from None
        if data is None:
            # No error: it was replaced while the page asked for it, and the page asks for the current one.
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return Response(data, media_type="image/png", headers=headers)

    async def upload_edit(self, request: Request) -> Response:
        """Create a session from an edit file and answer with its id, {"session": id}."""
        editor, limits = self._editor, self._editor.options.limits
        require_token(request, editor.access)
        owner = editor.access.owner(read_cookies(request.headers))
        async with editor.uploads.of(owner):
            body = await read_body(request, limits.upload_bytes, "upload_bytes", limits.body_seconds)
            edit = await editor.uploads.read(read_edit, body, limits)
            making = editor.worker.call(lambda: editor.sessions.from_edit_file(owner, edit), caller_of(owner))
            return JSONResponse({"session": await asyncio.wrap_future(making)})


class _Static(StaticFiles):
    """Static files that browsers must revalidate, so that an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def _set_cookie(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=MONTH, path="/", httponly=True, samesite="lax")


async def _every(seconds: float, function: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        function()
