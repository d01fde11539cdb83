"""What a drag is asked for, what each of its steps says, and how it ended."""

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

StopReason = Literal["arrived", "max_steps", "stalled", "cancelled", "diverged"]


@dataclass(frozen=True)
class DragEdit:
    """One round of dragging (DragGAN section 3.1).

    Attributes:
        handles: [n, 2] (x, y) in image pixels: points of the image. (0, 0) is the centre of the top-left pixel.
        targets: [n, 2] where they should go. A handle on its own target is a pin: it holds its place while others move.
        mask: bool [H, W], True = movable, or None = everything may move. Floats from 0 (frozen) to 1 (movable) give it
            soft edges: the paper's mask term weights the change of a pixel by 1 - M, whatever M is.
    """

    handles: ArrayLike
    targets: ArrayLike
    mask: ArrayLike | None = None

    def validated(self, height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Mask | None]:
        """Handles, targets and mask as arrays that fit an image of height x width pixels.

        Raises:
            DraglabError: see :func:`draglab.geometry.validate_pairs` and :func:`draglab.geometry.validate_mask`.
        """
        handles, targets = validate_pairs(self.handles, self.targets, height, width)
        return handles, targets, validate_mask(self.mask, height, width)


@dataclass(frozen=True)
class DragStep:
    """The state after one iteration.

    Attributes:
        index: counts from 1.
        handles: [n, 2] (x, y), where the points are now, image pixels. targets: [n, 2].
        distances: [n] from handles to targets, image pixels.
        pinned: [n] bool, the handles that hold their places.
        loss: the loss that this step descended. motion_loss, mask_loss: its parts, mask_loss without its weight.
        w_plus: [1, num_ws, w_dim], the edited latent.
        stop_reason: why no step follows; None while one may.
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

    @property
    def left(self) -> float:
        """Mean distance of the handles that move, image pixels."""
        return float(self.distances[~self.pinned].mean())

    @property
    def arrived(self) -> bool:
        """Whether every handle is within the stop distance."""
        return self.stop_reason == "arrived"

    @property
    def stalled(self) -> bool:
        """Whether the mean distance has not improved for `patience` steps."""
        return self.stop_reason == "stalled"

    def image(self, preview_resolution: int | None = None) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C]; computed now, from what the step has of the features.

        Args:
            preview_resolution: height of a smaller and quicker one, see :meth:`draglab.generators.Generator.image`.
        """
        with torch.no_grad():
            images = self._generator.image(self.w_plus, self._features, preview_resolution=preview_resolution)
            return to_uint8(images)[0]


@dataclass(frozen=True)
class DragResult:
    """The end of a drag. It can be pickled, without the generator.

    Attributes:
        w_plus: [1, num_ws, w_dim], the edited latent. handles, targets: [n, 2]; distances: [n], image pixels.
        steps: iterations done. kept: the one that all this is of: the last, or, where the drag stalled or ran out of
            steps, the one that came closest; 0 = the start.
        stop_reason: "arrived", "max_steps", "stalled", "cancelled" (by the callback), or, of one among several drags,
            "diverged" (its optimisation left the range of numbers; the rest is of the step before).
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
