"""The fixed-drag command, on a list of no landmarks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import drags, masks
from draglab.checkpoints import save_generator
from draglab.dragging import DragEdit
from draglab.evaluation import FixedDrag
from draglab.perception import HeadLandmarks
from draglab.perception.heads import HEADS_JUDGE
from tests.tiny import tiny_generator


def test_a_list_without_landmarks_reports_arrival_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drags, "HERE", tmp_path)
    monkeypatch.setattr(drags, "MAX_STEPS", 2)
    model, path = tmp_path / "tiny.safetensors", tmp_path / "drags_tiny.json"
    save_generator(tiny_generator(), model)
    row = {"seed": 1, "kind": "finger bends", "handle": [10, 12], "target": [14, 12]}
    path.write_text(json.dumps({"model": "tiny", "image_size": 32, "drags": [row]}))
    drags.main(["--model", str(model), "--drags", str(path), "--set", "feature_resolution=16"])
    printed = capsys.readouterr().out
    assert "finger bends" in printed and "arrived_percent" in printed
    assert "judged" not in printed
    table = json.loads((tmp_path / "out" / "drags_tiny_draglab.json").read_text())
    assert table["all"]["drags"] == 1


def test_the_judge_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    of_a_landmark = FixedDrag(seed=1, kind="nose", handle=(1, 1), target=(2, 2), landmark=30)
    of_none = FixedDrag(seed=1, kind="tip", handle=(1, 1), target=(2, 2))
    assert isinstance(drags.choose_judge(None, [of_none, of_a_landmark]), HeadLandmarks)
    assert drags.choose_judge(None, [of_none]) is None
    assert isinstance(drags.choose_judge("heads", [of_none]), HeadLandmarks)
    assert isinstance(drags.choose_judge(str(HEADS_JUDGE), [of_none]), HeadLandmarks)
    monkeypatch.setitem(drags.JUDGES, "dlib", lambda: "dlib's")
    assert drags.choose_judge("dlib", [of_none]) == "dlib's"
    with pytest.raises(SystemExit):
        drags.main(["--judge", "absent.safetensors"])
    assert "--judge: cannot load the landmark network" in capsys.readouterr().err


def test_settings_need_no_quotes() -> None:
    assert drags.parse_changes(["latent_space=w", "r1=6", "precision='bfloat16'"]) == {
        "latent_space": "w",
        "r1": 6,
        "precision": "bfloat16",
    }


@pytest.mark.parametrize("change", ["no_such_setting=3", "r1=wide", "latent_space=q"])
def test_settings_that_are_none_are_refused(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        drags.main(["--set", change])
    assert "--set: " in capsys.readouterr().err


def test_a_part_of_the_list_is_of_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drags, "HERE", tmp_path)
    monkeypatch.setattr(drags, "MAX_STEPS", 1)
    model, path = tmp_path / "tiny.safetensors", tmp_path / "drags_tiny.json"
    save_generator(tiny_generator(), model)
    rows = [{"seed": 1, "kind": kind, "handle": [10, 12], "target": [14, 12]} for kind in ("bends", "turns") * 4]
    path.write_text(json.dumps({"model": "tiny", "image_size": 32, "drags": rows}))
    drags.main(["--model", str(model), "--drags", str(path), "--every", "2", "--set", "feature_resolution=16"])
    table = json.loads((tmp_path / "out" / "drags_tiny_draglab.json").read_text())
    assert (table["bends"]["drags"], table["turns"]["drags"]) == (2, 2)


@pytest.mark.parametrize("main", [drags.main, masks.main], ids=["drags", "masks"])
@pytest.mark.parametrize("every", ["0", "-3", "x"])
def test_only_counts_are_taken(
    main: Callable[[list[str]], None], every: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--every", every])
    assert "--every: " in capsys.readouterr().err


def test_masks_are_measured_on_drags_of_every_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dragged: list[int] = []

    def stands_still(_: object, w_plus: torch.Tensor, edit: DragEdit, __: object) -> SimpleNamespace:
        dragged.append(next(i for i, one in enumerate(drags.heads_drags()) if [one.handle] == edit.handles))
        return SimpleNamespace(w_plus=w_plus, distances=[0.0], steps=0, seconds=0.1, stop_reason="arrived")

    monkeypatch.setattr("draglab.load_generator", lambda _: tiny_generator())
    monkeypatch.setattr("draglab.drag", stands_still)
    masks.main(["--only", "draglab"])
    assert dragged == [3 * image + image % 3 for image in range(20)]
    assert "arrived 20/20" in capsys.readouterr().out
