"""Curves of training, from logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes.curves import curve, main, read_log


def write_log(run: Path, *rows: dict[str, float]) -> Path:
    run.mkdir()
    (run / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


def test_what_was_trained_again_counts_once(tmp_path: Path) -> None:
    run = write_log(
        tmp_path / "run",
        {"shown": 10, "held_out": 5.0},
        {"shown": 20, "held_out": 4.0},
        {"shown": 30, "held_out": 9.0},
        {"shown": 20, "held_out": 3.0},
        {"shown": 25},
    )
    rows = read_log(run)
    assert [row["shown"] for row in rows] == [10, 20, 25]
    assert curve(rows, "held_out", 100) == ([110, 120], [5.0, 3.0])


def test_runs_follow_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="curves are drawn with matplotlib")
    first = write_log(tmp_path / "first", {"shown": 8, "resolution": 32, "held_out": 5.0}, {"shown": 16})
    second = write_log(tmp_path / "second", {"shown": 4, "resolution": 64, "held_out": 4.0, "frechet": 7.0})
    main(["--run", str(first), str(second), "--out", str(tmp_path / "out" / "curves.svg")])
    assert "20 images" in capsys.readouterr().out
    assert (tmp_path / "out" / "curves.svg").read_text().count("<svg") == 1


def test_a_folder_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no log"):
        main(["--run", str(tmp_path), "--out", "curves.svg"])
