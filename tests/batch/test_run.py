"""Batches of real edits of a small model by local processes."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from draglab.batch import BatchOptions, open_batch
from draglab.batch import folder as batch_folder
from draglab.batch import run as batch_run
from draglab.batch.edits import EditReader, EditWorker
from draglab.batch.executor import SharedArrays
from draglab.batch.local import LocalExecutor
from draglab.batch.memory import Need, choose_workers, usable_cores
from draglab.batch.models import Models, SharedModel, pack
from draglab.checkpoints import load_generator, save_generator
from draglab.editor.replay import Replay
from draglab.errors import DraglabError
from draglab.media.edit_file import load_edit_file
from draglab.media.images import encode_mask
from draglab.media.provenance.credentials import seal
from tests.batch.conftest import line, report
from tests.provenance import accepted, found_in, origin_in


def ran(path: Path, folder: Path, options: BatchOptions, **others: Any) -> list[dict[str, Any]]:
    with open_batch(path, folder, options, **others) as batch:
        progress = list(batch)
        assert [now.ran for now in progress] == list(range(1, batch.total - batch.done + 1))
        if progress:
            assert progress[-1].done == progress[-1].total == batch.total
    return report(folder)


def test_results_are_those_of_a_replay_in_this_process(
    tmp_path: Path, model: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = []
    monkeypatch.setattr(batch_folder, "seal", lambda data: sealing.append(data) or seal(data))
    mask = np.zeros((32, 32), bool)
    mask[8:20, 4:24] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    edits = tmp_path / "edits.jsonl"
    edits.write_text("\n".join([line(1), line(2, mask="mask.png", truncation_psi=0.5), line(3, preset="paper")]))
    lines = ran(edits, tmp_path / "run", BatchOptions(model=str(model), jobs=2, video=True))
    torch.set_num_threads(1)
    generator = load_generator(model, device="cpu")
    for each in lines:
        files = {kind: tmp_path / "run" / name for kind, name in each["files"].items()}
        assert (each["error"], sorted(files)) == (None, ["json", "mp4", "png"])
        edit = load_edit_file(files["json"])
        assert (each["rounds"], each["steps"], each["arrived"]) == (["max_steps"], 2, False)
        replay = Replay(edit, generator)
        assert len(list(replay)) == edit.rounds[0].steps  # up to the best one
        assert np.array_equal(np.asarray(Image.open(files["png"])), replay.image())
        assert each["distance"] == pytest.approx(replay.reports[-1].distances.mean(), abs=1e-3)
        assert b"ftyp" in files["mp4"].read_bytes()[:12]
        for kind in ("png", "mp4"):
            origin = accepted(files[kind].read_bytes(), "trainedAlgorithmicMedia")
            assert (origin.rounds, origin.model_sha256) == (1, generator.sha256)
    # Workers have no key: what they send is sealed here.
    assert len(sealing) == 6 and not any(found_in(data).credentials for data in sealing)
    masked = load_edit_file(tmp_path / "run" / lines[1]["files"]["json"])
    assert masked.rounds[0].mask == encode_mask(mask)
    assert masked.start.model_dump()["truncation_psi"] == 0.5
    assert load_edit_file(tmp_path / "run" / lines[2]["files"]["json"]).rounds[0].settings["descent"] == "adam"
    # What a batch writes is a list again.
    again = tmp_path / "again.jsonl"
    again.write_text("\n".join(json.dumps(json.loads((tmp_path / "run" / one["files"]["json"]).read_text()))
                               for one in lines))  # fmt: skip
    assert len(ran(again, tmp_path / "rerun", BatchOptions(jobs=1))) == 3
    pictures = [data for data in sealing if data.startswith(b"\x89PNG")]
    assert len(pictures) == 6 and sorted(pictures[:3]) == sorted(pictures[3:])  # to the byte, before they are sealed
    assert not list(tmp_path.glob("*run/.*.part")) and not list(tmp_path.glob("*run/.scratch"))


def test_what_is_wrong_breaks_alone(tmp_path: Path, model: Path) -> None:
    edits = tmp_path / "edits.jsonl"
    with edits.open("w") as file:
        file.writelines(f"{each}\n" for each in [
            line(), "{broken", "", line(handles=[[40, 14]]), line(model="nothing-of-the-kind"),
            line(settings={"r9": 1}), line(settings={"feature_resolution": 7}), line(mask="absent.png"), line(4),
        ])  # fmt: skip
        file.write("[" * (17 * 2**20) + "\n")
        file.write(line(5))
    lines = ran(edits, tmp_path / "run", BatchOptions(model=str(model), jobs=2))
    errors = {each["line"]: each["error"] for each in lines}
    assert [number for number, error in errors.items() if error is None] == [1, 9, 11]
    for number, text in {
        2: "not a JSON object", 4: "outside the image", 5: "there is no model", 6: "unknown setting 'r9'",
        7: "feature", 8: "there is no mask", 10: "longer than 16 MiB",
    }.items():  # fmt: skip
        assert text in errors[number]
    # Going on does nothing; --retry does what broke.
    before = (tmp_path / "run" / "report.jsonl").read_bytes()
    assert ran(edits, tmp_path / "run", BatchOptions(model=str(model)), resume=True) == lines
    assert (tmp_path / "run" / "report.jsonl").read_bytes() == before
    Image.fromarray(np.eye(32, dtype=bool)).save(tmp_path / "absent.png")
    again = ran(edits, tmp_path / "run", BatchOptions(model=str(model), jobs=1), resume=True, retry=True)
    assert [each["line"] for each in again if each["error"] is None] == [1, 8, 9, 11]


def test_a_list_may_grow_but_not_change(tmp_path: Path, model: Path) -> None:
    edits, options = tmp_path / "edits.jsonl", BatchOptions(model=str(model), jobs=1)
    edits.write_text(line(1) + "\n" + line(2) + "\n")
    first = ran(edits, tmp_path / "run", options)
    edits.write_text(edits.read_text() + line(3) + "\n")
    assert ran(edits, tmp_path / "run", options, resume=True)[:2] == first
    edits.write_text(line(1) + "\n" + line(8) + "\n" + line(3) + "\n")
    with pytest.raises(DraglabError, match="line 2 of the list is not what it was"):
        ran(edits, tmp_path / "run", options, resume=True)
    edits.write_text(line(1) + "\n")
    with pytest.raises(DraglabError, match="holds 3 edits, the list 1"):
        ran(edits, tmp_path / "run", options, resume=True)


def test_lists_that_cannot_be_run(tmp_path: Path, model: Path) -> None:
    edits = tmp_path / "edits.jsonl"
    for text, message in {
        "\n \n": "holds no edits", "PNG\n1\n": "none of its lines is a JSON object",
        line(model="nothing-of-the-kind"): "there is no model",
    }.items():  # fmt: skip
        edits.write_text(text)
        with pytest.raises(DraglabError, match=message):
            ran(edits, tmp_path / "run", BatchOptions())
    edits.write_text(line())
    with pytest.raises(DraglabError, match="device 'tpu'"):
        ran(edits, tmp_path / "run", BatchOptions(model=str(model), device="tpu"), resume=True)


def test_models_come_out_as_they_went_in(model: Path) -> None:
    generator = load_generator(model, device="cpu")
    generator.drag_settings = {"r1": 4.0}
    header, arrays = pack(generator)

    class Here:
        def load(self) -> Any:
            return {name: array.view() for name, array in arrays.items()}

    found = SharedModel(generator.sha256, header, Here()).open("cpu")
    assert (found.sha256, found.name, found.drag_settings) == (generator.sha256, "tiny", {"r1": 4.0})
    assert found.statistics is not None and generator.statistics is not None
    assert torch.equal(found.statistics.covariance, generator.statistics.covariance)
    w_plus = generator.w_plus_from_seed(1)
    assert torch.equal(found.image(w_plus), generator.image(w_plus))
    for name, tensor in found.published_tensors().items():
        # The weights lie where they were.
        assert tensor.data_ptr() == arrays[name].__array_interface__["data"][0]


def test_a_visible_mark_is_drawn_by_workers_wherever_they_are(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """What the driver's environment says reaches them with the worker."""

    class Here:
        def __init__(self, arrays: Any) -> None:
            self.arrays = arrays

        def load(self) -> Any:
            return {name: array.view() for name, array in self.arrays.items()}

    content = EditReader(Models(), Here, str(model))(line(1).encode())
    plain, labelled = (EditWorker(False, mark, "cpu", None)(content).files[".png"] for mark in (False, True))
    assert origin_in(labelled).marked and not origin_in(plain).marked
    pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in (plain, labelled)]
    assert (pixels[0] != pixels[1]).any() and (pixels[0][:16] == pixels[1][:16]).all()


