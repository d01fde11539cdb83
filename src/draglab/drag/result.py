"""How a drag ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.drag.run import DragRun, StopReason
from draglab.generators import Generator, to_uint8


@dataclass(frozen=True)
class DragResult:
    """How a drag ended.

    Attributes:
        w_plus: [1, num_ws, w_dim], the edited latent. handles, targets: [n, 2]; distances: [n], image pixels.
        steps: iterations done.
        stop_reason: "arrived", "max_steps", "stalled", "cancelled" (by the callback), or, of one among several drags,
            "diverged" (its optimisation left the range of numbers; the rest is of the step before).
        seconds: wall-clock time of the drag, without the callback.
    """

    w_plus: Tensor
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    distances: NDArray[np.float64]
    steps: int
    stop_reason: StopReason
    seconds: float
    _generator: Generator

    def image(self) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C]."""
        with torch.no_grad():
            return to_uint8(self._generator.image(self.w_plus))[0]


def result_of(run: DragRun, w_plus: Tensor, stop_reason: StopReason, seconds: float) -> DragResult:
    """The result of a run that started from w_plus."""
    last = run.last
    if last is None:
        distances = np.linalg.norm(run.targets - run.start, axis=1)
        return DragResult(
            w_plus.detach().clone(), run.start, run.targets, distances, 0, stop_reason, seconds, run.generator
        )
    return DragResult(
        last.w_plus, last.handles, last.targets, last.distances, last.index, stop_reason, seconds, run.generator
    )
