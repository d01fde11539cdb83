"""Batches on a Ray cluster of several nodes on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from draglab.batch import BatchOptions, open_batch
from draglab.batch.engine import run_lines
from draglab.batch.executor import Job
from draglab.batch.folder import open_folder
from draglab.batch.lists import read_list
from draglab.batch.ray_actors import RayExecutor
from draglab.errors import DraglabError
from tests.batch.conftest import line, report
from tests.batch.fakes import Echo, Unstartable

pytest.importorskip("ray", reason="Ray is not installed: pip install 'draglab[ray]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores, and two nodes of one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Actors import this test's modules.
        paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

        made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 10**8})
        made.nodes = [made.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(2)]
        yield made
        made.shutdown()


def test_edits_come_out_as_from_processes(cluster: Any, tmp_path: Path, model: Path) -> None:
    edits = tmp_path / "edits.jsonl"
    edits.write_text("\n".join([line(1), "{broken", line(2, mask="circle:14,14,9"), line(3, handles=[[40, 1]])]))
    for name, options in {
        "ray": BatchOptions(model=str(model), on=cluster.address, video=True),
        "here": BatchOptions(model=str(model), jobs=1, video=True),
    }.items():
        with open_batch(edits, tmp_path / name, options) as batch:
            assert [now.ran for now in batch] == [1, 2, 3, 4]
    assert report(tmp_path / "ray") == report(tmp_path / "here")
    for each in report(tmp_path / "ray"):
        for kind in each["files"].keys() - {"mp4"}:  # x264 divides a picture among its threads
            pair = [(tmp_path / name / each["files"][kind]).read_bytes() for name in ("ray", "here")]
            assert pair[0] == pair[1]


def test_what_cannot_work_is_told(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match="no Ray cluster answers at '127.0.0.1:1'"):
        RayExecutor(Echo, "127.0.0.1:1")
    with pytest.raises(DraglabError, match="the cluster has no GPU to work on"):
        RayExecutor(Echo, cluster.address, gpus=0.5)
    with RayExecutor(Unstartable, cluster.address, 1) as executor:
        executor.submit(Job(1, b"a"))
        with pytest.raises(DraglabError, match="the workers cannot start: .*no model here"):
            while executor.in_flight:
                executor.wait(5)


def test_a_job_that_kills_its_worker_twice_is_given_up(cluster: Any, tmp_path: Path) -> None:
    with RayExecutor(Echo, cluster.address, 1) as executor:
        for number, content in enumerate((b"a", b"die", b"c", f"die:{tmp_path / 'once'}".encode(), b"e"), 1):
            executor.submit(Job(number, content))
        found = {}
        while executor.in_flight:
            found |= {job.number: answer for job, answer in executor.wait(5)}
    assert "the worker was lost twice at this edit" in found[2].error
    assert [found[number].error for number in (1, 3, 4, 5)] == [None] * 4


def test_a_node_is_killed_in_the_middle(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("".join(f"{number}\n" for number in range(1, 121)))
    with (
        open_folder(tmp_path / "run", {}) as folder,
        RayExecutor(partial(Echo, pause=0.1), cluster.address) as executor,
    ):
        assert (executor.workers, executor.capacity) == (2, 4)
        workers = set()
        removed = None
        for number, answer in enumerate(run_lines(read_list(path), bytes, executor, folder), 1):
            workers.add(answer.values["pid"])
            assert executor.in_flight <= executor.capacity
            # The second may start much later than the first.
            if removed is None and len(workers) == 2:
                removed = number
                cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)
        assert removed is not None and removed <= 110, "no work was left when the node was killed"
    lines = [json.loads(each) for each in (tmp_path / "run" / "report.jsonl").read_text().splitlines()]
    assert sorted(each["line"] for each in lines) == list(range(1, 121))
    assert [each["error"] for each in lines] == [None] * 120
    for each in lines:
        assert (tmp_path / "run" / each["files"]["txt"]).read_text() == str(each["line"]) == each["echo"]
