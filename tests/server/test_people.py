"""Many people on one server: what one of them does or has lost is nobody else's trouble."""

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from draglab.editor.journal_file import FILE
from draglab.server.limits import Limits
from tests.server.running_server import wait_for

TOKEN = "a-token-of-a-person"
REPOSITORY = Path(__file__).resolve().parents[2]
MANY = """
import resource, sys
from pathlib import Path
import torch
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.messages import Start
from draglab.server.sessions import Sessions
from draglab.server.worker import Worker

limits = Limits()
library, worker = Library(Path(sys.argv[1])), Worker()
library.find()
loaded = LoadedModels(library, worker, 1, "cpu")
loaded.load("tiny")
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
sessions = Sessions(library, loaded, worker, limits, Path(sys.argv[2]))
for number in range(120):
    owner = f"person{number}"
    sessions.listing(owner)
    live = sessions.create(owner, Start(model="tiny", seed=number))
    assert [each.id for each in sessions.listing(owner)] == [live.session.document.id]
for number in range(120):
    (info,) = sessions.listing(f"person{number}")
    sessions.open(f"person{number}", info.id)
print(len(sessions._journals))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_more_people_than_descriptors(models, tmp_path):
    """256 descriptors were used up by the 83rd person."""
    command = [sys.executable, "-c", MANY, str(models), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= Limits().sessions + Limits().journals


def test_a_damaged_session_locks_nobody_out(start, tmp_path):
    server = start()
    with server.client() as client:
        names = [client.begin(model="tiny", seed=seed) for seed in (1, 2)]
    server.editor.worker.call(server.editor.sessions.close).result()
    connection = sqlite3.connect(tmp_path / "data" / FILE, isolation_level=None)
    connection.execute("UPDATE entries SET body = '{' WHERE session = ? AND kind = 'start'", (names[0],))
    connection.close()
    again = start()
    with again.client(hello=False) as client:
        client.send("hello", protocol=1, token=again.token, session=names[0], height=32, id=1)
        welcome = client.until("welcome")
        assert [session["id"] for session in welcome["sessions"]] == [names[1]]
        problems = [client.until_error()["message"] for _ in range(2)]
        assert any("no longer there" in problem for problem in problems)
        assert any("one saved session was damaged and is lost" in problem for problem in problems)
        client.send("open_session", session=names[1])
        client.picture("current")
        client.begin(model="tiny", seed=3)


def test_a_session_whose_settings_are_unknown_is_an_error_of_its_own(start, tmp_path):
    server = start()
    with server.client() as client:
        name = client.begin(model="tiny", seed=1)
        client.send("set_settings", settings={"max_steps": 5})
        client.until("state")
    server.editor.worker.call(server.editor.sessions.close).result()
    connection = sqlite3.connect(tmp_path / "data" / FILE, isolation_level=None)
    connection.execute("UPDATE entries SET body = '{\"changed\": {\"of_a_later_version\": 1}}' WHERE kind = 'settings'")
    connection.close()
    again = start()
    with again.client(hello=False) as client:
        client.send("hello", protocol=1, token=again.token, session=name, height=32, id=1)
        client.until("welcome")
        assert "of_a_later_version" in client.until_error()["message"]
        client.begin(model="tiny", seed=3)


def test_limit_uploads(start):
    """A person's slow uploads hold up that person's next one, and nobody and nothing else."""
    server = start(token=TOKEN, limits=Limits(uploads=2, body_seconds=3))
    head = f"POST /upload/edit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nAuthorization: Bearer {TOKEN}\r\n"

    def quick(person: str) -> tuple[int, float]:
        began = time.monotonic()
        headers = {"authorization": f"Bearer {TOKEN}", "cookie": f"draglab_person={person}"}
        return server.request("POST", "/upload/edit", b"{}", **headers).status, time.monotonic() - began

    with ExitStack() as stack:
        for _ in range(2):
            slow = stack.enter_context(socket.create_connection((server.address, server.port)))
            slow.sendall(f"{head}Cookie: draglab_person=anna\r\n\r\nx".encode())
        wait_for(lambda: server.editor.uploads._turns)
        status, seconds = quick("bert")
        assert status == 400 and seconds < 2
        began = time.monotonic()
        assert server.request("GET", "/", cookie=f"draglab_pass_{server.port}=x").status == 403
        with server.client(cookie="draglab_person=anna") as client:
            client.begin(model="tiny", seed=1)
        assert time.monotonic() - began < 2
        assert quick("anna")[0] == 400
    wait_for(lambda: not server.editor.uploads._turns)


def test_limit_journals(start):
    server = start(token=TOKEN, limits=Limits(journals=2))
    for person in range(5):
        with server.client(cookie=f"draglab_person={person}"):
            pass
    assert len(server.editor.sessions._journals) <= 2


def test_who_has_left_sees_nothing_that_was_asked_for_before(start):
    """Commands that had to wait for others are done before the client leaves, not after."""
    server = start()
    begun, go_on = threading.Event(), threading.Event()
    with server.client() as client:
        server.editor.worker.call(lambda: (begun.set(), go_on.wait(20)))
        assert begun.wait(20)
        for seed in range(20):
            client.send("new_session", start={"model": "tiny", "seed": seed})
        wait_for(lambda: len(server.editor.worker._calls) == 20)
        server.editor.worker.call(lambda: time.sleep(0.2), ("person", None))
    go_on.set()
    wait_for(lambda: not server.editor.worker._calls)
    server.editor.worker.call(lambda: None, ("person", None)).result(20)
    assert not any(live.viewers for live in server.editor.sessions._live.values())
