"""The benchmark of photos goes on where it was ended."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from benchmarks import photos
from tests.inversion.pictures import smooth_picture

FEW = ("--set", "projection_steps=1", "tuning_steps=1")


def test_a_photo_is_inverted_once_and_other_tunings_start_at_its_latent(tmp_path, capsys, monkeypatch) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(smooth_picture(80, 80)).save(folder / "a.png")
    command = [str(folder), "--model", "heads", "--whole", "--out", str(tmp_path)]
    photos.main([*command, *FEW])
    (row,) = map(json.loads, (tmp_path / "photos_default.jsonl").read_text().splitlines())
    assert row["steps"] == [1, 1]
    assert row["tuned"] <= row["projection"] + 0.02
    assert sorted(path.name for path in (tmp_path / "photos_default").iterdir()) == ["a.draglab", "a.png"]
    assert "tuned: mean" in capsys.readouterr().out

    photos.main([*command, *FEW, "--name", "more", "--pivots", "default"])
    (more,) = map(json.loads, (tmp_path / "photos_more.jsonl").read_text().splitlines())
    assert more["steps"] == [0, 1]
    assert more["projection"] == pytest.approx(row["projection"], abs=1e-4)

    Image.fromarray(smooth_picture(80, 80, 1)).save(folder / "b.png")
    made = []
    real = photos.invert_photo
    monkeypatch.setattr(photos, "invert_photo", lambda *args, **kw: made.append(args[1].name) or real(*args, **kw))
    photos.main([*command, *FEW])
    assert made == ["b.png"]
    assert len((tmp_path / "photos_default.jsonl").read_text().splitlines()) == 2


def test_the_summary_counts_identities_and_relates_changes_to_errors() -> None:
    drag = {"drag": "chin", "judged": 1.0, "identity": 0.3, "changed outside": 6.0, "steps": 5}
    rows = [
        {"tuned": 0.04, "identity": 0.3, "error": 3.0, "seconds": None, "drags": [drag]},
        {"tuned": 0.06, "identity": None, "error": 6.0, "seconds": 9.0, "drags": [{**drag, "judged": float("nan")}]},
    ]
    text = photos.summary(rows)
    assert "tuned: mean 0.050, worst 0.060, n 2" in text
    assert "seconds: mean 9.000, worst 9.000, n 1" in text
    assert "identity below 0.35: 1 of 2" in text
    assert "judged 1.00 % of the width (median 1.00, n 1 of 2)" in text
    assert "1.50 times the inversion's error" in text
