"""Paired differences of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.errors import DraglabError
from draglab.evaluation.comparison import compare, comparison_table, find_side
from draglab.evaluation.run_folder import open_run

SESSION: dict[str, Any] = {"must match": {}}


def write(path: Path, values: dict[str, list[float | None]], protocol: str = "p", experiment: str = "landmarks") -> str:
    config = {"experiment": experiment, "protocol": {"list": protocol}, "methods": list(values)}
    with open_run(path, config, SESSION) as run:
        for method, each in values.items():
            for pair, value in enumerate(each):
                line = {"method": method, "points": 1, "pair": pair, "distance": value, "seconds": 1.0}
                run.append(f"{method}/1/{pair:06d}", line)
        run.append("pair/000000", {"kind": "pair"})
    return str(path)


def test_differences_are_paired(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    own = random.uniform(0, 100, 50)
    a = write(tmp_path / "a", {"paper": [*own.tolist(), None, 5.0]})
    b = write(tmp_path / "b", {"default": [*(own - 2 + random.normal(0, 0.5, 50)).tolist(), 3.0, None]})
    rows = compare(find_side(a), find_side(b))
    assert [row.measure for row in rows] == ["distance", "seconds"]
    row = rows[0]
    # The distances vary by 100, their differences by 0.5: only pairing finds this.
    assert row.difference.count == 50 and row.left_out == 2
    assert -2.2 < row.difference.low < row.difference.mean < row.difference.high < -1.8
    assert row.a == pytest.approx(own.mean()) and row.b - row.a == pytest.approx(row.difference.mean)
    assert row.better == 1
    table = comparison_table(find_side(a), find_side(b), rows)
    assert "| distance | 1 |" in table and "100 %" in table


def test_a_method_of_a_run_is_named_after_it(tmp_path: Path) -> None:
    both = write(tmp_path / "run", {"default": [1.0, 2.0], "paper:r1=6,tracker=none": [2.0, 4.0]})
    rows = compare(find_side(f"{both}/default"), find_side(f"{both}/paper:r1=6,tracker=none"))
    assert (rows[0].a, rows[0].b, rows[0].better) == (1.5, 3, 0)
    with pytest.raises(DraglabError, match="has several methods: name one, as in .*/default"):
        find_side(both)
    with pytest.raises(DraglabError, match="has no method 'stabledrag': choose of default, paper"):
        find_side(f"{both}/stabledrag")


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    a = find_side(write(tmp_path / "a", {"default": [1.0, 2.0]}))
    with pytest.raises(DraglabError, match='cannot be compared: list "p" and "q"'):
        compare(a, find_side(write(tmp_path / "b", {"default": [1.0]}, "q")))
    with pytest.raises(DraglabError, match="is of bench landmarks, .* of pairs"):
        compare(a, find_side(write(tmp_path / "c", {"default": [1.0]}, experiment="pairs")))
    with pytest.raises(DraglabError, match="no edit in common"):
        compare(a, find_side(write(tmp_path / "d", {"default": []})))
    with pytest.raises(DraglabError, match="neither a run"):
        find_side(str(tmp_path / "absent"))
    with pytest.raises(DraglabError, match="neither a run"):
        find_side("absent")


def test_broken_edits_are_left_out(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {"default": [1.0, 2.0]})
    b = write(tmp_path / "b", {"default": [1.0, 4.0]})
    with open_run(b, {"experiment": "landmarks", "protocol": {"list": "p"}, "methods": ["default"]}, SESSION) as run:
        run.append("default/1/000000", {"method": "default", "points": 1, "error": "broken"})
    rows = compare(find_side(a), find_side(b))
    assert (rows[0].difference.count, rows[0].difference.mean) == (1, 2)
