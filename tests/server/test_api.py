import io
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.routing import Mount, Route

import draglab
from draglab.generators import to_uint8
from draglab.inversion import InversionSettings
from draglab.media.edit_file import WPlusStart, parse_edit_file
from tests.provenance import accepted
from tests.server.photo_files import photo
from tests.server.running_server import Running

DOCS = Path(__file__).resolve().parents[2] / "docs" / "server.md"
DRAG = {
    "model": "tiny",
    "start": {"seed": 3},
    "points": [{"handle": [8, 9], "target": [14, 9]}],
    "settings": {"max_steps": 4, "stop_distance": 1e-9},
}


def finish(server: Running, content: dict) -> dict:
    answer = server.api("POST", "/drags", content)
    assert answer.status == 201, answer.body
    status = answer.json()
    assert answer.headers["location"] == f"/api/v1/drags/{status['id']}"
    while status["state"] in ("waiting", "running"):
        time.sleep(0.01)
        status = server.api("GET", f"/drags/{status['id']}").json()
    return status


def pixels(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)))


def test_models(server):
    models = server.api("GET", "/models").json()["models"]
    tiny = {"name": "tiny", "title": "tiny", "width": 32, "height": 32, "c_dim": 0, "num_ws": 8, "first_seeds": []}
    assert tiny in models


def test_an_image_of_a_seed(server, models):
    answer = server.api("POST", "/generate", {"model": "tiny", "start": {"seed": 3, "truncation_psi": 0.5}})
    assert answer.status == 200 and answer.headers["content-type"] == "image/png"
    generator = draglab.load_generator(models / "tiny.safetensors")
    assert (pixels(answer.body) == to_uint8(generator.image(generator.w_plus_from_seed(3, 0.5)))[0]).all()
    assert "Generated with draglab" in Image.open(io.BytesIO(answer.body)).info["Description"]
    for kind, mime in (("jpg", "image/jpeg"), ("webp", "image/webp")):
        answer = server.api("POST", "/generate", {"model": "tiny", "format": kind})
        assert answer.headers["content-type"] == mime and pixels(answer.body).shape == (32, 32, 3)


def test_a_drag_is_the_one_that_the_library_makes(server, models):
    status = finish(server, DRAG)
    assert (status["state"], status["stop_reason"]) == ("finished", "max_steps")
    generator = draglab.load_generator(models / "tiny.safetensors")
    settings = draglab.DragSettings(max_steps=4, stop_distance=1e-9)
    edit = draglab.DragEdit([(8, 9)], [(14, 9)])
    steps = draglab.drag_steps(generator, generator.w_plus_from_seed(3), edit, settings)
    best = min(steps, key=lambda step: step.distances.mean())
    assert (status["step"], status["handles"]) == (best.index, best.handles.tolist())
    image = server.api("GET", f"/drags/{status['id']}/image")
    assert (pixels(image.body) == best.image()).all()
    assert "Edited with draglab" in Image.open(io.BytesIO(image.body)).info["Description"]
    assert server.api("GET", f"/drags/{status['id']}/image?format=webp").headers["content-type"] == "image/webp"
    made = parse_edit_file(server.api("GET", f"/drags/{status['id']}/edit").body)
    assert made.rounds[0].steps == best.index and made.model.sha256 == generator.sha256


def test_pictures_say_how_they_were_made_and_are_signed(server, models, signing):
    for kind in ("png", "jpg", "webp"):
        answer = server.api("POST", "/generate", {"model": "tiny", "start": {"seed": 3}, "format": kind})
        origin = accepted(answer.body, "trainedAlgorithmicMedia")
        assert (origin.seed, origin.dragged) == (3, False)
    status = finish(server, DRAG)
    for kind in ("png", "jpg", "webp"):
        image = server.api("GET", f"/drags/{status['id']}/image?format={kind}")
        origin = accepted(image.body, "trainedAlgorithmicMedia")
        assert (origin.seed, origin.rounds, origin.edits[0].settings["max_steps"]) == (3, 1, 4)
        assert origin.model_sha256 == draglab.load_generator(models / "tiny.safetensors").sha256


def test_a_drag_from_a_latent(server, models):
    generator = draglab.load_generator(models / "tiny.safetensors")
    start = WPlusStart.from_array(generator.w_plus_from_seed(3)[0].numpy())
    by_latent = finish(server, {**DRAG, "start": start.model_dump()})
    assert by_latent["handles"] == finish(server, DRAG)["handles"]


def test_a_cancelled_drag_keeps_its_best_step(server):
    content = {**DRAG, "points": [{"handle": [8, 9], "target": [14.37, 9.21]}]}
    content["settings"] = {"max_steps": 10_000, "stop_distance": 1e-9, "patience": None}
    name = server.api("POST", "/drags", content).json()["id"]
    assert server.api("GET", f"/drags/{name}/image").status == 409
    assert server.api("GET", f"/drags/{name}/edit").status == 409
    while server.api("GET", f"/drags/{name}").json()["step"] < 3:
        time.sleep(0.01)
    status = server.api("DELETE", f"/drags/{name}").json()
    assert (status["state"], status["stop_reason"]) == ("cancelled", "stopped")
    assert 1 <= status["step"] < 10_000
    assert server.api("GET", f"/drags/{name}/image").status == 200
    assert server.api("DELETE", f"/drags/{name}").json() == status


