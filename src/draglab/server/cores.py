"""A limit for the threads of a computation beside which others run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def half_the_cores() -> Iterator[None]:
    """Compute on half of PyTorch's threads, in this thread alone: for steps that are shown, and for pictures of them.

    Threads of OpenMP wait for one another in loops. Where steps, pictures and the browser share the cores, they would
    use up the time in which the others compute. The threads of NumPy's products are as few, for all threads.
    """
    # Not imported with the server, which answers before PyTorch is there.
    import torch

    # Not torch.set_num_threads: threads that start meanwhile would begin with that number, and keep it.
    with _libraries().limit(limits=max(torch.get_num_threads() // 2, 1)):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """The libraries of this process that have threads: PyTorch's and NumPy's."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
