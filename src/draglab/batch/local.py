"""Workers as processes of this machine, each with one thread."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.batch.blocks import Places, lay_out, views
from draglab.batch.executor import ATTEMPTS, Answer, Arrays, Executor, Job, MakeWorker, SharedArrays, carry_out
from draglab.errors import DraglabError
from draglab.files import write_error
from draglab.problems import describe_exception

FAILED_STARTS = 3
"""Number of workers that may die one after the other before they are ready."""
METHOD = "forkserver" if sys.platform == "linux" else "spawn"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Process:
    """A worker: its process, the driver's end of its pipe, whether it is ready, and its job."""

    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    ready: bool = False
    job: Job | None = None


@dataclass(frozen=True)
class MappedFile:
    """Arrays in a file, which processes map into their memory: its pages are there once."""

    path: str
    places: Places

    def load(self) -> dict[str, NDArray[Any]]:
        """See :class:`SharedArrays`."""
        return views(np.memmap(self.path, np.uint8, "c"), self.places)


class LocalExecutor(Executor):
    """Processes of this machine.

    On Linux they are forked from a small server process that has imported PyTorch and nothing else, so that they start
    at once and share what it has imported; elsewhere they are started anew.

    Args:
        make: makes the worker of each. workers: number of processes.
        folder: for arrays that are shared; its files named .draglab-*.part can be removed when the executor is closed.

    Raises:
        DraglabError: the system starts no more processes.
    """

    def __init__(self, make: MakeWorker, workers: int, folder: Path) -> None:
        self.workers = self.capacity = workers
        self._make, self._folder = make, folder.resolve()
        self._context = multiprocessing.get_context(METHOD)
        if METHOD == "forkserver":
            self._context.set_forkserver_preload(["torch", __name__])
        self._waiting: deque[Job] = deque()
        self._deaths: Counter[int] = Counter()
        self._failed_starts = 0
        self._files: list[Path] = []
        self._processes: list[_Process] = []
        try:
            for _ in range(workers):
                self._start()
        except OSError as error:
            self.close()
            raise DraglabError(f"cannot start {workers} workers: {error.strerror}; try fewer, as in --jobs 1") from None

    @property
    def in_flight(self) -> int:
        """See :class:`Executor`."""
        return len(self._waiting) + sum(each.job is not None for each in self._processes)

    @property
    def process_ids(self) -> list[int]:
        """Ids of the workers' processes."""
        return [each.process.pid for each in self._processes if each.process.pid is not None]

    def share(self, arrays: Arrays) -> SharedArrays:
        """See :class:`Executor`."""
        path = self._folder / f".draglab-{secrets.token_hex(6)}.part"
        self._files.append(path)
        places, size = lay_out(arrays)
        try:
            with path.open("wb") as file:
                # Written, not mapped: a full disk is an error here, and would be a signal there.
                for name, _, _, position in places:
                    file.seek(position)
                    file.write(np.ascontiguousarray(arrays[name]).data)
                file.truncate(size)
        except OSError as error:
            raise write_error(path, error) from None
        return MappedFile(str(path), places)

    def submit(self, job: Job) -> None:
        """See :class:`Executor`."""
        self._waiting.append(job)
        self._hand_out()

    def wait(self, seconds: float) -> list[tuple[Job, Answer]]:
        """See :class:`Executor`."""
        answered: list[tuple[Job, Answer]] = []
        sources = [each.pipe for each in self._processes] + [each.process.sentinel for each in self._processes]
        signalled = wait_for(sources, seconds)
        for each in list(self._processes):
            if each.pipe in signalled or each.process.sentinel in signalled:
                answered += self._hear(each)
        self._hand_out()
        return answered

    def close(self) -> None:
        """See :class:`Executor`."""
        self._waiting.clear()
        try:
            for each in self._processes:
                _end(each)
            self._processes.clear()
        finally:
            # Also after a Ctrl-C meanwhile.
            for path in self._files:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _start(self) -> None:
        pipe, far = self._context.Pipe()
        watched, lifeline = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(far, watched, self._make), daemon=True)
        with _one_thread():
            process.start()
        far.close()
        watched.close()
        self._processes.append(_Process(process, pipe, lifeline))

    def _hand_out(self) -> None:
        idle = [each for each in self._processes if each.ready and each.job is None]
        # A job that a dead worker was given would count as tried.
        dead = wait_for([each.process.sentinel for each in idle], 0) if self._waiting else []
        for each in idle:
            if each.process.sentinel in dead:
                self._bury(each)
            elif self._waiting:
                each.job = self._waiting.popleft()
                # If it has died, its pipe says so at the next wait.
                with suppress(OSError):
                    each.pipe.send(each.job.content)

    def _hear(self, each: _Process) -> list[tuple[Job, Answer]]:
        """Take the message of a process, or replace it if it is dead."""
        try:
            message = each.pipe.recv() if each.pipe.poll() else None
        except Exception:  # cut off in the middle: whatever unpickling makes of that
            message = None
        if isinstance(message, Answer) and each.job is not None:
            job, each.job = each.job, None
            self._deaths.pop(job.number, None)
            return [(job, message)]
        if message == "ready":
            each.ready, self._failed_starts = True, 0
            return []
        if isinstance(message, str):
            raise DraglabError(f"the workers cannot start: {message}")
        return self._bury(each)

    def _bury(self, each: _Process) -> list[tuple[Job, Answer]]:
        """Replace a process that died; return the answer to its job if it may not be tried again."""
        _end(each)
        self._processes.remove(each)
        how = _how_it_ended(each.process.exitcode)
        if not each.ready:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                advice = 'standard error says why; a program that runs batches needs if __name__ == "__main__":'
                if (each.process.exitcode or 0) < 0:
                    advice = "try fewer, as in --jobs 1"
                raise DraglabError(f"the workers die while they start ({how}): {advice}")
        self._start()
        if each.job is None:
            return []
        self._deaths[each.job.number] += 1
        if self._deaths[each.job.number] < ATTEMPTS:
            self._waiting.appendleft(each.job)
            return []
        del self._deaths[each.job.number]
        return [(each.job, Answer(error=f"the worker died twice at this edit ({how})"))]


def _end(each: _Process) -> None:
    each.process.kill()
    each.process.join()
    each.pipe.close()
    each.lifeline.close()


def _how_it_ended(code: int | None) -> str:
    if code == -signal.SIGTERM or code is None or code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in signal.Signals.__members__.values() else f"signal {-code}"
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started in the block, and theirs, compute with one thread."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(pipe: Connection, lifeline: Connection, make: MakeWorker) -> None:
    """Carry out the jobs that come through a pipe until it is closed; the main function of a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the driver decides
    threading.Thread(target=_end_with_driver, args=(lifeline,), daemon=True).start()
    import torch

    torch.set_num_threads(1)
    try:
        worker = make()
    except Exception as error:
        pipe.send(describe_exception(error))
        return
    pipe.send("ready")
    with suppress(EOFError, OSError):
        while True:
            pipe.send(carry_out(worker, pipe.recv()))


def _end_with_driver(lifeline: Connection) -> None:
    """End this process at once when the driver is gone, however it went."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)
