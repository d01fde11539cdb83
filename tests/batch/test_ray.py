"""Batches on a Ray cluster of several nodes on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from draglab.batch.engine import run_lines
from draglab.batch.folder import open_folder
from draglab.batch.lists import read_list
from draglab.batch.ray_actors import RayExecutor
from tests.batch.fakes import Echo

pytest.importorskip("ray", reason="Ray is not installed: pip install 'draglab[ray]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores, and two nodes of one core."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    # Actors import this test's modules.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    )
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 10**8})
    made.extra = [made.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(2)]
    yield made
    made.shutdown()


def test_a_node_is_killed_in_the_middle(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("".join(f"{number}\n" for number in range(1, 41)))
    with (
        open_folder(tmp_path / "run", {}) as folder,
        RayExecutor(partial(Echo, pause=0.1), cluster.address) as executor,
    ):
        assert (executor.workers, executor.capacity) == (2, 4)
        workers = set()
        for number, answer in enumerate(run_lines(read_list(path), bytes, executor, folder), 1):
            workers.add(answer.values["pid"])
            if number == 12:
                assert len(workers) == 2
                cluster.remove_node(cluster.extra.pop(), allow_graceful=False)
    lines = [json.loads(line) for line in (tmp_path / "run" / "report.jsonl").read_text().splitlines()]
    assert sorted(line["line"] for line in lines) == list(range(1, 41))
    assert [line["error"] for line in lines] == [None] * 40
    for line in lines:
        assert (tmp_path / "run" / line["files"]["txt"]).read_text() == str(line["line"]) == line["echo"]
