"""Streams of the statuses of drags and photos, as server-sent events."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from draglab.server.api_photo_messages import PhotoStatus
from draglab.server.drag_messages import ENDED, DragStatus
from draglab.server.limits import Limits
from draglab.server.program_requests import adapter

S = TypeVar("S", DragStatus, PhotoStatus)

EVENT_SECONDS = 0.1
"""Time between two events of a stream; what changes meanwhile is in the next."""
QUIET_SECONDS = 15.0
"""Time after which a stream without news sends a comment, so that proxies keep it open."""


class EventStreams:
    """The open streams. Used on the event loop only."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._ending = False

    @property
    def count(self) -> int:
        """Number of open streams."""
        return self._open.total()

    def end(self) -> None:
        """End all streams, because the server ends: programs ask again when it is back."""
        self._ending = True

    def answer(self, owner: str, limits: Limits, kind: type[S], look: Callable[[], S | None]) -> Response:
        """Answer with the events of a drag or photo, until it has ended.

        Args:
            look: returns its status; None = it is no longer there.

        Raises:
            HTTPException: 429, too many streams are open.
        """
        for name, count in (("event_streams_per_person", self._open[owner]), ("event_streams", self.count)):
            if count >= getattr(limits, name):
                raise HTTPException(429, f"{count} streams are open (limit {name!a}): close one", {"Retry-After": "5"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(owner, kind, look), headers=headers, media_type="text/event-stream")

    async def _events(self, owner: str, kind: type[S], look: Callable[[], S | None]) -> AsyncIterator[str]:
        self._open[owner] += 1
        try:
            yield "retry: 2000\n\n"
            last, quiet = None, 0.0
            while not self._ending and (status := look()) is not None:
                if status != last:
                    last, quiet = status, 0.0
                    yield f"event: status\ndata: {adapter(kind).dump_json(status).decode()}\n\n"
                    if status.state in ENDED:
                        return
                elif quiet >= QUIET_SECONDS:
                    quiet = 0.0
                    yield ": still here\n\n"
                await asyncio.sleep(EVENT_SECONDS)
                quiet += EVENT_SECONDS
        finally:
            self._open[owner] -= 1
            # Drop zeros, of which Counter would keep one for each program that ever came.
            self._open += Counter()
