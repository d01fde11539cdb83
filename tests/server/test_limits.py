"""Every limit is gone over once."""

import base64
import io
import json
import threading
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from draglab.errors import DraglabError
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.outbox import Outbox, Picture
from draglab.server.worker import Worker
from tests.server.running_server import Running, wait_for
from tests.server.stub import StubSession, open_stub

POINT = {"id": 1, "handle": [8, 9], "target": [14, 9]}
ROUND = {"start": {"seed": 1}, "model": "tiny", "points": [{"handle": [8, 9], "target": [14, 9]}]}
ENDLESS = {**ROUND, "settings": {"max_steps": 10_000, "stop_distance": 1e-9, "patience": None}}


@pytest.fixture(scope="module")
def small(models, tmp_path_factory):
    """A server whose limits are low."""
    from draglab.server.app import Options
    from tests.server.running_server import running

    limits = Limits(
        message_bytes=4000,
        upload_bytes=3000,
        points=2,
        settings=2,
        mask_pixels=100,
        picture_height=16,
        seeds=3,
        clients=3,
        sessions_per_client=2,
        hello_seconds=1.0,
        exports=1,
        drags=1,
        drags_kept=2,
        drag_steps=10_000,
    )
    with running(Options(models=models, data=tmp_path_factory.mktemp("data"), limits=limits)) as one:
        yield one


def test_every_limit_has_its_test():
    folder = Path(__file__).parent
    names = (
        "test_limits.py",
        "test_gate.py",
        "test_people.py",
        "test_photos.py",
        "test_stitched_exports.py",
        "test_service.py",
        "test_drag_limits.py",
        "test_transfers.py",
        "test_api_photos.py",
    )
    tests = [folder / name for name in names]
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    for field in fields(Limits):
        assert f"def test_limit_{field.name}(" in text, field.name


def mask(side: int) -> str:
    buffer = io.BytesIO()
    Image.new("1", (side, side), 1).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def edit_file(points: int = 1, **changes) -> bytes:
    one = {"points": [{"handle": [8 + n, 9], "target": [14, 9]} for n in range(points)], **changes}
    model = {"name": "tiny", "sha256": "0" * 64}
    content = {"format": "draglab-edit", "version": 1, "model": model, "start": {"seed": 1}, "rounds": [one]}
    return json.dumps(content).encode()


def upload(server: Running, body: bytes):
    return server.request("POST", "/upload/edit", body, authorization=f"Bearer {server.token}")


def refused(server: Running, name: str, **message) -> None:
    """A message is answered by an error that names the limit; the socket stays open."""
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        client.send(**message, id=7)
        error = client.until_error()
        assert error["id"] == 7 and not error["fatal"] and f"'{name}'" in error["message"]
        client.send("set_points", points=[POINT], done=True)
        client.until("state")


def test_limit_message_bytes(small):
    with small.client() as client:
        client.send("set_mask", png="A" * 5000)
        with pytest.raises(ConnectionClosed) as caught:
            client.until("state")
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009
    answer = small.api("POST", "/drags", {**ROUND, "mask": "A" * 5000})
    assert answer.status == 413 and "'message_bytes'" in answer.json()["error"]


def test_limit_upload_bytes(small):
    answer = upload(small, b" " * 3001)
    assert answer.status == 413 and "'upload_bytes'" in answer.json()["error"]


def test_limit_points(small):
    refused(small, "points", type="set_points", points=[{**POINT, "id": n} for n in range(3)], done=True)
    answer = small.api("POST", "/drags", {**ROUND, "points": ROUND["points"] * 3})
    assert answer.status == 400 and "'points'" in answer.json()["error"]
    answer = upload(small, edit_file(points=3))
    assert answer.status == 400 and "'points'" in answer.json()["error"]


def test_limit_rounds(start):
    server = start(limits=Limits(rounds=2))
    content = json.loads(edit_file())
    content["rounds"] *= 3
    answer = upload(server, json.dumps(content).encode())
    assert answer.status == 400 and "'rounds'" in answer.json()["error"]


def test_limit_settings(small):
    refused(small, "settings", type="set_settings", settings={"r1": 1, "r2": 2, "anchor": 1})
    refused(small, "settings", type="reset_settings", names=["r1", "r2", "anchor"])


