"""Endpoints for browsers: the page and its static files, uploaded edit files, downloads, thumbnails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from draglab.errors import DraglabError
from draglab.server.edit_uploads import read_edit
from draglab.server.exports import content_disposition, read
from draglab.server.http import read_body, require_token
from draglab.server.security import PERSON, pass_name, read_cookies
from draglab.server.worker import caller_of

if TYPE_CHECKING:
    from draglab.server.app import Editor

STATIC = Path(__file__).resolve().parent / "static"
PLACEHOLDER = "__DRAGLAB_TOKEN__"
"""Text in the page that is replaced by the token."""
FOREVER = "private, max-age=31536000, immutable"
MONTH = 30 * 24 * 3600


class Pages:
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


class Static(StaticFiles):
    """Static files that browsers must revalidate, so that an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def _set_cookie(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=MONTH, path="/", httponly=True, samesite="lax")
