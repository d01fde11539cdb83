"""Photos over HTTP and the websocket: opened, framed, inverted in the background, dragged, put back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.server.limits import Limits
from tests.server.photo_files import photo, pixels
from tests.server.running_server import Answer, Client, Running, wait_for

FRAME = {"x": 40.0, "y": 30.0, "size": 48.0, "angle": 0.0}


def photos_folder(server: Running) -> Path:
    data = server.editor.options.data
    assert data is not None
    return data / "photos"


def upload(server: Running, data: bytes, name: str = "holiday.png", path: str = "photo", **headers: str) -> Answer:
    address = f"/upload/{path}?name={name}&model=tiny"
    return server.request("POST", address, data, authorization=f"Bearer {server.token}", **headers)


def opened(server: Running, data: bytes | None = None) -> str:
    """Opens a photo; its id."""
    answer = upload(server, photo() if data is None else data)
    assert answer.status == 200, answer.body
    return answer.json()["photo"]


def begin(client: Client, photo: str, effort: str = "fast", frame: dict[str, float] = FRAME) -> None:
    client.send("invert_photo", id=7, photo=photo, model="tiny", frame=frame, effort=effort)
    client.until("photo_begun")


def until_state(client: Client, *states: str) -> dict[str, Any]:
    """Its view, once the only photo is in one of these states."""
    work = client.until("photo_work", lambda work: any(each["state"] in states for each in work["photos"]))
    return work["photos"][0]


def finished(client: Client) -> dict[str, Any]:
    """Waits for the only photo and opens its session; the session's state."""
    view = until_state(client, "done", "failed")
    assert view["state"] == "done", view
    client.send("open_session", session=view["session"])
    state = client.until("state", lambda state: state["session"] == view["session"])
    client.until("photo_work", lambda work: not work["photos"])
    return state


def fetch(server: Running, client: Client, **export: Any) -> tuple[str, bytes]:
    """An exported file: its name and bytes."""
    client.send("export", id=9, **export)
    ready = client.until("export_ready")
    answer = server.request("GET", ready["url"], authorization=f"Bearer {server.token}")
    assert answer.status == 200
    return ready["name"], answer.body


def dragged(client: Client) -> None:
    client.send("set_settings", settings={"max_steps": 4, "patience": None, "stop_distance": 0.01})
    client.send("set_points", points=[{"id": 1, "handle": [12, 12], "target": [18, 14]}], done=True)
    client.send("run")
    client.until("ended")


@pytest.fixture(scope="module")
def photo_session(server: Running) -> str:
    """A session of a photo whose edit was put back."""
    with server.client() as client:
        begin(client, opened(server, photo(kind="JPEG")))
        session = finished(client)["session"]
        dragged(client)
        return session


def test_a_photo_becomes_a_session_that_drags_and_goes_back_into_the_photo(server: Running):
    data = photo()
    with server.client() as client:
        name = opened(server, data)
        client.send("find_frame", id=3, photo=name, model="tiny")
        found = client.until("found_frame")
        assert found["faces"] == [] and "place the frame yourself" in found["text"]
        assert found["frame"] == {"x": 39.5, "y": 29.5, "size": 60, "angle": 0}
        begin(client, name)
        until_state(client, "projection")
        last = until_state(client, "tuning")
        assert (last["step"], last["total"]) == (1, 20) and last["lpips"] > 0 and last["seconds_left"] > 0
        assert pixels(client.picture("photo")["data"]).shape == (32, 32, 3)
        state = finished(client)
        assert state["photo"]["name"] == "holiday" and (state["photo"]["width"], state["photo"]["height"]) == (80, 60)
        assert "LPIPS" in state["photo"]["figures"] and state["photo"]["verdict"]
        assert state["nodes"][0]["label"] == "Photo holiday" and state["name"] == "holiday"
        client.send("list_sessions", id=5)
        assert client.until("sessions")["sessions"][0]["picture"] == state["nodes"][0]["picture"]
        dragged(client)
        kind, whole = fetch(server, client, kind="png", scope="photo")
        before = pixels(data)
        after = pixels(whole)
        assert kind == "holiday-edited.png" and after.shape == before.shape
        np.testing.assert_array_equal(after[:, :14], before[:, :14])  # left of the frame
        assert np.abs(after[10:50, 20:60].astype(int) - before[10:50, 20:60]).mean() > 0.5

        client.send("undo")
        client.send("undo")
        client.until("state", lambda state: state["cursor"] == state["original"])


def test_what_it_is_compared_with_is_the_photo(server: Running, photo_session: str):
    with server.client() as client:
        client.send("open_session", session=photo_session)
        shown = pixels(client.picture("original")["data"])
    from draglab.inversion import Frame, cut

    wanted = cut(pixels(photo(kind="JPEG")), Frame(**FRAME), (32, 32))
    assert np.abs(shown.astype(int) - wanted).mean() < 1