def test_limit_mask_pixels(small):
    refused(small, "mask_pixels", type="set_mask", png=mask(11))
    answer = small.api("POST", "/drags", {**ROUND, "mask": mask(11)})
    assert answer.status == 400 and "'mask_pixels'" in answer.json()["error"]
    answer = upload(small, edit_file(mask=mask(11)))
    assert answer.status == 400 and "'mask_pixels'" in answer.json()["error"]


def test_limit_picture_height(small):
    with small.client(height=1000) as client:
        client.begin(model="tiny", seed=1)
        assert client.received[-1]["height"] == 16
        client.send("seeds", seeds=[1], truncation_psi=1, height=1000)
        assert client.picture("seed")["height"] == 16


def test_limit_seeds(small):
    refused(small, "seeds", type="seeds", seeds=[1, 2, 3, 4], height=8)


def test_limit_clients(small):
    with small.client(), small.client(), small.client(), small.client(hello=False) as fourth:
        fourth.send("hello", protocol=1, token=small.token, height=32)
        error = fourth.next()
        assert error["fatal"] and "'clients'" in error["message"]
    wait_for(lambda: not connected(small))
    with small.client():
        pass


def connected(server: Running) -> bool:
    with server.client(hello=False) as client:
        client.send("hello", protocol=1, token=server.token, height=32)
        return client.next()["type"] == "error"


def test_limit_sessions_per_client(small):
    with small.client() as one, small.client() as two, small.client() as three:
        first = one.begin(model="tiny", seed=1)
        two.begin(model="tiny", seed=1)
        three.send("new_session", start={"model": "tiny"}, id=1)
        assert "'sessions_per_client'" in three.until_error()["message"]
    with small.client() as client:
        # Those that nobody sees make room, and can be opened again.
        client.begin(model="tiny", seed=1)
        client.send("open_session", session=first)
        assert client.until("state")["session"] == first


def test_limit_sessions(start):
    server = start(limits=Limits(sessions=1), token="a-token-of-a-person")
    with server.client(cookie="draglab_person=anna") as one, server.client(cookie="draglab_person=bert") as other:
        one.begin(model="tiny", seed=1)
        other.send("new_session", start={"model": "tiny"}, id=1)
        assert "'sessions'" in other.until_error()["message"]


def test_limit_pending(start):
    server = start(limits=Limits(pending=2))
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        begun, go_on = threading.Event(), threading.Event()
        server.editor.worker.call(lambda: (begun.set(), go_on.wait(20)))
        assert begun.wait(20)
        for _ in range(50):
            client.send("set_view", height=32)
        time.sleep(0.2)
        waiting = len(server.editor.worker._calls)
        go_on.set()
        assert waiting == 2


def test_limit_unsent():
    box = Outbox(Limits(unsent=3))
    for _ in range(3):
        box.put("message")
    assert not box.closed
    box.put("message")
    assert box.closed


def test_limit_frame_rate(start):
    server = start(limits=Limits(frame_rate=10))
    with server.client() as client:
        open_stub(server, client, StubSession())
        began = time.monotonic()
        client.send("run")
        client.until("progress", lambda progress: progress["step"] >= 300)
        client.send("stop")
        client.until("ended")
        pictures = [message for message in client.received if message.get("kind") == "live"]
        assert 0 < len(pictures) <= 10 * (time.monotonic() - began) + 1


def test_limit_live_pictures(start):
    server = start(limits=Limits(live_pictures=3, frame_rate=1e6))
    with server.client() as client:
        client.acknowledges = False
        open_stub(server, client, StubSession())
        client.send("run")
        client.until("progress", lambda progress: progress["step"] >= 300)
        client.send("stop")
        client.until("ended")
        assert len([message for message in client.received if message.get("kind") == "live"]) == 3


def test_limit_hello_seconds(small):
    with small.client(hello=False) as client:
        error = client.next()
        assert error["fatal"] and "hello" in error["message"]


def test_limit_exports(small):
    path = small.editor.exports.begin(None, "png")
    try:
        refused(small, "exports", type="export", kind="png")
    finally:
        small.editor.exports.give_up(path)


