"""Statistics of models that have none in their file: measured once, and kept in the user's folder for caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import safetensors
import safetensors.torch

from draglab.checkpoints.native import read_statistics, statistics_tensors
from draglab.errors import DraglabError
from draglab.files import write_atomically
from draglab.folders import own_folder
from draglab.generators import Generator
from draglab.generators.statistics import measure_statistics

VARIABLE = "DRAGLAB_STATISTICS"
"""Environment variable that names another folder for the statistics."""


def add_statistics(generator: Generator, progress: Callable[[float], None] | None = None) -> None:
    """Give a generator its statistics, unless it has them: from the cache, or measured and then kept there.

    Measuring takes about 20 s on a CPU core at 1024 px. A cache that cannot be read or written is done without.

    Args:
        generator: the model. Its file may have been of any kind; statistics are kept by the SHA-256 of the weights.
        progress: called with the share that is measured, from 0 to 1; it may raise an exception to stop.
    """
    if generator.statistics is not None or add_known_statistics(generator):
        return
    generator.statistics = measure_statistics(generator, progress)
    try:
        statistics_folder().mkdir(parents=True, exist_ok=True)
        with write_atomically(_file(generator)) as temporary:
            temporary.write_bytes(safetensors.torch.save(statistics_tensors(generator.statistics)))
    except (DraglabError, OSError):
        pass


def add_known_statistics(generator: Generator) -> bool:
    """Give a generator the statistics that were measured earlier; return whether there are any."""
    try:
        if not statistics_folder().is_dir():
            return False  # without hashing all weights
        path = _file(generator)
        tensors = safetensors.torch.load(path.read_bytes()) if path.is_file() else {}
        found = read_statistics(tensors, generator.config, path)
    except (DraglabError, OSError, safetensors.SafetensorError, KeyError):
        return False
    generator.statistics = None if found is None else found.to(generator.w_avg)
    return found is not None


def statistics_folder() -> Path:
    """Return the folder of measured statistics; it need not exist.

    Raises:
        DraglabError: this user has no home directory.
    """
    return own_folder("cache", VARIABLE) / "statistics"


def _file(generator: Generator) -> Path:
    return statistics_folder() / f"{generator.sha256}.safetensors"
