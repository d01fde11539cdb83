"""Workers as actors of a Ray cluster. Needs the extra ray."""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.batch.blocks import Places, fill, lay_out, views
from draglab.batch.executor import ATTEMPTS, Answer, Arrays, Executor, Job, MakeWorker, SharedArrays, carry_out
from draglab.errors import DraglabError
from draglab.problems import describe_exception

EACH = 2
"""Most jobs of an actor: the one that it works at, and one that has come over the network by then."""
FAILED_STARTS = 3
"""Number of actors that may die one after the other before they are ready."""
PATIENCE = 300.0
"""Seconds without any sign of an actor after which a batch gives up."""


@dataclass(frozen=True)
class StoredArrays:
    """Arrays in Ray's object store, once on each machine; actors read them where they lie.

    Attributes:
        references: one, in a list, so that Ray does not fetch it with every job. places: see `blocks`.
    """

    references: list[Any]
    places: Places

    def load(self) -> dict[str, NDArray[Any]]:
        """See :class:`SharedArrays`."""
        return views(_import_ray().get(self.references[0]), self.places)


class _Actor:
    """Actor of the cluster that holds one worker."""

    def start(self, make: MakeWorker) -> str | None:
        """Make the worker; return what went wrong, None = nothing."""
        import torch

        torch.set_num_threads(1)
        try:
            self._worker = make()
        except Exception as error:
            return describe_exception(error)
        return None

    def run(self, content: Any) -> Answer:
        """Do a job."""
        return carry_out(self._worker, content)