def test_the_number_of_models_is_bounded(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    monkeypatch.setattr("draglab.batch.models.MOST_MODELS", 1)
    models = Models()
    assert models.facts(str(model)).img_shape == (32, 32)
    with pytest.raises(DraglabError, match="names more than 1 models"):
        models.facts("heads")


def test_a_model_that_changed_is_refused(tmp_path: Path, model: Path) -> None:
    edits, options = tmp_path / "edits.jsonl", BatchOptions(model=str(tmp_path / "m.safetensors"), jobs=1)
    (tmp_path / "m.safetensors").write_bytes(model.read_bytes())
    edits.write_text(line(1) + "\n")
    ran(edits, tmp_path / "run", options)
    other = load_generator(model, device="cpu")
    other.w_avg.add_(0.1)
    save_generator(other, tmp_path / "m.safetensors")
    edits.write_text(line(1) + "\n" + line(2) + "\n")
    with pytest.raises(DraglabError, match="begun with another model under the name"):
        ran(edits, tmp_path / "run", options, resume=True)


@pytest.mark.parametrize(
    ("wanted", "free", "jobs", "found"),
    [
        (None, 10_000, 9, 4), (None, 1500, 9, 3), (7, 10_000, 9, 7), (None, None, 9, 4), (2, None, 9, 2),
        (None, 10_000, 2, 2), (None, None, 1, 1), (7, 10_000, 1, 7),
    ],
)  # fmt: skip
def test_workers_fit_into_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, wanted: int | None, free: int | None, jobs: int, found: int
) -> None:
    monkeypatch.setattr("draglab.batch.memory.usable_cores", lambda: 4)
    assert choose_workers(wanted, Need(400, 100, free), jobs) == found


