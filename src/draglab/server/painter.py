"""The thread that computes pictures of what runs, beside the steps.

A step takes milliseconds and a large picture many times as long: on the worker's thread, it would hold up the drag. It
is given what is to be shown, which nothing changes any more, and of several requests with one key only the newest is
fulfilled: a picture that is overtaken before its turn is never computed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any

logger = logging.getLogger("draglab.server")


class Painter:
    """The thread, of that name, and its requests. All methods may be called by other threads."""

    def __init__(self, name: str) -> None:
        self._changed = threading.Condition()
        self._wishes: dict[Hashable, Callable[[], None]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End after the current picture and return whether it ended within `timeout` seconds; if not, it goes on."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def wish(self, key: Hashable, make: Callable[[], None]) -> None:
        """Ask for something to be made once, after what others asked for, in place of an earlier wish with this key."""
        with self._changed:
            self._wishes[key] = make
            self._changed.notify()

    def withdraw(self, matches: Callable[[Any], bool]) -> None:
        """Drop the wishes whose keys match."""
        with self._changed:
            for key in [key for key in self._wishes if matches(key)]:
                del self._wishes[key]

    def _run(self) -> None:
        while (make := self._next()) is not None:
            try:
                make()
            except Exception:
                logger.exception("a picture could not be made")

    def _next(self) -> Callable[[], None] | None:
        """Wait for a wish and return it; None at the end."""
        with self._changed:
            while not (self._wishes or self._closing):
                self._changed.wait()
            return None if self._closing else self._wishes.pop(next(iter(self._wishes)))
