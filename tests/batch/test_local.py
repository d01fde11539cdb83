"""Workers as processes: deaths, starts that fail, what they share, and that they end with their driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.batch.executor import Answer, Job
from draglab.batch.local import LocalExecutor
from draglab.errors import DraglabError
from tests.batch.fakes import DeadOnArrival, Echo, Facts, Unstartable


def answers(executor: LocalExecutor, *contents: Any) -> dict[int, Answer]:
    """Submit jobs, numbered from 1, and wait for all."""
    for number, content in enumerate(contents, 1):
        executor.submit(Job(number, content))
    found: dict[int, Answer] = {}
    end = time.monotonic() + 60
    while executor.in_flight and time.monotonic() < end:
        for job, answer in executor.wait(1):
            assert job.number not in found
            found[job.number] = answer
    return found


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_jobs_are_done_by_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr("draglab.batch.local.METHOD", method)
    with LocalExecutor(partial(Echo, pause=0.05), 2, tmp_path) as executor:
        found = answers(executor, *[str(n).encode() for n in range(1, 13)])
        assert {number: answer.values["echo"] for number, answer in found.items()} == {n: str(n) for n in range(1, 13)}
        assert {answer.values["pid"] for answer in found.values()} == set(executor.process_ids)
        processes = executor.process_ids
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_a_worker_that_dies_is_replaced_and_its_job_done_by_another(tmp_path: Path) -> None:
    with LocalExecutor(Echo, 2, tmp_path) as executor:
        before = executor.process_ids
        found = answers(executor, b"a", f"die:{tmp_path / 'once'}".encode(), b"c", b"d")
        assert [found[n].error for n in (1, 2, 3, 4)] == [None] * 4
        assert len(executor.process_ids) == 2 and executor.process_ids != before


def test_a_job_that_kills_twice_is_given_up_and_the_others_are_done(tmp_path: Path) -> None:
    with LocalExecutor(Echo, 2, tmp_path) as executor:
        found = answers(executor, b"a", b"die", b"c", b"raise", b"e")
        assert found[2].error == "the worker died twice at this edit (SIGKILL, perhaps for want of memory)"
        assert found[4].error == "told to"
        assert [found[n].error for n in (1, 3, 5)] == [None] * 3
        # Idle workers that die cost no job an attempt.
        for process in executor.process_ids:
            os.kill(process, signal.SIGKILL)
        assert answers(executor, b"f")[1].values["echo"] == "f"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Unstartable, "the workers cannot start: no model here"),
        (DeadOnArrival, r"the workers die while they start \(SIGKILL, .*\): try fewer"),
    ],
)
def test_workers_that_cannot_start_are_told(tmp_path: Path, make: Callable[[], Any], message: str) -> None:
    with LocalExecutor(make, 1, tmp_path) as executor, pytest.raises(DraglabError, match=message):
        answers(executor, b"a")


def test_one_thread_each_and_arrays_that_are_there_once(tmp_path: Path) -> None:
    with LocalExecutor(Facts, 2, tmp_path) as executor:
        shared = executor.share({"weights": np.ones((1024, 4096), np.float32), "few": np.arange(3)})
        found = answers(executor, *[shared] * 6)
        for answer in found.values():
            assert answer.error is None
            assert answer.values["threads"] == 1
            assert answer.values["sum"] == 1024 * 4096
            if sys.platform == "linux":
                # Of the 16 MiB, each process has mapped all and owns none.
                assert answer.values["mapped"] >= 16 * 2**20
                assert answer.values["private"] < 2**20
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


PROGRAM = """
import sys, time
from functools import partial
from pathlib import Path
from draglab.batch.executor import Job
from draglab.batch.local import LocalExecutor
from tests.batch.fakes import Echo
if __name__ == "__main__":
    executor = LocalExecutor(partial(Echo, pause=60), 2, Path(sys.argv[1]))
    executor.submit(Job(1, b"long"))
    while executor.in_flight and not any(each.job for each in executor._processes):
        executor.wait(1)
    print(*executor.process_ids, flush=True)
    time.sleep(60)
"""


def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    workers = [int(text) for text in process.stdout.readline().split()]
    assert len(workers) == 2
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
