"""The thread that inverts photos, beside the one that drags.

A step of an inversion takes as long as ten steps of a drag, so it is made on a thread of its own. Inversions take turns
by steps, and share the machine with drags by time: after each step, the thread rests until the drags that run have had
as much time each as the inversion. Where nothing drags, it does not rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from draglab.server.worker import Task

TICK = 0.02
"""Seconds between two looks at the number of drags while the thread rests."""

logger = logging.getLogger("draglab.server")


class Inverter:
    """The thread and its tasks. All methods may be called by other threads.

    Args:
        drags: returns the number of drags that run; called from this thread.
    """

    def __init__(self, drags: Callable[[], int]) -> None:
        self._drags = drags
        self._tasks: deque[Task] = deque()
        self._changed = threading.Condition()
        self._closing = False
        # A daemon: the process can end in the middle of a step. The state on disk is a few seconds old at most.
        self._thread = threading.Thread(target=self._run, name="draglab-inverting", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End after the current step, without waiting for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def add(self, task: Task) -> None:
        """Make steps of a task until it is over."""
        with self._changed:
            self._tasks.append(task)
            self._changed.notify()

    def _run(self) -> None:
        while (task := self._next()) is not None:
            started = time.monotonic()
            try:
                if task.step():
                    with self._changed:
                        self._tasks.append(task)
            except Exception as error:
                logger.exception("a step of an inversion failed")
                task.fail(error)
            self._rest(time.monotonic() - started)

    def _next(self) -> Task | None:
        """Wait for a task and return it; None at the end."""
        with self._changed:
            while not (self._tasks or self._closing):
                self._changed.wait()
            return None if self._closing else self._tasks.popleft()

    def _rest(self, seconds: float) -> None:
        """Rest after a step of so many seconds until each drag that runs has had its share."""
        while seconds > 0 and (drags := self._drags()) > 0 and not self._closing:
            started = time.monotonic()
            time.sleep(min(TICK, seconds))
            # With several inversions, all of them together have their shares.
            seconds -= (time.monotonic() - started) * max(len(self._tasks), 1) / drags
