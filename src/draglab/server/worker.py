"""One thread per device: it alone touches the generators and the sessions of that device.

It goes round and round: everything that was asked for in the meantime, one urgent picture, one step of one running
task, and, if time is left, one picture that can wait. So nothing waits for more than a step and a picture, tasks get
steps in turn, and a stop is obeyed before the next step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
logger = logging.getLogger("draglab.server")

BACKGROUND_SHARE = 0.1
"""Of the time that tasks take, for pictures that can wait while tasks run."""
CALLS_SECONDS = 0.05
"""After this long, what else one caller has asked for waits until the others have had their turn."""


class Task(Protocol):
    """Something that is done in steps, in turn with others."""

    def step(self) -> bool:
        """Do one; False: it is over."""
        ...

    def fail(self, error: Exception) -> None:
        """A step raised what it should not have; the task is over."""
        ...


class Worker:
    """The thread and what it has to do. Other threads may use :meth:`call`, :meth:`start` and :meth:`close`.

    Args:
        at_end: run on the thread after the last step, to put everything away.
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
        # A daemon: the process can end although a step takes long. The journal has all that was answered.
        self._thread = threading.Thread(target=self._run, name="draglab-worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End after the present step; False: it took longer than `timeout` seconds, and goes on."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def call(self, function: Callable[[], T], caller: Hashable = None) -> Future[T]:
        """Run a function on the thread before the next step; calls of one caller run in the order of their making.

        A caller whose calls have taken CALLS_SECONDS waits with the rest of them for a step and for other callers.
        After :meth:`close` the future is cancelled.
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
        """Take steps of it from now on, until it is over."""
        if task not in self._tasks:
            self._tasks.append(task)

    def remove(self, task: Task) -> None:
        """Take no more steps of it."""
        if task in self._tasks:
            self._tasks.remove(task)

    def wish(self, key: Hashable, make: Callable[[], None], urgent: bool) -> None:
        """Something to be made once; a newer wish of the same key replaces it.

        Args:
            urgent: before the next step; else when nothing runs, or now and then between steps.
        """
        (self._urgent if urgent else self._patient)[key] = make

    def withdraw(self, matches: Callable[[Any], bool]) -> None:
        """Forget the wishes whose keys match."""
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
        """The calls that are there now, waiting for one if there is nothing else to do; False: it is time to end."""
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
        """The oldest of the wishes."""
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
