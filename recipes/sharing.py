"""Training beside other programs: as many threads as there are idle cores."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_LOAD = Path("/proc/loadavg")


class SharedCores:
    """Sets torch's threads before each step by what else wants to run.

    Two threads that wait for each other are slower than one when another program holds one of two cores: each
    operation lasts as long as the slower of them.
    """

    def __init__(self, cores: int | None = None, memory: float = 0.8):
        """`memory`: share of the old estimate that each new look keeps."""
        self.cores = cores or len(os.sched_getaffinity(0))
        self.memory = memory
        self.others = 0.0

    def adapt(self) -> int:
        """Look, set the threads, return how many. Without /proc it is always all cores."""
        if _LOAD.exists():
            wanting = int(_LOAD.read_text().split()[3].split("/")[0]) - 1
            self.others = self.memory * self.others + (1 - self.memory) * wanting
        threads = max(1, self.cores - round(self.others))
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        return threads