@pytest.mark.parametrize("step_size", [1e30, 1e308])
def test_a_drag_that_fails_says_why(server, step_size):
    status = finish(server, {**DRAG, "settings": {"step_size": step_size, "step_unit": "absolute", "descent": "adam"}})
    assert status["state"] == "failed"
    assert re.fullmatch(r"the optimisation left the range of numbers at step \d: lower step_size", status["error"])
    assert server.api("GET", f"/drags/{status['id']}/image").status == 409


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"model": "nothing"}, 400, "nothing"),
        ({"model": "../tiny"}, 400, "no model"),
        ({"start": {"seed": -1}}, 422, "seed"),
        ({"start": {"w_plus": "AAAAAA==", "shape": [1, 1]}}, 400, "shape"),
        ({"start": {}}, 422, "seed"),
        ({"points": []}, 422, "points"),
        ({"points": [{"handle": [8, 9], "target": [99, 9]}]}, 400, "outside"),
        ({"points": [{"handle": [8, 9], "target": [8, 9]}]}, 400, "target"),
        ({"points": [{"handle": [8, 9]}]}, 422, "target"),
        ({"settings": {"r1": "wide"}}, 400, "r1"),
        ({"settings": {"colour": 1}}, 400, "colour"),
        ({"mask": "!!!"}, 400, "mask"),
        ({"surprise": 1}, 422, "surprise"),
    ],
)
def test_a_wrong_drag_is_refused_in_one_line(server, changes, status, word):
    answer = server.api("POST", "/drags", {**DRAG, **changes})
    assert answer.status == status
    assert word in answer.json()["error"] and "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"start": {"seed": NaN}}', b"\xff", b"[" * 100_000])
def test_what_is_not_a_request_is_refused(server, body):
    answer = server.request("POST", "/api/v1/generate", body, authorization=f"Bearer {server.token}")
    assert answer.status == 422 and "error" in answer.json()


def test_what_is_not_there(server):
    assert server.api("GET", "/drags/abc").status == 404
    assert server.api("GET", "/abc").status == 404
    assert server.api("PUT", "/drags").status == 405
    assert server.api("GET", f"/drags/{finish(server, DRAG)['id']}/image?format=exe").status == 422


def routes(server: Running) -> set[tuple[str, str]]:
    """Method and path of all that the application has under /api/v1."""
    (api,) = [each for each in server.app.routes if isinstance(each, Mount) and each.path == "/api/v1"]
    found = [each for each in api.routes if isinstance(each, Route)]
    assert len(found) == len(api.routes)
    return {(method, each.path) for each in found for method in each.methods or () if method != "HEAD"}


def test_the_openapi_document_has_every_route(server):
    document = server.api("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    described = {(key.upper(), path) for path, item in document["paths"].items() for key in item}
    assert described == routes(server)
    # Every reference leads somewhere.
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_the_documentation_lists_every_route(server):
    listed = re.findall(r"^\| `(GET|POST|DELETE) (/[^`]*)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(listed) == routes(server)


def test_the_openapi_document_says_what_is_taken_answered_and_refused(server):
    document = server.api("GET", "/openapi.json").json()
    begin, image = document["paths"]["/drags"]["post"], document["paths"]["/drags/{id}/image"]["get"]
    body = begin["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    schema = document["components"]["schemas"][body]
    assert set(DRAG) <= set(schema["properties"]) and set(schema["required"]) == {"start", "points"}
    status = finish(server, DRAG)
    assert set(document["components"]["schemas"]["DragStatus"]["properties"]) == set(status)
    assert set(begin["responses"]) == {"201", "400", "401", "403", "408", "413", "422", "429", "503"}
    assert begin["x-limits"]["drag_steps"] == server.editor.options.limits.drag_steps
    formats = next(each["schema"] for each in image["parameters"] if each["name"] == "format")
    kinds = set()
    for kind in formats["enum"]:
        answer = server.api("GET", f"/drags/{status['id']}/image?format={kind}")
        kinds.add(answer.headers["content-type"])
    assert kinds == set(image["responses"]["200"]["content"])


def test_the_example_of_the_documentation_runs(server, tmp_path, monkeypatch):
    drag, photos = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAGLAB_TOKEN", server.token)
    monkeypatch.setenv("DRAGLAB_URL", f"http://127.0.0.1:{server.port}")
    exec(compile(drag, str(DOCS), "exec"), {"__name__": "example"})
    assert Image.open("after.png").size == (256, 256)

    # With few steps of the inversion.
    few = InversionSettings(projection_steps=2, tuning_steps=2)
    monkeypatch.setattr(InversionSettings, "fast", staticmethod(lambda: few))
    Path("holiday.png").write_bytes(photo(300, 400))
    monkeypatch.setattr(sys, "argv", ["example", "holiday.png"])
    exec(compile(photos, str(DOCS), "exec"), {"__name__": "example"})
    assert Image.open("edited.png").size == (400, 300)
