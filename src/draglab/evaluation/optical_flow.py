"""Dense optical flow by DIS (Kroeger et al. 2016) of OpenCV, from the extra `flow`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.geometry import REFERENCE_SIZE

INSTALL = "install it with: pip install 'draglab[flow]'"


class OpticalFlow:
    """Flow from one picture to another, by OpenCV's DIS with its medium preset.

    Pictures of more than 512 pixels are halved until they have no more; the flow is enlarged again.

    Raises:
        DraglabError: OpenCV is not there.
    """

    def __init__(self) -> None:
        self.cv2 = _cv2()
        self.cv2.setNumThreads(1)  # threads would share sums differently from run to run
        self.dis = self.cv2.DISOpticalFlow_create(self.cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the way [H, W, 2] (x, y) in pixels from each pixel of `first` to its place in `second`.

        Args:
            first, second: uint8 RGB [H, W, 3], of one size.
        """
        height, width = first.shape[:2]
        factor = 1
        while max(height, width) > REFERENCE_SIZE * factor:
            factor *= 2
        grey = [self.cv2.cvtColor(each, self.cv2.COLOR_RGB2GRAY) for each in (first, second)]
        if factor > 1:
            size = (width // factor, height // factor)
            grey = [self.cv2.resize(each, size, interpolation=self.cv2.INTER_AREA) for each in grey]
        flow = self.dis.calc(grey[0], grey[1], None)
        if factor > 1:
            flow = factor * self.cv2.resize(flow, (width, height), interpolation=self.cv2.INTER_LINEAR)
        return np.asarray(flow, np.float64)


def bilinear(field: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a field [H, W, C] at points [n, 2] (x, y), interpolated, clamped at the borders: [n, C]."""
    height, width = field.shape[:2]
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = field[top, left] * (1 - across) + field[top, right] * across
    lower = field[bottom, left] * (1 - across) + field[bottom, right] * across
    return upper * (1 - down) + lower * down


def _cv2() -> Any:
    """Import OpenCV, which has no types."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise DraglabError(
            f"OpenCV, for optical flow, is not there ({str(error).splitlines()[0]}): {INSTALL}"
        ) from None
