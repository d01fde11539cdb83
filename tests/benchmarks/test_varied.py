"""Runs, sheets and verdicts of varied drags."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import varied
from benchmarks.varied_sheet import SIDE, Row, crop_box, draw_page, draw_small_page
from draglab.checkpoints import save_generator
from draglab.dragging import DragSettings
from draglab.evaluation import FixedDrag, run_drags
from draglab.generators.statistics import measure_statistics
from draglab.perception import HAND, MULTI_PIE, Images, Layout
from tests.tiny import tiny_generator

KINDS = ("spread finger", "bend finger", "chin down")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a finished run of three drags."""
    model, path, out = tmp_path / "tiny.safetensors", tmp_path / "drags.json", tmp_path / "run"
    save_generator(tiny_generator(), model)
    rows = [{"seed": i, "kind": kind, "handle": [10, 12], "target": [14, 12]} for i, kind in enumerate(KINDS)]
    path.write_text(json.dumps({"model": "tiny", "image_size": 32, "drags": rows}))
    options = ["--set", "feature_resolution=16", "max_steps=2", "descent=first-order"]
    varied.main(["run", "--model", str(model), "--drags", str(path), "--out", str(out), *options])
    return out


def test_a_run_keeps_numbers_and_pictures(folder: Path) -> None:
    content = json.loads((folder / "outcomes.json").read_text())
    assert content["settings"]["descent"] == "first-order"
    first = content["outcomes"][0]
    assert (first["kind"], first["stop_reason"], first["steps"], len(first["course"])) == (KINDS[0], "max_steps", 2, 2)
    assert np.hypot(*np.subtract(first["ended"], first["target"])) == pytest.approx(first["tracked"])
    assert min(left for left, _ in first["course"]) == pytest.approx(first["tracked"])
    assert first["judged"] is first["found"] is first["followed"] is None
    before, after = (np.asarray(Image.open(folder / f"000_{which}.png")) for which in ("before", "after"))
    assert before.shape == (32, 32, 3)
    assert (before != after).any()


