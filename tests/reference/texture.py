"""The texture of a picture by loops over points, channels and directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sample(picture: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    """Values [C] of a picture [C, H, W] at a place, bilinear; beyond the border those of the border."""
    _, height, width = picture.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    right, down = x - left, y - top
    upper = (1 - right) * picture[:, top, left] + right * picture[:, top, left + 1]
    lower = (1 - right) * picture[:, top + 1, left] + right * picture[:, top + 1, left + 1]
    return (1 - down) * upper + down * lower


def least_eigenvalue(
    picture: NDArray[np.float64], point: NDArray[np.float64], offsets: NDArray[np.float64], half_step: float
) -> float:
    """The least |G u|^2 over unit vectors u, of which many are tried; G has a row for each offset and channel."""
    rows = []
    for offset in offsets:
        x, y = point + offset
        across = sample(picture, x + half_step, y) - sample(picture, x - half_step, y)
        down = sample(picture, x, y + half_step) - sample(picture, x, y - half_step)
        rows += [(a / (2 * half_step), d / (2 * half_step)) for a, d in zip(across, down, strict=True)]
    gradient = np.array(rows)
    angles = np.linspace(0, np.pi, 2000, endpoint=False)
    return float(min(((gradient @ [np.cos(angle), np.sin(angle)]) ** 2).sum() for angle in angles))
