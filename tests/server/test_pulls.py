"""Pulls over the websocket: steps for each move, what others see, and hands that are not heard of again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from draglab.editor import sketch
from draglab.editor.pictures import Pictures, Shot
from draglab.editor.sketch import Sketch
from draglab.server.limits import Limits
from draglab.server.live_session import PACE
from tests.server.running_server import Client, Running, wait_for


def pull(client: Client, *target: float, done: bool = False, point: int = 1, gesture: int = 7, **more: Any) -> None:
    point_ = {"id": point, "handle": [8, 9], "target": list(target), **more}
    client.send("pull", points=[point_], gesture=gesture, done=done)


def kinds(state: dict[str, Any]) -> list[str]:
    return [node["kind"] for node in state["nodes"]]


def begun(server: Running, client: Client) -> str:
    session = client.begin(model="tiny", seed=3)
    client.send("set_settings", settings={"stop_distance": 0.01, "patience": 3})
    return session


def test_steps_follow_each_move_and_one_entry_is_left(server: Running):
    with server.client() as client:
        begun(server, client)
        start = client.received[-1]
        pull(client, 10, 9)
        state = client.until("state", lambda state: state["state"] == "running")
        assert kinds(state) == ["start"] and state["points"][0]["target"] == [10, 9]
        first = client.until("progress")
        assert (first["node"], first["step"], first["points"]) == (state["cursor"], 1, [1])
        assert first["targets"] == [[10, 9]] and first["handles"] != [[8, 9]]
        shown = client.picture("live")
        assert shown["stamp"] >= first["stamp"] and start is not shown
        pull(client, 11, 10)
        client.until("progress", lambda progress: progress["targets"] == [[11, 10]])
        pull(client, 12, 10, done=True)
        client.until("ended")
        state = client.until("state", lambda state: state["state"] == "idle")
        assert kinds(state) == ["start", "round"] and state["points"][0]["target"] == [12, 10]
        client.picture("current")


def test_the_last_step_before_a_rest_is_shown_whatever_the_rate(start):
    server = start(limits=Limits(frame_rate=0.001))
    with server.client() as client:
        begun(server, client)
        pull(client, 9, 9)
        client.picture("live")
        pull(client, 10, 9)
        last = client.until("progress", lambda progress: progress["targets"] == [[10, 9]])["stamp"]
        while (message := client.next())["type"] != "picture":
            last = max(last, message["stamp"]) if message["type"] == "progress" else last
        assert message["stamp"] == last


def pulled_for_a_second(client: Client) -> tuple[int, int]:
    """Return the numbers of steps and of live pictures of a pull whose target moves all the time."""
    steps = pictures = 0
    ends = time.monotonic() + 1
    while time.monotonic() < ends:
        pull(client, 10 + 3 * (ends - time.monotonic()), 9)
        message = client.next()
        steps += message["type"] == "progress"
        pictures += message.get("kind") == "live"
    return steps, pictures


def slow(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each picture of a session take at least so long."""
    image = Shot.image

    def wait(shot: Shot, *args: Any, **options: Any) -> Any:
        time.sleep(seconds)
        return image(shot, *args, **options)

    monkeypatch.setattr(Shot, "image", wait)


def test_each_step_of_a_pull_has_its_picture(server: Running, monkeypatch: pytest.MonkeyPatch):
    with server.client() as client:
        begun(server, client)
        slow(0.05, monkeypatch)
        steps, pictures = pulled_for_a_second(client)
        assert pictures >= 8 and steps <= pictures + 2


def test_steps_of_a_pull_go_on_beside_a_slow_picture(server: Running, monkeypatch: pytest.MonkeyPatch):
    with server.client() as client:
        begun(server, client)
        slow(4 * PACE, monkeypatch)
        steps, pictures = pulled_for_a_second(client)
        assert pictures <= 1 and 3 <= steps <= 1 / PACE + 2


def test_pictures_of_large_models_are_sketched_while_they_move(server: Running, monkeypatch: pytest.MonkeyPatch):
    """The last picture before a rest never is."""
    monkeypatch.setattr(sketch, "RESOLUTION", 8)
    made: list[str] = []
    picture, prepare = Sketch.picture, Pictures.prepare

    def note_picture(*args: Any) -> Any:
        made.append("sketch")
        return picture(*args)

    def note_prepare(*args: Any) -> None:
        prepare(*args)
        made.append("prepared")

    monkeypatch.setattr(Sketch, "picture", note_picture)
    monkeypatch.setattr(Pictures, "prepare", note_prepare)
    with server.client() as client:
        begun(server, client)
        wait_for(lambda: made == ["prepared"])
        steps, pictures = pulled_for_a_second(client)
        assert steps > 2 and pictures > 2
        assert 0 < made.count("sketch") <= pictures + 2
        pull(client, 12, 9, done=True)
        client.until("ended")
        sketches = made.count("sketch")
        client.picture("current")
        wait_for(lambda: made.count("prepared") == 2)
        assert made.count("sketch") == sketches


def test_taken_back(server: Running):
    with server.client() as client:
        begun(server, client)
        pull(client, 12, 9)
        client.until("progress")
        client.send("take_back")
        state = client.until("state", lambda state: state["state"] == "idle")
        assert kinds(state) == ["start"] and state["points"] == [] and not state["can_undo"]
        client.picture("current")
        pull(client, 14, 9)
        pull(client, 14, 9, done=True)
        pull(client, 10, 9, gesture=8)
        state = client.until("state", lambda state: state["state"] == "running")
        assert kinds(state) == ["start"]


