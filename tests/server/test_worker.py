import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from draglab.server.worker import BACKGROUND_SHARE, NotYet, Worker
from tests.server.running_server import wait_for


@pytest.fixture
def worker() -> Iterator[Worker]:
    one = Worker()
    one.start()
    yield one
    assert one.close(10)


class Counting:
    """A task that counts its steps in a list shared by several."""

    def __init__(self, name: str, made: list[str], steps: int = 10**9, seconds: float = 0.0) -> None:
        self.name = name
        self.made = made
        self.left = steps
        self.seconds = seconds
        self.error: Exception | None = None

    def step(self) -> bool:
        time.sleep(self.seconds)
        self.made.append(self.name)
        self.left -= 1
        return self.left > 0

    def fail(self, error: Exception) -> None:
        self.error = error


def test_three_tasks_each_get_a_third(worker):
    made: list[str] = []
    tasks = [Counting(name, made) for name in "abc"]
    worker.call(lambda: [worker.add(task) for task in tasks]).result()
    wait_for(lambda: len(made) > 300)
    worker.call(lambda: [worker.remove(task) for task in tasks]).result()
    assert made == [*"abc"] * (len(made) // 3) + [*"abc"][: len(made) % 3]


def test_a_call_is_answered_before_the_next_step(worker):
    made: list[str] = []
    task = Counting("a", made, seconds=0.02)
    worker.call(lambda: worker.add(task)).result()
    wait_for(lambda: len(made) >= 3)
    asked = len(made)
    worker.call(lambda: worker.remove(task)).result()
    # The step that ran when it was asked for, and none after it.
    assert len(made) <= asked + 1
    time.sleep(0.05)
    assert len(made) <= asked + 1


def test_a_flood_of_calls_does_not_stop_the_steps(worker):
    made: list[str] = []
    stop = threading.Event()

    def again() -> None:
        if not stop.is_set():
            worker.call(again)

    worker.call(lambda: worker.add(Counting("a", made, steps=100))).result()
    worker.call(again)
    wait_for(lambda: len(made) == 100)
    stop.set()


def test_errors_reach_who_called(worker):
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 // 0).result()
    assert worker.call(lambda: 7).result() == 7


def test_a_task_that_fails_is_told_and_takes_no_more_steps(worker):
    class Failing(Counting):
        def step(self) -> bool:
            super().step()
            raise ValueError("no")

    made: list[str] = []
    task = Failing("a", made)
    worker.call(lambda: worker.add(task)).result()
    wait_for(lambda: task.error is not None)
    assert worker.call(lambda: len(made)).result() == 1


def test_the_newest_wish_replaces_the_one_before(worker):
    made: list[int] = []

    def wish() -> None:
        for number in range(10):
            worker.wish("same", lambda number=number: made.append(number), urgent=True)

    worker.call(wish).result()
    wait_for(lambda: made)
    assert worker.call(lambda: made).result() == [9]


def test_withdrawn_wishes_are_not_made(worker):
    made: list[str] = []

    def wish() -> None:
        for key in ("a1", "a2", "b1"):
            worker.wish(key, lambda key=key: made.append(key), urgent=False)
        worker.withdraw(lambda key: key.startswith("a"))

    worker.call(wish).result()
    wait_for(lambda: made)
    time.sleep(0.02)
    assert made == ["b1"]


def test_a_wish_that_fails_does_not_end_the_thread(worker):
    worker.call(lambda: worker.wish("a", lambda: 1 // 0, urgent=True)).result()
    assert worker.call(lambda: 7).result() == 7


def test_pictures_that_can_wait_take_their_share_only(worker):
    made: list[str] = []
    task = Counting("step", made, seconds=0.002)

    def picture() -> None:
        time.sleep(0.002)
        made.append("picture")

    def begin() -> None:
        worker.add(task)
        for number in range(10_000):
            worker.wish(number, picture, urgent=False)

    worker.call(begin).result()
    wait_for(lambda: len(made) > 200)
    worker.call(lambda: (worker.remove(task), worker.withdraw(lambda key: True))).result()
    pictures = made.count("picture")
    assert 0 < pictures < 3 * BACKGROUND_SHARE * len(made)


def test_closing_puts_away_and_cancels():
    ended: list[int] = []
    worker = Worker(at_end=lambda: ended.append(1))
    made: list[str] = []
    worker.call(lambda: worker.add(Counting("a", made)))
    worker.start()
    wait_for(lambda: made)
    assert worker.close(10)
    assert ended == [1]
    with pytest.raises(CancelledError):
        worker.call(lambda: 7).result()


def test_closing_does_not_wait_for_a_long_step():
    worker = Worker()
    begun, go_on = threading.Event(), threading.Event()

    def long_step() -> None:
        begun.set()
        go_on.wait(10)

    worker.start()
    worker.call(long_step)
    begun.wait(10)
    assert not worker.close(0.01)
    go_on.set()
    assert worker.close(10)


def test_a_caller_who_asks_for_much_waits_for_the_others(worker):
    made: list[str] = []

    def slow() -> None:
        time.sleep(0.02)
        made.append("slow")

    begun, go_on = threading.Event(), threading.Event()
    worker.call(lambda: (begun.set(), go_on.wait(20)))
    assert begun.wait(20)
    flood = [worker.call(slow, "anna") for _ in range(60)]
    quick = [worker.call(lambda: made.append("quick"), "bert") for _ in range(60)]
    worker.call(lambda: worker.add(Counting("step", made, steps=10)), "carl")
    go_on.set()
    for future in quick:
        future.result(20)
    assert made.count("slow") <= 4
    flood[30].result(20)
    assert made.count("step") >= 5, "steps are made in between"
    flood[-1].result(20)
    assert made.count("slow") == 60 and made.count("quick") == 60


def test_calls_of_one_caller_keep_their_order(worker):
    made: list[int] = []
    begun, go_on = threading.Event(), threading.Event()
    worker.call(lambda: (begun.set(), go_on.wait(20)))
    assert begun.wait(20)
    futures = [worker.call(lambda n=n: (time.sleep(0.01), made.append(n)), "anna") for n in range(20)]
    go_on.set()
    while not futures[-1].done():
        worker.call(lambda: None, "anna").result(20)
    assert made == list(range(20))


def test_what_is_not_ready_is_tried_again_when_it_is_or_at_its_time(worker):
    class Waiting:
        """A task that waits before its second step for a future, or for half a second."""

        def __init__(self, ready: Future[None]) -> None:
            self.ready = ready
            self.begun = time.monotonic()
            self.made: list[float] = []

        def step(self) -> bool:
            if self.made and not self.ready.done() and time.monotonic() < self.begun + 0.5:
                raise NotYet(self.ready, self.begun + 0.5)
            self.made.append(time.monotonic() - self.begun)
            return len(self.made) < 2

        def fail(self, error: Exception) -> None:
            raise error

    never, soon = Waiting(Future()), Waiting(Future())
    worker.call(lambda: (worker.add(never), worker.add(soon))).result()
    time.sleep(0.1)
    soon.ready.set_result(None)
    wait_for(lambda: len(never.made) == len(soon.made) == 2)
    assert soon.made[1] < 0.4 <= 0.5 <= never.made[1]
    # A task that is removed meanwhile is not taken up again.
    gone = Waiting(Future())
    worker.call(lambda: worker.add(gone)).result()
    wait_for(lambda: len(gone.made) == 1)
    worker.call(lambda: worker.remove(gone)).result()
    time.sleep(0.6)
    assert len(gone.made) == 1
