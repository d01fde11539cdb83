"""The queue of the drags of programs, and what programs see of it."""

import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

import draglab
from draglab.editor.replay import Replay
from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, ModelReference, PointPair, Round, SeedStart, parse_edit_file
from draglab.server.drag_store import FILE, DragStore
from draglab.server.limits import Limits
from tests.server.drag_requests import ENDLESS, SHORT, TOKEN, asker, ended
from tests.server.running_server import Running, wait_for


def sent_events(server: Running, name: str) -> Iterator[dict]:
    """The statuses of a drag, as they come."""
    connection = http.client.HTTPConnection(server.address, server.port, timeout=60)
    try:
        connection.request("GET", f"/api/v1/drags/{name}/events", headers={"Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
        event = ""
        for line in answer:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                event = text.removeprefix("event: ")
            elif text.startswith("data: "):
                assert event == "status"
                yield json.loads(text.removeprefix("data: "))
    finally:
        connection.close()


def test_what_does_not_run_yet_waits_with_its_position(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags=1)))
    people = ("anna", "anna", "anna", "bert")
    names = [ask(person, "POST", "/drags", ENDLESS).json()["id"] for person in people]
    place = lambda n: ask(people[n], "GET", f"/drags/{names[n]}").json()["position"]  # noqa: E731
    # Bert has had no turn yet.
    assert [place(n) for n in range(4)] == [None, 2, 3, 1]
    assert ask("anna", "GET", f"/drags/{names[1]}/image").status == 409
    status = ask("anna", "DELETE", f"/drags/{names[1]}").json()
    assert (status["state"], status["step"], status["stop_reason"]) == ("cancelled", 0, None)
    assert "before it began" in ask("anna", "GET", f"/drags/{names[1]}/image").json()["error"]
    ask("anna", "DELETE", f"/drags/{names[0]}")
    assert [place(n) for n in (2, 3)] == [1, None]


def test_persons_have_turns_however_much_one_of_them_sends(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags=1)))
    blocking = ask("zoe", "POST", "/drags", ENDLESS).json()["id"]
    names = {"anna": [], "bert": []}
    for person, count in (("anna", 9), ("bert", 3)):
        names[person] = [ask(person, "POST", "/drags", SHORT).json()["id"] for _ in range(count)]
    ask("zoe", "DELETE", f"/drags/{blocking}")
    ends = {person: [ended(ask, person, name)["ended"] for name in names[person]] for person in names}
    assert sum(end < ends["bert"][-1] for end in ends["anna"]) in (2, 3)


def test_the_list_has_pages_and_states(start, monkeypatch):
    monkeypatch.setattr("draglab.server.drags.PAGE", 3)
    server = start(token=TOKEN, limits=Limits(drags=1))
    ask = asker(server)
    names = [ask("anna", "POST", "/drags", SHORT).json()["id"] for _ in range(5)]
    for name in names:
        ended(ask, "anna", name)
    names += [ask("anna", "POST", "/drags", ENDLESS).json()["id"] for _ in range(2)]
    ask("bert", "POST", "/drags", ENDLESS)
    first = ask("anna", "GET", "/drags").json()
    assert (first["waiting"], first["running"]) == (1, 1)
    assert [each["state"] for each in first["drags"]] == ["waiting", "running", "finished"]
    assert first["drags"][0]["position"] == 2
    pages, before = [first], first["before"]
    while before is not None:
        pages.append(ask("anna", "GET", f"/drags?before={before}").json())
        before = pages[-1]["before"]
    assert [each["id"] for page in pages for each in page["drags"]] == names[::-1]
    found = ask("anna", "GET", "/drags?state=running").json()["drags"]
    assert [each["id"] for each in found] == [names[5]]
    assert ask("anna", "GET", "/drags?state=asleep").status == 422
    assert ask("carl", "GET", "/drags").json() == {"drags": [], "waiting": 0, "running": 0, "before": None}
    assert ask("bert", "GET", f"/drags/{names[0]}").status == 404
    assert ask("bert", "DELETE", f"/drags/{names[5]}").status == 404
    assert ask("bert", "GET", f"/drags?before={names[0]}").json()["drags"] == []


