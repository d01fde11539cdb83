"""Loading: who needs a model waits for it, nobody else does."""

import threading
import time

import pytest

from draglab.errors import DraglabError
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.worker import NotYet, Worker
from tests.server.running_server import wait_for
from tests.server.slow_models import slow_model
from tests.server.test_limits import ENDLESS, POINT, ROUND


@pytest.fixture
def folder(models, tmp_path):
    """Models a, b and c, and a file that is none."""
    for name in "abc":
        (tmp_path / f"{name}.safetensors").write_bytes((models / "tiny.safetensors").read_bytes())
    (tmp_path / "broken.pkl").write_bytes(b"nothing")
    return tmp_path


def parts(folder, limit=2):
    library, worker = Library(folder), Worker()
    library.find()
    return LoadedModels(library, worker, limit), worker


def in_memory(loaded, worker, name):
    """Ask for a model as the worker's calls do, until it is there."""
    return worker.call(lambda: loaded.get(name)).result(60)


def test_a_model_is_loaded_once_and_bears_its_name(folder, monkeypatch):
    loaded, worker = parts(folder)
    worker.start()
    with slow_model(monkeypatch, "a") as slow:
        calls = [worker.call(lambda: loaded.get("a")) for _ in range(3)]
        assert slow.begun.wait(60)
        assert worker.call(lambda: loaded.loading).result() == ("a",)
        slow.go_on.set()
        generators = {id(call.result(60)) for call in calls}
    assert len(generators) == 1 and slow.loads == 1
    assert in_memory(loaded, worker, "a").name == "a" and loaded.loading == ()
    worker.close(10)


def test_one_is_loaded_at_a_time_and_no_more_are_in_memory_than_may(folder, monkeypatch):
    loaded, worker = parts(folder, limit=1)
    worker.start()
    with slow_model(monkeypatch, "a") as slow:
        first = worker.call(lambda: loaded.get("a"))
        assert slow.begun.wait(60)
        others = [worker.call(lambda name=name: loaded.get(name)) for name in "bc"]
        assert worker.call(lambda: loaded.loading).result() == ("a", "b", "c")
        slow.go_on.set()
        # Whoever waited for a gets it, although b takes its place then.
        assert first.result(60).name == "a"
        assert [call.result(60).name for call in others] == ["b", "c"]
    assert worker.call(lambda: list(loaded._loaded)).result() == ["c"]
    worker.close(10)


def test_a_file_that_cannot_be_loaded_is_an_error_for_all_who_wait(folder):
    loaded, worker = parts(folder)
    worker.start()
    for call in [worker.call(lambda: loaded.get("broken")) for _ in range(3)]:
        with pytest.raises(DraglabError, match=r"broken\.pkl"):
            call.result(60)
    assert in_memory(loaded, worker, "a").name == "a"
    worker.close(10)


def test_too_little_memory_is_a_sentence(folder, monkeypatch):
    def fail(path, device=None):
        raise RuntimeError("cannot allocate memory")

    monkeypatch.setattr("draglab.checkpoints.load_generator", fail)
    loaded, worker = parts(folder)
    worker.start()
    with pytest.raises(DraglabError, match="too little memory"):
        in_memory(loaded, worker, "a")
    worker.close(10)


def test_a_call_that_waits_keeps_its_line_in_order_and_nobody_else():
    from concurrent.futures import Future

    worker, done, ready = Worker(), [], Future()
    worker.start()

    def first():
        if not ready.done():
            raise NotYet(ready)
        done.append("first")

    waiting = worker.call(first, "anna", line="anna's page")
    behind = worker.call(lambda: done.append("second"), "anna", line="anna's page")
    worker.call(lambda: done.append("other page"), "anna", line="anna's other page").result(10)
    worker.call(lambda: done.append("no line")).result(10)
    assert not waiting.done() and not behind.done()
    ready.set_result(None)
    last = worker.call(lambda: done.append("third"), "anna", line="anna's page")
    last.result(10)
    assert done == ["other page", "no line", "first", "second", "third"]
    assert worker.close(10)