class RayExecutor(Executor):
    """Actors of a Ray cluster, whose machines need the same draglab. Each takes a core, and a share of a GPU if wanted.

    An actor that is lost with its machine is started anew wherever the cluster has room; until then the others go on.

    Args:
        make: makes the worker of each actor. address: as of `ray.init`: "ray://HOST:10001", or "auto" for a cluster to
            which this machine belongs.
        workers: number of actors; None = as many as the cluster has cores, or shares of GPUs.
        gpus: share of a GPU for each actor; 0 = the CPU.

    Raises:
        DraglabError: Ray is not installed, there is no cluster, or it has nothing to work on.
    """

    def __init__(self, make: MakeWorker, address: str, workers: int | None = None, gpus: float = 0) -> None:
        ray = self._ray = _import_ray()
        self._connected = not ray.is_initialized()
        if self._connected:
            try:
                _knock(address)
                ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
            except Exception as error:
                raise DraglabError(
                    f"no Ray cluster answers at {address!a:.200} ({describe_exception(error)[:300]}): give its "
                    "address, as in --on ray://HOST:10001; clusters with tokens need RAY_AUTH_MODE=token and the token "
                    "in RAY_AUTH_TOKEN"
                ) from None
        try:
            self.workers = workers or _room(ray.cluster_resources(), gpus)
        except DraglabError:
            self.close()
            raise
        self.capacity = EACH * self.workers
        actor = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_Actor)
        self._make, self._make_actor = make, actor.remote
        self._actors: dict[int, Any] = {}
        self._starting: dict[Any, int] = {}
        self._running: dict[Any, tuple[int, Job]] = {}
        """Reference -> actor and job, in the order in which they were submitted."""
        self._waiting: deque[Job] = deque()
        self._losses: Counter[int] = Counter()
        self._made = self._failed_starts = 0
        self._last_sign = time.monotonic()
        for _ in range(self.workers):
            self._start()

    @property
    def in_flight(self) -> int:
        """See :class:`Executor`."""
        return len(self._waiting) + len(self._running)

    def share(self, arrays: Arrays) -> SharedArrays:
        """See :class:`Executor`."""
        places, size = lay_out(arrays)
        block = np.zeros(size, np.uint8)
        fill(block, arrays, places)
        return StoredArrays([self._ray.put(block)], places)

    def submit(self, job: Job) -> None:
        """See :class:`Executor`."""
        self._waiting.append(job)
        self._hand_out()

    def wait(self, seconds: float) -> list[tuple[Job, Answer]]:
        """See :class:`Executor`."""
        references = [*self._starting, *self._running]
        ready, _ = self._ray.wait(references, num_returns=1, timeout=seconds, fetch_local=False)
        if ready:
            ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
            self._last_sign = time.monotonic()
        elif len(self._starting) == self.workers and time.monotonic() - self._last_sign > PATIENCE:
            raise DraglabError(f"the cluster has given no worker for {PATIENCE / 60:g} minutes: see ray status")
        answered = []
        for reference in ready:
            if reference in self._starting:
                self._hear_start(reference)
            elif reference in self._running:  # not if its actor was found dead just now
                answered += self._hear(reference)
        self._hand_out()
        return answered

    def close(self) -> None:
        """See :class:`Executor`."""
        for actor in getattr(self, "_actors", {}).values():
            with suppress(Exception):
                self._ray.kill(actor)
        if self._connected:
            self._ray.shutdown()

    def _start(self) -> None:
        self._made += 1
        actor = self._actors[self._made] = self._make_actor()
        self._starting[actor.start.remote(self._make)] = self._made

    def _hand_out(self) -> None:
        """Give jobs to actors that are ready, to those with the fewest first."""
        starting = set(self._starting.values())
        load = {number: 0 for number in self._actors if number not in starting}
        for number, _ in self._running.values():
            load[number] += 1
        while self._waiting and load:
            number = min(load, key=load.__getitem__)
            if load[number] >= EACH:
                return
            job = self._waiting.popleft()
            self._running[self._actors[number].run.remote(job.content)] = (number, job)
            load[number] += 1

    def _hear_start(self, reference: Any) -> None:
        number = self._starting.pop(reference)
        try:
            problem = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            del self._actors[number]
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise DraglabError(f"the workers cannot start: {describe_exception(error)}") from None
            self._start()
            return
        if problem is not None:
            raise DraglabError(f"the workers cannot start: {problem}")
        self._failed_starts = 0

    def _hear(self, reference: Any) -> list[tuple[Job, Answer]]:
        number, job = self._running[reference]
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            return self._replace(number, error)
        except self._ray.exceptions.RayError as error:  # an answer that was lost with a machine
            del self._running[reference]
            return self._lost(job, error)
        del self._running[reference]
        self._losses.pop(job.number, None)
        return [(job, answer)]

    def _replace(self, number: int, error: Exception) -> list[tuple[Job, Answer]]:
        """Replace an actor that died; its jobs are waiting again, but the one it was at counts an attempt."""
        lost = [(reference, job) for reference, (actor, job) in self._running.items() if actor == number]
        for reference, _ in lost:
            del self._running[reference]
        del self._actors[number]
        self._start()
        self._waiting.extendleft(job for _, job in reversed(lost[1:]))
        return self._lost(lost[0][1], error)

    def _lost(self, job: Job, error: Exception) -> list[tuple[Job, Answer]]:
        self._losses[job.number] += 1
        if self._losses[job.number] < ATTEMPTS:
            self._waiting.appendleft(job)
            return []
        del self._losses[job.number]
        return [(job, Answer(error=f"the worker was lost twice at this edit ({describe_exception(error)})"))]


def _knock(address: str) -> None:
    """Raise an OSError at once where nothing answers: Ray itself tries again for minutes, and then ends the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _room(resources: dict[str, float], gpus: float) -> int:
    name, share = ("GPU", gpus) if gpus > 0 else ("CPU", 1)
    room = int(resources.get(name, 0) / share)
    if room < 1:
        raise DraglabError(f"the cluster has no {name} to work on: see ray status")
    return room


def _import_ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.exceptions  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DraglabError("a cluster needs Ray, which is not installed: pip install 'draglab[ray]'") from None
    return ray
