"""Description of the machine and the versions that a run was made with. No names of hosts or users."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import draglab.errors
from draglab._version import __version__


def describe_session(device: torch.device) -> dict[str, Any]:
    """Return machine and versions; what is under "must match" changes results."""
    cuda = device.type == "cuda"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if cuda else device.type,
        "system": f"{platform.system()} {platform.machine()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "numpy": np.__version__,
        "must match": {"draglab": __version__, "commit": source_commit(), "torch": torch.__version__},
    }


def source_commit() -> str | None:
    """Return the last commit that changed the package, "-dirty" if it was changed since; None without a repository."""
    package = Path(draglab.errors.__file__).parent
    try:
        # draglab may be installed below another project's repository, whose commit says nothing.
        _git(package, "ls-files", "--error-unmatch", "errors.py")
        commit = _git(package, "log", "-1", "--format=%h", "--abbrev=12", "--", ".")
        changed = _git(package, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    return found.stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
