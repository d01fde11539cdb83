import base64
import io
import json
import threading
import time

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from draglab.media.images import decode_mask
from tests.server.running_server import wait_for
from tests.server.stub import StubSession, open_stub

POINT = {"id": 1, "handle": [8, 9], "target": [14, 9]}


def test_the_first_image(server):
    with server.client() as client:
        welcome = client.received[-1]
        assert welcome["protocol"] == 1 and welcome["session"] is None
        assert "tiny" in [model["name"] for model in welcome["models"]["models"]]
        assert welcome["limits"]["points"] == 100
        client.send("new_session", start={"model": "tiny", "seed": 3})
        state = client.until("state")
        assert (state["model"], state["image"]) == ("tiny", {"width": 32, "height": 32})
        assert client.until("mask")["png"] is None
        original, current = client.picture("original"), client.picture("current")
        picture = np.asarray(Image.open(io.BytesIO(current["data"])))
        generator = server.editor.loaded.load("tiny")
        from draglab.generators import to_uint8

        # Small stills come without loss.
        assert (picture == to_uint8(generator.image(generator.w_plus_from_seed(3)))[0]).all()
        assert original["data"] == current["data"]


def test_a_drag_is_shown_and_ends(server):
    with server.client() as client:
        client.begin(model="tiny", seed=3)
        client.send("set_settings", settings={"max_steps": 5, "stop_distance": 1e-9})
        client.send("set_points", points=[POINT], done=True)
        client.received.clear()
        client.send("run")
        ended = client.until("ended")
        assert ended["reason"] == "max_steps" and ended["text"]
        assert client.until("state")["state"] == "idle"
        client.picture("current")
        steps = [message["step"] for message in client.received if message["type"] == "progress"]
        assert steps == sorted(steps) and steps[-1] == 5
        stamps = {message["stamp"] for message in client.received if message["type"] == "progress"}
        live = [message for message in client.received if message.get("kind") == "live"]
        # Progress that was overtaken before it was sent is never told; its picture may be.
        assert live and max(message["stamp"] for message in live) <= max(stamps)


def test_stop_is_obeyed_within_one_step(server):
    with server.client() as client:
        client.begin(model="tiny", seed=3)
        client.drag_without_end()
        live = next(live for live in server.editor.sessions._live.values() if live.running)

        def made() -> int:
            return live.session.view().nodes[-1].frames

        # With the worker held, the message waits for it: no step is begun after it is let go.
        begun, go_on = threading.Event(), threading.Event()
        server.editor.worker.call(lambda: (begun.set(), go_on.wait(20)))
        assert begun.wait(20)
        before = made()
        client.send("stop")
        wait_for(lambda: len(server.editor.worker._calls) == 1)
        go_on.set()
        assert client.until("ended")["reason"] == "stopped"
        # One step was due in the round that the worker was held in.
        assert client.until("state", lambda state: state["state"] == "idle")["nodes"][-1]["frames"] <= before + 1


def test_two_sessions_do_not_see_each_other(server):
    with server.client() as one, server.client() as other:
        first, second = one.begin(model="tiny", seed=1), other.begin(model="tiny", seed=2)
        assert first != second
        other.received.clear()
        one.drag_without_end()
        one.send("stop")
        one.until("ended")
        other.send("undo", id=9)
        assert other.next()["id"] == 9
        assert len(other.received) == 1, "nothing of the other session came"


def test_two_tabs_show_one_session(server):
    with server.client() as one, server.client() as other:
        name = one.begin(model="tiny", seed=1)
        other.send("open_session", session=name)
        other.picture("current")
        one.send("set_points", points=[POINT], done=True)
        state = other.until("state", lambda state: bool(state["points"]))
        assert state["points"][0]["target"] == [14, 9]


def test_tabs_are_told_of_each_other(server):
    with server.client() as one:
        name = one.begin(model="tiny", seed=1)
        with server.client() as other:
            other.send("open_session", session=name)
            assert other.until("viewers")["count"] == 2
            one.until("viewers", lambda viewers: viewers["count"] == 2)
        assert one.until("viewers")["count"] == 1


