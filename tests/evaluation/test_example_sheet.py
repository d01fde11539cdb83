"""Sheets of edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.evaluation import example_sheet
from draglab.evaluation.experiment import Example
from draglab.evaluation.run_folder import Line, RunFolder

CONFIG: dict[str, Any] = {"experiment": "landmarks", "protocol": {}, "methods": ["a", "b"]}


class Shown:
    """An experiment whose pictures have the grey level of the edit's distance."""

    score = "distance"
    methods = ("a", "b")

    def __init__(self, lines: list[Line]) -> None:
        self.lines, self.asked = lines, []

    def edit_lines(self, run: RunFolder) -> list[Line]:
        return self.lines

    def example(self, run: RunFolder, line: Line) -> Example:
        self.asked.append(line["key"])
        picture = np.full((32, 48, 3), int(line["distance"]), np.uint8)
        return Example(picture, picture, np.array([[4.0, 5.0]]), np.array([[40.0, 20.0]]))


def lines(count: int) -> list[Line]:
    # In the second method, the order is the other way round.
    return [
        {
            "key": f"{method}/1/{i:06d}",
            "method": method,
            "points": 1,
            "distance": 10.0 * (i if method == "a" else 9 - i),
        }
        for i in range(count)
        for method in ("a", "b")
    ]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, CONFIG)


def test_best_median_and_worst_are_shown(run: RunFolder) -> None:
    one = Shown(lines(9))
    sheet = example_sheet.ranked_sheet(one, run)  # pyright: ignore[reportArgumentType]
    assert one.asked == [f"a/1/{i:06d}" for i in (0, 4, 8)] + [f"b/1/{i:06d}" for i in (8, 4, 0)]
    assert sheet is not None and sheet.shape == (2 * 282 + 6, 3 * (2 * 384 + 6) + 6, 3)


def test_edits_are_compared_by_all_methods(run: RunFolder) -> None:
    one = Shown(lines(9))
    sheet = example_sheet.compared_sheet(one, run)  # pyright: ignore[reportArgumentType]
    assert one.asked == [f"{method}/1/{i:06d}" for i in (1, 3, 5, 7) for method in ("a", "b")]
    assert sheet is not None and sheet.shape[1] == 3 * (384 + 6) + 6
    few = Shown(lines(2))
    example_sheet.compared_sheet(few, run)  # pyright: ignore[reportArgumentType]
    assert few.asked == ["a/1/000000", "b/1/000000", "a/1/000001", "b/1/000001"]


def test_edits_that_one_method_has_not_leave_a_gap(run: RunFolder) -> None:
    some = [line for line in lines(4) if line["key"] != "b/1/000002"] + [
        {"key": "b/1/000002", "method": "b", "points": 1, "distance": None}
    ]
    one = Shown(some)
    sheet = example_sheet.compared_sheet(one, run)  # pyright: ignore[reportArgumentType]
    assert "b/1/000002" not in one.asked and len(one.asked) == 7
    assert sheet is not None
    assert example_sheet.compared_sheet(Shown([]), run) is None  # pyright: ignore[reportArgumentType]
    assert example_sheet.ranked_sheet(Shown([]), run) is None  # pyright: ignore[reportArgumentType]
