"""Recipes change how the whole process computes; other tests must not notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from draglab.generators import statistics


@pytest.fixture(autouse=True)
def restored_arithmetic() -> Iterator[None]:
    """Trainers flush denormal numbers to zero, for speed, and choose a number of threads."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exported models have statistics of a few images: no test here drags by them."""
    monkeypatch.setattr(statistics, "IMAGES", 4)
