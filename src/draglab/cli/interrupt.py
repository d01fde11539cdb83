"""Ctrl-C during a drag: finish the step, keep the best, write the files."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class KeptBest(Exception):
    """A command was stopped by Ctrl-C, has written what it had and has said so; what is left is the exit code."""


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """While in the block, the first Ctrl-C calls ``stop`` instead of raising; a second one raises as usual."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        stop()

    # Python allows signal handlers in the main thread only; elsewhere there is no Ctrl-C to catch.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
