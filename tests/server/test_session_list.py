"""The list of sessions: names, pictures that browsers keep."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def thumbnail(server, session: str, picture: int, **headers: str):
    return server.request("GET", f"/thumbnails/{session}/{picture}", authorization=f"Bearer {server.token}", **headers)


def test_a_small_picture_is_kept_by_the_browser(server):
    with server.client() as client:
        name = client.begin(model="tiny", seed=1)
        client.send("set_start", start={"model": "tiny", "seed": 2})
        state = client.until("state", lambda state: len(state["nodes"]) == 2)
        answers = [thumbnail(server, name, node["picture"]) for node in state["nodes"]]
        for answer in answers:
            assert answer.status == 200 and answer.headers["content-type"] == "image/png"
            assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
            assert Image.open(io.BytesIO(answer.body)).size == (96, 96)
        assert answers[0].body != answers[1].body
        known = answers[0].headers["etag"]
        again = thumbnail(server, name, state["nodes"][0]["picture"], if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert thumbnail(server, name, state["nodes"][1]["picture"], if_none_match=known).status == 200
        client.send("list_sessions", id=4)
        listed = client.until("sessions")
        assert listed["id"] == 4
        (own,) = [each for each in listed["sessions"] if each["id"] == name]
        assert own["picture"] == state["nodes"][1]["picture"]
        assert thumbnail(server, name, own["picture"]).body == answers[1].body


def test_what_is_no_picture_is_not_found(server):
    with server.client() as client:
        name = client.begin(model="tiny", seed=1)
        for session, picture, status in ((name, 999, 204), (name, 10**30, 204), ("nothing", 1, 404), ("..%2f", 1, 404)):
            answer = thumbnail(server, session, picture)
            assert answer.status == status and "immutable" not in answer.headers.get("cache-control", "")
            assert status == 404 or answer.body == b""


def test_the_picture_of_a_drag_is_that_of_its_kept_step(server):
    with server.client() as client:
        name = client.begin(model="tiny", seed=3)
        client.send("set_settings", settings={"max_steps": 4, "patience": None, "stop_distance": 1e-9})
        points = [{"id": 1, "handle": [8, 9], "target": [14.5, 9]}]
        client.send("set_points", points=points, done=True)
        client.send("run")
        client.until("ended")
        node = client.until("state", lambda state: state["state"] == "idle" and state["nodes"][-1]["frames"] == 4)
        small = Image.open(io.BytesIO(thumbnail(server, name, node["nodes"][-1]["picture"]).body))
        client.send("scrub", node=node["cursor"], frame=node["nodes"][-1]["kept"])
        shown = Image.open(io.BytesIO(client.picture("scrub")["data"])).convert("RGB").resize(small.size)
        assert np.abs(np.asarray(small, float) - np.asarray(shown, float)).mean() < 12


def test_a_session_is_renamed_in_all_its_windows(server):
    with server.client() as one, server.client() as other:
        name = one.begin(model="tiny", seed=1)
        other.send("rename_session", session=name, name="Grandfather", id=7)
        listed = other.until("sessions")
        assert listed["id"] == 7
        assert [each["name"] for each in listed["sessions"] if each["id"] == name] == ["Grandfather"]
        assert one.until("state", lambda state: state["name"] != "")["name"] == "Grandfather"
        other.send("rename_session", session="nothing", name="x", id=8)
        assert "no longer there" in other.until_error()["message"]
