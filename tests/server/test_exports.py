import io
import json
import threading
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from draglab.media.edit_file import parse_edit_file
from draglab.server.exports import Exports, content_disposition, read
from draglab.server.file_names import safe
from draglab.server.limits import Limits
from tests.provenance import accepted, origin_in


@pytest.fixture
def exports():
    one = Exports(Limits())
    yield one
    one.close()


def offered(exports: Exports, owner: str | None = None) -> tuple[str, Path]:
    path = exports.begin(owner, "png")
    path.write_bytes(b"picture" * 100)
    return exports.offer(path, "a.png").removeprefix("/exports/"), path


def test_a_file_is_given_out_once_and_deleted(exports):
    name, _ = offered(exports)
    offer = exports.take(name, None)
    assert offer is not None
    assert b"".join(read(offer, chunk=50)) == b"picture" * 100
    assert not offer.path.exists()
    assert exports.take(name, None) is None


def test_a_file_is_deleted_when_its_reader_leaves(exports):
    name, _ = offered(exports)
    offer = exports.take(name, None)
    assert offer is not None
    reading = read(offer, chunk=50)
    next(reading)
    reading.close()
    assert not offer.path.exists()


def test_a_file_is_for_who_asked_for_it(exports):
    name, _ = offered(exports, "anna")
    assert exports.take(name, "bert") is None
    assert exports.take(name, None) is None
    assert exports.take(name, "anna") is not None


def test_nothing_is_left_at_the_end():
    exports = Exports(Limits())
    _, path = offered(exports)
    exports.close()
    assert not path.exists() and not path.parent.exists()


def edited(server, client) -> None:
    client.begin(model="tiny", seed=3)
    start = next(each for each in reversed(client.received) if each["type"] == "state")["cursor"]
    client.send("set_settings", settings={"max_steps": 3, "stop_distance": 1e-9})
    client.send("set_points", points=[{"id": 1, "handle": [8, 9], "target": [14, 9]}], done=True)
    client.send("run")
    client.until("ended")
    # One of the start may still be on its way.
    client.until("picture", lambda picture: picture["kind"] == "current" and picture["node"] != start)


def fetch(server, message):
    return server.request("GET", message["url"], authorization=f"Bearer {server.token}")


def test_an_exported_picture_is_the_one_that_is_shown(server):
    with server.client() as client:
        edited(server, client)
        shown = np.asarray(Image.open(io.BytesIO(client.received[-1]["data"])))
        client.send("export", kind="png", id=5)
        ready = client.until("export_ready")
        assert ready["id"] == 5 and ready["name"] == "tiny-seed3-round1.png"
        # HEAD does not use it up.
        assert server.request("HEAD", ready["url"], authorization=f"Bearer {server.token}").status == 405
        answer = fetch(server, ready)
        assert answer.status == 200 and len(answer.body) == ready["bytes"]
        assert answer.headers["content-disposition"] == 'attachment; filename="tiny-seed3-round1.png"'
        assert (np.asarray(Image.open(io.BytesIO(answer.body))) == shown).all()
        assert fetch(server, ready).status == 404


def test_downloads_say_how_they_were_made_and_are_signed(server, signing):
    with server.client() as client:
        edited(server, client)
        for kind, scope in (("png", "image"), ("jpg", "image"), ("webp", "image"), ("mp4", "round")):
            client.send("export", kind=kind, scope=scope)
            answer = fetch(server, client.until("export_ready"))
            assert accepted(answer.body, "trainedAlgorithmicMedia").rounds == 1


def test_an_exported_edit_file_becomes_the_same_session_again(server):
    with server.client() as client:
        edited(server, client)
        shown = client.received[-1]["data"]
        client.send("export", kind="json")
        body = fetch(server, client.until("export_ready")).body
        assert parse_edit_file(body).rounds[0].steps == 3
        # The file may come from a machine where the model is somewhere else.
        content = json.loads(body)
        content["model"]["name"] = "C:\\models\\tiny.safetensors"
        body = json.dumps(content).encode()
        answer = server.request("POST", "/upload/edit", body, authorization=f"Bearer {server.token}")
        assert answer.status == 200
        client.send("open_session", session=answer.json()["session"])
        # Pictures of its steps may come before, and the state before or after it.
        client.until("picture", lambda message: message["kind"] == "current" and message["data"] == shown)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{}", 400), (b"[" * 100_000, 400), (b"\xff\xfe", 400), (b'{"format": "draglab-edit"}', 400)],
)
def test_a_broken_edit_file_is_refused(server, body, status):
    answer = server.request("POST", "/upload/edit", body, authorization=f"Bearer {server.token}")
    assert answer.status == status and "\n" not in answer.json()["error"]