def test_a_page_that_goes_lets_go(server: Running):
    with server.client() as other:
        session = begun(server, other)
        with server.client() as client:
            client.send("open_session", session=session)
            client.picture("current")
            pull(client, 10, 9)
            client.until("progress")
            other.until("progress")
        state = other.until("state", lambda state: state["state"] == "idle")
        assert kinds(state) == ["start", "round"]
        assert state["nodes"][-1]["end"] is not None


def test_a_page_that_only_looks_on_lets_go_of_nothing(server: Running):
    with server.client() as client:
        session = begun(server, client)
        pull(client, 10, 9)
        client.until("progress")
        with server.client() as other:
            other.send("open_session", session=session)
            other.picture("current")
        client.until("viewers", lambda message: message["count"] == 1)
        pull(client, 11, 9)
        client.until("progress", lambda progress: progress["targets"] == [[11, 9]])
        client.send("set_settings", settings={})
        assert client.until("state")["state"] == "running"
        client.send("take_back")


def test_a_pull_that_waits_costs_nothing(server: Running):
    with server.client() as client:
        begun(server, client)
        client.send("set_settings", settings={"stop_distance": 3})
        pull(client, 13, 9)
        client.until("progress")
        deadline = time.monotonic() + 10
        while server.editor.worker._tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not server.editor.worker._tasks
        client.send("undo")
        assert client.until("state", lambda state: state["state"] == "idle")["points"] == []


def test_hundreds_of_moves_at_once_are_one_aim(server: Running):
    """Of moves that wait, the newest counts: no step is made for those before it."""
    with server.client() as client:
        begun(server, client)
        pull(client, 9, 9)
        client.until("progress")
        held = server.editor.worker.call(lambda: time.sleep(0.5))
        for number in range(40):
            pull(client, 9 + number / 20, 9)
        held.result()
        pull(client, 10, 12, done=True)
        targets = []
        while (message := client.next())["type"] != "ended":
            if message["type"] == "progress":
                targets.append(tuple(message["targets"][0]))
        assert len(set(targets)) < 20


def test_what_does_not_fit_is_answered(server: Running):
    with server.client() as client:
        begun(server, client)
        for number, change in enumerate(({"target": None}, {"handle": [99, 9]}, {"target": [8, 99]})):
            point = {"id": 1, "handle": [8, 9], "target": [9, 9], **change}
            client.send("pull", points=[point], gesture=number, id=number + 1)
            assert client.until_error()["id"] == number + 1


def test_no_more_points_than_allowed(start):
    server = start(limits=Limits(points=1))
    with server.client() as client:
        begun(server, client)
        pull(client, 10, 9, done=True)
        client.until("ended")
        pull(client, 10, 9, point=2, gesture=8)
        assert "limit 'points'" in client.until_error()["message"]


def test_a_region_gets_points_and_is_pulled_at_once(server: Running):
    with server.client() as client:
        begun(server, client)
        client.send("region_points", polygon=[[4, 4], [20, 4], [20, 12], [4, 12]], count=3, id=70)
        answer = client.until("region")
        assert answer["id"] == 70 and len(answer["points"]) == 3
        assert all(4 < x < 20 and 4 < y < 12 for x, y in answer["points"])
        points = [{"id": i, "handle": [x, y], "target": [x + 2, y]} for i, (x, y) in enumerate(answer["points"])]
        client.send("pull", points=points, gesture=3)
        assert client.until("progress")["points"] == [0, 1, 2]
        client.send("pull", points=points, gesture=3, done=True)
        client.until("ended")
        state = client.until("state", lambda state: state["state"] == "idle")
        assert kinds(state) == ["start", "round"] and len(state["points"]) == 3


def test_what_is_no_region_and_too_many_points_are_refused(start):
    server = start(limits=Limits(points=2))
    with server.client() as client:
        begun(server, client)
        client.send("region_points", polygon=[[4, 4], [20, 4]], count=3, id=71)
        assert "at least three corners" in client.until("error")["message"]
        client.send("region_points", polygon=[[4, 4]] * 201, count=3, id=72)
        assert "at most 200" in client.until("error")["message"]
        points = [{"id": i, "handle": [8, 4 + 5 * i], "target": [12, 4 + 5 * i]} for i in range(3)]
        client.send("pull", points=points, gesture=3, id=73)
        assert "limit 'points'" in client.until("error")["message"]
        client.send("pull", points=[], gesture=3, id=74)
        assert client.until("error")["id"] == 74
        client.send("pull", points=points[:2], gesture=4, done=True)
        client.until("ended")


def test_what_a_drag_keeps_is_asked_for(server: Running):
    with server.client() as client:
        begun(server, client)
        client.send("check_locality", ways=[{"handle": [8, 9], "target": [12, 9]}], id=75)
        answer = client.until("locality")
        # The tiny model has no statistics: its drags keep nothing by themselves.
        assert answer["id"] == 75 and answer["held"] is None
        client.send("check_locality", ways=[{"handle": [8, 9], "target": [8, 9]}], id=76)
        assert "lies on its target" in client.until("error")["message"]
