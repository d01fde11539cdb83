"""The fixed-drag command, on a list of no landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import drags
from draglab.checkpoints import save_generator
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