def test_its_file_is_saved_opened_again_and_drags_to_the_same_picture(server: Running, photo_session: str):
    with server.client() as client:
        client.send("open_session", session=photo_session)
        client.until("state")
        name, file = fetch(server, client, kind="draglab")
        edit_name, edit = fetch(server, client, kind="json")
        _, picture = fetch(server, client, kind="png")
        assert name == "holiday.draglab" and edit_name == "holiday-round1.json"
        assert b'"holiday.draglab"' in edit
        client.send("describe", id=4, **{"as": "python"})
        assert "draglab.load_photo('holiday.draglab').generator" in client.until("text")["text"]

        answer = upload(server, file, "holiday.draglab", "inverted")
        assert answer.status == 200, answer.body
        client.send("open_session", session=answer.json()["session"])
        state = client.until("state")
        assert state["photo"]["name"] == "holiday" and state["photo"]["kind"] == "png"
        dragged(client)
        _, again = fetch(server, client, kind="png")
    np.testing.assert_array_equal(pixels(again), pixels(picture))

    answer = upload(server, edit, "a.json", "edit")
    assert answer.status == 400 and "open 'holiday'.draglab instead" in answer.json()["error"]


def test_it_opens_again_after_a_restart_and_goes_with_its_session(start, models):
    first = start()
    with first.client() as client:
        begin(client, opened(first))
        session = finished(client)["session"]
        dragged(client)
        _, picture = fetch(first, client, kind="png")
    folder = photos_folder(first)
    assert len(list(folder.iterdir())) == 1
    first.editor.worker.call(first.editor.sessions.close).result()

    second = start()
    with second.client() as client:
        client.send("open_session", session=session)
        client.until("state")
        _, again = fetch(second, client, kind="png")
        np.testing.assert_array_equal(pixels(again), pixels(picture))
        client.send("forget_session", session=session, id=5)
        wait_for(lambda: not list(folder.iterdir()))


def test_stop_keeps_the_best_so_far_and_cancel_drops_it(server: Running):
    with server.client() as client:
        name = opened(server)
        begin(client, name, "best")
        until_state(client, "projection")
        client.send("stop_photo", photo=name)
        assert "+ 0 steps" in finished(client)["photo"]["figures"]

        name = opened(server)
        begin(client, name, "best")
        until_state(client, "projection")
        client.send("cancel_photo", photo=name)
        client.until("photo_work", lambda work: not work["photos"])
        folder = photos_folder(server)
        wait_for(lambda: not list(folder.glob("*.unfinished")))


def test_one_that_was_ended_goes_on_where_it_was(start, monkeypatch):
    """As after kill -9: another server finds it on disk."""
    monkeypatch.setattr("draglab.inversion.resume.INTERVAL", 0.0)
    first = start()
    inverter = first.editor.inverter
    with first.client() as client:
        begin(client, opened(first), "best")
        client.until("photo_work", lambda work: work["photos"][0]["step"] >= 5)
        inverter.close()
        inverter._thread.join()

    second = start()
    with second.client(hello=False) as client:
        client.send("hello", protocol=1, token=second.token, height=32)
        (left,) = client.until("welcome")["photos"]["photos"]
        assert (left["state"], left["name"], left["model"]) == ("unfinished", "holiday", "tiny")
        assert second.request("GET", f"/photos/{left['photo']}", authorization=f"Bearer {second.token}").status == 200
        client.send("resume_photo", id=2, photo=left["photo"])
        view = until_state(client, "projection")
        assert view["step"] > 5
        client.send("stop_photo", photo=left["photo"])
        finished(client)
    assert not list(photos_folder(second).glob("*.unfinished"))


def test_a_damaged_state_is_begun_anew(start):
    first = start()
    with first.client() as client:
        begin(client, opened(first), "best")
        until_state(client, "projection")
        first.editor.inverter.close()
        first.editor.inverter._thread.join()
    (state,) = photos_folder(first).glob("*.unfinished/result.resume")
    state.write_bytes(b"x" * 1000)
    second = start()
    with second.client(hello=False) as client:
        client.send("hello", protocol=1, token=second.token, height=32)
        (left,) = client.until("welcome")["photos"]["photos"]
        client.send("resume_photo", id=2, photo=left["photo"])
        assert until_state(client, "projection")["step"] == 1
        client.send("stop_photo", photo=left["photo"])
        finished(client)


