"""Recipes change how the whole process computes; other tests must not notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def restored_arithmetic() -> Iterator[None]:
    """Trainers flush denormal numbers to zero, for speed, and choose a number of threads."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)
