"""The places in which a notebook shows a widget: each is a client of its session, over the notebook's channel.

A notebook delivers messages to Python between cells, on the kernel's own thread, so nothing is computed there: messages
are handed to the worker's thread, which makes the steps and takes the newest position of the hand before each, and
answers are sent from a thread of their own, also while a cell runs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.media.provenance.switches import mark_wanted
from draglab.server import messages as m
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.message_parser import MessageError, ProtocolError, parse
from draglab.server.model_messages import ModelList, ModelWork
from draglab.server.outbox import Outbox, Picture
from draglab.server.photo_messages import PhotoWork
from draglab.server.pictures import encode as encode_picture
from draglab.server.pictures import read_mask
from draglab.server.session_client import SessionClient
from draglab.server.setting_help import panel_settings
from draglab.server.worker import Worker

MOST = 8
"""Most places in which a widget is shown; beyond that, the oldest is left: it is of a page that was closed."""

logger = logging.getLogger("draglab.notebook")


class Send(Protocol):
    """Sends a message with buffers to all pages of a widget; called from any thread."""

    def __call__(self, content: dict[str, Any], buffers: Sequence[bytes] | None = None) -> None: ...


class ViewClient(SessionClient):
    """The client of one place: it shows the widget's session, and nothing else."""

    def hello(self, message: m.Hello, live: LiveSession) -> None:
        """Send the welcome, and show the session."""
        self.see(message.height)
        welcome = m.Welcome(
            version=__version__,
            models=ModelList(models=[], offers=[], licences=[], shared=False),
            work=ModelWork(loading=[], measuring=None, download=None),
            photos=PhotoWork(photos=[]),
            sessions=[],
            settings=panel_settings(),
            limits=self._limits,
            marks=mark_wanted(),
            session=live.session.document.id,
        )
        self.send(welcome)
        self.show(live)


class Views:
    """All places in which a widget is shown.

    Args:
        live: the widget's session. size: (height, width) of its image, pixels. send: see :class:`Send`.
    """

    def __init__(self, worker: Worker, live: LiveSession, size: tuple[int, int], send: Send) -> None:
        self._worker, self._live, self._size, self._send = worker, live, size, send
        self._limits = Limits()
        self._lock = threading.Lock()
        self._clients: dict[str, ViewClient] = {}
        self._post = ThreadPoolExecutor(1, thread_name_prefix="draglab-widget")

    def receive(self, content: Any) -> None:
        """Handle what a page sends: {"view": its name, "text": a message of the protocol} or {"view", "leaves"}."""
        if not isinstance(content, dict) or not isinstance(view := content.get("view"), str):
            return
        if content.get("leaves"):
            self._leave(view)
        elif isinstance(text := content.get("text"), str):
            client = self._client(view)
            try:
                self._take(client, parse(text, self._limits))
            except (MessageError, ProtocolError) as error:
                client.send(m.Error(id=getattr(error, "id", None), message=str(error)))
            self.later(lambda: self._send({"view": view, "taken": 1}))

    def later(self, function: Callable[[], object]) -> None:
        """Call a function on the thread that sends, after what was sent before."""

        def run() -> None:
            try:
                function()
            except Exception:
                logger.exception("the widget's page could not be told")

        # Not once the widget is closed, or Python ends.
        with suppress(RuntimeError):
            self._post.submit(run)

    def close(self) -> None:
        """Leave all places."""
        for view in list(self._clients):
            self._leave(view)
        self._post.shutdown(wait=False)

    def _take(self, client: ViewClient, message: m.ClientMessage) -> None:
        match message:
            case m.Hello():
                self._call(client, lambda: client.hello(message, self._live))
            case m.Seen():
                client.outbox.seen(message.stamp)
            case m.SetMask(png=str(png)):
                try:
                    mask = read_mask(png, self._size, self._limits.mask_pixels)
                except DraglabError as error:
                    client.send(m.Error(id=message.id, message=str(error)))
                    return
                self._call(client, lambda: client.set_mask(message, mask))
            case command:
                self._call(client, lambda: client.handle(command))

    def _call(self, client: ViewClient, function: Callable[[], None]) -> None:
        self._worker.call(function, caller=self, line=client)

    def _client(self, view: str) -> ViewClient:
        with self._lock:
            if (known := self._clients.get(view)) is not None:
                return known
            outbox = Outbox(self._limits, lambda: self.later(lambda: self._deliver(view, outbox)))
            client = self._clients[view] = ViewClient(self._worker, self._limits, None, outbox)
            oldest = next(iter(self._clients)) if len(self._clients) > MOST else None
        if oldest is not None:
            self._leave(oldest)
        return client

    def _leave(self, view: str) -> None:
        with self._lock:
            client = self._clients.pop(view, None)
        if client is not None:
            client.outbox.close()
            self._call(client, client.leave_session)

    def _deliver(self, view: str, outbox: Outbox) -> None:
        while (item := outbox.take()) is not None:
            if isinstance(item, Picture):
                self._send({"view": view}, [encode_picture(item)])
            else:
                self._send({"view": view, "text": item})
