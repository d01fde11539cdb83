"""Ctrl-C during a drag: finish the step, keep the best, write the files."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class KeptBest(Exception):
    """Raised after Ctrl-C when the best result is written and reported: only the exit code is left to set."""


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C in the block call ``stop`` instead of raising; a second one raises as usual."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        stop()

    # Python allows signal handlers in the main thread only; Ctrl-C does not reach the others.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