def test_pages_hold_all_drags(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(varied, "PAGE", 2)
    varied.main(["sheet", str(folder), "--out", str(tmp_path / "look")])
    assert (folder / "look-1.png").exists() and not (folder / "look-2.png").exists()
    heights = [Image.open(tmp_path / f"look-{page}.png").height for page in (1, 2)]
    assert heights[0] == 2 * heights[1]
    assert not (tmp_path / "look-3.png").exists()
    varied.main(["sheet", str(folder), "--small", "--webp", "--out", str(tmp_path / "small")])
    assert Image.open(tmp_path / "small-1.webp").format == "WEBP"


def test_a_blind_sheet_mixes_the_same_drags_of_all_runs(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    folder.rename(tmp_path / "kept")
    other.symlink_to(tmp_path / "kept")
    folder.symlink_to(tmp_path / "kept")
    key = tmp_path / "key.json"
    varied.main(
        ["sheet", str(folder), str(other), "--every", "2", "--blind", str(key), "--out", str(tmp_path / "blind")]
    )
    told = json.loads(key.read_text())
    assert sorted(each["folder"] for each in told) == ["other", "run"]
    assert len({each["kind"] for each in told}) == 1
    row = varied.read_run(folder)[0].blind(4)
    assert row.caption == f"#4, {KINDS[0]} 0"


def verdict_file(path: Path, *rows: tuple[str, int, str, str]) -> Path:
    names = ("kind", "seed", "verdict", "reason")
    path.write_text(json.dumps({"verdicts": [dict(zip(names, row, strict=True)) for row in rows]}))
    return path


def test_verdicts_are_counted_by_kind(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("spread finger", 0, "right", "a"), ("bend finger", 1, "hazy", "b"), ("chin down", 2, "right", "c")]
    path = verdict_file(tmp_path / "v.json", *rows)
    capsys.readouterr()
    varied.main(["verdicts", str(path), "--run", str(folder)])
    lines = {line[:24].strip(): line[24:].split() for line in capsys.readouterr().out.splitlines()}
    assert lines["all"] == ["2", "0", "1", "0", "0", "67"]
    assert lines["bend finger"] == ["0", "0", "1", "0", "0", "0"]
    varied.main(["sheet", str(folder), "--verdicts", str(path), "--out", str(tmp_path / "judged")])
    assert (tmp_path / "judged-1.png").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("chin down", 2, "fine", "x")], "give each drag one of right, wrong"),
        ([("chin down", 2, "right", " ")], "with a reason"),
        ([("chin down", 2, "right", "x"), ("chin down", 2, "hazy", "x")], "once"),
        ([("chin down", 2, "right", "x")], "2 drags have no verdict"),
    ],
)
def test_incomplete_verdicts_are_refused(
    rows: list[tuple[str, int, str, str]],
    message: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        varied.main(["verdicts", str(verdict_file(tmp_path / "v.json", *rows)), "--run", str(folder)])
    assert message in capsys.readouterr().err


class NoseJudge:
    """Sees the lower edge of the nose go by (3, -8)."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def __call__(self, images: Images) -> np.ndarray:
        places = np.zeros((len(images), 68, 2))
        places[1, [31, 33, 35]] = (3.0, -8.0)
        return places


def test_what_went_along_is_a_share_of_the_way() -> None:
    generator = tiny_generator()
    drag = FixedDrag(seed=1, kind="upper lip up", handle=(10, 20), target=(10, 10))
    outcome = next(run_drags(generator, None, [drag], DragSettings(max_steps=1, feature_resolution=16)))
    assert varied.followed(NoseJudge(MULTI_PIE), outcome) == pytest.approx(0.8)
    assert varied.followed(NoseJudge(HAND), outcome) is None
    assert varied.followed(None, outcome) is None
    assert varied.followed(NoseJudge(MULTI_PIE), replace(outcome, drag=replace(drag, kind="finger tip"))) is None


def test_the_ruler_measures_in_the_metric() -> None:
    generator = tiny_generator()
    settings = DragSettings.for_model(generator, num_layers=3)
    assert varied.Ruler(generator, settings).length(torch.zeros(1, generator.num_ws, 16)) is None
    generator.statistics = measure_statistics(generator)
    ruler = varied.Ruler(generator, settings)
    metric = varied.LatentMetric(generator.statistics, 3, False)
    force = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(1))
    change = torch.zeros(1, generator.num_ws, 16)
    change[:, :3] = metric(force)
    assert ruler.length(change) == pytest.approx(float((metric(force) * force).sum().sqrt()), rel=1e-3)


def row(handle: tuple[float, float], target: tuple[float, float], found: tuple[float, float] | None = None) -> Row:
    grey = np.full((64, 64, 3), 128, np.uint8)
    return Row(("tip", 1), "tip 1", "", handle, target, found, grey, grey)


def test_the_enlarged_part_holds_handle_and_target_and_lies_in_the_picture() -> None:
    for ends in (((30, 30), (34, 30)), ((1, 2), (1, 9)), ((63, 60), (40, 63)), ((5, 32), (58, 32))):
        left, top, right, bottom = crop_box(row(*ends))
        assert right - left == pytest.approx(bottom - top)
        assert min(left, top) >= 0 and max(right, bottom) <= 64
        assert all(left <= x <= right and top <= y <= bottom for x, y in ends)
    assert crop_box(row((30, 30), (34, 30)))[2] - crop_box(row((30, 30), (34, 30)))[0] == pytest.approx(0.34 * 64)


def test_marks_lie_where_the_points_are() -> None:
    page = draw_page([row((16, 16), (48, 16), (48, 48))]).astype(int)
    red, blue = (np.argwhere(np.abs(page - colour).max(2) < 30) for colour in ((232, 62, 56), (48, 116, 236)))
    before = blue[blue[:, 1] < SIDE]
    assert np.allclose(red.mean(0), (66, 66), atol=2)
    assert np.allclose(before.mean(0), (66, 194), atol=2)
    yellow = np.argwhere(np.abs(page - (255, 214, 0)).max(2) < 30)
    assert np.allclose(yellow.mean(0), (194, 194 + SIDE + 4), atol=2)
    assert (
        draw_small_page([row((16, 16), (48, 16))] * 4).shape[0]
        == 2 * draw_small_page([row((16, 16), (48, 16))]).shape[0]
    )
