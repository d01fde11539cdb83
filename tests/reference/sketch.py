"""Sketches, one place at a time: ridge regression of blocks of pixels on the features around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TAPS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""(row, column) of the features that a block of pixels depends on, from its own place."""


def fitted_colours(
    features: NDArray[np.float64], image: NDArray[np.float64], other: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Return the pixels that a fit of `features` [C, H, W] to `image` [3, S H, S W] gives for `other` features."""
    scale = image.shape[1] // features.shape[1]
    places = [(row, column) for row in range(features.shape[1]) for column in range(features.shape[2])]
    inputs = np.array([_around(features, *place) for place in places])
    blocks = np.array([_block(image, scale, *place).ravel() for place in places])
    weight = np.sqrt(ridge * (inputs**2).sum(0).mean())
    inputs = np.concatenate([inputs, weight * np.eye(inputs.shape[1])])
    outputs = np.concatenate([blocks, np.zeros((inputs.shape[1], blocks.shape[1]))])
    solution = np.linalg.lstsq(inputs, outputs, rcond=None)[0]
    made = np.zeros_like(image)
    for place in places:
        block = _block(made, scale, *place)
        block[:] = (_around(other, *place) @ solution).reshape(block.shape)
    return made


def _around(features: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
    """Return the features at the taps around a place, zeros outside the map, and a 1."""
    found = []
    for down, right in TAPS:
        inside = 0 <= row + down < features.shape[1] and 0 <= column + right < features.shape[2]
        found.append(features[:, row + down, column + right] if inside else np.zeros(len(features)))
    return np.concatenate([*found, [1.0]])


def _block(image: NDArray[np.float64], scale: int, row: int, column: int) -> NDArray[np.float64]:
    """Return a view of the pixels of a place, [3, scale, scale]."""
    return image[:, scale * row : scale * (row + 1), scale * column : scale * (column + 1)]
