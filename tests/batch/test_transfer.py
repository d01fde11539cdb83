"""Transfers of an edit of a small model by local processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from draglab.batch import BatchOptions, count_skipped, open_transfer
from draglab.checkpoints import load_generator
from draglab.dragging.correspondence import ImageFeatures
from draglab.editor.replay import Replay
from draglab.editor.transfer import EditTransfer, SourceEdit
from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, load_edit_file, parse_edit_file
from tests.batch.conftest import SHORT, report
from tests.provenance import accepted


@pytest.fixture
def edit(model: Path) -> EditFile:
    # Of a small model with random weights, few places are like no other.
    generator = load_generator(model, device="cpu")
    features = ImageFeatures(generator, generator.w_plus_from_seed(3, 0.7))
    places = np.stack(np.meshgrid(np.arange(4.0, 25), np.arange(4.0, 28)), axis=-1).reshape(-1, 2)
    handle = places[features.match(places, features).margins.argmax()].tolist()
    point = {"handle": handle, "target": [handle[0] + 5, handle[1]]}
    content = {
        "format": "draglab-edit", "version": 3, "start": {"seed": 3, "truncation_psi": 0.7},
        "model": {"name": str(model), "sha256": generator.sha256},
        "rounds": [{"points": [point], "settings": SHORT, "steps": 2}],
    }  # fmt: skip
    return parse_edit_file(json.dumps(content).encode())


def test_results_are_those_of_this_process_and_resume(tmp_path: Path, edit: EditFile, signing: None) -> None:
    with open_transfer(edit, [3, 8, 5], tmp_path / "run", BatchOptions(jobs=2)) as batch:
        for _ in zip(range(1), batch, strict=False):
            pass  # one, and the rest is left
    first = report(tmp_path / "run")
    assert len(first) == 1
    with pytest.raises(DraglabError, match="--resume"), open_transfer(edit, [3, 8, 5], tmp_path / "run"):
        pass
    other = edit.model_copy(update={"rounds": [edit.rounds[0].model_copy(update={"steps": 1})]})
    with (
        pytest.raises(DraglabError, match="begun with transfer"),
        open_transfer(other, [3, 8, 5], tmp_path / "run", resume=True),
    ):
        pass
    with (
        pytest.raises(DraglabError, match="not what it was"),
        open_transfer(edit, [4, 4, 4], tmp_path / "run", resume=True),
    ):
        pass
    with open_transfer(edit, [3, 8, 5, 9], tmp_path / "run", BatchOptions(jobs=1), resume=True) as batch:
        assert [now.done for now in batch] == [2, 3, 4]
    lines = report(tmp_path / "run")
    assert first[0] in lines
    assert [each["seed"] for each in lines] == [3, 8, 5, 9]
    torch.set_num_threads(1)
    generator = load_generator(edit.model.name, device="cpu")
    transfer = EditTransfer(SourceEdit.from_edit_file(edit, generator), generator)
    for each in lines:
        made = transfer.run(transfer.start(each["seed"]))
        assert (each["skipped"], each["confidence"], each["scale"]) == (made.skipped, made.confidence, made.scale)
        if made.image is not None:
            pixels = np.asarray(Image.open(tmp_path / "run" / each["files"]["png"]))
            assert np.array_equal(pixels, made.image)
            data = (tmp_path / "run" / each["files"]["png"]).read_bytes()
            assert accepted(data, "trainedAlgorithmicMedia").seed == each["seed"]
            again = load_edit_file(tmp_path / "run" / each["files"]["json"])
            assert again.start.model_dump()["truncation_psi"] == 0.7
            replay = Replay(again, generator)
            list(replay)
            assert np.array_equal(replay.image(), pixels)
    assert lines[0]["skipped"] is None  # the source's own image
    assert lines[0]["points"][0]["handle"] == pytest.approx(edit.rounds[0].points[0].handle, abs=0.5)
    assert count_skipped(tmp_path / "run") == sum(each["skipped"] is not None for each in lines)


def test_what_cannot_be_transferred(tmp_path: Path, edit: EditFile) -> None:
    with pytest.raises(DraglabError, match="no seeds"), open_transfer(edit, [], tmp_path / "run"):
        pass
    still = edit.model_copy(update={"rounds": [edit.rounds[0].model_copy(update={"steps": 0})]})
    with pytest.raises(DraglabError, match="did anything"), open_transfer(still, [3], tmp_path / "still"):
        pass
    reference = edit.model.model_copy(update={"sha256": "0" * 64})
    with (
        pytest.raises(DraglabError, match="another model"),
        open_transfer(edit.model_copy(update={"model": reference}), [3], tmp_path / "other"),
    ):
        pass
