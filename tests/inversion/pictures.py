"""Pictures and settings of the tests; no photos of people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from draglab.generators import Generator, to_uint8
from draglab.inversion import InversionSettings

QUICK = InversionSettings(projection_steps=4, tuning_steps=4, enough=0.0)


def smooth_picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture of slow waves of colour, uint8 [height, width, 3]."""
    random = np.random.RandomState(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = [
        np.sin(2 * np.pi * (random.uniform(0.5, 2) * rows + random.uniform(0.5, 2) * columns) + random.uniform(0, 6))
        for _ in range(3)
    ]
    return ((np.stack(waves, 2) + 1) * 110 + 15).astype(np.uint8)


def own_image(generator: Generator, seed: int) -> NDArray[np.uint8]:
    """An image that the model makes, uint8 [H, W, 3]."""
    return to_uint8(generator.image(generator.w_plus_from_seed(seed)))[0]
