"""The thread that computes: it alone uses the generators and the sessions.

It repeats a cycle: all waiting calls, one urgent picture, one step of one task, and, if time is left, one picture that
can wait. So nothing waits longer than a step and a picture, tasks get steps in turn, and a stop takes effect before the
next step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from draglab.server.painter import Painter

T = TypeVar("T")
logger = logging.getLogger("draglab.server")

BACKGROUND_SHARE = 0.1
"""Share of the time of running tasks that is spent on pictures that can wait."""
CALLS_SECONDS = 0.05
"""Time after which further calls of one caller wait until the others have had their turn."""


class Task(Protocol):
    """A computation in steps, which take turns with those of other tasks."""

    def step(self) -> bool:
        """Make one step and return whether more follow."""
        ...

    def fail(self, error: Exception) -> None:
        """Handle an unexpected error of a step, which ends the task."""
        ...


class Worker:
    """The thread and its work. Other threads may use :meth:`call`, :meth:`start` and :meth:`close`.

    Args:
        at_end: function to run on the thread after the last step, to put everything away.

    Attributes:
        painter: the thread beside it, for pictures that the steps need not wait for.
    """

    def __init__(self, at_end: Callable[[], None] = lambda: None) -> None:
        self._calls: deque[tuple[Hashable, Callable[[], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._at_end = at_end
        self._tasks: deque[Task] = deque()
        self._urgent: dict[Hashable, Callable[[], None]] = {}
        self._patient: dict[Hashable, Callable[[], None]] = {}
        self._credit = 0.0
        self.painter = Painter()
        # A daemon: the process can end although a step takes long. The journal has all that was answered.
        self._thread = threading.Thread(target=self._run, name="draglab-worker", daemon=True)

    def start(self) -> None:
        """Start both threads."""
        self.painter.start()
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End after the current step and return whether it ended within `timeout` seconds; if not, it goes on."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        ends = time.monotonic() + timeout
        self._thread.join(timeout)
        painted = self.painter.close(max(ends - time.monotonic(), 0.0))
        return painted and not self._thread.is_alive()

    def call(self, function: Callable[[], T], caller: Hashable = None) -> Future[T]:
        """Run a function on the thread before the next step; calls of one caller run in order.

        Once the calls of one caller have taken CALLS_SECONDS, its others wait for a step and for other callers. After
        :meth:`close` the future is cancelled.

        Args:
            caller: key of the caller, see :func:`caller_of`; None = the server itself.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                future.cancel()
                return future
            self._calls.append((caller, function, future))
            self._changed.notify()
        return future

    def add(self, task: Task) -> None:
        """Make steps of a task until it is over."""
        if task not in self._tasks:
            self._tasks.append(task)

    def remove(self, task: Task) -> None:
        """Make no more steps of a task."""
        if task in self._tasks:
            self._tasks.remove(task)

    def wish(self, key: Hashable, make: Callable[[], None], urgent: bool) -> None:
        """Ask for something to be made once, in place of an earlier wish with the same key.

        Args:
            urgent: True = before the next step; False = when nothing runs, or now and then between steps.
        """
        (self._urgent if urgent else self._patient)[key] = make

    def withdraw(self, matches: Callable[[Any], bool]) -> None:
        """Drop the wishes whose keys match."""
        for wishes in (self._urgent, self._patient):
            for key in [key for key in wishes if matches(key)]:
                del wishes[key]

    def _run(self) -> None:
        while self._answer_calls():
            self._fulfil(self._urgent)
            if self._tasks:
                started = time.perf_counter()
                self._step()
                self._credit += BACKGROUND_SHARE * (time.perf_counter() - started)
            else:
                self._credit = 1.0
            if self._credit > 0:
                started = time.perf_counter()
                self._fulfil(self._patient)
                self._credit -= time.perf_counter() - started
        try:
            self._at_end()
        except Exception:
            logger.exception("putting the sessions away failed")

    def _answer_calls(self) -> bool:
        """Answer the waiting calls, or wait for one if there is nothing else to do; return False at the end."""
        with self._changed:
            while not (self._closing or self._calls or self._tasks or self._urgent or self._patient):
                self._changed.wait()
            calls = list(self._calls)
            self._calls.clear()
            if self._closing:
                for _, _, future in calls:
                    future.cancel()
                return False
        took: dict[Hashable, float] = {}
        later = []
        for caller, function, future in calls:
            if took.get(caller, 0.0) > CALLS_SECONDS:
                later.append((caller, function, future))
                continue
            started = time.perf_counter()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except Exception as error:
                    future.set_exception(error)
            took[caller] = took.get(caller, 0.0) + time.perf_counter() - started
        with self._changed:
            self._calls.extendleft(reversed(later))
        return True

    def _fulfil(self, wishes: dict[Hashable, Callable[[], None]]) -> None:
        """Fulfil the oldest of the wishes."""
        for key in wishes:
            make = wishes.pop(key)
            try:
                make()
            except Exception:
                logger.exception("a picture could not be made")
            return

    def _step(self) -> None:
        task = self._tasks.popleft()
        try:
            if task.step():
                self._tasks.append(task)
        except Exception as error:
            logger.exception("a step failed")
            task.fail(error)


def caller_of(owner: str | None) -> Hashable:
    """Return the key under which the calls for one person wait together; `owner`: see Access.owner."""
    return ("person", owner)