def test_what_is_no_photo_is_refused_with_a_sentence(server: Running):
    answer = upload(server, b"not a picture", "a.png")
    assert answer.status == 400 and answer.json()["error"].startswith("the photo is not a picture that can be read")
    answer = upload(server, b"{}", "a.draglab", "inverted")
    assert answer.status == 400 and answer.json()["error"].startswith("the file is not an inverted photo")
    assert upload(server, photo(8, 8)).json()["error"].endswith("too small to show anything; give a larger picture")
    assert server.request("POST", "/upload/photo", photo()).status == 401
    assert server.request("GET", "/photos/abc").status == 401


def test_limit_photo_pixels(start):
    answer = upload(start(limits=Limits(photo_pixels=4000)), photo(60, 80, "JPEG"))
    assert answer.status == 400 and "0.004 million pixels" in answer.json()["error"]


def test_limit_photo_bytes(start):
    answer = upload(start(limits=Limits(photo_bytes=3000)), photo(600, 800))
    assert answer.status == 413 and "limit 'photo_bytes'" in answer.json()["error"]


def test_limit_photo_file_bytes(start):
    answer = upload(start(limits=Limits(photo_file_bytes=3000)), b"x" * 3001, "a.draglab", "inverted")
    assert answer.status == 413 and "limit 'photo_file_bytes'" in answer.json()["error"]


def test_limit_photos_per_person(start):
    server = start(limits=Limits(photos_per_person=1))
    with server.client() as client:
        begin(client, opened(server), "best")
        answer = upload(server, photo())
        assert answer.status == 400 and "limit 'photos_per_person'" in answer.json()["error"]
        client.send("cancel_photo", photo=client.received[-1]["photo"])
        client.until("photo_work", lambda work: not work["photos"])
        assert upload(server, photo()).status == 200


def test_limit_photos(start):
    """Of those that are only opened the oldest goes; of those under way, none."""
    server = start(limits=Limits(photos=1), token="a-token-of-enough-letters")
    first = opened(server)
    second = upload(server, photo(), cookie="draglab_person=somebody").json()["photo"]
    with server.client() as client:
        client.send("find_frame", id=1, photo=first, model="tiny")
        assert "no longer there" in client.until_error()["message"]
    with server.client(cookie="draglab_person=somebody") as client:
        begin(client, second, "best")
        answer = upload(server, photo())
        assert answer.status == 400 and "limit 'photos'" in answer.json()["error"]


def test_a_frame_that_does_not_fit_is_refused(server: Running):
    with server.client() as client:
        name = opened(server)
        client.send("invert_photo", id=7, photo=name, model="tiny", frame={**FRAME, "x": 500.0})
        assert "outside the photo" in client.until_error()["message"]
        client.send("invert_photo", id=8, photo="abc", model="tiny", frame=FRAME)
        assert "no longer there" in client.until_error()["message"]


def test_another_persons_photo_is_not_there(start):
    shared = start(token="a-token-of-enough-letters")
    name = opened(shared)
    cookie = "draglab_person=somebody"
    with shared.client(cookie=cookie) as client:
        client.send("find_frame", id=3, photo=name, model="tiny")
        assert "no longer there" in client.until_error()["message"]
    headers = {"authorization": f"Bearer {shared.token}", "cookie": cookie}
    assert shared.request("GET", f"/photos/{name}", **headers).status == 404
    assert shared.request("GET", f"/photos/{name}", authorization=f"Bearer {shared.token}").status == 200


def test_the_heat_map_is_a_picture(server: Running, photo_session: str):
    answer = server.request("GET", f"/heat-maps/{photo_session}", authorization=f"Bearer {server.token}")
    assert answer.status == 200 and pixels(answer.body).shape[2] == 3
    with server.client() as client:
        plain = client.begin(model="tiny", seed=1)
    answer = server.request("GET", f"/heat-maps/{plain}", authorization=f"Bearer {server.token}")
    assert answer.status == 404 and "not a photo" in answer.json()["error"]


def test_a_hand_that_pauses_counts_as_a_drag(server: Running):
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        wait_for(lambda: server.editor.inverter._drags() == 0)
        point = {"id": 1, "handle": [8, 9], "target": [9, 9]}
        client.send("pull", points=[point], gesture=1)
        wait_for(lambda: server.editor.sessions.pulling == 1 and server.editor.worker.running == 0)
        assert server.editor.inverter._drags() == 1
        client.send("take_back")
        wait_for(lambda: server.editor.inverter._drags() == 0)


def test_drags_go_on_beside_an_inversion(server: Running):
    with server.client() as client:
        name = opened(server)
        begin(client, name, "best")
        until_state(client, "projection")
        client.begin(model="tiny", seed=1)
        client.drag_without_end()
        steps = []
        while len(steps) < 20:
            message = client.next()
            steps += [message] if message["type"] == "progress" else []
        assert any(each["type"] == "photo_work" for each in client.received)
        client.send("stop")
        client.send("cancel_photo", photo=name)
        client.until("photo_work", lambda work: not work["photos"])
