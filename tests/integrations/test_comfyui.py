"""The nodes for ComfyUI, by its documented contract, without the program."""

import json
import sys
import types
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import pytest
import torch

import draglab
from draglab.errors import DraglabError
from draglab.media.edit_file import parse_edit_file, save_edit_file
from tests.integrations.comfyui import execute, load_nodes, problems

NODES: dict[str, Any] = load_nodes().NODE_CLASS_MAPPINGS
DRAG, EDIT_FILE, EDITOR = NODES["DraglabDrag"], NODES["DraglabEditFile"], NODES["DraglabEditor"]
POINTS = "93,125:118,125  # the tip of the nose\n\n 60 , 230"


@pytest.fixture(scope="module")
def dragged() -> tuple[Any, ...]:
    return execute(DRAG, points=POINTS)


@pytest.mark.parametrize("name", NODES)
def test_nodes_keep_the_contract(name: str):
    assert problems(NODES[name]) == []
    assert load_nodes().NODE_DISPLAY_NAME_MAPPINGS[name]


def test_the_check_finds_what_breaks_the_contract():
    class Broken(DRAG):
        RETURN_NAMES = ("image",)

        @classmethod
        def INPUT_TYPES(cls):
            return {"required": {"seed": ("INT", {"default": "1", "min": 0, "max": 9})}, "also": {}}

        @classmethod
        def VALIDATE_INPUTS(cls, nothing):
            return True

    text = "\n".join(problems(Broken))
    for part in (
        "INPUT_TYPES has",
        "default of INT",
        "tooltip",
        "RETURN_NAMES",
        "the function takes",
        "VALIDATE_INPUTS",
    ):
        assert part in text


def test_a_drag_is_that_of_the_library(dragged: tuple[Any, ...]):
    image, latent, before, report = dragged
    generator = draglab.load_generator("heads")
    w_plus = generator.w_plus_from_seed(64, 0.7)
    edit = draglab.DragEdit([(93, 125), (60, 230)], [(118, 125), (60, 230)])
    settings = draglab.DragSettings.for_model(generator, max_steps=100)
    result = draglab.drag(generator, w_plus, edit, settings)
    assert image.shape == (1, 256, 256, 3)
    assert np.abs(image[0].numpy() - result.image() / 255).max() < 1.5 / 255
    assert torch.allclose(latent["w_plus"], result.w_plus.cpu(), atol=1e-3)
    assert np.abs(before[0].numpy() - draglab.to_uint8(generator.image(w_plus).detach())[0] / 255).max() < 1.5 / 255
    assert report.startswith("Arrived after")


def test_rounds_go_on_from_a_latent(dragged: tuple[Any, ...]):
    image, latent, *_ = dragged
    further = execute(DRAG, points="118,125:108,125", latent=latent, seed=3, truncation_psi=0.1)
    assert torch.equal(further[2], image)
    assert not torch.equal(further[0], image)


def test_the_mask_says_what_may_move(dragged: tuple[Any, ...]):
    points = "93,125:118,125"
    mask = torch.zeros(1, 256, 256)
    mask[:, 60:230, 40:190] = 1
    kept = execute(DRAG, points=points, mask=mask)[0]
    generator = draglab.load_generator("heads")
    edit = draglab.DragEdit([(93, 125)], [(118, 125)], mask[0].numpy() == 1)  # True = movable
    settings = draglab.DragSettings.for_model(generator, max_steps=100)
    result = draglab.drag(generator, generator.w_plus_from_seed(64, 0.7), edit, settings)
    assert np.abs(kept[0].numpy() - result.image() / 255).max() < 1.5 / 255
    free = execute(DRAG, points=points)[0]
    assert (kept - free).abs().mean() > 0.002
    # Of half the size: stretched. [H, W], as some nodes make them.
    small = execute(DRAG, points=points, mask=torch.nn.functional.avg_pool2d(mask, 2)[0])[0]
    assert (kept - small).abs().mean() < 0.2 * (kept - free).abs().mean()
    assert torch.equal(execute(DRAG, points=points, mask=torch.ones(8, 8))[0], free)
    assert "movable" in DRAG.INPUT_TYPES()["optional"]["mask"][1]["tooltip"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"points": "1,2"}, "no point is pulled"),
        ({"points": ""}, "no point is pulled"),
        ({"points": "1,2:3"}, "line 1"),
        ({"points": "1,2:3,4\n1e9,2:3,4"}, "line 2"),
        ({"points": "\n".join(["1,2:3,4"] * 101)}, "at most 100"),
        ({"points": "1,2:300,4"}, "outside"),
        ({"mask": torch.zeros(1, 64, 64)}, "nothing may move"),
        ({"mask": torch.ones(2, 64, 64)}, "single mask"),
        ({"model_file": "no/such/file.pkl"}, "file.pkl"),
    ],
)
def test_wrong_inputs(given: dict[str, Any], problem: str):
    with pytest.raises(DraglabError, match=problem):
        execute(DRAG, **given)


