"""Statistics of models that have none, and what the next drag begins with: computed before anybody waits for it."""

import threading

import pytest

from draglab.checkpoints import load_generator, save_generator
from draglab.checkpoints.statistics import add_statistics
from draglab.generators.statistics import measure_statistics
from draglab.server.limits import Limits
from tests.server.running_server import wait_for
from tests.server.test_limits import POINT
from tests.tiny import tiny_generator

TOKEN = "a-token-of-a-person"


class SlowMeasuring:
    """Statistics whose measuring goes on when a test says so; `shares` of it are reported."""

    def __init__(self):
        self.go_on, self.begun, self.ended = threading.Semaphore(0), threading.Event(), threading.Event()
        self.shares = []

    def add_statistics(self, generator, progress):
        self.begun.set()

        def report(share):
            if share in (0.0, 0.5):
                assert self.go_on.acquire(timeout=60)
            self.shares.append(share)
            progress(share)

        try:
            add_statistics(generator, report)
        finally:
            self.ended.set()


@pytest.fixture
def measuring(monkeypatch, tmp_path):
    monkeypatch.setenv("DRAGLAB_STATISTICS", str(tmp_path / "statistics"))
    slow = SlowMeasuring()
    monkeypatch.setattr("draglab.checkpoints.statistics.add_statistics", slow.add_statistics)
    # Every report is told.
    monkeypatch.setattr("draglab.server.loaded_models.TELL_SECONDS", 0.0)
    yield slow
    for _ in range(100):
        slow.go_on.release()


def until_measuring(client, matches):
    return client.until("model_work", lambda work: matches(work["measuring"]))["measuring"]


def method(client):
    """The method of a drag of two steps."""
    client.send("set_settings", settings={"max_steps": 2, "stop_distance": 1e-9})
    client.send("set_points", points=[POINT], done=True)
    client.send("run")
    client.until("ended")
    client.send("export", kind="json", scope="history", id=9)
    return client.until("export_ready")


def recorded(server, ready):
    body = server.request("GET", ready["url"], authorization=f"Bearer {server.token}")
    return [each["settings"]["descent"] for each in body.json()["rounds"]]


def test_a_model_is_shown_and_dragged_while_it_is_measured_and_then_dragged_better(start, measuring):
    server = start()
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        assert measuring.begun.wait(60)
        assert recorded(server, method(client)) == ["first-order"]
        measuring.go_on.release()
        until_measuring(client, lambda one: one is not None and 0 < one["share"] < 0.5)
        measuring.go_on.release()
        until_measuring(client, lambda one: one is None)
        client.send("set_start", start={"model": "tiny", "seed": 2})
        client.picture("current")
        assert recorded(server, method(client)) == ["gauss-newton"]
    assert measuring.shares[-1] == 1.0
    # They are kept for the next time.
    kept = load_generator(server.editor.library.path("tiny"))
    assert kept.statistics is not None


def test_measuring_is_stopped_and_not_begun_again(start, measuring):
    server = start()
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        assert measuring.begun.wait(60)
        measuring.begun.clear()
        client.send("stop_measuring", model="tiny")
        client.send("list_sessions")
        client.until("sessions")
        measuring.go_on.release()
        until_measuring(client, lambda one: one is None)
        assert measuring.ended.wait(10) and max(measuring.shares) < 0.5
        client.send("set_start", start={"model": "tiny", "seed": 2})
        client.picture("current")
        assert recorded(server, method(client)) == ["first-order"]
        assert not measuring.begun.is_set()


def test_measuring_ends_when_the_model_is_dropped_and_begins_again_with_it(start, measuring, models, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.safetensors").write_bytes((models / "tiny.safetensors").read_bytes())
    save_measured(tmp_path / "b.safetensors")
    server = start(models=tmp_path, limits=Limits(generators=1))
    with server.client() as client:
        client.begin(model="a", seed=1)
        assert measuring.begun.wait(60)
        measuring.begun.clear()
        client.send("set_start", start={"model": "b", "seed": 1})
        client.until("state", lambda state: state["model"] == "b")
        measuring.go_on.release()
        assert measuring.ended.wait(60) and max(measuring.shares) < 0.5
        client.send("set_start", start={"model": "a", "seed": 1})
        assert measuring.begun.wait(60)


def save_measured(path):
    """Write a model that has statistics."""
    generator = tiny_generator()
    generator.statistics = measure_statistics(generator)
    save_generator(generator, path)


def test_a_failure_is_logged_and_drags_go_on(start, measuring, monkeypatch, caplog):
    def fail(generator, progress):
        raise ZeroDivisionError

    monkeypatch.setattr("draglab.checkpoints.statistics.add_statistics", fail)
    server = start()
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        wait_for(lambda: "could not be measured" in caplog.text)
        assert recorded(server, method(client)) == ["first-order"]


def test_one_of_several_persons_cannot_stop_it(start, measuring):
    server = start(token=TOKEN)
    with server.client(cookie="draglab_person=anna") as client:
        client.begin(model="tiny", seed=1)
        assert measuring.begun.wait(60)
        client.send("stop_measuring", model="tiny", id=1)
        assert "others use the model" in client.until_error()["message"]
        for _ in range(2):
            measuring.go_on.release()
        assert measuring.ended.wait(60) and measuring.shares[-1] == 1.0
