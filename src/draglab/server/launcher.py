"""Launch of the server: choose a port, serve, open the browser, end in order."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import LOGGING_CONFIG

from draglab.errors import DraglabError
from draglab.server.api import Api
from draglab.server.app import Editor, Options, make_app
from draglab.server.event_streams import EVENT_SECONDS
from draglab.server.gate import protocols
from draglab.server.request_log import log_as_json
from draglab.server.security import is_loopback, new_token

logger = logging.getLogger("draglab.server")

PORT = 8765
"""The port that is tried first."""
SWITCH_SECONDS = 0.001
"""Time after which a thread of Python lets others run: the thread that sends pictures waits for those that compute."""


def bind(host: str, port: int | None) -> socket.socket:
    """Open a listening socket.

    Args:
        port: None = PORT, or any other if that is taken; 0 = any.

    Raises:
        DraglabError: the port is taken or not allowed, or the address is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise DraglabError(f"there is no address {host!a}: give --host an address of this machine") from None
    for candidate in [PORT, 0] if port is None else [port]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        # On Windows this option would let two programs share the port.
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address[0], candidate, *address[2:]))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            problem = error.strerror
        except OverflowError:
            listener.close()
            problem = "there is no such port"
    raise DraglabError(f"cannot listen on {host}, port {port}: {problem}; choose another one, or leave --port out")


def check_access(host: str, token: str | None, names: Sequence[str] = ()) -> None:
    """Check that a server that other machines can reach has a token.

    Args:
        names: names under which a proxy passes requests of other machines on.

    Raises:
        DraglabError: the address is not a loopback address, or a name is given, and there is no token.
    """
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name):
            raise DraglabError(f"{name!a} is not a name of a machine: give --name as in draglab.example.org")
    if token is None and (names or not is_loopback(host)):
        where = names[0] if names else host
        raise DraglabError(
            f"{where} can be reached from other machines, so a token is needed: add --token {new_token()}, "
            "or set DRAGLAB_TOKEN to one"
        )


def serve(options: Options, listener: socket.socket, started: Callable[[str, str], None]) -> None:
    """Serve until Ctrl-C, which ends the server within two seconds, or SIGTERM, after which it drains first.

    The worker's thread may still be in a step then, and Python cannot end a thread that computes: leave the process
    with os._exit.

    Args:
        options: options of the server; their port must be the listener's.
        started: called when the page can be opened, with its address for people, and an address for the command line of
            a browser, which other users of the machine can read: it works once, within a minute.

    Raises:
        DraglabError: the options cannot be used.
    """
    if options.log_format == "json":
        log_as_json()
    sys.setswitchinterval(SWITCH_SECONDS)
    app = make_app(options)
    access = app.state.editor.access

    def tell() -> None:
        code = access.new_code() if access.shared else None
        started(address(options, listener), address(options, listener, code))

    server = _Server(config_of(app, options), app.state.editor, app.state.api, tell)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again at the end
        server.run(sockets=[listener])


def config_of(app: ASGIApp, options: Options) -> uvicorn.Config:
    """Return uvicorn's configuration for the application."""
    http, websocket = protocols(options.limits)
    return uvicorn.Config(
        app,
        http=http,
        ws=websocket,
        ws_max_size=options.limits.message_bytes,
        # Large messages are compressed pictures.
        ws_per_message_deflate=False,
        log_level="error",
        log_config=None if options.log_format == "json" else LOGGING_CONFIG,
        access_log=False,
        server_header=False,
        # A client must not pass for a proxy.
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


def address(options: Options, listener: socket.socket, code: str | None = None) -> str:
    """Return the address of the page, with the token or, if given, the code that opens the page of a shared server.

    Behind a proxy, that is the proxy's, by the first of its names.
    """
    host = options.host
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    host = f"[{host}]" if ":" in host else host
    query = f"?token={options.token}" if options.token is not None else ""
    query = query if code is None else f"?code={code}"
    if options.names:
        return f"https://{options.names[0]}/{query}"
    return f"http://{host}:{listener.getsockname()[1]}/{query}"


def open_browser(url: str) -> None:
    """Open the page in a browser, without waiting for it; do nothing if this machine has no screen."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


class _Server(uvicorn.Server):
    """uvicorn's server, which drains on SIGTERM and reads the tokens again on SIGHUP."""

    def __init__(self, config: uvicorn.Config, editor: Editor, api: Api, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._editor, self._api, self._tell = editor, api, started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        tokens = self._editor.access.tokens
        if tokens is not None and hasattr(signal, "SIGHUP"):
            self._loop.add_signal_handler(signal.SIGHUP, tokens.reload)
        if self.started:
            self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT:
            super().handle_exit(sig, frame)
        elif self._loop is None or self._editor.drags.draining:
            # A second SIGTERM does not wait. Not passed to uvicorn, which would send it to this process at the end.
            self.should_exit = True
        else:
            self._editor.drags.drain()
            self._loop.call_soon_threadsafe(self._drain)
        if self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._api.streams.end)

    def _drain(self) -> None:
        self._draining = asyncio.create_task(self._wait_for_drags())

    async def _wait_for_drags(self) -> None:
        """End when nothing runs any more, or after `drain_seconds`."""
        logger.info("draining: nothing new is begun")
        ends = time.monotonic() + self._editor.options.limits.drain_seconds
        while not self.should_exit and time.monotonic() < ends:
            if not (self._editor.worker.running or self._editor.drags.running):
                break
            await asyncio.sleep(0.05)
        # Streams tell of the ends that have just come.
        await asyncio.sleep(2 * EVENT_SECONDS)
        self._api.streams.end()
        self.should_exit = True