def test_points_are_checked_before_anything_runs():
    assert DRAG.VALIDATE_INPUTS(POINTS) is True
    assert "line 1" in DRAG.VALIDATE_INPUTS("here")


def test_progress_and_cancel(monkeypatch: pytest.MonkeyPatch):
    class Cancelled(Exception):
        pass

    told: list[tuple[int, int | None]] = []

    class ProgressBar:
        def __init__(self, total: int) -> None:
            assert total == 100

        def update_absolute(self, value: int, total: int | None = None) -> None:
            told.append((value, total))
            if len(told) == 3:
                raise Cancelled

    monkeypatch.setitem(sys.modules, "comfy", types.ModuleType("comfy"))
    utils = types.ModuleType("comfy.utils")
    monkeypatch.setattr(utils, "ProgressBar", ProgressBar, raising=False)
    monkeypatch.setitem(sys.modules, "comfy.utils", utils)
    with pytest.raises(Cancelled):
        execute(DRAG)
    assert told == [(1, 100), (2, 100), (3, 100)]


def test_an_edit_file_is_repeated(tmp_path):
    generator = draglab.load_generator("heads")
    record = {
        "format": "draglab-edit", "version": 3, "model": {"name": "heads", "sha256": generator.sha256},
        "start": {"seed": 64}, "rounds": [{"points": [{"handle": [93, 125], "target": [118, 125]}], "steps": 4}],
    }  # fmt: skip
    edit = parse_edit_file(json.dumps(record).encode())
    path = tmp_path / "edit.json"
    save_edit_file(path, edit)
    image, latent = execute(EDIT_FILE, edit_file=str(path))
    replay = draglab.Replay(edit, generator)
    for _ in replay:
        pass
    assert np.abs(image[0].numpy() - replay.image() / 255).max() < 1.5 / 255
    assert latent["model"] == "heads"
    assert EDIT_FILE.VALIDATE_INPUTS(str(path)) is True

    before = EDIT_FILE.IS_CHANGED(str(path))
    assert EDIT_FILE.IS_CHANGED(str(path)) == before
    path.write_text(path.read_text() + "\n")
    assert EDIT_FILE.IS_CHANGED(str(path)) != before
    assert "missing.json" in EDIT_FILE.VALIDATE_INPUTS(str(tmp_path / "missing.json"))


def test_the_editor_opens_once_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("DRAGLAB_DATA", str(tmp_path))
    editor = sys.modules[EDITOR.__module__]
    try:
        (address,) = execute(EDITOR, open_browser=False)
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"draglab" in answer.read()
        assert execute(EDITOR, open_browser=False) == (address,)
        assert EDITOR.IS_CHANGED(True) != EDITOR.IS_CHANGED(True)
    finally:
        editor.close_editor()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=2)


def test_an_editor_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path):
    editor = sys.modules[EDITOR.__module__]
    monkeypatch.setattr(editor, "COMMAND", "print('this machine is too small')")
    with pytest.raises(DraglabError, match="did not start: this machine is too small"):
        execute(EDITOR, open_browser=False)