def test_too_little_memory_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    with pytest.raises(DraglabError, match="4 workers need 400 MB each .* 1.0 GB of memory are free: give --jobs 2"):
        choose_workers(4, Need(400_000_000, 0, 1_000_000_000), 9)
    monkeypatch.setattr(batch_run, "free_memory", lambda: 1000)
    edits = tmp_path / "edits.jsonl"
    edits.write_text(line())
    with pytest.raises(DraglabError, match="close other programs, or take a smaller model"):
        ran(edits, tmp_path / "run", BatchOptions(model=str(model)))


def test_cores_follow_affinity_and_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr("draglab.batch.memory.CGROUP", tmp_path)
    assert usable_cores() == 8
    for text, cores in {"250000 100000": 2, "50000 100000": 1, "max 100000": 8}.items():
        (tmp_path / "cpu.max").write_text(text)
        assert usable_cores() == cores


def test_a_disk_that_is_full_at_the_start_breaks_no_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    def full(self: LocalExecutor, arrays: Any) -> SharedArrays:
        raise DraglabError("the disk is full")

    edits, options = tmp_path / "edits.jsonl", BatchOptions(model=str(model), jobs=1)
    edits.write_text(line(1))
    with monkeypatch.context() as patch:
        patch.setattr(LocalExecutor, "share", full)
        with pytest.raises(DraglabError, match="the disk is full"):
            ran(edits, tmp_path / "run", options)
    assert not (tmp_path / "run" / "report.jsonl").exists()
    assert ran(edits, tmp_path / "run", options)[0]["error"] is None
