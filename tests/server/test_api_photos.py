"""Photos of programs: queued, inverted, dragged, put back, cancelled, kept over a restart, and each program's own."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import draglab
from draglab.editor.replay import Replay
from draglab.inversion import Frame, cut
from draglab.server.limits import Limits
from draglab.server.tokens import hash_of
from tests.server.launched_server import TOKEN, Launched, launched
from tests.server.photo_files import photo, pixels
from tests.server.running_server import Answer, Running, wait_for
from tests.server.test_health import metrics

FRAME = "x=40&y=30&size=48&angle=0"
POINTS = [{"handle": [12, 12], "target": [18, 14]}]
# Of the first order: those of Gauss-Newton depend on statistics, which may be measured meanwhile.
SETTINGS = {"descent": "first-order", "max_steps": 4, "patience": None, "stop_distance": 0.01}


Server = Running | Launched


def send(server: Server, query: str = FRAME, data: bytes | None = None, token: str = "", **headers: str) -> Answer:
    effort = "" if "effort" in query else "&effort=fast"
    path = f"/api/v1/photos?model=tiny&name=holiday.png&{query}{effort}"
    token = token or (TOKEN if isinstance(server, Launched) else server.token)
    return server.request("POST", path, photo() if data is None else data, authorization=f"Bearer {token}", **headers)


def sent(server: Server, query: str = FRAME, data: bytes | None = None) -> str:
    """The id of a photo that was taken."""
    answer = send(server, query, data)
    assert answer.status == 201, answer.body
    status = answer.json()
    assert answer.headers["location"] == f"/api/v1/photos/{status['id']}"
    return status["id"]


def look(server: Server, id: str) -> dict[str, Any]:
    return server.api("GET", f"/photos/{id}").json()


def ended(server: Server, path: str) -> dict[str, Any]:
    """The status of a photo or drag, once it has ended."""
    deadline = time.monotonic() + 120
    while (status := server.api("GET", path).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, status
        time.sleep(0.02)
    return status


def dragged(server: Server, id: str, **changes: Any) -> dict[str, Any]:
    content = {"start": {"photo": id}, "points": POINTS, "settings": SETTINGS, **changes}
    answer = server.api("POST", "/drags", content)
    assert answer.status == 201, answer.body
    return ended(server, f"/drags/{answer.json()['id']}")


@pytest.fixture(scope="module")
def finished(server: Running) -> str:
    """A photo that can be dragged."""
    id = sent(server)
    assert ended(server, f"/photos/{id}")["state"] == "finished"
    return id


def test_a_photo_is_inverted_dragged_and_put_back(server: Running, finished: str, tmp_path: Path) -> None:
    status = look(server, finished)
    assert (status["model"], status["name"], status["width"], status["height"]) == ("tiny", "holiday", 80, 60)
    assert status["frame"] == {"x": 40, "y": 30, "size": 48, "angle": 0}
    assert "LPIPS" in status["figures"] and status["verdict"] and status["lpips"] > 0 and status["error"] is None
    drag = dragged(server, finished)
    assert (drag["state"], drag["photo"], drag["model"]) == ("finished", finished, "tiny")
    crop = pixels(server.api("GET", f"/drags/{drag['id']}/image").body)
    assert crop.shape == (32, 32, 3)
    whole = pixels(server.api("GET", f"/drags/{drag['id']}/image?scope=photo").body)
    before = pixels(photo())
    assert whole.shape == before.shape
    np.testing.assert_array_equal(whole[:, :14], before[:, :14])  # left of the frame
    assert np.abs(whole[10:50, 20:60].astype(int) - before[10:50, 20:60]).mean() > 0.5

    # The photo's file and the edit file make the same picture again, without the server.
    answer = server.api("GET", f"/photos/{finished}/file")
    assert answer.headers["content-disposition"] == 'attachment; filename="holiday.draglab"'
    path = tmp_path / "holiday.draglab"
    path.write_bytes(answer.body)
    edit_path = tmp_path / "edit.json"
    edit_path.write_bytes(server.api("GET", f"/drags/{drag['id']}/edit").body)
    edit = draglab.load_edit_file(edit_path)
    assert edit.model.name == "holiday.draglab"
    replay = Replay(edit, draglab.load_photo(path, model=server.editor.library.path("tiny")).generator)
    for _ in replay:
        pass
    np.testing.assert_array_equal(replay.image(), crop)


def test_the_rounds_of_an_edit_file_are_done_to_a_photo(server: Running, finished: str) -> None:
    drag = dragged(server, finished)
    edit = json.loads(server.api("GET", f"/drags/{drag['id']}/edit").body)
    crop = pixels(server.api("GET", f"/drags/{drag['id']}/image").body)
    # Those of a seed: only its rounds count.
    for start in (edit["start"], {"seed": 3}):
        file = {**edit, "start": start, "model": {"name": "elsewhere", "sha256": "0" * 64}}
        answer = server.api("POST", f"/edits?photo={finished}", file)
        assert answer.status == 201, answer.body
        again = ended(server, f"/drags/{answer.json()['id']}")
        assert (again["state"], again["photo"], again["model"]) == ("finished", finished, "tiny")
        np.testing.assert_array_equal(pixels(server.api("GET", f"/drags/{again['id']}/image").body), crop)
        assert server.api("GET", f"/drags/{again['id']}/image?scope=photo").status == 200
        written = json.loads(server.api("GET", f"/drags/{again['id']}/edit").body)
        assert (written["start"], written["model"]) == (edit["start"], edit["model"])
    answer = server.api("POST", "/edits?photo=nobody", edit)
    assert answer.status == 400 and "no such photo" in answer.json()["error"]


def test_without_a_frame_the_middle_is_taken(server: Running) -> None:
    id = sent(server, "")
    assert look(server, id)["frame"] == {"x": 39.5, "y": 29.5, "size": 60, "angle": 0}
    server.api("DELETE", f"/photos/{id}")


def test_events_tell_of_the_queue_and_of_all_stages(start) -> None:
    server = start(limits=Limits(photo_jobs=1))
    first, second = sent(server), sent(server, "x=30&y=30&size=40&angle=5")
    assert look(server, second)["position"] == 1
    answer = server.api("GET", f"/photos/{first}/events")
    statuses = [json.loads(line.removeprefix("data: ")) for line in answer.body.decode().splitlines()
                if line.startswith("data: ")]  # fmt: skip
    assert {"projection", "tuning"} <= {each["stage"] for each in statuses}
    steps = [each["step"] for each in statuses if each["stage"] == "tuning"]
    assert steps == sorted(steps) and statuses[-1]["state"] == "finished"
    assert [each["id"] for each in server.api("GET", "/photos").json()["photos"]] == [second, first]
    assert ended(server, f"/photos/{second}")["state"] == "finished"


def test_a_photo_is_cancelled_and_deleted(server: Running) -> None:
    id = sent(server)
    wait_for(lambda: look(server, id)["stage"] is not None)
    assert server.api("DELETE", f"/photos/{id}").json()["state"] == "cancelled"
    data = server.editor.options.data
    assert data is not None
    folder = data / "programs" / "photos"
    wait_for(lambda: {path.name for path in folder.glob(f"{id}*")} == {f"{id}.json"})
    assert server.api("GET", f"/photos/{id}/file").status == 409
    answer = server.api("POST", "/drags", {"start": {"photo": id}, "points": POINTS})
    assert answer.status == 400 and "the photo is cancelled" in answer.json()["error"]
    # Once more: it is deleted.
    assert server.api("DELETE", f"/photos/{id}").status == 200
    assert look(server, id) == {"error": "there is no such photo: it was never sent, or it is too old"}
    assert not list(folder.glob(f"{id}*"))


def test_a_drag_of_a_photo_that_is_deleted(server: Running) -> None:
    id = sent(server, "x=30&y=30&size=40&angle=5")
    ended(server, f"/photos/{id}")
    drag = dragged(server, id)
    server.api("DELETE", f"/photos/{id}")
    for query in ("", "?scope=photo"):
        answer = server.api("GET", f"/drags/{drag['id']}/image{query}")
        assert answer.status == 400 and "no such photo" in answer.json()["error"]
    assert server.api("GET", f"/drags/{drag['id']}/edit").status == 200


@pytest.mark.parametrize(
    ("query", "data", "status", "reason"),
    [
        ("effort=quick", None, 422, "effort"),
        ("x=1", None, 422, "four numbers"),
        ("x=1&y=1&size=nan&angle=0", None, 422, "four numbers"),
        ("x=900&y=30&size=10&angle=0", None, 400, "frame"),
        ("model=nothing", None, 400, "no model"),
        (FRAME, b"no picture", 400, "not a picture"),
        (FRAME, photo()[:400], 400, "damaged"),
    ],
)
def test_what_cannot_be_used(server: Running, query: str, data: bytes | None, status: int, reason: str) -> None:
    path = f"/api/v1/photos?{'' if 'model' in query else 'model=tiny&'}{query}"
    body = photo() if data is None else data
    answer = server.request("POST", path, body, authorization=f"Bearer {server.token}")
    assert answer.status == status and reason in answer.json()["error"], answer.body
    data_folder = server.editor.options.data
    assert data_folder is not None
    photos = data_folder / "programs" / "photos"
    known = {each["id"] for each in server.api("GET", "/photos").json()["photos"]}
    assert {path.name.split(".")[0] for path in photos.glob("*")} <= known, "files are left of it"


def test_wrong_drags_of_a_photo(server: Running, finished: str) -> None:
    for content, reason in (
        ({"start": {"photo": "abc"}}, "no such photo"),
        ({"start": {"photo": finished}, "model": "heads"}, "leave model out"),
        ({"start": {"photo": finished, "seed": 1}}, ""),
    ):
        answer = server.api("POST", "/drags", {"points": POINTS, **content})
        assert answer.status in (400, 422) and reason in answer.json()["error"]
    drag = server.api("POST", "/drags", {"start": {"seed": 1}, "model": "tiny", "points": POINTS, "settings": SETTINGS})
    ended(server, f"/drags/{drag.json()['id']}")
    assert server.api("GET", f"/drags/{drag.json()['id']}/image?scope=photo").status == 422


def test_size_is_checked_before_anything_is_decoded(start) -> None:
    server = start(limits=Limits(photo_pixels=5000, photo_bytes=20_000))
    large = send(server, data=photo(100, 100))
    assert large.status == 400 and "100x100" in large.json()["error"]
    answer = send(server, data=b"\xff\xd8" + bytes(30_000))
    assert answer.status == 413 and "limit 'photo_bytes'" in answer.json()["error"]


def test_metrics_tell_of_photos(start) -> None:
    server = start(limits=Limits(photo_jobs=1, photo_jobs_waiting=1))
    first, second = sent(server), sent(server)
    assert send(server).status == 429
    assert photo_metrics(server) == {"waiting": 1, "running": 1, "refused_total": 1, "ended": 0}
    for id in (second, first):
        server.api("DELETE", f"/photos/{id}")
    assert photo_metrics(server) == {"waiting": 0, "running": 0, "refused_total": 1, "ended": 2}


def photo_metrics(server: Running) -> dict[str, float]:
    found = metrics(server)
    values = {name: found[f"draglab_photos_{name}"] for name in ("waiting", "running", "refused_total")}
    return {**values, "ended": found["draglab_photos_total cancelled"]}


def test_limit_photo_jobs(start) -> None:
    server = start(limits=Limits(photo_jobs=1))
    first, second = sent(server, f"{FRAME}&effort=best"), sent(server)
    wait_for(lambda: look(server, first)["step"] > 2)
    assert look(server, second)["state"] == "waiting" and look(server, second)["position"] == 1
    server.api("DELETE", f"/photos/{first}")
    wait_for(lambda: look(server, second)["state"] != "waiting")


def refused(start, limit: str) -> None:
    server = start(limits=Limits(photo_jobs=1).changed([f"{limit}=1"]))
    for query in (f"{FRAME}&effort=best", FRAME):
        sent(server, query)
    answer = send(server)
    assert answer.status == 429 and f"limit '{limit}'" in answer.json()["error"]
    assert int(answer.headers["retry-after"]) >= 1


def test_limit_photo_jobs_waiting(start) -> None:
    refused(start, "photo_jobs_waiting")


def test_limit_photo_jobs_waiting_per_person(start) -> None:
    refused(start, "photo_jobs_waiting_per_person")


def test_limit_photos_kept_per_person(start) -> None:
    server = start(limits=Limits(photos_kept_per_person=2))
    ids = [sent(server) for _ in range(3)]
    for id in ids[1:]:
        server.api("DELETE", f"/photos/{id}")
    ended(server, f"/photos/{ids[0]}")
    # What ended first is forgotten first.
    wait_for(lambda: listed(server) == [ids[2], ids[0]])


def test_limit_photos_kept_bytes(start) -> None:
    server = start(limits=Limits(photos_kept_bytes=1))
    ids = [sent(server, FRAME), sent(server, "x=30&y=30&size=40&angle=5")]
    # The latest is kept, however large it is.
    wait_for(lambda: len(listed(server)) == 1)
    (kept,) = listed(server)
    assert kept in ids and ended(server, f"/photos/{kept}")["state"] == "finished"
    assert server.api("GET", f"/photos/{kept}/file").status == 200


def listed(server: Server) -> list[str]:
    return [each["id"] for each in server.api("GET", "/photos").json()["photos"]]


def test_a_photo_that_is_sent_again_is_taken_once(server: Running) -> None:
    first = send(server, idempotency_key="a")
    again = send(server, idempotency_key="a")
    assert first.status == again.status == 201 and first.json()["id"] == again.json()["id"]
    other = send(server, idempotency_key="b")
    assert other.json()["id"] != first.json()["id"]
    for answer in (first, other):
        server.api("DELETE", f"/photos/{answer.json()['id']}")


def test_photos_belong_to_their_token(start, tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text("".join(f'[tokens.{name}]\nsha256 = "{hash_of(name * 9)}"\n' for name in ("anna", "bert")))
    server = start(tokens=file)

    def ask(name: str, method: str, path: str, content: object = None) -> Answer:
        body = None if content is None else json.dumps(content).encode()
        return server.request(method, f"/api/v1{path}", body, authorization=f"Bearer {name * 9}")

    id = send(server, token="anna" * 9).json()["id"]
    assert ask("anna", "GET", f"/photos/{id}").status == 200
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/file"), ("DELETE", "")):
        assert ask("bert", method, f"/photos/{id}{path}").status == 404, (method, path)
    assert ask("bert", "GET", "/photos").json()["photos"] == []
    wait_for(lambda: ask("anna", "GET", f"/photos/{id}").json()["state"] == "finished")
    content = {"start": {"photo": id}, "points": POINTS, "settings": SETTINGS}
    assert ask("bert", "POST", "/drags", content).status == 400
    assert ask("anna", "POST", "/drags", content).status == 201


def test_photos_survive_kill_9(models: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with launched(models, data, "--limit", "photo_jobs=1") as server:
        done = sent(server)
        assert ended(server, f"/photos/{done}")["state"] == "finished"
        drag = dragged(server, done)
        picture = server.api("GET", f"/drags/{drag['id']}/image?scope=photo").body
        running, waiting = sent(server, f"{FRAME}&effort=best"), sent(server)
        wait_for(lambda: look(server, running)["step"] > 0)
        server.process.kill()
    with launched(models, data) as server:
        assert look(server, done)["state"] == "finished" and look(server, done)["figures"]
        assert server.api("GET", f"/drags/{drag['id']}/image?scope=photo").body == picture
        for id in (running, waiting):
            assert ended(server, f"/photos/{id}")["state"] == "finished"
        assert dragged(server, waiting)["state"] == "finished"


def test_what_cannot_go_on_says_so(models: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    folder = data / "programs" / "photos"
    with launched(models, data, "--limit", "photo_jobs=1") as server:
        ids = [sent(server, f"{FRAME}&effort=best") for _ in range(3)]
        wait_for(lambda: look(server, ids[0])["stage"] is not None)
        server.process.kill()
    assert json.loads((folder / f"{ids[0]}.json").read_text())["starts"] == 1
    shutil.rmtree(folder / f"{ids[1]}.unfinished")
    record = json.loads((folder / f"{ids[2]}.json").read_text())
    (folder / f"{ids[2]}.json").write_text(json.dumps({**record, "starts": 2}))
    (folder / "damaged.json").write_text("{")
    with launched(models, data) as server:
        assert look(server, ids[0])["state"] in ("waiting", "running", "finished")
        for id, reason in ((ids[1], "files are gone"), (ids[2], "was killed 2 times")):
            status = look(server, id)
            assert status["state"] == "failed" and reason in status["error"]
        assert not (folder / f"{ids[2]}.unfinished").exists()
        assert "cannot be read and is left out" in server.log.read_text()


def test_the_reconstruction_is_of_the_frame(server: Running, finished: str) -> None:
    """The image that is dragged is like the framed part of the photo."""
    points = [{"handle": [12, 12], "target": [12.6, 12]}]
    content = {"start": {"photo": finished}, "points": points, "settings": {**SETTINGS, "max_steps": 1}}
    drag = server.api("POST", "/drags", content).json()
    ended(server, f"/drags/{drag['id']}")
    shown = pixels(server.api("GET", f"/drags/{drag['id']}/image").body).astype(int)
    wanted = cut(pixels(photo()), Frame(40, 30, 48, 0), (32, 32)).astype(int)
    other = cut(pixels(photo()), Frame(20, 30, 30, 90), (32, 32)).astype(int)
    assert np.abs(shown - wanted).mean() < 0.7 * np.abs(shown - other).mean()
