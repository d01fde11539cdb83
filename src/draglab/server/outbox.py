"""Queue of messages and pictures for one client, bounded however slowly the client reads.

State, progress and the pictures of one kind each have a slot, in which a new item replaces one that still waits. Live
pictures are only made while fewer than `live_pictures` are under way: a client that does not read costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from draglab.server.limits import Limits
from draglab.server.messages import PictureKind


@dataclass(frozen=True)
class Picture:
    """A picture, encoded when it is sent. pixels: uint8 [H, W, 3]; for the other fields, see PictureHeader."""

    kind: PictureKind
    pixels: NDArray[np.uint8]
    stamp: int = 0
    node: int | None = None
    frame: int | None = None
    seed: int | None = None
    photo: str | None = None

    @property
    def slot(self) -> Hashable:
        """Key shared by pictures that replace one another."""
        return ("picture", self.kind, self.seed, self.photo)


LASTING = frozenset({"before", "after"})
"""Kinds of pictures that a client still wants when it shows another session."""


class Outbox:
    """A client's queue, filled by the worker's thread and emptied by the event loop.

    Args:
        wake: called, from any thread, when there is something to send or the queue is closed.
    """

    def __init__(self, limits: Limits, wake: Callable[[], None] = lambda: None) -> None:
        self._limits = limits
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, str | Picture] = {}
        self._numbers = count()
        self._live: list[int] = []
        self._last_live = -1e9
        self.closed = False
        """True when nothing more is sent: the client left, or read so slowly that the queue ran over."""

    def put(self, message: str, slot: str | None = None) -> None:
        """Add a message; in a slot, it takes the place of one that waits there."""
        self._put(next(self._numbers) if slot is None else slot, message)

    def put_picture(self, picture: Picture) -> None:
        """Add a picture, in place of one that waits in its slot."""
        if picture.kind == "live":
            with self._lock:
                replaced = self._waiting.get(picture.slot)
                gone = replaced.stamp if isinstance(replaced, Picture) else None
                self._live = [under_way for under_way in self._live if under_way != gone] + [picture.stamp]
        self._put(picture.slot, picture)

    def begin_live(self) -> bool:
        """Return whether a live picture should be made now, and note that it is being made if so.

        The rate of pictures is that of their beginnings: the time that one takes is no reason to make the next later.
        """
        wanted = self.wants_live()
        if wanted:
            self._last_live = time.monotonic()
        return wanted

    def wants_live(self) -> bool:
        """Return whether a live picture should be made now."""
        with self._lock:
            due = time.monotonic() - self._last_live >= 1 / self._limits.frame_rate
            return due and not self.closed and len(self._live) < self._limits.live_pictures

    def seen(self, stamp: int) -> None:
        """Note that the client has drawn the live pictures up to this stamp."""
        with self._lock:
            self._live = [under_way for under_way in self._live if under_way > stamp]

    def discard_pictures(self, kinds: set[PictureKind] | None = None) -> None:
        """Drop waiting pictures of these kinds; None = of all but LASTING, because another session is shown now."""
        with self._lock:
            for slot, item in list(self._waiting.items()):
                if isinstance(item, Picture) and (item.kind not in LASTING if kinds is None else item.kind in kinds):
                    del self._waiting[slot]
            if kinds is None:
                self._live.clear()

    def take(self) -> str | Picture | None:
        """Remove and return the next item to send; None if there is none."""
        with self._lock:
            for slot in self._waiting:
                return self._waiting.pop(slot)
            return None

    def close(self) -> None:
        """Drop everything, and accept nothing more."""
        with self._lock:
            self.closed = True
            self._waiting.clear()
        self._wake()

    def _put(self, slot: Hashable, item: str | Picture) -> None:
        with self._lock:
            if self.closed:
                return
            self._waiting[slot] = item
            ran_over = len(self._waiting) > self._limits.unsent
        if ran_over:
            self.close()
        else:
            self._wake()