def test_a_picture_is_told_from_a_broken_edit_file(server):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="PNG")
    answer = server.request("POST", "/upload/edit", buffer.getvalue(), authorization=f"Bearer {server.token}")
    assert answer.status == 400
    assert answer.json()["error"].startswith("this file is a PNG picture, not an edit file: ")


@pytest.mark.parametrize("name", ["nothing", "../../tiny2", "/etc/passwd", "\n" * 4096])
def test_an_edit_file_of_a_model_that_is_not_here_is_refused(server, name):
    model = {"name": name, "sha256": "0" * 64}
    one = {"points": [{"handle": [8, 9], "target": [14, 9]}]}
    content = {"format": "draglab-edit", "version": 1, "model": model, "start": {"seed": 1}, "rounds": [one]}
    body = json.dumps(content).encode()
    answer = server.request("POST", "/upload/edit", body, authorization=f"Bearer {server.token}")
    assert answer.status == 400 and "not here" in answer.json()["error"] and len(answer.body) < 600


def test_a_long_export_lets_others_go_on(server):
    """The worker makes an export a picture at a time."""
    with server.client() as one, server.client() as other:
        edited(server, one)
        other.begin(model="tiny", seed=1)
        other.drag_without_end()
        begun, go_on = threading.Event(), threading.Event()
        server.editor.worker.call(lambda: (begun.set(), go_on.wait(20)))
        assert begun.wait(20)
        one.send("export", kind="mp4", scope="round")
        one.send("describe", **{"as": "python"})
        go_on.set()
        other.received.clear()
        ready = one.until("export_ready")
        assert [message["type"] for message in one.received].index("text") < len(one.received) - 1
        assert fetch(server, ready).body[4:8] == b"ftyp"
        other.until("progress")
        other.send("stop")
        other.until("ended")


@pytest.mark.parametrize("name", ["顔", "лицо", "face 1", 'a"b', "a%41\\b", "ünder", "a\r\nb: c", "🙂"])
def test_a_model_of_any_name_is_exported(start, models, tmp_path, name):
    folder = tmp_path / "models"
    folder.mkdir()
    name_on_disk = name.replace("\r\n", "")
    (folder / f"{name_on_disk}.safetensors").write_bytes((models / "tiny.safetensors").read_bytes())
    server = start(models=folder)
    with server.client() as client:
        client.begin(model=name_on_disk, seed=3)
        client.send("export", kind="png")
        ready = client.until("export_ready")
        assert ready["name"] == f"{safe(name_on_disk) or 'draglab'}-seed3.png"
        answer = fetch(server, ready)
        assert answer.status == 200 and len(answer.body) == ready["bytes"]
        header = answer.headers["content-disposition"]
        assert unquote(header.partition("filename*=UTF-8''")[2]) == ready["name"] or f'"{ready["name"]}"' in header


@pytest.mark.parametrize("name", ["顔.png", 'a"b.png', "a\r\nSet-Cookie: b", "\udcff.png", "a%41.png", "\0"])
def test_a_file_s_name_stays_within_its_header(name):
    header = content_disposition(name)
    assert header.isascii() and header.isprintable() and header.count('"') == 2


def test_the_visible_mark_is_on_what_asks_for_it(server):
    with server.client() as client:
        edited(server, client)
        marked = []
        for id, asked in ((31, {"mark": True}), (32, {})):
            client.send("export", kind="png", id=id, **asked)
            ready = client.until("export_ready", lambda message, id=id: message["id"] == id)
            marked.append(origin_in(fetch(server, ready).body).marked)
    assert marked == [True, False]


def test_the_page_is_told_when_everything_is_marked(server, monkeypatch):
    for value, marks in (("off", False), ("on", True)):
        monkeypatch.setenv("DRAGLAB_MARK", value)
        with server.client() as client:
            client.begin(model="tiny", seed=3)
            assert next(each for each in client.received if each["type"] == "welcome")["marks"] is marks
