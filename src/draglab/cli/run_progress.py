"""Progress of a long run on standard error: a bar, or a line now and then where it is no terminal."""

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

EVERY = 60.0
"""Seconds between two lines."""


class Counts(Protocol):
    """Numbers of a run's edits: `done`, `ran` by this session, and in `total`."""

    @property
    def done(self) -> int: ...
    @property
    def ran(self) -> int: ...
    @property
    def total(self) -> int: ...


class RunProgress:
    """Shows how far a run is, at which rate, and what remains."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("running", total=None, state="")
        self._begun = self._printed = time.perf_counter()

    def __enter__(self) -> "RunProgress":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def update(self, now: Counts) -> None:
        """Show the state after an edit."""
        state = describe(now, time.perf_counter() - self._begun)
        self._bar.update(self._task, total=now.total, completed=now.done, state=state)
        if not self._console.is_terminal and time.perf_counter() - self._printed >= EVERY:
            self._printed = time.perf_counter()
            print(state, file=sys.stderr, flush=True)


def describe(now: Counts, seconds: float) -> str:
    """Return the state as a line: edits, rate and remaining time, which counts on the edits of this session."""
    rate = now.ran / max(seconds, 1e-9)
    left = (now.total - now.done) / max(rate, 1e-9)
    pace = f"{rate:.1f} edits/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s an edit"
    return f"{now.done} of {now.total}, {pace}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
