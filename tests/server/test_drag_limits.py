"""Limits of the drags of programs, of each person and of all."""

import socket
import time
from contextlib import ExitStack, closing

import numpy as np

from draglab.server.drag_store import DragStore
from draglab.server.limits import Limits
from tests.server.drag_requests import ENDLESS, SHORT, TOKEN, asker, ended, refused
from tests.server.running_server import wait_for


def test_limit_drags_per_person(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags=3, drags_per_person=1)))
    states = [ask(person, "POST", "/drags", ENDLESS).json()["state"] for person in ("anna", "anna", "bert")]
    assert states == ["running", "waiting", "running"]


def test_limit_drags_waiting(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags=1, drags_waiting=2)))
    statuses = [ask(person, "POST", "/drags", ENDLESS).status for person in ("anna", "bert", "carl")]
    assert statuses == [201, 201, 201]
    refused(ask("dora", "POST", "/drags", ENDLESS), "drags_waiting")


def test_limit_drags_waiting_per_person(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags=1, drags_waiting_per_person=1)))
    assert [ask("anna", "POST", "/drags", ENDLESS).status for _ in range(2)] == [201, 201]
    refused(ask("anna", "POST", "/drags", ENDLESS), "drags_waiting_per_person")
    assert ask("bert", "POST", "/drags", ENDLESS).status == 201


def test_the_last_drags_of_a_person_are_not_forgotten_for_those_of_another(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags_kept=3)))

    def drag(person: str) -> str:
        name = ask(person, "POST", "/drags", ENDLESS).json()["id"]
        ask(person, "DELETE", f"/drags/{name}")
        return name

    first = drag("anna")
    others = [drag("bert") for _ in range(4)]
    assert ask("anna", "GET", f"/drags/{first}").status == 200
    assert [ask("bert", "GET", f"/drags/{name}").status for name in others] == [404, 404, 200, 200]


def test_what_is_forgotten_is_of_the_person_who_has_most(tmp_path):
    """By bytes, or by number: anna has one large drag, bert three small ones."""
    with closing(DragStore(tmp_path)) as store:
        for name, owner, size in (("a", "anna", 400), ("b", "bert", 10), ("c", "bert", 10), ("d", "bert", 10)):
            store.add(name, owner, "{}", "{}")
            store.begin(name)
            store.end(name, "finished", "{}", None, np.random.RandomState(0).rand(size, 64).astype(np.float32))
        assert store.forget_oldest(by_number=True)
        assert [store.status(name, owner) for name, owner in (("a", "anna"), ("b", "bert"), ("c", "bert"))] == [
            "{}",
            None,
            "{}",
        ]
        assert store.forget_oldest()
        assert store.status("a", "anna") is None and store.status("c", "bert") == "{}"


def test_limit_drags_kept_per_person(start):
    ask = asker(start(token=TOKEN, limits=Limits(drags_kept_per_person=2)))
    others = ask("bert", "POST", "/drags", SHORT).json()["id"]
    names = [ask("anna", "POST", "/drags", SHORT).json()["id"] for _ in range(4)]
    ended(ask, "anna", names[-1])
    assert [ask("anna", "GET", f"/drags/{name}").status for name in names] == [404, 404, 200, 200]
    assert ended(ask, "bert", others)["state"] == "finished"


def test_limit_drag_bytes(start):
    _check_drag_bytes(start, "drag_bytes")


def test_limit_drag_bytes_per_person(start):
    _check_drag_bytes(start, "drag_bytes_per_person")


def _check_drag_bytes(start, limit):
    size = 2500
    ask = asker(start(token=TOKEN, limits=Limits(drags=1, **{limit: 3 * size})))
    first = ask("anna", "POST", "/drags", SHORT).json()["id"]
    ended(ask, "anna", first)
    answers = [ask("anna", "POST", "/drags", ENDLESS) for _ in range(10)]
    taken = [answer.status for answer in answers]
    # The ended one made room for those that wait, and what waits makes room for nothing.
    assert 201 in taken and taken[-1] == 429 and taken == sorted(taken)
    refused(answers[-1], limit)
    assert ask("anna", "GET", f"/drags/{first}").status == 404
    assert ask("bert", "POST", "/drags", ENDLESS).status == (429 if limit == "drag_bytes" else 201)


def test_limit_drag_days(start, monkeypatch):
    server = start(limits=Limits(drag_days=1))
    name = server.api("POST", "/drags", SHORT).json()["id"]
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["state"] == "finished")
    expire = lambda: server.editor.worker.call(server.editor.drags.expire).result()  # noqa: E731
    expire()
    assert server.api("GET", f"/drags/{name}").status == 200
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 25 * 3600)
    expire()
    assert server.api("GET", f"/drags/{name}").status == 404


def test_limit_drag_edit_bytes(start):
    server = start(limits=Limits(drag_edit_bytes=100))
    answer = server.api("POST", "/edits", {"format": "x" * 100})
    assert answer.status == 413 and "'drag_edit_bytes'" in answer.json()["error"]
    # The page's own limit is another one.
    answer = server.request("POST", "/upload/edit", b" " * 200, authorization=f"Bearer {server.token}")
    assert answer.status == 400


def test_limit_drag_uploads(start):
    """Slow requests of programs hold up neither the page nor other programs."""
    server = start(token=TOKEN, limits=Limits(drag_uploads=1, body_seconds=3))
    ask = asker(server)
    head = f"POST /api/v1/drags HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nAuthorization: Bearer {TOKEN}\r\n"
    with ExitStack() as stack:
        slow = stack.enter_context(socket.create_connection((server.address, server.port)))
        slow.sendall(f"{head}Cookie: draglab_person=anna\r\n\r\nx".encode())
        time.sleep(0.2)
        began = time.monotonic()
        assert ask("bert", "POST", "/drags", SHORT).status == 201
        headers = {"authorization": f"Bearer {TOKEN}", "cookie": "draglab_person=anna"}
        assert server.request("POST", "/upload/edit", b"{}", **headers).status == 400
        assert time.monotonic() - began < 2
        assert ask("anna", "POST", "/drags", SHORT).status == 201
        assert time.monotonic() - began > 2


def test_limit_event_streams(start):
    _check_event_streams(start, "event_streams")


def test_limit_event_streams_per_person(start):
    _check_event_streams(start, "event_streams_per_person")


def _check_event_streams(start, limit):
    server = start(token=TOKEN, limits=Limits(**{limit: 1}))
    ask = asker(server)
    names = {person: ask(person, "POST", "/drags", ENDLESS).json()["id"] for person in ("anna", "bert")}
    request = (
        f"GET /api/v1/drags/{names['anna']}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Cookie: draglab_person=anna\r\n\r\n"
    )
    with socket.create_connection((server.address, server.port)) as stream:
        stream.sendall(request.encode())
        wait_for(lambda: server.app.state.api.streams.count)
        refused(ask("anna", "GET", f"/drags/{names['anna']}/events"), limit)
        ask("bert", "DELETE", f"/drags/{names['bert']}")
        # This stream ends by itself, as the drag has ended.
        assert ask("bert", "GET", f"/drags/{names['bert']}/events").status == (429 if limit == "event_streams" else 200)
    wait_for(lambda: not server.app.state.api.streams.count)
