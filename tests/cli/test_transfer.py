"""`draglab transfer` and `draglab drag --do` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from draglab.media.edit_file import load_edit_file
from tests.cli.test_batch import report, results, wait_for

START = "from draglab.cli.main import run; run()"


def made(draglab, steps: int = 2) -> None:
    ran = draglab("drag", "--seed", 1, "--point", "88,134:96,134", "--steps", steps, "-o", "a.png", "--save", "a.json")
    assert ran.code == 0, ran.err


def test_seeds_are_edited_and_gone_on_with(draglab) -> None:
    made(draglab)
    ran = draglab("transfer", "a.json", "--seeds", "1-2", "-o", "run", "--jobs", 1, "--everywhere", "--json")
    summary = ran.json()
    assert (ran.code, summary["seeds"], summary["done"], summary["broken"]) == (0, 2, 2, 0)
    assert "2 seeds, 1 worker; memory: " in ran.err
    again = draglab("transfer", "a.json", "--seeds", "1-2", "-o", "run", "--everywhere", "--resume")
    assert again.code == 0 and "2 of 2 seeds are done already" in again.err
    lines = report("run")
    assert [each["seed"] for each in lines] == [1, 2] and summary["made"] + summary["skipped"] == 2
    assert lines[0]["skipped"] is None and lines[0]["confidence"] > 0.5  # the source's own image
    assert lines[0]["points"][0]["handle"] == pytest.approx([88, 134], abs=1.5)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (("absent.json", "--seeds", "1"), "absent.json"),
        (("a.json", "--seeds", "9-3"), "run backwards"),
        (("a.json", "--seeds", "0-4000000000"), "more than 1000000 seeds"),
        (("a.json", "--seeds", "1", "--retry"), "add --resume"),
        (("a.json", "--seeds", "1", "--model", "hands"), "another model"),
    ],
)
def test_wrong_arguments(draglab, changed, problem) -> None:
    made(draglab)
    ran = draglab("transfer", *changed, "-o", "run")
    assert ran.code == 2 and problem in ran.err and "Traceback" not in ran.err


def test_ctrl_c_ends_and_resume_goes_on(draglab) -> None:
    made(draglab, 5)
    command = [sys.executable, "-c", START, "transfer", "a.json", "--seeds", "1-30", "-o", "run", "--jobs", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for("run", 2, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "finishing the seeds in work" in err and "with --resume goes on" in out
    before = report("run")
    assert 2 <= len(before) < 30
    kept = results("run")
    draglab("transfer", "a.json", "--seeds", f"1-{len(before) + 1}", "-o", "run", "--jobs", 1, "--resume")
    after = report("run")
    assert after[:-1] == before and len(after) == len(before) + 1
    assert kept.items() <= results("run").items()


def test_named_edits_of_a_head(draglab) -> None:
    ran = draglab("drag", "--seed", 525, "--do", "smile:0.5", "--do", "turn-left", "--point", "20,20:21,20",
                  "--steps", 1, "-o", "s.png", "--save", "s.json")  # fmt: skip
    assert ran.code == 0, ran.err
    points = load_edit_file("s.json").rounds[0].points
    ways = [(pair.target[0] - pair.handle[0], pair.target[1] - pair.handle[1]) for pair in points]
    assert len(points) == 5 and ways[0] == (1, 0)
    assert ways[1][0] < -2 and ways[2][0] > 2  # the mouth's corners
    more = draglab("drag", "s.json", "--do", "look-up", "--steps", 1, "-o", "t.png", "--save", "t.json")
    assert more.code == 0 and len(load_edit_file("t.json").rounds) == 2


def test_named_edits_that_cannot_be_made(draglab, model: Path) -> None:
    for arguments, problem in (
        (("--do", "grin"), "no named edit 'grin'"),
        (("--do", "smile:much"), "no strength"),
        (("--do", "smile", "-m", model), "named edit"),
    ):
        ran = draglab("drag", "--seed", 1, *arguments)
        assert ran.code == 2 and problem in ran.err, ran.err
    Path("l.jsonl").write_text('{"seed": 1, "do": ["smile"], "settings": {"max_steps": 1}}\n{"seed": 1}\n')
    assert draglab("batch", "l.jsonl", "-o", "run", "--jobs", 1).code == 2
    lines = report("run")
    assert lines[0]["error"] is None and "give handles and targets, or do" in lines[1]["error"]
    assert json.loads(Path("run/results/000/000001.json").read_text())["rounds"][0]["points"][0]["handle"]
