"""What a person asks for: handles, targets, mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from draglab.geometry import Mask, validate_mask, validate_pairs


@dataclass(frozen=True)
class DragEdit:
    """One round of dragging (DragGAN section 3.1).

    Attributes:
        handles: [n, 2] (x, y) in image pixels: points of the image. (0, 0) is the centre of the top-left pixel.
        targets: [n, 2] where they should go.
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
