"""The engine, with an executor that computes nothing."""

from __future__ import annotations

import itertools
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from draglab.batch.engine import run_lines
from draglab.batch.folder import open_folder
from draglab.batch.lists import read_list
from draglab.errors import DraglabError
from tests.batch.fakes import Immediate


def refuse_odd(data: bytes) -> bytes:
    if data.endswith((b"1", b"3", b"5", b"7", b"9")):
        raise DraglabError("odd")
    return data


def numbers(path: Path, count: int, length: int = 0) -> Path:
    with path.open("w") as file:
        file.writelines(f"{number:0{length}d}\n" for number in range(count))
    return path


def test_every_line_is_done_once_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    path, executor = numbers(tmp_path / "list", 20), Immediate(3)
    with open_folder(tmp_path / "run", {}) as folder:
        assert len(list(run_lines(read_list(path), refuse_odd, executor, folder))) == 20
        assert (executor.jobs, executor.highest) == (10, 3)
        assert list(run_lines(read_list(path), refuse_odd, executor, folder)) == []
    lines = [json.loads(line) for line in (tmp_path / "run" / "report.jsonl").read_text().splitlines()]
    assert sorted(line["line"] for line in lines) == list(range(1, 21))
    assert {line["line"]: line["error"] for line in lines} == {n: None if n % 2 else "odd" for n in range(1, 21)}


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_stop_finishes_what_is_in_flight(tmp_path: Path, after: int) -> None:
    path, executor = numbers(tmp_path / "list", 40), Immediate(3)
    done: list[int] = []
    with open_folder(tmp_path / "run", {}) as folder:
        for number, _ in enumerate(run_lines(read_list(path), bytes, executor, folder, lambda: len(done) >= after)):
            done.append(number)
        assert executor.in_flight == 0
        assert len(done) == executor.jobs <= after + 3
        assert len(list(run_lines(read_list(path), bytes, executor, folder))) == 40 - len(done)


def test_a_list_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = numbers(tmp_path / "list", 5)
    with open_folder(tmp_path / "run", {}) as folder:
        list(run_lines(read_list(path), bytes, Immediate(), folder))
    path.write_text("0\n1\ntwo\n3\n4\n")
    with (
        open_folder(tmp_path / "run", {}, resume=True) as folder,
        pytest.raises(DraglabError, match="line 3 of the list is not what it was"),
    ):
        list(run_lines(read_list(path), bytes, Immediate(), folder))


@pytest.mark.slow
def test_memory_is_flat_over_40_000_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # waiting for the disk is all the time that it takes
    path = numbers(tmp_path / "list", 40_000, length=1000)
    peaks = []
    with open_folder(tmp_path / "run", {}) as folder:
        answers = run_lines(read_list(path), refuse_odd, Immediate(), folder)
        next(answers)
        tracemalloc.start()
        for _ in range(4):
            tracemalloc.reset_peak()
            assert sum(1 for _ in itertools.islice(answers, 9_999)) == 9_999
            peaks.append(tracemalloc.get_traced_memory()[1])
        list(answers)
        assert folder.done.count == 40_000
    # Eight bytes a line, and less than a quarter of a megabyte besides, of the forty that the list has.
    assert peaks[-1] < 8 * 40_000 * 1.2 + 2**18
    tracemalloc.reset_peak()
    with open_folder(tmp_path / "run", {}, resume=True) as folder:
        assert folder.done.count == 40_000
        assert list(run_lines(read_list(path), refuse_odd, Immediate(), folder)) == []
        assert tracemalloc.get_traced_memory()[1] < 8 * 40_000 * 3 + 2**19
    tracemalloc.stop()
