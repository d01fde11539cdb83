"""The thread of inversions: turns among them, and their share beside drags."""

import threading
import time
from collections.abc import Iterator

import pytest

from draglab.server.inverter import Inverter
from tests.server.running_server import wait_for


class Steps:
    """A task whose steps only take time."""

    def __init__(self, log: list[str], name: str, count: int, seconds: float = 0.0) -> None:
        self.log, self.name, self.left, self.seconds = log, name, count, seconds
        self.error: Exception | None = None

    def step(self) -> bool:
        time.sleep(self.seconds)
        self.log.append(self.name)
        self.left -= 1
        return self.left > 0

    def fail(self, error: Exception) -> None:
        self.error = error


class Broken(Steps):
    """A task that fails."""

    def step(self) -> bool:
        raise ZeroDivisionError


class Drags:
    """So many drags run."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        return self.count


@pytest.fixture
def drags() -> Drags:
    return Drags()


@pytest.fixture
def inverter(drags: Drags) -> Iterator[Inverter]:
    one = Inverter(drags)
    yield one
    one.close()


def test_inversions_take_turns(inverter: Inverter):
    log: list[str] = []
    for name in "abc":
        inverter.add(Steps(log, name, 4))
    inverter.start()
    wait_for(lambda: len(log) == 12)
    assert log == list("abc" * 4)


def test_one_that_fails_is_told_and_the_others_go_on(inverter: Inverter):
    log: list[str] = []
    bad, good = Broken(log, "bad", 3), Steps(log, "good", 3)
    inverter.add(bad)
    inverter.add(good)
    inverter.start()
    wait_for(lambda: log == ["good"] * 3)
    assert isinstance(bad.error, ZeroDivisionError)


@pytest.mark.parametrize(("inversions", "running", "share"), [(1, 0, 1.0), (1, 1, 0.5), (1, 3, 0.25), (2, 3, 0.4)])
def test_beside_drags_each_gets_as_much_time(inverter, drags, inversions, running, share):
    log: list[str] = []
    drags.count = running
    for name in range(inversions):
        inverter.add(Steps(log, str(name), 1000, 0.01))
    inverter.start()
    wait_for(lambda: len(log) >= 4)
    before, started = len(log), time.monotonic()
    time.sleep(1.2)
    steps = (len(log) - before) / (time.monotonic() - started)
    assert share * 0.55 < steps * 0.0101 < share * 1.3


def test_it_rests_no_longer_than_drags_run(inverter, drags):
    log: list[str] = []
    drags.count = 1000
    inverter.add(Steps(log, "a", 3, 0.05))
    inverter.start()
    wait_for(lambda: len(log) == 1)
    time.sleep(0.2)
    assert len(log) == 1
    drags.count = 0
    wait_for(lambda: len(log) == 3)


def test_it_ends_after_its_step():
    ended = Inverter(lambda: 0)
    ended.start()
    ended.close()
    wait_for(lambda: "draglab-inverting" not in [thread.name for thread in threading.enumerate()])
