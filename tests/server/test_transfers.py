"""The edit of a page's image done to other seeds: results one by one, drags first, what is kept, the limits."""

from __future__ import annotations

import io
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from draglab.checkpoints import load_generator
from draglab.editor import transfer
from draglab.editor.replay import Replay
from draglab.media.edit_file import SeedStart, parse_edit_file
from draglab.server.limits import Limits
from draglab.server.outbox import Picture
from draglab.server.pictures import encode
from tests.provenance import origin_in
from tests.server import test_photos
from tests.server.running_server import Client, Running, wait_for

POINT = {"id": 1, "handle": [8, 9], "target": [11, 10]}
SOURCE = 1
"""Seed of the image that is dragged. In the same image, every handle is found."""


@pytest.fixture(autouse=True)
def _all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any place for a handle's: images of a model without training have no parts that are alike."""
    for name, value in (("LEAST_SCORE", -2.0), ("LEAST_MARGIN", -2.0), ("MOST_RETURN", 1e9)):
        monkeypatch.setattr(transfer, name, value)


def dragged(client: Client, **settings: object) -> str:
    """A session with one round of five steps; its id."""
    session = client.begin(model="tiny", seed=SOURCE)
    client.send("set_settings", settings={"max_steps": 5, **settings})
    client.send("set_points", points=[POINT], done=True)
    client.send("run")
    client.until("ended")
    client.picture("current")
    return session


def result(client: Client, seed: int) -> dict[str, object]:
    """What is said of a seed in the end."""
    return client.until("transfer_seed", lambda message: message["seed"] == seed and message["state"] != "working")


def test_results_come_one_by_one_with_pictures_before_and_after(server: Running) -> None:
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=[3, SOURCE, 4], height=32, id=9)
        assert client.until("transfer_begun")["id"] == 9
        assert [result(client, seed)["state"] for seed in (3, SOURCE, 4)] == ["done"] * 3
        pictures = {(one["kind"], one["seed"]): one["data"] for one in client.received if one.get("seed") is not None
                    and one["type"] == "picture"}  # fmt: skip
        assert set(pictures) == {(kind, seed) for kind in ("before", "after") for seed in (3, SOURCE, 4)}
        shown = {key: np.asarray(Image.open(io.BytesIO(data)), np.int64) for key, data in pictures.items()}
        assert all(np.abs(shown["before", seed] - shown["after", seed]).max() > 0 for seed in (3, SOURCE, 4))


def test_without_an_edit_or_while_a_drag_runs_nothing_begins(server: Running) -> None:
    with server.client() as client:
        client.begin(model="tiny", seed=SOURCE)
        client.send("transfer_to", seeds=[3], height=32)
        assert "drag something first" in client.until_error()["message"]
        client.send("transfer_to", seeds=[3], height=32, more=True)
        assert "begin again" in client.until_error()["message"]
        client.send("keep_transferred", seed=3)
        assert "no result for seed 3" in client.until_error()["message"]
        client.drag_without_end()
        client.send("transfer_to", seeds=[3], height=32)
        assert "a drag is running" in client.until_error()["message"]
        client.send("stop")
        client.until("ended")


def test_a_seed_where_nothing_is_found_is_skipped_with_the_reason(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "LEAST_SCORE", 0.95)
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=[3, SOURCE], height=32)
        skipped = result(client, 3)
        assert skipped["state"] == "skipped" and "nothing in the image is like it" in str(skipped["text"])
        assert result(client, SOURCE)["state"] == "done", "the next one is made all the same"
        client.send("keep_transferred", seed=3)
        assert "no result for seed 3" in client.until_error()["message"]


def test_what_is_kept_is_a_session_with_its_history(server: Running) -> None:
    with server.client() as client:
        source = dragged(client)
        client.send("rename_session", session=source, name="Nose")
        client.send("transfer_to", seeds=[3], height=32)
        after = client.picture("after")
        result(client, 3)
        client.send("keep_transferred", seed=3, id=5)
        kept = client.until("transfer_kept")
        assert (kept["id"], kept["seed"]) == (5, 3)
        client.send("open_session", session=kept["session"])
        view = client.until("state", lambda message: message["state"] == "idle" and message["nodes"][-1]["end"])
        assert view["start"]["seed"] == 3 and view["can_undo"]
        assert [node["kind"] for node in view["nodes"]] == ["start", "points", "round"]
        current = client.picture("current")
        # The picture of the result is a JPEG.
        again = encode(Picture("after", pixels(current["data"]).astype(np.uint8), seed=3))
        assert again.endswith(after["data"]), "it is another image than the result"
        client.send("undo")
        client.until("state", lambda message: message["cursor"] == view["nodes"][1]["id"])

        def row() -> dict[str, object]:
            client.send("list_sessions", id=1)
            sessions = client.until("sessions")["sessions"]
            return next(each for each in sessions if each["id"] == kept["session"])

        wait_for(lambda: row()["picture"] is not None)
        assert row()["name"] == "Nose, seed 3" and row()["rounds"] == 1


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int64)


