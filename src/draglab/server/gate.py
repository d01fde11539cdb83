"""Limits on connections, before and after the client is identified.

A connection waits until it has sent the headers of a request, or the hello of a websocket. Waiting connections have a
deadline, and beyond a number of them the oldest is closed for the newest: a client that opens many and sends nothing
loses them, and a client that sends at once gets in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from draglab.server.limits import Limits
from draglab.server.security import HEADER_BYTES, too_large

GREETING_BYTES = 64 * 1024
"""Bytes that a websocket may send before its hello is accepted, including the handshake."""
FRAGMENTS = 1000
"""Number of fragments of a websocket message."""
READ_BYTES = 16 * 1024
"""Bytes to read from a connection at once. They are parsed in one go, and may consist of very many small parts."""
BODY_PARTS = 2000
PART_BYTES = 256
"""A request's body may have BODY_PARTS parts, and one more for every PART_BYTES bytes."""
STATE = "draglab.connection"
"""Key of the SocketConnection in the state of a websocket's ASGI scope."""


class Gate:
    """The connections of a server. Used on the event loop only.

    Args:
        limits: limits of the connections and their times.
        most: number of connections for which the process has file descriptors; None = unknown.
    """

    def __init__(self, limits: Limits, most: int | None = None) -> None:
        self.limits = limits
        self._most = limits.connections if most is None else min(limits.connections, most)
        self._open: dict[Connection, None] = {}
        self._waiting: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Add a connection. If there are too many, close the one that has waited longest, or this one if none waits."""
        self._open[connection] = None
        if len(self._open) > self._most:
            self._drop(self._oldest() or connection)

    def wait(self, connection: Connection) -> None:
        """Mark a connection as waiting; if too many wait, close the one that has waited longest."""
        self._waiting[connection] = None
        address = connection.address
        if sum(each.address == address for each in self._waiting) > self.limits.waiting_per_address:
            self._drop(self._oldest(address))
        elif len(self._waiting) > self.limits.waiting:
            self._drop(self._oldest())

    def go_on(self, connection: Connection) -> None:
        """Mark a connection as no longer waiting."""
        self._waiting.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)

    def _oldest(self, address: str | None = None) -> Connection | None:
        """Return the connection that has waited longest, of one address or of the one with most waiting ones."""
        if not self._waiting:
            return None
        if address is None:
            ((address, _),) = Counter(each.address for each in self._waiting).most_common(1)
        return next(each for each in self._waiting if each.address == address)

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            self.leave(connection)
            connection.abort()


class Connection:
    """Common base of HTTP and websocket connections: their place at the gate, a deadline, a limit on slow reading."""

    transport: Any
    client: Any
    loop: Any
    gate: Gate
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Network address of the client; "" = unknown."""
        return self.client[0] if self.client else ""

    def abort(self) -> None:
        """Close at once, without sending the rest."""
        self.transport.abort()

    def _owe(self, seconds: float) -> None:
        """Wait for the client, for this number of seconds from the first call on."""
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self._close)
            self.gate.wait(self)

    def _received(self) -> None:
        """Stop waiting for the client."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.gate.go_on(self)

    def _close(self) -> None:
        self.transport.close()
        # Closing sends the rest first, which would never end with a client that does not read.
        self._deadline = self.loop.call_later(self.gate.limits.send_seconds, self.abort)

    def _stall(self) -> None:
        """Give a client that reads too slowly `send_seconds` to catch up."""
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.gate.limits.send_seconds, self.abort)

    def _flow(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _read_little(self) -> None:
        # An attribute of asyncio's transport; other event loops may not have it.
        if hasattr(self.transport, "max_size"):
            self.transport.max_size = READ_BYTES

    def _ended(self) -> None:
        self._received()
        self._flow()
        self.gate.leave(self)


class BoundedBody(h11.Connection):
    """h11's parser, which refuses bodies in very many small parts: each part takes as long as a large one."""

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._parts = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._parts += 1
            self._bytes += len(event.data)
            if self._parts > BODY_PARTS + self._bytes // PART_BYTES:
                raise h11.RemoteProtocolError("the body comes in too many parts")
        return event


class HttpConnection(Connection, H11Protocol):
    """uvicorn's HTTP protocol, with a gate.

    The headers of each request, and the rest of a body that is no longer read, must arrive within `header_seconds`.
    """

    def __init__(self, *arguments: Any, gate: Gate, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.gate = gate
        self.conn = BoundedBody(h11.SERVER, HEADER_BYTES)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._read_little()
        self.gate.enter(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # A SocketConnection takes over.
        self._ended()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            # The answer has begun already.
            self.abort()

    def _should_upgrade(self) -> bool:
        # The websocket library would leave the connection open without an answer.
        return not too_large(self.scope) and super()._should_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._flow()

    def _watch(self) -> None:
        if self.transport.get_protocol() is not self:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._received()
        else:
            self._owe(self.gate.limits.header_seconds)


class SocketConnection(Connection, WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, which waits at the gate until :meth:`greeted` is called."""

    def __init__(self, *arguments: Any, gate: Gate, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.gate = gate
        self._left = GREETING_BYTES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.gate.enter(self)
        # A little later than the endpoint, which sends an error first.
        self._owe(self.gate.limits.hello_seconds + 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()
        super().connection_lost(exc)

    def greeted(self) -> None:
        """Stop waiting: the hello was accepted."""
        self._received()
        self._left = -1

    def data_received(self, data: bytes) -> None:
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0:
                self.abort()
                return
        super().data_received(data)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if scope := getattr(self, "scope", None):
            scope["state"][STATE] = self

    def handle_ping(self) -> None:
        # Answers would fill the memory if the client sent pings and read no pongs.
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.abort()

    def handle_cont(self, event: Any) -> None:
        # The library limits the bytes of a message, but fragments may be empty.
        if len(self.frames) < FRAGMENTS:
            super().handle_cont(event)
        else:
            self.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._flow()


def protocols(limits: Limits) -> tuple[Any, Any]:
    """Return uvicorn's factories of HTTP and websocket connections, which share one gate."""
    gate = Gate(limits, _descriptors())
    return partial(HttpConnection, gate=gate), partial(SocketConnection, gate=gate)


def _descriptors() -> int | None:
    """Return a third of the process's file descriptors, for connections; the rest is for journals and models."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(soft // 3, 16)