def test_events_tell_of_the_wait_the_steps_and_the_end(start):
    server = start(limits=Limits(drags=1))
    blocking = server.api("POST", "/drags", ENDLESS).json()["id"]
    name = server.api("POST", "/drags", ENDLESS).json()["id"]
    seen = []
    for status in sent_events(server, name):
        seen.append(status)
        if status["state"] == "waiting":
            assert status["position"] == 1
            server.api("DELETE", f"/drags/{blocking}")
        elif status["step"] > 5 and status["state"] == "running":
            server.api("DELETE", f"/drags/{name}")
    assert [seen[0]["state"], seen[-1]["state"]] == ["waiting", "cancelled"]
    assert any(each["state"] == "running" for each in seen)
    assert seen[-1] == server.api("GET", f"/drags/{name}").json()
    assert list(sent_events(server, name)) == [seen[-1]]
    assert server.api("GET", "/drags/nothing/events").status == 404


def test_a_stop_does_not_wait_for_the_requests_of_others(start):
    """It waits for one call or one step at most, however much others have sent before it."""
    server = start(limits=Limits(drags=2))
    name = server.api("POST", "/drags", ENDLESS).json()["id"]
    worker = server.editor.worker
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["step"] > 1)

    def hold() -> tuple[threading.Event, threading.Event]:
        begun, waiting = threading.Event(), threading.Event()
        worker.call(lambda: begun.set() or waiting.wait(60))
        return begun, waiting

    begun, gathering = hold()
    assert begun.wait(60)
    begun, waiting = hold()
    for other in range(40):
        worker.call(lambda: time.sleep(0.1), ("person", other))
    # From here on, the calls of the 40 are being answered, one after the other.
    gathering.set()
    assert begun.wait(60)
    answers = []
    stop = threading.Thread(target=lambda: answers.append(server.api("DELETE", f"/drags/{name}")))
    stop.start()
    wait_for(lambda: worker._first)
    made, began = server.api("GET", f"/drags/{name}").json()["step"], time.monotonic()
    waiting.set()
    stop.join()
    assert time.monotonic() - began < 1
    assert answers[0].json()["state"] == "cancelled" and answers[0].json()["step"] <= made + 1


def test_an_edit_file_is_run_as_one_drag(start, models):
    generator = draglab.load_generator(models / "tiny.safetensors")
    rounds = [
        Round(
            points=[PointPair(handle=[8.0, 9.0], target=[x, 9.0])],
            settings={"max_steps": 3, "stop_distance": 1e-9, "descent": "adam"},
        )
        for x in (14.0, 20.0)
    ]
    # Another machine's path.
    model = ModelReference(name="/somewhere/tiny.safetensors", sha256=generator.sha256)
    edit = EditFile(model=model, start=SeedStart(seed=3), rounds=rounds)
    replay = Replay(edit, generator)
    for _ in replay:
        pass
    server = start(limits=Limits(drag_steps=6))
    answer = server.api("POST", "/edits", edit.model_dump())
    assert answer.status == 201 and answer.json()["rounds"] == 2
    name = answer.json()["id"]
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["state"] == "finished")
    status = server.api("GET", f"/drags/{name}").json()
    assert (status["round"], status["stop_reason"]) == (2, "max_steps")
    made = parse_edit_file(server.api("GET", f"/drags/{name}/edit").body)
    assert made.rounds == replay.recorded().rounds
    assert np.array_equal(server.editor.drags.result(name).w_plus, replay.w_plus[0].numpy())
    for changes, word in (
        ({"model": {"name": "tiny", "sha256": "0" * 64}}, "another model"),
        ({"rounds": [{**rounds[0].model_dump(), "steps": 7}]}, "drag_steps"),
        ({"rounds": [rounds[0].model_dump()] * 3}, "drag_steps"),
        ({"rounds": [{**rounds[0].model_dump(), "moved": [{"after": 4, "targets": [[9, 9]]}]}]}, "drag_steps"),
        ({"rounds": []}, "rounds"),
        ({"model": {"name": "missing", "sha256": "0" * 64}}, "not here"),
    ):
        answer = server.api("POST", "/edits", {**edit.model_dump(), **changes})
        assert answer.status == 400 and word in answer.json()["error"]


def test_a_second_server_leaves_the_drags_of_the_first_alone(start, caplog):
    one = start(limits=Limits(drags=1))
    names = [one.api("POST", "/drags", ENDLESS).json()["id"] for _ in range(2)]
    two = start()
    assert "another draglab keeps its drags there" in caplog.text
    assert two.api("GET", f"/drags/{names[0]}").status == 404
    name = two.api("POST", "/drags", SHORT).json()["id"]
    wait_for(lambda: two.api("GET", f"/drags/{name}").json()["state"] == "finished")
    assert two.api("GET", f"/drags/{name}/image").status == 200
    assert one.api("GET", f"/drags/{names[1]}").json()["state"] == "waiting"


