"""Notices what reading a file must never do, through Python's audit events."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

HARMLESS = {"builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe"}
THREADS = {"_thread.start_new_thread", "_thread.start_joinable_thread"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Calls functions and lists the audit events they caused beyond those allowed.

    Args:
        reads: they may open files for reading and start threads; else they may do nothing at all but compute.
    """

    def __init__(self, reads: bool):
        self.reads = reads
        self.watching = False
        self.noticed: list[str] = []
        sys.addaudithook(self._hook)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function returns or raises.

        Raises:
            AssertionError: it did something that it must not do.
        """
        self.noticed.clear()
        self.watching = True
        try:
            return function(*arguments)
        finally:
            self.watching = False
            assert not self.noticed, f"reading did this: {', '.join(self.noticed[:5])}"

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching or event in HARMLESS or (self.reads and self._reading(event, arguments)):
            return
        self.noticed.append(f"{event} {arguments!r:.100}")

    @staticmethod
    def _reading(event: str, arguments: tuple[Any, ...]) -> bool:
        return event in THREADS or (event == "open" and not arguments[2] & _WRITING)