def test_what_waits_at_the_end_is_cancelled():
    from concurrent.futures import CancelledError, Future

    worker, never = Worker(), Future()
    worker.start()

    def first():
        raise NotYet(never)

    calls = [worker.call(first, line=1), worker.call(lambda: None, line=1)]
    worker.call(lambda: None).result(10)
    assert worker.close(10)
    for call in calls:
        with pytest.raises(CancelledError):
            call.result(10)


def test_wishes_and_tasks_that_wait_can_be_dropped():
    from concurrent.futures import Future

    worker, made, ready = Worker(), [], Future()

    class Task:
        def step(self):
            if not ready.done():
                raise NotYet(ready)
            made.append(self)
            return False

        def fail(self, error):
            made.append(error)

    def wish(name):
        def make():
            if not ready.done():
                raise NotYet(ready)
            made.append(name)

        return make

    tasks = [Task(), Task()]
    worker.start()

    def ask():
        for name in "ab":
            worker.wish((name,), wish(name), urgent=True)
        for task in tasks:
            worker.add(task)

    worker.call(ask).result(10)
    wait_for(lambda: worker.call(lambda: len(worker._aside)).result(10) == 4)

    def drop():
        worker.withdraw(lambda key: "b" in key)
        worker.remove(tasks[1])

    worker.call(drop).result(10)
    ready.set_result(None)
    wait_for(lambda: len(made) == 2)
    time.sleep(0.05)
    assert set(made) == {"a", tasks[0]}
    assert worker.close(10)


def test_a_drag_goes_on_while_another_person_s_model_loads(start, monkeypatch, folder):
    server = start(models=folder, limits=Limits())
    with server.client() as anna, server.client() as ben, slow_model(monkeypatch, "b") as slow:
        anna.begin(model="a", seed=1)
        anna.drag_without_end()
        ben.begin(model="a", seed=2)
        ben.send("set_start", start={"model": "b", "seed": 3})
        ben.send("set_points", points=[POINT], done=True)
        assert slow.begun.wait(60)
        assert ben.until("model_work")["loading"] == ["b"]
        # Steps, pictures and commands of others go on.
        step = anna.until("progress")["step"]
        anna.until("progress", lambda message: message["step"] > step + 20)
        anna.send("stop")
        anna.until("state", lambda state: state["state"] == "idle")
        assert not slow.go_on.is_set()
        slow.go_on.set()
        # In the order in which they were sent: the points are those of the new image.
        state = ben.until("state", lambda state: state["points"] != [])
        assert state["model"] == "b" and ben.until("picture", lambda each: each["kind"] == "current")
        assert ben.received[-1]["node"] == state["cursor"]
        nobody = ("model_work", {"type": "model_work", "loading": [], "measuring": None, "download": None})
        assert nobody[1] in [message for message in ben.received if message["type"] == nobody[0]]


def test_a_session_whose_model_loads_is_there_before_its_picture(start, monkeypatch, folder):
    server = start(models=folder)
    with server.client() as client:
        name = client.begin(model="a", seed=1)
    again = start(models=folder)
    with slow_model(monkeypatch, "a") as slow, again.client() as client:
        client.send("open_session", session=name)
        assert client.until("state")["model"] == "a"
        assert slow.begun.wait(60)
        assert not [message for message in client.received if message["type"] == "picture"]
        slow.go_on.set()
        client.picture("original")
        client.picture("current")


def test_a_page_that_leaves_while_it_waits_is_gone(start, monkeypatch, folder):
    server = start(models=folder)
    with slow_model(monkeypatch, "b") as slow:
        with server.client() as client:
            client.send("new_session", start={"model": "b", "seed": 3})
            assert slow.begun.wait(60)
        with server.client() as other:
            other.begin(seed=1)  # of the model that is in memory
            slow.go_on.set()
            live = server.editor.sessions._live
            wait_for(lambda: len(live) == 2)
            counts = lambda: sorted(len(each.viewers) for each in live.values())  # noqa: E731
            wait_for(lambda: server.editor.worker.call(counts).result() == [0, 1])