def test_limit_export_seconds(start):
    server = start(limits=Limits(export_seconds=0.01))
    exports = server.editor.exports
    path = exports.begin(None, "png")
    path.write_bytes(b"picture")
    url = exports.offer(path, "a.png")
    time.sleep(0.05)
    assert server.request("GET", url, authorization=f"Bearer {server.token}").status == 404
    assert not path.exists()


def test_limit_generators(models, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.safetensors").write_bytes((models / "tiny.safetensors").read_bytes())
    library = Library(tmp_path)
    library.find()
    loaded = LoadedModels(library, Worker(), limit=2)
    first = [loaded.load(name) for name in "ab"]
    assert loaded.get("a") is first[0]
    loaded.load("c")
    assert loaded.get("a") is first[0], "it was used more recently than b"
    assert loaded.load("b") is not first[1]
    with pytest.raises(DraglabError, match="no model"):
        loaded.get("../tiny")


def test_limit_drags(small):
    one = small.api("POST", "/drags", ENDLESS).json()
    wait_for(lambda: small.api("GET", f"/drags/{one['id']}").json()["step"] > 1)
    two = small.api("POST", "/drags", ENDLESS).json()
    assert (two["state"], two["position"]) == ("waiting", 1)
    small.api("DELETE", f"/drags/{one['id']}")
    wait_for(lambda: small.api("GET", f"/drags/{two['id']}").json()["step"] > 1)
    small.api("DELETE", f"/drags/{two['id']}")


def test_limit_drags_kept(small):
    names = []
    for _ in range(3):
        names.append(small.api("POST", "/drags", ENDLESS).json()["id"])
        small.api("DELETE", f"/drags/{names[-1]}")
    assert [small.api("GET", f"/drags/{name}").status for name in names] == [404, 200, 200]


def test_limit_drag_steps(small):
    answer = small.api("POST", "/drags", {**ENDLESS, "settings": {"max_steps": 10_001}})
    assert answer.status == 400 and "'drag_steps'" in answer.json()["error"]


def test_a_client_that_never_reads_costs_nothing(start):
    """500 steps with a large picture each, however few of them the client says to have drawn."""
    server = start(limits=Limits(frame_rate=1e6, live_pictures=10**6))
    session = StubSession(side=512)
    with server.client() as client:
        open_stub(server, client, session)
        # From here on nothing is read: the library stops reading the socket when its own small buffer is full.
        client.send("run")
        wait_for(lambda: session.rounds.steps > 100)
        before, most = resident(), 0
        while session.rounds.steps < 600:
            most = max(most, resident())
            time.sleep(0.001)
        server.editor.worker.call(lambda: session.rounds.stop()).result()
        # Kept, 500 pictures of 512 x 512 would take 390 MB.
        assert most - before < 60 * 2**20


def resident() -> int:
    """Bytes of this process in memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except FileNotFoundError:
        pytest.skip("this system does not tell a process how much memory it has")


def test_a_live_picture_is_not_kept_for_each_step():
    box = Outbox(Limits(frame_rate=1e6))
    pixels = np.zeros((4, 4, 3), np.uint8)
    for stamp in range(1, 500):
        box.put_picture(Picture("live", pixels, stamp=stamp))
        box.seen(2**50)
    assert len(box._waiting) == 1


def test_limit_values(start):
    server = start(limits=Limits(values=100))
    start_of_many = {"w_plus": "AAAA", "shape": [1] * 100}
    answer = server.api("POST", "/drags", {**ROUND, "start": start_of_many})
    assert answer.status == 413 and "'values'" in answer.json()["error"]
    answer = upload(server, edit_file(points=60))
    assert answer.status == 400 and "100 values" in answer.json()["error"]


def test_limit_edit_mask_pixels(start):
    server = start(limits=Limits(edit_mask_pixels=32 * 32 + 1))
    content = json.loads(edit_file(mask=mask(32)))
    content["rounds"] *= 2
    assert "'edit_mask_pixels'" not in upload(server, json.dumps(content).encode()).json()["error"]
    content["rounds"].append({**content["rounds"][0], "mask": mask(31)})
    answer = upload(server, json.dumps(content).encode())
    assert answer.status == 400 and "'edit_mask_pixels'" in answer.json()["error"]
