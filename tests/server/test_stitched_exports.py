"""Whole photos whose border is blended by tuning: progress, cancel, limits, and other people's drags meanwhile."""

import time

import numpy as np
import pytest

from draglab import load_photo
from draglab.inversion.stitching import STEPS, Stitching
from draglab.server.limits import Limits
from tests.server.photo_files import pixels
from tests.server.running_server import Client, Running, wait_for
from tests.server.test_photos import begin, dragged, fetch, finished, opened

STITCHED = {"kind": "png", "scope": "photo", "stitch": True}


def photo_session(server: Running) -> str:
    """A session of a photo that was edited."""
    with server.client() as client:
        begin(client, opened(server))
        session = finished(client)["session"]
        dragged(client)
        return session


@pytest.fixture(scope="module")
def session(server: Running) -> str:
    return photo_session(server)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that take as long as those of a larger model."""
    step = Stitching.step
    monkeypatch.setattr(Stitching, "step", lambda self: (time.sleep(0.1), step(self))[1])


def show(client: Client, session: str) -> None:
    client.send("open_session", session=session)
    client.until("state", lambda state: state["session"] == session)


def test_it_is_what_the_command_line_makes(server: Running, session: str, tmp_path):
    with server.client() as client:
        show(client, session)
        _, plain = fetch(server, client, kind="png", scope="photo")
        client.received.clear()
        name, whole = fetch(server, client, **STITCHED)
        said = [each for each in client.received if each["type"] == "export_progress"]
        assert [each["share"] for each in said] == pytest.approx([step / STEPS for step in range(STEPS + 1)])
        assert {each["export"] for each in said} == {9}
        _, file = fetch(server, client, kind="draglab")
        _, latent = fetch(server, client, kind="npz")
    assert name == "holiday-edited.png"
    for suffix, data in (("draglab", file), ("npz", latent)):
        (tmp_path / f"photo.{suffix}").write_bytes(data)
    inverted = load_photo(tmp_path / "photo.draglab", model=server.editor.loaded.get("tiny"))
    w_plus = inverted.w_plus.new_tensor(np.load(tmp_path / "photo.npz")["w_plus"])
    np.testing.assert_allclose(pixels(whole).astype(int), inverted.stitch(w_plus), atol=1)
    assert (pixels(whole) != pixels(plain)).any()


@pytest.mark.usefixtures("slow")
def test_it_can_be_cancelled_while_others_drag(server: Running, session: str):
    with server.client() as client, server.client() as other:
        show(client, session)
        other.begin(model="tiny", seed=1)
        other.drag_without_end()
        client.send("export", id=12, **STITCHED)
        client.until("export_progress", lambda said: said["share"] > 0)
        other.received.clear()
        for _ in range(5):
            other.until("progress")
        share = client.until("export_progress")["share"]
        client.send("cancel_export", export=11)
        assert client.until("export_progress")["share"] > share
        client.send("cancel_export", export=12)
        assert client.until_error() == {
            "type": "error",
            "id": 12,
            "message": "cancelled: no file was made",
            "fatal": False,
        }
        assert client.received[-2]["share"] < 1
        assert not server.editor.exports._making and not server.editor.exports._stitched
        # It can be made after all, and the session can be used.
        dragged(client)
        client.send("export", id=13, **STITCHED)
        client.until("export_progress")
        client.send("cancel_export", export=13)
        client.until_error()


@pytest.mark.usefixtures("slow")
def test_it_ends_with_the_page(server: Running, session: str):
    with server.client() as client:
        show(client, session)
        client.send("export", id=12, **STITCHED)
        client.until("export_progress")
        assert server.editor.exports._stitched
    wait_for(lambda: not server.editor.exports._stitched and not server.editor.exports._making)


@pytest.mark.usefixtures("slow")
def test_limit_stitched(start):
    server = start(limits=Limits(stitched=1))
    session = photo_session(server)
    with server.client() as client:
        show(client, session)
        client.send("export", id=1, **STITCHED)
        client.until("export_progress")
        client.send("export", id=2, **STITCHED)
        problem = client.until_error()
        assert problem["id"] == 2 and "limit 'stitched'" in problem["message"]
        client.send("cancel_export", export=1)
        client.until_error()
        client.send("export", id=3, **STITCHED)
        client.until("export_progress", lambda said: said["export"] == 3)


def test_only_a_whole_photo_is_stitched(server: Running, session: str):
    with server.client() as client:
        show(client, session)
        client.send("export", id=4, kind="png", scope="image", stitch=True)
        assert "choose the scope photo" in client.until_error()["message"]
        assert not server.editor.exports._stitched