def test_damaged_drags_are_set_aside_and_newer_ones_left_alone(tmp_path, caplog):
    folder = tmp_path / "programs"
    store = DragStore(folder)
    store.add("one", "anna", "{}", "{}")
    store.close()
    assert (folder.stat().st_mode & 0o777, (folder / FILE).stat().st_mode & 0o777) == (0o700, 0o600)
    for suffix in ("-wal", "-shm"):
        (folder / f"{FILE}{suffix}").unlink(missing_ok=True)
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(b"damaged" * 1000)
    store = DragStore(folder)
    assert store.lasting and store.pending() == [] and "are lost" in caplog.text
    (aside,) = folder.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes() == b"damaged" * 1000
    store.close()
    (folder / FILE).write_bytes(whole)
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("PRAGMA user_version = 7")
    newer = (folder / FILE).read_bytes()
    store = DragStore(folder)
    assert not store.lasting and "newer draglab" in caplog.text
    store.close()
    assert (folder / FILE).read_bytes() == newer


def test_a_disk_that_fails_ends_no_server(start, monkeypatch, caplog):
    server = start()

    def fails(*arguments) -> None:
        raise DraglabError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(DragStore, "begin", fails)
        broken.setattr(DragStore, "end", fails)
        name = server.api("POST", "/drags", SHORT).json()["id"]
        wait_for(lambda: server.editor.drags.running == 0)
        broken.setattr(DragStore, "add", fails)
        answer = server.api("POST", "/drags", SHORT)
        assert answer.status == 400 and "the disk is full" in answer.json()["error"]
    assert "the next server runs it again: the disk is full" in caplog.text
    assert server.request("GET", "/healthz").status == 200
    assert server.api("GET", f"/drags/{name}").json()["state"] == "waiting"
    other = server.api("POST", "/drags", SHORT).json()["id"]
    wait_for(lambda: server.api("GET", f"/drags/{other}").json()["state"] == "finished")


def test_a_model_that_was_replaced_gives_no_wrong_image(start, monkeypatch):
    server = start()
    name = server.api("POST", "/drags", SHORT).json()["id"]
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["state"] == "finished")
    generator = server.editor.worker.call(lambda: server.editor.loaded.get("tiny")).result()
    monkeypatch.setattr(type(generator), "sha256", "1" * 64, raising=False)
    monkeypatch.setattr(generator, "sha256", "1" * 64, raising=False)
    answer = server.api("GET", f"/drags/{name}/image")
    assert answer.status == 400 and "was replaced" in answer.json()["error"]


@pytest.mark.parametrize("states", [["finished"], ["waiting", "running"]])
def test_nothing_of_another_person_is_stored_under_ones_own_id(tmp_path, states):
    store = DragStore(tmp_path)
    store.add("one", "anna", "status", "edit")
    assert store.status("one", "bert") is None and store.page("bert", states, None, 10) == []
    assert store.status("one", "anna") == "status"
    store.close()


@pytest.mark.parametrize("path", ["/drags", "/edits"])
def test_a_request_that_is_sent_again_is_one_drag(start, models, path):
    server = start(token=TOKEN, limits=Limits(drags=1, drags_waiting_per_person=1))
    generator = draglab.load_generator(models / "tiny.safetensors")
    model = {"name": "tiny", "sha256": generator.sha256}
    edit = {"format": "draglab-edit", "version": 3, "model": model, "start": {"seed": 1}}
    content = ENDLESS if path == "/drags" else {**edit, "rounds": [{"points": ENDLESS["points"]}]}

    def ask(person: str, key: str) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {TOKEN}", "cookie": f"draglab_person={person}", "idempotency_key": key}
        answer = server.request("POST", f"/api/v1{path}", json.dumps(content).encode(), **headers)
        return answer.status, answer.json().get("id", "")

    ask("zoe", "blocks")
    first, other = ask("anna", "1"), ask("bert", "1")
    assert first[0] == other[0] == 201 and first != other
    # Although no further one is taken.
    assert ask("anna", "1") == first and ask("anna", "2")[0] == 429
    assert ask("anna", "x" * 201)[0] == 422
