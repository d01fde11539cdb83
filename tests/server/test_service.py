"""The server as a service: restarts, SIGTERM, SIGHUP, logs, and what those who operate it ask for."""

import http.client
import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import suppress

import pytest

from draglab.media.edit_file import parse_edit_file
from draglab.server.drag_store import FILE
from draglab.server.tokens import hash_of
from tests.server.launched_server import TOKEN, launched
from tests.server.running_server import TIMEOUT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process on Windows")

ROUND = {"start": {"seed": 3}, "model": "tiny", "points": [{"handle": [8, 9], "target": [14.37, 9.21]}]}
SHORT = {**ROUND, "settings": {"max_steps": 4, "stop_distance": 1e-9}}
LONG = {**ROUND, "settings": {"max_steps": 150, "stop_distance": 1e-9, "patience": None}}
ENDLESS = {**ROUND, "settings": {"max_steps": 10_000, "stop_distance": 1e-9, "patience": None}}


def wait_until_ready(server) -> None:
    deadline = time.monotonic() + TIMEOUT
    while server.request("GET", "/readyz").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_lost_by_kill_9_and_results_are_the_same(models, tmp_path):
    with launched(models, tmp_path) as server:
        before = server.ended(server.api("POST", "/drags", LONG).json()["id"])
        edit = server.api("GET", f"/drags/{before['id']}/edit").body
        names = [server.api("POST", "/drags", LONG, person=f"p{n % 3}").json()["id"] for n in range(12)]
        while server.status(names[0], person="p0")["step"] < 20:
            time.sleep(0.005)
        states = [server.status(name, person=f"p{n % 3}")["state"] for n, name in enumerate(names)]
        assert {"running", "waiting"} <= set(states)
        server.process.kill()
    with launched(models, tmp_path) as server:
        # At once, before the models are loaded.
        first = [server.status(name, person=f"p{n % 3}") for n, name in enumerate(names)]
        assert {status["state"] for status in first} <= {"waiting", "running", "finished"}
        assert server.api("GET", f"/drags/{before['id']}/edit").body == edit
        found = [server.ended(name, person=f"p{n % 3}") for n, name in enumerate(names)]
        for status in found:
            same = ("state", "step", "handles", "distances", "stop_reason")
            assert [status[key] for key in same] == [before[key] for key in same]
        assert server.api("GET", f"/drags/{names[-1]}/image", person="p2").status == 200
        made = server.api("GET", f"/drags/{names[-1]}/edit", person="p2").body
        assert parse_edit_file(made) == parse_edit_file(edit)
        listed = [server.api("GET", "/drags", person=f"p{n}").json()["drags"] for n in range(3)]
        assert sorted(each["id"] for drags in listed for each in drags) == sorted(names)


def test_what_is_sent_again_after_a_kill_is_neither_lost_nor_doubled(models, tmp_path):
    def send(server, number: int) -> str:
        body = json.dumps({**LONG, "start": {"seed": number}}).encode()
        headers = {"authorization": f"Bearer {TOKEN}", "idempotency_key": f"drag {number}"}
        return server.request("POST", "/api/v1/drags", body, **headers).json()["id"]

    known: dict[int, str] = {}

    def send_all(server) -> None:
        with suppress(OSError, http.client.HTTPException):
            for number in range(1000):
                known[number] = send(server, number)

    with launched(models, tmp_path) as server:
        wait_until_ready(server)
        sending = threading.Thread(target=send_all, args=(server,))
        sending.start()
        while len(known) < 20:
            time.sleep(0.001)
        # Whatever it does just now.
        server.process.kill()
        sending.join()
    assert 20 <= len(known) < 1000
    with launched(models, tmp_path) as server:
        again = {number: send(server, number) for number in range(len(known) + 1)}
        assert {number: again[number] for number in known} == known
        assert sorted(again.values()) == sorted(name for name, _, _ in stored(tmp_path))


def test_a_drag_that_runs_at_two_kills_is_not_begun_a_third_time(models, tmp_path):
    with launched(models, tmp_path, "--limit", "drags=2") as server:
        guilty, innocent = (server.api("POST", "/drags", drag).json()["id"] for drag in (ENDLESS, LONG))
        while min(server.status(name)["step"] for name in (guilty, innocent)) < 2:
            time.sleep(0.005)
        server.process.kill()
    with launched(models, tmp_path, "--limit", "drags=2") as server:
        while server.status(guilty)["step"] < 2:
            time.sleep(0.005)
        # Alone, so that it is known which one it was.
        assert (server.status(innocent)["state"], server.status(innocent)["position"]) == ("waiting", 1)
        server.process.kill()
    with launched(models, tmp_path, "--limit", "drags=2") as server:
        status = server.ended(guilty)
        assert status["state"] == "failed" and "2 times" in status["error"]
        assert server.ended(innocent)["state"] == "finished"
        assert server.api("GET", f"/drags/{guilty}/image").status == 409


