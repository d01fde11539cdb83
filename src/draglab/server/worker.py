"""The thread that computes: it alone uses the generators and the sessions.

It repeats a cycle: all waiting calls, one urgent picture, one step of one task, and, if time is left, one picture that
can wait. So nothing waits longer than a step and a picture, tasks get steps in turn, and a stop takes effect before the
next step. What needs something that another thread is still making, such as a model that loads, raises NotYet: it is
set aside and done again when that is there, while everything else goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from draglab.server.painter import Painter

T = TypeVar("T")
logger = logging.getLogger("draglab.server")

BACKGROUND_SHARE = 0.1
"""Share of the time of running tasks that is spent on pictures that can wait."""
CALLS_SECONDS = 0.05
"""Time after which further calls of one caller wait until the others have had their turn."""


class NotYet(Exception):
    """What a call, a wish or a step needs is being made elsewhere. To be raised before anything is changed.

    Args:
        ready: a future that is done when it is worth another attempt, with success or without.
        until: time at which another attempt is made anyway, in seconds of `time.monotonic`; None = never.
    """

    def __init__(self, ready: Future[Any], until: float | None = None) -> None:
        super().__init__("not ready yet")
        self.ready, self.until = ready, until


class Task(Protocol):
    """A computation in steps, which take turns with those of other tasks."""

    def step(self) -> bool:
        """Make one step and return whether more follow."""
        ...

    def fail(self, error: Exception) -> None:
        """Handle an unexpected error of a step, which ends the task."""
        ...


@dataclass(frozen=True)
class _Call:
    """A call that waits; see :meth:`Worker.call`."""

    function: Callable[[], Any]
    caller: Hashable
    line: Hashable
    future: Future[Any]


class Worker:
    """The thread and its work. Other threads may use :meth:`call`, :meth:`start` and :meth:`close`.

    Args:
        at_end: function to run on the thread after the last step, to put everything away.

    Attributes:
        painter: the thread beside it, for pictures that the steps need not wait for.
        sketcher: another, for what makes later pictures quicker and that nothing waits for.
        stepped: called with the seconds of each step.
        errors: number of unexpected errors since the start.
    """

    def __init__(self, at_end: Callable[[], None] = lambda: None) -> None:
        self._calls: deque[_Call] = deque()
        self._first: deque[_Call] = deque()
        """Calls that wait for one call or one step at most."""
        self._lines: dict[Hashable, list[_Call]] = {}
        """Calls that are set aside, by their line: the first needs what is not there yet, others are behind it."""
        self._aside: dict[tuple[str, Any], Callable[[], None]] = {}
        """What is set aside -> how it is taken up again."""
        self._ready: list[tuple[str, Any]] = []
        """Keys of what is set aside and can be taken up again."""
        self._until: dict[tuple[str, Any], float] = {}
        """Times at which what is set aside is taken up anyway."""
        self._changed = threading.Condition()
        self._closing = False
        self._at_end = at_end
        self._tasks: deque[Task] = deque()
        self._urgent: dict[Hashable, Callable[[], None]] = {}
        self._patient: dict[Hashable, Callable[[], None]] = {}
        self._credit = 0.0
        self._stepping = 0
        self.stepped: Callable[[float], object] = lambda seconds: None
        self.errors = 0
        self.painter = Painter("draglab-painter")
        self.sketcher = Painter("draglab-sketcher")
        # A daemon: the process can end although a step takes long. The journal has all that was answered.
        self._thread = threading.Thread(target=self._run, name="draglab-worker", daemon=True)

    def start(self) -> None:
        """Start the threads."""
        self.painter.start()
        self.sketcher.start()
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """End after the current step and return whether it ended within `timeout` seconds; if not, it goes on."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        ends = time.monotonic() + timeout
        self._thread.join(timeout)
        closed = [each.close(max(ends - time.monotonic(), 0.0)) for each in (self.painter, self.sketcher)]
        return all(closed) and not self._thread.is_alive()

    def call(
        self, function: Callable[[], T], caller: Hashable = None, line: Hashable = None, first: bool = False
    ) -> Future[T]:
        """Run a function on the thread before the next step; calls of one caller run in order.

        Once the calls of one caller have taken CALLS_SECONDS, its others wait for a step and for other callers. After
        :meth:`close` the future is cancelled.

        Args:
            caller: key of the caller, see :func:`caller_of`; None = the server itself.
            line: key of calls that keep their order even if one of them is not possible yet (NotYet): those behind it
                wait, too. None = nothing waits for this call.
            first: run it after the current call or step, before all that wait: for a stop, which must not wait for the
                work of others.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                future.cancel()
                return future
            (self._first if first else self._calls).append(_Call(function, caller, line, future))
            self._changed.notify()
        return future

    @property
    def running(self) -> int:
        """Number of tasks of which steps are made now; can be read from any thread."""
        return len(self._tasks) + self._stepping

    @property
    def alive(self) -> bool:
        """Whether the thread runs; can be read from any thread."""
        return self._thread.is_alive()

    def add(self, task: Task) -> None:
        """Make steps of a task until it is over."""
        if task not in self._tasks:
            self._tasks.append(task)

    def remove(self, task: Task) -> None:
        """Make no more steps of a task."""
        self._aside.pop(("task", task), None)
        if task in self._tasks:
            self._tasks.remove(task)

    def wish(self, key: Hashable, make: Callable[[], None], urgent: bool) -> None:
        """Ask for something to be made once, in place of an earlier wish with the same key.

        Args:
            urgent: True = before the next step; False = when nothing runs, or now and then between steps.
        """
        self._aside.pop(("wish", key), None)
        (self._urgent if urgent else self._patient)[key] = make

    def withdraw(self, matches: Callable[[Any], bool]) -> None:
        """Drop the wishes whose keys match."""
        for wishes in (self._urgent, self._patient):
            for key in [key for key in wishes if matches(key)]:
                del wishes[key]
        for kind, key in list(self._aside):
            if kind == "wish" and matches(key):
                del self._aside[kind, key]

    def _run(self) -> None:
        while self._answer_calls():
            self._fulfil(self._urgent)
            if self._tasks:
                started = time.perf_counter()
                self._step()
                took = time.perf_counter() - started
                self.stepped(took)
                self._credit += BACKGROUND_SHARE * took
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

    def _has_work(self) -> bool:
        """Whether there is something to do that somebody waits for."""
        return bool(
            self._closing or self._first or self._calls or self._ready or self._tasks or self._urgent or self._patient
        )

    def _answer_calls(self) -> bool:
        """Answer the waiting calls, or wait for one if there is nothing else to do; return False at the end."""
        with self._changed:
            while not self._has_work():
                self._changed.wait(self._first_deadline())
                self._take_overdue()
            self._take_overdue()
            ready, self._ready = self._ready, []
            for key in ready:
                self._until.pop(key, None)
                if (take_up := self._aside.pop(key, None)) is not None:
                    take_up()
            calls = list(self._calls)
            self._calls.clear()
            if self._closing:
                self._cancel([*self._first, *calls])
                return False
        self._answer_first()
        took: dict[Hashable, float] = {}
        later = []
        for call in calls:
            if call.line in self._lines:
                self._lines[call.line].append(call)
                continue
            if took.get(call.caller, 0.0) > CALLS_SECONDS:
                later.append(call)
                continue
            started = time.perf_counter()
            self._answer(call)
            self._answer_first()
            took[call.caller] = took.get(call.caller, 0.0) + time.perf_counter() - started
        with self._changed:
            self._calls.extendleft(reversed(later))
        return True

    def _answer_first(self) -> None:
        while self._first:
            self._answer(self._first.popleft())

    def _first_deadline(self) -> float | None:
        """Return the seconds until something that is set aside is taken up anyway; None = nothing is."""
        return max(min(self._until.values()) - time.monotonic(), 0.0) if self._until else None

    def _take_overdue(self) -> None:
        now = time.monotonic()
        self._ready.extend(key for key, until in self._until.items() if until <= now)

    def _answer(self, call: _Call) -> None:
        future = call.future
        if future.cancelled():
            return
        result, problem = None, None
        try:
            result = call.function()
        except NotYet as wait:
            # The future stays pending, and can still be cancelled.
            line = object() if call.line is None else call.line
            self._lines[line] = [call]
            self._set_aside(("line", line), wait, lambda: self._calls.extendleft(reversed(self._lines.pop(line))))
            return
        except Exception as error:
            problem = error
        if not future.set_running_or_notify_cancel():
            return
        if problem is None:
            future.set_result(result)
        else:
            future.set_exception(problem)

    def _cancel(self, calls: list[_Call]) -> None:
        for call in [*calls, *(call for line in self._lines.values() for call in line)]:
            call.future.cancel()

    def _set_aside(self, key: tuple[str, Any], wait: NotYet, take_up: Callable[[], None]) -> None:
        """Call `take_up` on this thread when what was waited for is there, unless the key has gone from `_aside`."""

        def wake(_: Future[Any]) -> None:
            with self._changed:
                self._ready.append(key)
                self._changed.notify()

        self._aside[key] = take_up
        if wait.until is not None:
            self._until[key] = wait.until
        wait.ready.add_done_callback(wake)

    def _fulfil(self, wishes: dict[Hashable, Callable[[], None]]) -> None:
        """Fulfil the oldest of the wishes, if there are any."""
        key = next(iter(wishes), None)
        if key is None:
            return
        make = wishes.pop(key)
        try:
            make()
        except NotYet as wait:
            self._set_aside(("wish", key), wait, lambda: wishes.update({key: make}))
        except Exception:
            self.errors += 1
            logger.exception("a picture could not be made")

    def _step(self) -> None:
        task = self._tasks.popleft()
        self._stepping = 1
        try:
            if task.step():
                self._tasks.append(task)
        except NotYet as wait:
            self._set_aside(("task", task), wait, lambda: self.add(task))
        except Exception as error:
            self.errors += 1
            logger.exception("a step failed")
            task.fail(error)
        finally:
            self._stepping = 0


def caller_of(owner: str | None) -> Hashable:
    """Return the key under which the calls for one person wait together; `owner`: see Access.owner."""
    return ("person", owner)