def test_programs_wait_for_a_model_and_others_do_not(start, monkeypatch, folder):
    server = start(models=folder)
    server.api("POST", "/generate", {"model": "a"})
    with slow_model(monkeypatch, "b") as slow:
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(server.api("POST", "/drags", {**ROUND, "model": "b"})), daemon=True
        )
        asking.start()
        assert slow.begun.wait(60)
        one = server.api("POST", "/drags", {**ENDLESS, "model": "a"}).json()
        wait_for(lambda: server.api("GET", f"/drags/{one['id']}").json()["step"] > 5)
        assert answers == []
        slow.go_on.set()
        asking.join(60)
        assert answers[0].status == 201
        server.api("DELETE", f"/drags/{one['id']}")


def test_an_edit_file_whose_model_is_dropped_between_its_rounds_goes_on(start, models, tmp_path, folder):
    """Another person's model may take its place: it is loaded again, and no round is lost."""
    server = start(models=folder, limits=Limits(generators=1))
    with server.client() as client:
        name = client.begin(model="a", seed=1)
        client.send("set_settings", settings={"max_steps": 2, "stop_distance": 1e-9, "patience": None})
        for x in (14, 20):
            client.send("set_points", points=[{"id": 1, "handle": [8, 9], "target": [x, 9]}], done=True)
            client.send("run")
            client.until("ended")
        client.send("export", kind="json", id=7)
        edit = server.request("GET", client.until("export_ready")["url"], authorization=f"Bearer {server.token}").body
        sessions, loaded = server.editor.sessions, server.editor.loaded
        step, forgotten = type(sessions._live[None, name].session.rounds).step, set()

        def forgetful(rounds):
            if len(rounds.queue) not in forgotten:
                forgotten.add(len(rounds.queue))
                loaded._loaded.clear()
            return step(rounds)

        type(sessions._live[None, name].session.rounds).step = forgetful
        try:
            answer = server.request(
                "POST", "/upload/edit", edit, authorization=f"Bearer {server.token}", content_type="application/json"
            )
            client.send("open_session", session=answer.json()["session"])
            state = client.until("state", lambda state: state["session"] != name and state["state"] == "idle")
        finally:
            type(sessions._live[None, name].session.rounds).step = step
    assert forgotten == {2, 1, 0}
    assert [node["frames"] for node in state["nodes"] if node["kind"] == "round"] == [2, 2]


def test_a_pull_begins_when_the_model_is_there(start, monkeypatch, folder):
    server = start(models=folder)
    with server.client() as client, slow_model(monkeypatch, "a") as slow:
        slow.go_on.set()
        client.begin(model="a", seed=1)
        slow.go_on.clear()
        slow.begun.clear()
        server.editor.worker.call(server.editor.loaded._loaded.clear).result()
        for x in (12, 14):
            client.send("pull", points=[{"id": 1, "handle": [8, 9], "target": [x, 9]}], gesture=1)
        assert slow.begun.wait(60)
        slow.go_on.set()
        assert client.until("progress", lambda message: message["targets"] == [[14, 9]])["points"] == [1]
        client.send("pull", points=[{"id": 1, "handle": [8, 9], "target": [15, 9]}], gesture=1, done=True)
        client.until("ended")


def test_a_download_of_the_picture_waits_for_the_model(start, monkeypatch, folder):
    """An export that needs a model is made whole, not cut off where it had to wait."""
    server = start(models=folder)
    with server.client() as client, slow_model(monkeypatch, "a") as slow:
        slow.go_on.set()
        client.begin(model="a", seed=1)
        slow.go_on.clear()
        slow.begun.clear()
        server.editor.worker.call(server.editor.loaded._loaded.clear).result()
        client.send("export", kind="png", id=7)
        assert slow.begun.wait(60)
        slow.go_on.set()
        ready = client.until("export_ready")
        body = server.request("GET", ready["url"], authorization=f"Bearer {server.token}").body
        assert len(body) == ready["bytes"] > 100 and body.startswith(b"\x89PNG")
