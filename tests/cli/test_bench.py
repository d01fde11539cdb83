"""`draglab bench` from the command line: kills, interruptions, wrong input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from draglab.cli.main import main
from draglab.cli.run_progress import describe
from draglab.evaluation.experiment import Case, Measured
from draglab.evaluation.runner import Progress

SHORT = ("--judge", "heads", "--steps", "3", "--set", "feature_resolution=16")
LANDMARKS = ("--points", "1", "5", "--pairs", "4", "--method", "default", "--method", "paper", *SHORT)


def summary(path: Path) -> list[dict[str, Any]]:
    """The rows of a summary, without times."""
    rows = json.loads((path / "summary.json").read_text())["rows"]
    for row in rows:
        row["measures"].pop("seconds", None)
    return rows


def table(path: Path) -> list[list[str]]:
    """The cells of a table, without times."""
    found = []
    for block in (path / "table.md").read_text().split("\n\n"):
        lines = [line.split("|") for line in block.splitlines() if line.startswith("|")]
        if lines:
            column = [cell.strip() for cell in lines[0]].index("s")
            found += [line[:column] + line[column + 1 :] for line in lines]
    return found


@pytest.fixture(autouse=True, scope="module")
def _statistics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the tiny model's statistics be measured once for the runs of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRAGLAB_STATISTICS", str(tmp_path_factory.mktemp("statistics")))
        yield


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main(["bench", "landmarks", "-m", str(model), *LANDMARKS, "-o", str(folder)]) == 0
    return folder


def test_the_same_command_gives_the_same_table(draglab, model: Path, whole: Path) -> None:
    ran = draglab("bench", "landmarks", "-m", model, *LANDMARKS, "-o", "a")
    assert ran.code == 0, ran.err
    assert "wrote a" in ran.out and "| no edit |" in ran.out
    assert summary(Path("a")) == summary(whole)
    assert table(Path("a")) == table(whole)
    lines = [json.loads(line) for line in Path("a", "edits.jsonl").read_text().splitlines()]
    assert len(lines) == 4 * (1 + 2 * 2)
    # A run that is complete is not run again.
    before = Path("a", "edits.jsonl").read_bytes()
    assert draglab("bench", "landmarks", "-m", model, *LANDMARKS, "-o", "a").code == 0
    assert Path("a", "edits.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_gives_the_same_summary(draglab, model: Path, whole: Path) -> None:
    command = [sys.executable, "-c", "from draglab.cli.main import run; run()", "bench", "landmarks", "-m", str(model),
               *LANDMARKS, "-o", "killed"]  # fmt: skip
    chance = random.Random(5)
    for wanted in (2, 7, 12):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while count(Path("killed")) < wanted and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.wait()
        assert wanted <= count(Path("killed")) < 20
    # As if the last kill had come while a line was written.
    with Path("killed", "edits.jsonl").open("ab") as file:
        file.write(b'{"key": "paper/5/0000')
    ran = draglab("bench", "landmarks", "-m", model, *LANDMARKS, "-o", "killed")
    assert ran.code == 0, ran.err
    assert "1 damaged lines were dropped" in ran.out
    assert summary(Path("killed")) == summary(whole)
    assert table(Path("killed")) == table(whole)
    keys = [json.loads(line)["key"] for line in Path("killed", "edits.jsonl").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 20


def count(path: Path) -> int:
    lines = path / "edits.jsonl"
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


def test_ctrl_c_sums_up_what_there_is(draglab, model: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from draglab.evaluation.landmarks import LandmarkExperiment

    true, made = LandmarkExperiment.drag, []

    def interrupted(self: Any, *arguments: Any) -> Measured:
        made.append(arguments)
        if len(made) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return true(self, *arguments)

    monkeypatch.setattr(LandmarkExperiment, "drag", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    ran = draglab("bench", "landmarks", "-m", model, *LANDMARKS, "-o", "run")
    signal.signal(signal.SIGINT, before)
    assert ran.code == 130
    assert "stopped: the same command goes on" in ran.out
    assert Path("run", "table.md").exists() and not Path("run", "sheet.png").exists()
    assert sum(row["edits"] for row in summary(Path("run")) if row["method"] in ("default", "paper")) == 5
    ran = draglab("bench", "landmarks", "-m", model, *LANDMARKS, "-o", "run")
    assert ran.code == 0, ran.err
    assert summary(Path("run")) == summary(whole)


def test_drags_and_a_report(draglab, model: Path) -> None:
    line = {"seed": 3, "handles": [[10, 14]], "targets": [[16, 14]]}
    Path("edits.jsonl").write_text("\n".join([json.dumps(line), "{broken", json.dumps({**line, "seed": 4})]))
    common = ("bench", "drags", "edits.jsonl", "-m", model, *SHORT)
    ran = draglab(*common, "--method", "default", "-o", "a", "--json")
    assert ran.code == 0, ran.err
    (row,) = ran.json()["rows"]
    assert (row["edits"], row["errors"]) == (2, 1)
    assert "not a JSON object" in Path("a", "edits.jsonl").read_text()
    assert draglab(*common, "--method", "paper", "-o", "b").code == 0
    ran = draglab("bench", "report", "a", "b", "--json")
    assert ran.code == 0, ran.err
    found = {each["measure"]: each for each in ran.json()["differences"]}
    assert found["tracked"]["difference"]["count"] == 2
    assert "| tracked |" in draglab("bench", "report", "a/default", "b").out


def test_an_ablation_changes_one_setting_at_a_time(draglab, model: Path) -> None:
    Path("edits.jsonl").write_text(json.dumps({"seed": 3, "handles": [[10, 14]], "targets": [[16, 14]]}))
    vary = ("--vary", "r1=2,9", "--vary", "latent_space=w")
    common = ("bench", "ablate", "edits.jsonl", "-m", model, *vary, *SHORT, "--method", "paper", "--json")
    ran = draglab(*common, "-o", "one")
    assert ran.code == 0, ran.err
    methods = [row["method"] for row in ran.json()["rows"]]
    assert methods == ["paper", "paper:r1=2", "paper:r1=9", "paper:latent_space=w"]
    ran = draglab(*common, "--grid", "-o", "grid")
    methods = [row["method"] for row in ran.json()["rows"]]
    assert methods == ["paper", "paper:r1=2,latent_space=w", "paper:r1=9,latent_space=w"]
    ran = draglab("bench", "ablate", "landmarks", "-m", model, "--vary", "r1=2", *SHORT, "--edits", 1, "-o", "two")
    assert ran.code == 0, ran.err
    assert "| default:r1=2 |" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("landmarks", "--points", "3"), "has no 3 points: choose of 1, 5, 68"),
        (("landmarks", "--points", "one"), "--points 'one' cannot be read"),
        (("landmarks", "--points", "1,0"), "cannot be read"),
        (("landmarks", "--method", "magic"), "unknown method 'magic'"),
        (("landmarks", "--method", "paper", "--method", "paper"), "given twice"),
        (("landmarks", "--judge", "none"), "needs a detector of landmarks"),
        (("landmarks", "--judge", "absent.safetensors"), "there is no judge"),
        (("landmarks", "--list", "absent.json"), "there is no list of pairs"),
        (("landmarks", "--fid", "absent.pth"), "absent.pth"),
        (("landmarks", "--pairs", "0"), "--pairs"),
        (("landmarks", "--truncation", "nan"), "--truncation"),
        (("drags", "absent.jsonl"), "there is no list of edits"),
        (("report", "x", "y"), "neither a run"),
        (("ablate", "landmarks", "--vary", "r1"), "is not a variation"),
    ],
)
def test_wrong_input_is_told_in_one_line(draglab, model: Path, arguments: tuple[str, ...], message: str) -> None:
    own = () if arguments[0] == "report" else ("-m", model, "-o", "run")
    judge = () if "--judge" in arguments or arguments[0] == "report" else ("--judge", "heads")
    ran = draglab("bench", *arguments, *own, *judge)
    assert ran.code == 2
    assert message in ran.err and ran.err.count("\n") == 1
    assert not Path("run", "config.json").exists()


def test_a_run_with_another_protocol_is_not_mixed_in(draglab, model: Path) -> None:
    few = ("bench", "landmarks", "-m", model, "--points", "1", "--pairs", "1", *SHORT, "-o", "run")
    assert draglab(*few).code == 0
    ran = draglab(*few, "--truncation", "0.5")
    assert ran.code == 2
    assert "another truncation_psi 0.7 and 0.5" in ran.err


def test_progress_says_rate_and_what_remains() -> None:
    case = Case("a", {}, lambda: Measured({}))
    assert describe(Progress(30, 10, 130, case), 5.0) == "30 of 130, 2.0 edits/s, 50 s left"
    assert describe(Progress(30, 10, 130, case), 80.0) == "30 of 130, 8.0 s an edit, 13 min 20 s left"
    assert describe(Progress(10, 10, 1000, case), 1000.0) == "10 of 1000, 100.0 s an edit, 27 h 30 min left"


def test_pairs_can_be_looked_for_without_dragging(draglab, model: Path) -> None:
    ran = draglab("bench", "landmarks", "-m", model, "--pairs-only", "--pairs", 3, "--judge", "heads", "-o", "run")
    assert ran.code == 0, ran.err
    assert [row["method"] for row in summary(Path("run"))] == ["no edit", "detector's noise floor"] * 3
    assert len(json.loads(Path("run", "pairs.json").read_text())["pairs"]) == 3
    assert not Path("run", "sheet.png").exists()
