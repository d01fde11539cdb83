"""Small image filters for textures and shadow maps."""

# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def _blur_rows(image, taps):
    """Correlate the rows of [H, W] with symmetric `taps` (the first is the middle); the edges repeat. Transposed."""
    height, width = image.shape
    out = np.empty((width, height), np.float32)
    for y in range(height):
        for x in range(width):
            s = taps[0] * image[y, x]
            for k in range(1, taps.shape[0]):
                s += taps[k] * (image[y, max(x - k, 0)] + image[y, min(x + k, width - 1)])
            out[x, y] = s
    return out


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of [H, W] -> float32 [H, W]."""
    taps = np.exp(-0.5 * (np.arange(int(2.5 * sigma) + 2) / sigma) ** 2)
    taps = (taps / (2 * taps.sum() - taps[0])).astype(np.float32)
    return _blur_rows(_blur_rows(np.ascontiguousarray(image, np.float32), taps), taps)