def test_sigterm_lets_what_runs_end_and_begins_nothing_more(models, tmp_path):
    with launched(models, tmp_path, "--limit", "drags=1") as server:
        wait_until_ready(server)
        names = [server.api("POST", "/drags", LONG).json()["id"] for _ in range(2)]
        while server.status(names[0])["step"] < 2:
            time.sleep(0.005)
        server.process.send_signal(signal.SIGTERM)
        while server.request("GET", "/readyz").status != 503:
            time.sleep(0.005)
        assert server.request("GET", "/readyz").json() == {"status": "draining"}
        assert server.request("GET", "/healthz").status == 200
        answer = server.api("POST", "/drags", LONG)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert server.process.wait(TIMEOUT) == 0
    assert stored(tmp_path) == [(names[0], "finished", 1), (names[1], "waiting", 0)]


def test_limit_drain_seconds(models, tmp_path):
    with launched(models, tmp_path, "--limit", "drain_seconds=0.3") as server:
        name = server.api("POST", "/drags", ENDLESS).json()["id"]
        while server.status(name)["step"] < 2:
            time.sleep(0.005)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(TIMEOUT) == 0
        assert 0.3 < time.monotonic() - began < 5
    # It was put back as if it had not begun: the end of this server was none of its doing.
    assert stored(tmp_path) == [(name, "waiting", 0)]
    with launched(models, tmp_path) as server:
        while server.status(name)["step"] < 2:
            time.sleep(0.005)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert server.process.wait(TIMEOUT) == 0
        assert time.monotonic() - began < 5, "a second SIGTERM does not wait"


def stored(folder) -> list[tuple[str, str, int]]:
    with sqlite3.connect(folder / "programs" / FILE) as connection:
        return connection.execute("SELECT id, state, starts FROM drags ORDER BY number").fetchall()


def test_tokens_are_read_again_on_sighup_and_when_they_change(models, tmp_path):
    file = tmp_path / "tokens.toml"
    file.write_text(f'[tokens.one]\nsha256 = "{hash_of("one-token")}"\n')
    with launched(models, tmp_path / "data", "--tokens", str(file)) as server:
        statuses = lambda: [server.api("GET", "/drags", token=f"{n}-token").status for n in ("one", "two")]  # noqa: E731
        assert statuses() == [200, 401]
        file.write_text(f'[tokens.two]\nsha256 = "{hash_of("two-token")}"\n')
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 0.9
        while statuses() != [401, 200]:
            assert time.monotonic() < deadline
        file.write_text("[tokens")
        time.sleep(1.1)
        assert statuses() == [401, 200]
        assert "the tokens stay as they were" in server.log.read_text()
        file.write_text(f'[tokens.one]\nsha256 = "{hash_of("one-token")}"\n')
        time.sleep(1.1)
        assert statuses() == [200, 401]


def test_the_log_in_json_has_requests_and_drags_and_no_personal_data(models, tmp_path):
    secret = "secretcookie"
    with launched(models, tmp_path, "--log-format", "json") as server:
        answer = server.api("POST", "/drags", SHORT, person=secret)
        name = answer.json()["id"]
        server.ended(name, person=secret)
        given = server.request("GET", f"/?token={TOKEN}", x_request_id="from-the-proxy-1", cookie="draglab_person=x")
        assert given.headers["x-request-id"] == "from-the-proxy-1"
        forged = server.request("GET", "/static/nothing?name=anna", x_request_id='a"b\tc', user_agent="spying")
        assert forged.status == 404 and forged.headers["x-request-id"].isalnum()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(TIMEOUT) == 0
        lines = server.lines()
    requests = {line["request"]: line for line in lines if line["message"] == "request"}
    line = requests[answer.headers["x-request-id"]]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/v1/drags", 201) and line["seconds"] > 0
    assert {"/api/v1/drags/{id}", "/static"} <= {line["route"] for line in requests.values()}
    (end,) = [line for line in lines if line["message"] == "drag ended"]
    assert (end["drag"], end["state"], end["steps"] > 0) == (name, "finished", True)
    text = json.dumps(lines)
    for personal in (secret, TOKEN, "127.0.0.1", "anna", "spying", "tiny"):
        assert personal not in text
