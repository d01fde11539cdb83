"""Choice of the number of workers by the machine's usable cores and free memory."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from draglab.errors import DraglabError

CGROUP = Path("/sys/fs/cgroup")
RESERVE = 0.9
"""Share of the free memory that workers may take."""


@dataclass(frozen=True)
class Need:
    """Memory that a batch needs, in bytes.

    Attributes:
        worker: of each worker alone. shared: of what all share, and of the driver. free: what there is; None = unknown.
    """

    worker: int
    shared: int
    free: int | None


def usable_cores() -> int:
    """Return the number of cores that this process may use: its affinity, within the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
        cores = min(cores, max(int(quota) // int(period), 1))
    except (OSError, ValueError):  # no such file, or "max"
        pass
    return cores


def free_memory() -> int | None:
    """Return the memory that can be taken, in bytes: the system's, within the limit of its container; None = unknown.

    Linux alone says so without further packages.
    """
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free = min(free, max(limit - used, 0))
    except (OSError, ValueError):
        pass
    return free


def choose_workers(wanted: int | None, need: Need, jobs: int) -> int:
    """Return the number of workers.

    Args:
        wanted: number that was asked for; None = as many as there are usable cores, within the memory.
        jobs: number of jobs: more workers than that are not chosen, but can be asked for.

    Raises:
        DraglabError: there is not even memory for one, or not for as many as were asked for.
    """
    room = None if need.free is None else int((need.free * RESERVE - need.shared) // need.worker)
    if room is not None and room < (wanted or 1):
        raise DraglabError(
            f"{wanted or 1} workers need {as_text(need.worker)} each and {as_text(need.shared)} together, but "
            f"{as_text(need.free or 0)} of memory are free: "
            + (f"give --jobs {room}" if room > 0 else "close other programs, or take a smaller model")
        )
    if wanted is not None:
        return wanted
    return min(usable_cores(), jobs) if room is None else min(usable_cores(), jobs, room)


def as_text(size: int) -> str:
    """Return a number of bytes for a person, in MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(round(size / 1e6), 1)} MB"