def test_a_tab_that_comes_back_sees_the_drag_go_on(server):
    with server.client() as client:
        name = client.begin(model="tiny", seed=1)
        client.drag_without_end()
    with server.client(hello=False) as client:
        client.send("hello", protocol=1, token=server.token, session=name, height=32)
        assert client.until("welcome")["session"] == name
        assert client.until("state")["state"] == "running"
        client.until("progress")
        client.picture("live")
        client.send("stop")
        client.until("ended")


def test_three_sessions_get_a_third_each(server):
    with server.client() as one, server.client() as two, server.client() as three:
        clients, sessions = [one, two, three], [StubSession(id=name) for name in "abc"]
        for client, session in zip(clients, sessions, strict=True):
            open_stub(server, client, session)
        for client in clients:
            client.send("run")
        for client in clients:
            client.until("progress")

        def made() -> list[int]:
            return [session.rounds.steps for session in sessions]

        before = server.editor.worker.call(made).result()
        while sessions[0].rounds.steps < before[0] + 300:
            time.sleep(0.001)
        after = server.editor.worker.call(made).result()
        for client in clients:
            client.send("stop")
            client.until("ended")
        taken = np.array(after) - np.array(before)
        assert taken.max() - taken.min() <= 1


def test_the_mask_goes_to_the_others_and_comes_back_with_undo(server):
    movable = np.zeros((32, 32), bool)
    movable[4:20, 4:20] = True
    buffer = io.BytesIO()
    Image.fromarray(movable).save(buffer, format="PNG")
    png = base64.b64encode(buffer.getvalue()).decode()
    with server.client() as one, server.client() as other:
        name = one.begin(model="tiny", seed=1)
        other.send("open_session", session=name)
        other.picture("current")
        one.received.clear()
        one.send("set_mask", png=png, feather=2, id=7)
        assert one.until("state")["acknowledged"] == 7
        shown = other.until("mask")
        assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["png"])))) == movable).all()
        assert shown["feather"] == 2
        one.send("undo")
        assert one.until("mask")["png"] is None
        assert [message["png"] for message in one.received if message["type"] == "mask"] == [None]


def test_seeds_and_frames(server):
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        client.send("seeds", seeds=[5, 6, 7], truncation_psi=0.7, height=16)
        pictures = [client.picture("seed") for _ in range(3)]
        assert [picture["seed"] for picture in pictures] == [5, 6, 7]
        assert {picture["height"] for picture in pictures} == {16}
        client.drag_without_end()
        client.until("progress", lambda progress: progress["step"] >= 3)
        client.send("stop")
        state = client.until("state", lambda state: state["state"] == "idle")
        node = state["cursor"]
        client.send("scrub", node=node, frame=2)
        shown = client.picture("scrub")
        assert (shown["node"], shown["frame"]) == (node, 2)
        client.send("continue_from", node=node, frame=2)
        branch = client.until("state")
        assert branch["nodes"][-1]["parent"] == node and branch["cursor"] == branch["nodes"][-1]["id"]


def test_pictures_come_at_the_size_that_is_shown(server):
    with server.client(height=8) as client:
        client.begin(model="tiny", seed=1)
        assert client.received[-1]["height"] == 8
        client.send("set_view", height=4000)
        assert client.picture("current")["height"] == 32
        client.drag_without_end()
        assert client.picture("live")["height"] == 32
        client.send("set_view", height=4)
        client.until("picture", lambda picture: picture["kind"] == "live" and picture["height"] == 4)
        client.send("stop")
        client.until("ended")