def test_kept_ones_are_saved_together_as_pictures_and_edit_files(server: Running) -> None:
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=[3, 4], height=32)
        sessions = []
        for seed in (3, 4):
            result(client, seed)
        for seed in (3, 4):
            client.send("keep_transferred", seed=seed)
            sessions.append(client.until("transfer_kept")["session"])
        wait_for(lambda: not server.editor.sessions.running(None))
        client.send("export_sessions", sessions=[*sessions, sessions[0]], id=8)
        ready = client.until("export_ready")
        assert ready["id"] == 8 and ready["name"] == "tiny-3-images.zip"
        answer = server.request("GET", ready["url"], authorization=f"Bearer {server.token}")
        archive = zipfile.ZipFile(io.BytesIO(answer.body))
        names = [f"{name}.{kind}" for name in ("seed3", "seed4", "seed3-2") for kind in ("png", "json")]
        assert archive.namelist() == names
        generator = load_generator(server.editor.library.path("tiny"), "cpu")
        for name in ("seed3", "seed4"):
            edit = parse_edit_file(archive.read(f"{name}.json"))
            assert isinstance(edit.start, SeedStart) and edit.start.seed == int(name.removeprefix("seed"))
            replay = Replay(edit, generator)
            for _ in replay:
                pass
            assert np.array_equal(replay.image(), pixels(archive.read(f"{name}.png")))
        assert not origin_in(archive.read("seed3.png")).marked
        client.send("export_sessions", sessions=sessions, id=9, mark=True)
        ready = client.until("export_ready", lambda message: message["id"] == 9)
        answer = server.request("GET", ready["url"], authorization=f"Bearer {server.token}")
        assert origin_in(zipfile.ZipFile(io.BytesIO(answer.body)).read("seed3.png")).marked


def test_the_edit_of_a_photo_is_done_to_images_of_its_model(server: Running) -> None:
    with server.client() as client:
        test_photos.begin(client, test_photos.opened(server))
        session = test_photos.finished(client)["session"]
        test_photos.dragged(client)
        client.send("transfer_to", seeds=[3], height=32)
        assert result(client, 3)["state"] == "done"
        client.send("keep_transferred", seed=3)
        kept = client.until("transfer_kept")["session"]
        client.send("open_session", session=kept)
        view = client.until("state", lambda message: message["session"] == kept and message["state"] == "idle")
        assert (view["start"]["seed"], view["model"], view["photo"]) == (3, "tiny", None)
        assert view["nodes"][-1]["kind"] == "round"
        client.send("export_sessions", sessions=[session])
        assert "no photos" in client.until_error()["message"]


def test_sessions_of_others_are_not_exported(start, tmp_path) -> None:
    server = start(token="a" * 16)
    with server.client(cookie=cookie("anna")) as anna, server.client(cookie=cookie("bert")) as bert:
        session = dragged(anna)
        bert.send("export_sessions", sessions=[session])
        assert "no longer there" in bert.until_error()["message"]
        bert.send("export_sessions", sessions=[])
        assert "nothing to export" in bert.until_error()["message"]
        anna.send("export_sessions", sessions=[session])
        anna.until("export_ready")


def cookie(person: str) -> str:
    from draglab.server.security import PERSON

    return f"{PERSON}={person.encode().hex():0<64}"


def endless(client: Client) -> str:
    """A session whose edit, done elsewhere, takes for ever."""
    session = client.begin(model="tiny", seed=SOURCE)
    client.drag_without_end()
    client.send("stop")
    client.until("ended")
    return session


def test_it_stops_within_a_step_and_goes_on_with_more(server: Running) -> None:
    with server.client() as client:
        endless(client)
        client.send("transfer_to", seeds=[3, 4], height=32)
        client.until("transfer_seed", lambda message: message["state"] == "working")
        client.send("stop_transfer")
        wait_for(lambda: server.editor.worker.running == 0)
        client.send("transfer_to", seeds=[5], height=32, more=True)
        working = client.until("transfer_seed")
        assert (working["seed"], working["state"]) == (5, "working"), "a seed of before was still waiting"
        client.send("stop_transfer", close=True)
        wait_for(lambda: server.editor.worker.running == 0)
        client.send("transfer_to", seeds=[5], height=32, more=True)
        assert "begin again" in client.until_error()["message"]


def test_it_ends_with_its_page(server: Running) -> None:
    with server.client() as client:
        endless(client)
        client.send("transfer_to", seeds=[3, 4], height=32)
        client.until("transfer_seed")
        assert server.editor.worker.running == 1
    wait_for(lambda: server.editor.worker.running == 0)


def test_it_rests_while_a_drag_of_its_person_runs_and_goes_on_in_another_session(server: Running) -> None:
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=list(range(10, 30)), height=32)
        client.until("transfer_seed")
        client.begin(seed=2)
        client.drag_without_end()
        # What was sent before the drag began.
        time.sleep(0.3)
        client.send("list_sessions", id=1)
        client.until("sessions")
        client.send("list_sessions", id=2)
        time.sleep(0.5)
        seen = len(client.received)
        client.until("sessions")
        said = [message["type"] for message in client.received[seen:]]
        assert "progress" in said and "transfer_seed" not in said
        client.send("stop")
        assert result(client, 29)["state"] == "done"


def test_limit_transfer_seeds(start) -> None:
    server = start(limits=Limits(transfer_seeds=3))
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=[1, 2, 3, 4], height=32)
        assert "limit 'transfer_seeds'" in client.until_error()["message"]
        client.send("transfer_to", seeds=[1, 2, 3], height=32)
        assert result(client, 3)["state"] == "done"


def test_limit_transfer_results(start) -> None:
    server = start(limits=Limits(transfer_results=4))
    with server.client() as client:
        dragged(client)
        client.send("transfer_to", seeds=[2, 3, 4], height=32)
        result(client, 4)
        client.send("transfer_to", seeds=[4, 5], height=32, more=True)  # one of them is there already
        result(client, 5)
        client.send("transfer_to", seeds=[6], height=32, more=True)
        assert "limit 'transfer_results'" in client.until_error()["message"]
        client.send("export_sessions", sessions=["a"] * 5)
        assert "limit 'transfer_results'" in client.until_error()["message"]
