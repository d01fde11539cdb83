"""`draglab batch` from the command line: kills, Ctrl-C, wrong input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {"feature_resolution": 16, "max_steps": 3}
START = "from draglab.cli.main import run; run()"


def line(seed: int, **changes: Any) -> str:
    return json.dumps({"seed": seed, "handles": [[10, 14]], "targets": [[16, 14]], "settings": SETTINGS, **changes})


def report(folder: str) -> list[dict[str, Any]]:
    """The report by line, without times."""
    lines = [json.loads(each) for each in Path(folder, "report.jsonl").read_text().splitlines()]
    for each in lines:
        each.pop("seconds", None)
    return sorted(lines, key=lambda each: each["line"])


def results(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder, "results").rglob("*.*")}


def count(folder: str) -> int:
    path = Path(folder, "report.jsonl")
    return path.read_bytes().count(b"\n") if path.exists() else 0


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START, "batch", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(folder: str, wanted: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while count(folder) < wanted and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


def test_a_list_is_run(draglab, model: Path) -> None:
    Path("edits.jsonl").write_text("\n".join([line(1), "{broken", line(2), line(3, handles=[[99, 14]])]))
    ran = draglab("batch", "edits.jsonl", "-o", "run", "-m", model, "--jobs", "2")
    assert ran.code == 2
    assert "4 of 4 edits are done" in ran.out and "2 of them broke" in ran.out
    assert "4 edits, 2 workers; memory: " in ran.err and " each and " in ran.err
    assert [each["error"] is None for each in report("run")] == [True, False, True, False]
    assert sorted(results("run")) == [f"results/000/00000{n}.{kind}" for n in (1, 3) for kind in ("json", "png")]
    # The same image as by itself.
    assert draglab("drag", "run/results/000/000001.json", "-m", model, "-o", "one.png").code == 0
    assert Path("one.png").read_bytes() == results("run")["results/000/000001.png"]
    ran = draglab("batch", "edits.jsonl", "-o", "run", "-m", model, "--resume", "--json")
    assert ran.json() == {"run": "run", "edits": 4, "done": 4, "broken": 2, "stopped": False}
    assert "4 of 4 edits are done already" in ran.err
    Path("edits.jsonl").write_text("\n".join([line(1), line(8), line(2), line(3)]))
    ran = draglab("batch", "edits.jsonl", "-o", "run", "-m", model, "--resume", "--json")
    assert (ran.code, "line 2 of the list is not what it was" in ran.json()["error"]) == (2, True)


def test_options_that_cannot_be(draglab, model: Path) -> None:
    Path("edits.jsonl").write_text(line(1))
    for arguments, message in {
        ("--retry",): "add --resume", ("--gpus", "0.5"): "add --on", ("--jobs", "0"): "--jobs '0'",
        ("--jobs", "many"): "--jobs 'many'", ("--jobs", "99999999999999"): "--jobs '9999",
        ("--on", "auto", "--device", "cpu"): "--device is for this machine", ("--device", "tpu"): "device 'tpu'",
        ("-m", "absent"): "there is no model", ("--jobs", "10000"): "workers need",
    }.items():  # fmt: skip
        ran = draglab("batch", "edits.jsonl", "-o", "run", "-m", model, *arguments)
        assert (ran.code, message in ran.err) == (2, True), ran.err
    ran = draglab("batch", "absent.jsonl", "-o", "run")
    assert (ran.code, "there is no list of edits" in ran.err) == (2, True)
    ran = draglab("batch", "edits.jsonl", "-o", "edits.jsonl/run")
    assert (ran.code, "cannot write edits.jsonl/run" in ran.err) == (2, True)
    assert not Path("run", "results").exists()


@pytest.mark.slow
def test_a_batch_that_is_killed_again_and_again_has_the_same_report(draglab, model: Path) -> None:
    lines = [line(seed) for seed in range(1, 41)]
    lines[11], lines[30] = "{broken", line(9, model="nothing")
    Path("edits.jsonl").write_text("\n".join(lines))
    assert draglab("batch", "edits.jsonl", "-o", "whole", "-m", model, "--jobs", "2").code == 2
    chance = random.Random(7)
    for wanted in (1, 9, 20, 33):
        process = start("edits.jsonl", "-o", "killed", "-m", model, "--jobs", "2", "--resume")
        wait_for("killed", wanted, process)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert wanted <= count("killed") <= 40
    # As if the last kill had come while a line was written.
    with Path("killed", "report.jsonl").open("ab") as file:
        file.write(b'{"line": 39, "dig')
    ran = draglab("batch", "edits.jsonl", "-o", "killed", "-m", model, "--resume")
    assert ran.code == 2
    assert "1 damaged lines of the report were dropped" in ran.err
    assert report("killed") == report("whole")
    assert [each["line"] for each in report("killed")] == list(range(1, 41))
    assert results("killed") == results("whole")
    assert not list(Path("killed").glob(".draglab*"))


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(draglab, model: Path, presses: int) -> None:
    Path("edits.jsonl").write_text("\n".join(line(seed) for seed in range(1, 200)))
    process = start("edits.jsonl", "-o", "run", "-m", model, "--jobs", "2")
    wait_for("run", 3, process)
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to the workers, too
        time.sleep(0.02)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "finishing the edits in work; Ctrl-C again abandons them" in err
    if presses == 1:
        assert "stopped: the same command with --resume goes on" in out
    done = count("run")
    assert 3 <= done < 199
    named = {name for each in report("run") for name in each["files"].values()}
    assert results("run").keys() == named if presses == 1 else results("run").keys() >= named
    assert not list(Path("run").rglob(".draglab*")) and not Path("run", ".scratch").exists()
    Path("edits.jsonl").write_text("\n".join(line(seed) for seed in range(1, done + 3)))
    ran = draglab("batch", "edits.jsonl", "-o", "run", "-m", model, "--resume")
    assert ran.code == 0, ran.err
    assert [each["line"] for each in report("run")] == list(range(1, done + 3))
