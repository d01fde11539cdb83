"""The painter: pictures beside the steps, the newest of a kind alone."""

import threading
import time
from collections.abc import Iterator

import pytest

from draglab.server.painter import Painter
from tests.server.running_server import wait_for
from tests.server.test_worker import Counting


@pytest.fixture
def painter() -> Iterator[Painter]:
    one = Painter("test")
    one.start()
    yield one
    assert one.close(10)


def test_what_is_overtaken_is_not_made(painter):
    made: list[str] = []
    held, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        held.wait()

    painter.wish("busy", hold)
    assert begun.wait(10)
    for number in range(5):
        painter.wish("live", lambda number=number: made.append(f"live {number}"))
        painter.wish("check", lambda number=number: made.append(f"check {number}"))
    painter.wish("gone", lambda: made.append("gone"))
    painter.withdraw(lambda key: key == "gone")
    held.set()
    wait_for(lambda: len(made) == 2)
    assert made == ["live 4", "check 4"]


def test_an_error_does_not_end_it(painter):
    made: list[int] = []
    painter.wish("bad", lambda: 1 / 0)
    painter.wish("good", lambda: made.append(1))
    wait_for(lambda: made == [1])


def test_it_ends_after_the_present_picture():
    painter, made = Painter("test"), []
    painter.start()
    begun = threading.Event()

    def slow() -> None:
        begun.set()
        time.sleep(0.3)
        made.append("first")

    painter.wish("first", slow)
    assert begun.wait(10)
    painter.wish("second", lambda: made.append("second"))
    assert not painter.close(0.01)
    assert painter.close(10)
    assert made == ["first"]


def test_steps_do_not_wait_for_a_picture():
    from draglab.server.worker import Worker

    worker, made = Worker(), []
    worker.start()
    held = threading.Event()

    def slow() -> None:
        held.wait()

    worker.painter.wish("slow", slow)
    task = Counting("a", made, seconds=0.001)
    worker.call(lambda: worker.add(task)).result()
    wait_for(lambda: len(made) > 20)
    worker.call(lambda: worker.remove(task)).result()
    held.set()
    assert worker.close(10)
