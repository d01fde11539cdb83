"""The error of a landmark detector itself: what it says of a picture, and of the same picture after a known shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST_SHIFT = 8
"""Largest shift along each axis, in pixels of a 512-pixel image."""


def shift_of(number: int, unit: float) -> NDArray[np.int64]:
    """Return the shift (x, y) of a picture by its number: whole pixels, never (0, 0), always the same.

    Args:
        unit: a pixel of a 512-pixel image, in pixels of the picture.
    """
    largest = max(1, round(LARGEST_SHIFT * unit))
    random = np.random.default_rng(number)
    while not (shift := random.integers(-largest, largest + 1, size=2)).any():
        pass
    return shift


def shifted(picture: NDArray[np.uint8], shift: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] whose content is moved by whole pixels (x, y); the border is repeated."""
    height, width = picture.shape[:2]
    rows = np.clip(np.arange(height) - shift[1], 0, height - 1)
    columns = np.clip(np.arange(width) - shift[0], 0, width - 1)
    return picture[rows[:, None], columns]
