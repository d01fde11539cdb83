"""How a drag ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.drag.run import DragRun, StopReason
from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8


@dataclass(frozen=True)
class DragResult:
    """How a drag ended. It can be pickled, without the generator.

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
    _generator: Generator | None

    def image(self, generator: Generator | None = None) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C].

        Args:
            generator: the model that was dragged, needed after unpickling; None = the one that the result holds.

        Raises:
            DraglabError: the result holds none, or its latent does not fit the one given.
        """
        generator = generator or self._generator
        if generator is None:
            raise DraglabError(
                "an unpickled result holds no generator: call image(generator) with the one it was made by"
            )
        with torch.no_grad():
            return to_uint8(generator.image(self.w_plus.to(generator.device, generator.dtype)))[0]

    def __getstate__(self) -> dict[str, Any]:
        """Without the generator: a model has many times the size of everything else."""
        return {**self.__dict__, "_generator": None}


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
