"""Workers for tests, and an executor that computes nothing; in a module, so that other processes can import them."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from pathlib import Path
from typing import Any

from draglab.batch.executor import Answer, Executor, Job, SharedArrays
from draglab.errors import DraglabError


class Echo:
    """Answers with what it is told, after a pause; b"die:FILE" kills its process, where there is a FILE but once."""

    def __init__(self, *_: object, pause: float = 0.0) -> None:
        self._pause = pause

    def __call__(self, content: bytes) -> Answer:
        time.sleep(self._pause)
        if content.startswith(b"die"):
            marker = content.partition(b":")[2].decode()
            if not marker or not Path(marker).exists():
                if marker:
                    Path(marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if content == b"raise":
            raise DraglabError("told to")
        return Answer({"echo": content.decode(), "pid": os.getpid()}, {".txt": content})


class Unstartable:
    """Cannot be made."""

    def __init__(self) -> None:
        raise DraglabError("no model here")

    def __call__(self, content: Any) -> Answer:
        raise NotImplementedError


class DeadOnArrival:
    """Dies while it is made."""

    def __init__(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Immediate(Executor):
    """Answers at once, in this process; keeps the highest number of jobs that were in flight."""

    def __init__(self, capacity: int = 4) -> None:
        self.workers, self.capacity = 1, capacity
        self.highest = self.jobs = 0
        self._waiting: deque[Job] = deque()

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    def share(self, arrays: Any) -> SharedArrays:
        raise NotImplementedError

    def submit(self, job: Job) -> None:
        self._waiting.append(job)
        self.jobs += 1
        self.highest = max(self.highest, len(self._waiting))

    def wait(self, seconds: float) -> list[tuple[Job, Answer]]:
        job = self._waiting.popleft()
        return [(job, Answer({"of": len(job.content)}))]

    def close(self) -> None:
        self._waiting.clear()


class Facts:
    """Says how many threads it has, and how much of the arrays that it is given is its own."""

    def __call__(self, content: SharedArrays) -> Answer:
        arrays = content.load()
        total = float(arrays["weights"].sum())
        mapped, private = memory_of_mapping(getattr(content, "path", ""))
        import torch

        values = {"threads": torch.get_num_threads(), "sum": total, "mapped": mapped, "private": private}
        time.sleep(0.1)
        return Answer(values)


def memory_of_mapping(name: str) -> tuple[int, int]:
    """Resident bytes of a file that this process has mapped, and those that it has written to; Linux only."""
    sizes = {"Rss": 0, "Anonymous": 0}
    found = False
    smaps = Path("/proc/self/smaps")
    for line in smaps.read_text().splitlines() if smaps.exists() else ():
        field, _, rest = line.partition(":")
        if "-" in field.split(" ")[0]:
            found = line.endswith(name)
        elif found and field in sizes:
            sizes[field] += int(rest.split()[0]) * 1024
    return sizes["Rss"], sizes["Anonymous"]
