"""The websocket: passes a client's messages to the worker, and the worker's messages and pictures to the client."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from draglab.errors import DraglabError
from draglab.server.client import Client
from draglab.server.gate import STATE
from draglab.server.limits import Limits
from draglab.server.message_parser import MessageError, ProtocolError, parse
from draglab.server.messages import PROTOCOL, Error, Hello, Seen, SetMask, encode
from draglab.server.outbox import Outbox, Picture
from draglab.server.pictures import encode as encode_picture
from draglab.server.pictures import read_mask
from draglab.server.security import Access, read_cookies
from draglab.server.worker import Worker, caller_of

T = TypeVar("T")

VIOLATED = 1008
FAILED = 1011
OVERLOADED = 1013

SMALL_PIXELS = 512 * 512
"""Live pictures up to this size are encoded at once."""

logger = logging.getLogger("draglab.server")


class Socket:
    """The endpoint of websockets.

    Args:
        new_client: makes a client for an owner (see Access.owner) and an outbox.
    """

    def __init__(
        self,
        worker: Worker,
        access: Access,
        limits: Limits,
        new_client: Callable[[str | None, Outbox], Client],
    ) -> None:
        self._worker = worker
        self._access = access
        self._limits = limits
        self._new_client = new_client
        self._clients: Counter[str | None] = Counter()
        """Number of clients that have said hello, by person."""
        self._masks = ThreadPoolExecutor(1, thread_name_prefix="draglab-masks")

    @property
    def pages(self) -> int:
        """Number of clients that have said hello."""
        return self._clients.total()

    async def __call__(self, websocket: WebSocket) -> None:
        await websocket.accept()
        owner = self._access.owner(read_cookies(websocket.headers))
        counted = False
        try:
            hello = await self._hello(websocket)
            if connection := websocket.scope.get("state", {}).get(STATE):
                connection.greeted()
            if problem := self._full(owner):
                await _refuse(websocket, problem, OVERLOADED)
                return
            counted = True
            self._clients[owner] += 1
            await self._serve(websocket, owner, hello)
        except (WebSocketDisconnect, asyncio.CancelledError):
            # The client has gone, or the server is ending: nothing to report.
            pass
        except ProtocolError as error:
            await _refuse(websocket, str(error), VIOLATED)
        except Exception:
            logger.exception("a connection failed")
            await _refuse(websocket, "draglab failed at this; its log says where, please report it", FAILED)
        finally:
            self._clients[owner] -= counted
            # Drop zeros, of which Counter would keep one for each person who ever came.
            self._clients += Counter()

    def _full(self, owner: str | None) -> str | None:
        """Return why a person can open no further page; None if there is room."""
        limits = self._limits
        if self._clients.total() >= limits.clients:
            return f"{limits.clients} pages are connected (limit 'clients'): close one, then reload"
        if self._access.shared and self._clients[owner] >= limits.clients_per_person:
            return (
                f"you have {limits.clients_per_person} pages open (limit 'clients_per_person'): close one, then reload"
            )
        return None

    async def _serve(self, websocket: WebSocket, owner: str | None, hello: Hello) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # The loop may have ended when the worker puts the sessions away.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ready.set)

        outbox = Outbox(self._limits, wake)
        client = self._new_client(owner, outbox)
        sending = asyncio.create_task(_send_all(websocket, outbox, ready))
        receiving = asyncio.create_task(self._receive_all(websocket, client, hello))
        try:
            await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
            elif sending.exception() is None:
                raise ProtocolError("this page reads too slowly: reload it")
        finally:
            outbox.close()
            # Not awaited: the loop may have ended by then.
            self._worker.call(client.leave, caller_of(owner), line=client)
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _hello(self, websocket: WebSocket) -> Hello:
        """Receive the first message.

        Raises:
            ProtocolError: it is another message, comes too late, has another version of the protocol or a wrong token.
        """
        try:
            text = await asyncio.wait_for(_receive(websocket), self._limits.hello_seconds)
            message = parse(text, self._limits)
        except TimeoutError:
            raise ProtocolError("the page did not say hello: reload it") from None
        except MessageError as error:
            raise ProtocolError(str(error)) from None
        if not isinstance(message, Hello):
            raise ProtocolError("the first message must be hello: reload the page")
        if message.protocol != PROTOCOL:
            raise ProtocolError(f"this draglab speaks protocol {PROTOCOL}, not {message.protocol}: reload the page")
        if not self._access.is_token(message.token):
            raise ProtocolError("the token is not this server's: reload the page")
        return message

    async def _receive_all(self, websocket: WebSocket, client: Client, hello: Hello) -> None:
        """Pass all messages on, at most `pending` at once: further ones are not read yet, and wait with the client."""
        room = asyncio.Semaphore(self._limits.pending)

        async def pass_on(function: Callable[[], None]) -> None:
            await room.acquire()
            self._call(client, function).add_done_callback(lambda _: room.release())

        await self._call(client, lambda: client.hello(hello))
        while True:
            text = await _receive(websocket)
            # Messages that are here already are received without a pause: let others have their turn.
            await asyncio.sleep(0)
            try:
                message = parse(text, self._limits)
            except MessageError as error:
                client.outbox.put(encode(Error(id=error.id, message=str(error))))
                continue
            match message:
                case Seen():
                    client.outbox.seen(message.stamp)
                case Hello():
                    raise ProtocolError("hello was said already: reload the page")
                case SetMask(png=str(png)):
                    # Read nothing more from this client until its mask is decoded, so that only one waits.
                    try:
                        mask = await self._decoded(png, client)
                    except DraglabError as error:
                        client.outbox.put(encode(Error(id=message.id, message=str(error))))
                        continue
                    await pass_on(lambda command=message, mask=mask: client.set_mask(command, mask))
                case command:
                    await pass_on(lambda command=command: client.handle(command))

    async def _decoded(self, png: str, client: Client) -> NDArray[np.bool_]:
        """Decode a mask on a thread of its own, once its size has been compared with the image's.

        Raises:
            DraglabError: the mask cannot be used; see pictures.read_mask.
        """
        size = await self._call(client, client.mask_size)
        decoding = self._masks.submit(read_mask, png, size, self._limits.mask_pixels)
        return await asyncio.wrap_future(decoding)

    def _call(self, client: Client, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._worker.call(function, caller_of(client.owner), line=client))


async def _receive(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    if message.get("text") is None:
        raise ProtocolError("a binary message came, which this protocol has not: reload the page")
    return message["text"]


async def _send_all(websocket: WebSocket, outbox: Outbox, ready: asyncio.Event) -> None:
    """Send messages and pictures until the outbox is closed."""
    while not outbox.closed:
        await ready.wait()
        ready.clear()
        while (item := outbox.take()) is not None:
            if isinstance(item, Picture):
                # Large ones not here, where all clients would wait; small ones take less time than a change of threads.
                small = item.pixels.shape[0] * item.pixels.shape[1] <= SMALL_PIXELS and item.kind == "live"
                data = encode_picture(item) if small else await asyncio.to_thread(encode_picture, item)
                await websocket.send_bytes(data)
            else:
                await websocket.send_text(item)


async def _refuse(websocket: WebSocket, problem: str, code: int) -> None:
    """Send an error and close; do nothing if the client has gone already."""
    with suppress(Exception):
        if websocket.client_state == WebSocketState.CONNECTED:
            # A client that does not read must not keep the server waiting.
            async with asyncio.timeout(1):
                await websocket.send_text(encode(Error(message=problem, fatal=True)))
                await websocket.close(code, problem[:120])