def test_errors_keep_the_socket_open(server):
    with server.client() as client:
        for text in ('{"type": "run", "id": 1}', '{"type": "what", "id": 2}', '{"type": "goto", "node": NaN, "id": 3}'):
            client.connection.send(text)
            error = client.next()
            assert error["type"] == "error" and not error["fatal"]
            assert error["id"] == json.loads(text)["id"]
        client.begin(model="tiny", seed=1)
        for request in (
            {"type": "set_start", "start": {"model": "../../etc/passwd"}},
            {"type": "set_start", "start": {"model": "nothing"}},
            {"type": "set_points", "points": [{**POINT, "handle": [99, 1]}], "done": True},
            {"type": "set_mask", "png": "!!!"},
            {"type": "set_mask", "png": base64.b64encode(b"no picture").decode()},
            {"type": "set_settings", "settings": {"r1": "wide"}},
            {"type": "goto", "node": 999},
            {"type": "scrub", "node": 999, "frame": 1},
            {"type": "open_session", "session": "../sessions"},
            {"type": "run"},
            {"type": "redo"},
        ):
            client.connection.send(json.dumps({**request, "id": 4}))
            error = client.until_error()
            assert (error["id"], error["fatal"]) == (4, False), request
            assert "\n" not in error["message"]


@pytest.mark.parametrize(
    "first",
    [
        "{",
        b"binary",
        '{"type": "run"}',
        '{"type": "hello", "protocol": 2, "token": "x"}',
        '{"type": "hello"}',
        "[" * 10_000,
    ],
)
def test_who_does_not_speak_the_protocol_is_sent_away(server, first):
    with server.client(hello=False) as client:
        client.connection.send(first)
        error = client.next()
        assert error["type"] == "error" and error["fatal"]
        with pytest.raises(ConnectionClosed) as caught:
            client.next()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1008


def test_an_unknown_session_is_an_error_after_the_welcome(server):
    with server.client(hello=False) as client:
        client.send("hello", protocol=1, token=server.token, session="nothing", height=32, id=3)
        assert client.until("welcome")["session"] is None
        error = client.next()
        assert (error["type"], error["id"], error["fatal"]) == ("error", 3, False)


def test_a_session_is_forgotten_unless_another_tab_shows_it(server):
    with server.client() as one, server.client() as other:
        name = one.begin(model="tiny", seed=1)
        other.send("forget_session", session=name, id=1)
        assert "open in another tab" in other.next()["message"]
        one.send("forget_session", session=name)
        one.begin(model="tiny", seed=1)
    with server.client() as client:
        assert name not in [session["id"] for session in client.received[-1]["sessions"]]


def png(side: int, **options: object) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.eye(side, dtype=bool)).save(buffer, format="PNG", **options)
    return base64.b64encode(buffer.getvalue()).decode()


def test_masks_are_decoded_beside_the_worker_and_at_the_image_s_size_only(server, monkeypatch):
    threads = []

    def noted(*arguments):
        threads.append(threading.current_thread().name)
        return decode_mask(*arguments)

    monkeypatch.setattr("draglab.server.pictures.decode_mask", noted)
    with server.client() as client:
        client.send("set_mask", png=png(32), id=1)
        assert client.next()["id"] == 1, "no session is open"
        client.begin(model="tiny", seed=1)
        client.send("set_mask", png=png(33), id=2)
        error = client.until_error()
        assert error["id"] == 2 and "is 33x33, but the image is 32x32" in error["message"]
        client.send("set_mask", png=png(32))
        client.send("undo")
        # In the order in which they were sent; a newer state may have replaced the first.
        client.until("state", lambda state: state["mask"] is None and state["can_redo"])
    assert threads and "draglab-worker" not in threads


def test_many_masks_of_one_person_hold_up_nobody_else(start, monkeypatch):
    server = start(token="a-token-of-a-person")

    def slow(*arguments):
        time.sleep(0.05)
        return decode_mask(*arguments)

    monkeypatch.setattr("draglab.server.pictures.decode_mask", slow)
    with server.client(cookie="draglab_person=anna") as one, server.client(cookie="draglab_person=bert") as other:
        one.begin(model="tiny", seed=1)
        other.begin(model="tiny", seed=1)
        masks = [png(32), png(32, bits=8)]
        for n in range(60):
            one.send("set_mask", png=masks[n % 2], feather=n)
        began = time.monotonic()
        other.send("set_points", points=[POINT], done=True)
        other.until("state", lambda state: bool(state["points"]))
        assert time.monotonic() - began < 1
        assert len(server.editor.worker._calls) <= 2
        one.until("state", lambda state: state["mask"] is not None and state["mask"]["feather"] == 59)
