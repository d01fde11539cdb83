"""Models whose loading takes as long as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from draglab import checkpoints


class SlowModel:
    """The loading of one model: it begins, and ends when `go_on` is set."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.loads = 0


@contextmanager
def slow_model(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[SlowModel]:
    """Make the loading of the file with this name wait, as that of a large file does."""
    slow, load = SlowModel(), checkpoints.load_generator

    def wait(path, device=None):
        if getattr(path, "stem", path) == name:
            slow.loads += 1
            slow.begun.set()
            assert slow.go_on.wait(60)
        return load(path, device)

    monkeypatch.setattr("draglab.checkpoints.load_generator", wait)
    try:
        yield slow
    finally:
        slow.go_on.set()
