"""What the server tells a Prometheus: counts and sizes, no personal data."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from draglab._version import __version__
from draglab.server.api_photos import ApiPhotos
from draglab.server.drag_messages import ENDED, State
from draglab.server.drags import Drags
from draglab.server.loaded_models import LoadedModels
from draglab.server.sessions import Sessions
from draglab.server.socket import Socket
from draglab.server.worker import Worker

STEP_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Limits of the buckets of a step's time, in seconds."""


class Metrics(Collector):
    """Reads the parts of the server whenever it is asked. Can be used from any thread."""

    def __init__(
        self,
        worker: Worker,
        drags: Drags,
        photos: ApiPhotos,
        sessions: Sessions,
        loaded: LoadedModels,
        socket: Socket,
    ) -> None:
        self._worker, self._drags, self._photos, self._sessions = worker, drags, photos, sessions
        self._loaded, self._socket = loaded, socket
        self._requests: Counter[tuple[str, str, str]] = Counter()
        # One for each server, so that several can run in a process.
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        steps = Histogram(
            "draglab_step_seconds", "Time of a step of any drag.", buckets=STEP_BUCKETS, registry=self._registry
        )
        worker.stepped = steps.observe

    def count(self, method: str, route: str, status: int) -> None:
        """Count an answered request."""
        self._requests[method, route, str(status)] += 1

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the best format that is accepted, and its media type."""
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        worker = self._worker
        yield InfoMetricFamily("draglab", "Version of draglab.", {"version": __version__})
        yield from _queue("draglab_drags", "Drags of programs", self._drags)
        yield from _queue("draglab_photos", "Photos of programs", self._photos)
        yield GaugeMetricFamily("draglab_tasks_running", "Drags of which steps are made now.", worker.running)
        yield GaugeMetricFamily("draglab_sessions", "Editing sessions in memory.", self._sessions.count)
        yield GaugeMetricFamily("draglab_pages", "Connected pages of the editor.", self._socket.pages)
        yield GaugeMetricFamily("draglab_models", "Models in memory.", self._loaded.count)
        requests = CounterMetricFamily("draglab_requests", "Answered requests.", labels=["method", "route", "status"])
        failed = 0
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric([method, route, status], count)
            failed += count if status == "500" else 0
        yield requests
        yield CounterMetricFamily("draglab_errors", "Unexpected errors; the log has them.", worker.errors + failed)
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            taken = torch.cuda.memory_allocated()
            yield GaugeMetricFamily("draglab_cuda_memory_bytes", "Memory of tensors on the GPU.", taken)


def _queue(name: str, what: str, queue: Drags | ApiPhotos) -> Iterator[Metric]:
    """Yield the numbers of a queue's jobs that ended, were refused, wait and run."""
    ended = CounterMetricFamily(name, f"{what} that ended.", labels=["state"])
    for state in get_args(State):
        if state in ENDED:
            ended.add_metric([state], queue.ended[state])
    yield ended
    yield CounterMetricFamily(f"{name}_refused", f"{what} that were refused because of a limit.", queue.refused)
    yield GaugeMetricFamily(f"{name}_waiting", f"{what} that wait.", queue.waiting)
    yield GaugeMetricFamily(f"{name}_running", f"{what} that run.", queue.running)
