"""Input of a drag, its steps, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator, to_uint8
from draglab.geometry import Mask, validate_mask, validate_pairs

StopReason = Literal["arrived", "max_steps", "stalled", "out_of_reach", "cancelled", "diverged"]
"""Reason why a drag ended: every handle arrived; `max_steps` were made; no handle came closer for `patience` steps; the
targets are further than `reach` allows; the callback said so; or its numbers became infinite or NaN."""
GAVE_UP: frozenset[StopReason] = frozenset({"stalled", "out_of_reach"})
"""Reasons after which a drag can go on from its last step (:meth:`draglab.dragging.DragRun.go_on`)."""
KEEPS_BEST: frozenset[StopReason] = frozenset({*GAVE_UP, "max_steps"})
"""Reasons after which the step that came closest is kept instead of the last one."""


@dataclass(frozen=True)
class DragEdit:
    """One round of dragging (DragGAN section 3.1).

    Attributes:
        handles: [n, 2] (x, y) in image pixels: points of the image. (0, 0) is the centre of the top-left pixel.
        targets: [n, 2] where they should go. A handle on its own target is a pin: it holds its place while others move.
        mask: bool [H, W], True = movable, or None = everything may move. Floats from 0 (frozen) to 1 (movable) give it
            soft edges: the paper's mask term weights the change of a pixel by 1 - M.
    """

    handles: ArrayLike
    targets: ArrayLike
    mask: ArrayLike | None = None

    def validated(self, height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Mask | None]:
        """Return handles, targets and mask as arrays, checked against an image of height x width pixels.

        Raises:
            DraglabError: see :func:`draglab.geometry.validate_pairs` and :func:`draglab.geometry.validate_mask`.
        """
        handles, targets = validate_pairs(self.handles, self.targets, height, width)
        return handles, targets, validate_mask(self.mask, height, width)


@dataclass(frozen=True)
class DragStep:
    """State after one iteration.

    Attributes:
        index: number of the step, from 1.
        handles: [n, 2] (x, y), current positions of the handles, image pixels. targets: [n, 2].
        distances: [n] from handles to targets, image pixels.
        pinned: [n] bool, True for handles that hold their places.
        loss: the loss that this step descended. motion_loss, mask_loss: its parts, mask_loss without its weight.
        w_plus: [1, num_ws, w_dim], the edited latent.
        stop_reason: reason why this is the last step; None if another may follow.
        reachable: [n, 2] the places on the handles' ways up to which they are expected to come before the picture would
            leave what the model can make (`reach`): the targets where nothing is in the way. Estimated with each step
            of a gauss-newton drag; None for other methods.
    """

    index: int
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    distances: NDArray[np.float64]
    pinned: NDArray[np.bool_]
    loss: float
    motion_loss: float
    mask_loss: float
    w_plus: Tensor
    stop_reason: StopReason | None
    _generator: Generator
    _features: FeatureMaps | None
    reachable: NDArray[np.float64] | None = None

    @property
    def left(self) -> float:
        """Mean distance left for the handles that move, image pixels."""
        return float(self.distances[~self.pinned].mean())

    @property
    def features(self) -> FeatureMaps | None:
        """Feature maps of the latent from which :meth:`image` starts; None = none were computed."""
        return self._features

    @property
    def arrived(self) -> bool:
        """Whether every handle is within the stop distance."""
        return self.stop_reason == "arrived"

    @property
    def stalled(self) -> bool:
        """Whether the mean distance has not improved for `patience` steps."""
        return self.stop_reason == "stalled"

    def image(self, preview_resolution: int | None = None) -> NDArray[np.uint8]:
        """Compute the edited image, uint8 [H, W, C], from the features that the step holds, if any.

        Args:
            preview_resolution: height of a smaller image that is quicker to compute, see
                :meth:`draglab.generators.Generator.image`.
        """
        with torch.no_grad():
            images = self._generator.image(self.w_plus, self._features, preview_resolution=preview_resolution)
            return to_uint8(images)[0]


@dataclass(frozen=True)
class DragResult:
    """Result of a drag. It can be pickled, without the generator.

    Attributes:
        w_plus: [1, num_ws, w_dim], the edited latent. handles, targets: [n, 2]; distances: [n], image pixels.
        steps: number of iterations.
        kept: number of the iteration that the result is taken from: the last one, or, if the drag gave up or ran out of
            steps, the one that came closest; 0 = the start.
        stop_reason: see :data:`StopReason`. "diverged" only for one of several drags; the result is that of the step
            before.
        seconds: wall-clock time of the drag, without the callback.
    """

    w_plus: Tensor
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    distances: NDArray[np.float64]
    steps: int
    kept: int
    stop_reason: StopReason
    seconds: float
    _generator: Generator | None

    def image(self, generator: Generator | None = None) -> NDArray[np.uint8]:
        """Compute the edited image, uint8 [H, W, C].

        Args:
            generator: the model that was dragged, needed after unpickling; None = the one that the result holds.

        Raises:
            DraglabError: the result holds no generator, or its latent does not fit the given one.
        """
        generator = generator or self._generator
        if generator is None:
            raise DraglabError(
                "an unpickled result holds no generator: call image(generator) with the one it was made by"
            )
        with torch.no_grad():
            return to_uint8(generator.image(self.w_plus.to(generator.device, generator.dtype)))[0]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the generator, which is many times larger than everything else."""
        return {**self.__dict__, "_generator": None}
