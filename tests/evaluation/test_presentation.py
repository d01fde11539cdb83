"""Tables, plots, and the description of the machine."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch

from draglab.evaluation import machine
from draglab.evaluation.bootstrap import Estimate
from draglab.evaluation.experiment import Row
from draglab.evaluation.plots import cumulative_plot
from draglab.evaluation.table import cell, markdown, number


def test_numbers_have_about_three_digits() -> None:
    values = [None, 0.0, 1234.5, 123.45, 12.345, 1.0, 0.1, 0.01234, -2.5]
    assert [number(each) for each in values] == [
        "",
        "0.00",
        "1234",
        "123.5",
        "12.35",
        "1.00",
        "0.10",
        "0.0123",
        "-2.50",
    ]


def test_a_cell_says_of_how_many_edits_it_is() -> None:
    row = Row("paper", "1", 4, 1, {"a": Estimate(2.0, 1.0, 3.0, 2.0, 5), "b": Estimate(2.0, 1.0, 3.0, 2.0, 3)}, {})
    assert cell(row, "a") == "2.00 [1.00, 3.00]"
    assert cell(row, "b", 100) == "200.0 [100.0, 300.0] (3 of 5)"
    assert cell(row, "c") == cell(None, "a") == ""


def test_names_cannot_break_a_table() -> None:
    assert markdown(["", "x"], [["a|b", "1"]]) == "|  | x |\n| --- | ---: |\n| a/b | 1 |\n"


def test_a_plot_shows_which_share_is_at_most_so_far() -> None:
    text = cumulative_plot({"<paper>": [1.0, 2.0, 2.0, 8.0], **{f"m{i}": [3.0] for i in range(11)}}, "title", "px")
    root = ElementTree.fromstring(text)
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 12
    points = [tuple(map(float, each.split(","))) for each in lines[0].attrib["points"].split()]
    left, right, top, bottom = 56, 640 - 200, 36, 400 - 52
    assert points[0] == (left, bottom)
    assert points[-1] == (right, top)  # 8 is the end of the axis
    # Half of the values, 1 and one 2 of four, are reached at a quarter of the axis.
    assert (left + (right - left) / 4, top + (bottom - top) / 2) in points
    assert any(each.text == "<paper>" for each in root.iter())


def test_the_machine_is_described_without_names() -> None:
    found = machine.describe_session(torch.device("cpu"))
    assert found["device"] == "cpu" and found["cores"] >= 1 and found["processor"]
    assert found["must match"]["torch"] == torch.__version__
    assert machine.platform.node() not in found.values()
    assert str(Path.home()) not in json.dumps(found)


def test_an_installed_draglab_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "errors.py").write_text("")
    monkeypatch.setattr(machine.draglab.errors, "__file__", str(tmp_path / "errors.py"))
    assert machine.source_commit() is None
    # Installed below another project's repository: that one's commit says nothing.
    machine.subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert machine.source_commit() is None


def test_a_commit_says_whether_the_sources_were_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "draglab"
    package.mkdir()
    (package / "errors.py").write_text("")
    monkeypatch.setattr(machine.draglab.errors, "__file__", str(package / "errors.py"))

    def git(*arguments: str) -> None:
        own = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(tmp_path)]
        machine.subprocess.run([*own, *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    commit = machine.source_commit()
    assert commit is not None and len(commit) == 12
    (tmp_path / "README.md").write_text("docs do not change results")
    assert machine.source_commit() == commit
    (package / "errors.py").write_text("x = 1")
    assert machine.source_commit() == f"{commit}-dirty"
