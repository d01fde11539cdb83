"""LPIPS v0.1 step by step, in NumPy and float64: Zhang et al. 2018, equation 1."""

from __future__ import annotations

import numpy as np

ALEXNET = [(4, 2, False), (1, 2, True), (1, 1, True), (1, 1, False), (1, 1, False)]
"""Stride, padding, and whether a 3x3 max-pooling of stride 2 comes before, of every convolution."""


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Correlate [C, H, W] with [O, C, k, k], one output place after the other."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    side = weight.shape[2]
    rows, columns = ((length - side) // stride + 1 for length in x.shape[1:])
    flat = weight.reshape(len(weight), -1)
    out = np.empty((len(weight), rows, columns))
    for row in range(rows):
        for column in range(columns):
            part = x[:, row * stride : row * stride + side, column * stride : column * stride + side]
            out[:, row, column] = flat @ part.ravel() + bias
    return out


def max_pool(x: np.ndarray) -> np.ndarray:
    """Largest of each 3x3, two places apart, of [C, H, W]."""
    rows, columns = ((length - 3) // 2 + 1 for length in x.shape[1:])
    return np.array(
        [[x[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].max((1, 2)) for c in range(columns)] for r in range(rows)]
    ).transpose(2, 0, 1)


def activations(image: np.ndarray, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The five activations of AlexNet for an RGB image [3, H, W] in [-1, 1]."""
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    x = (image - shift[:, None, None]) / scale[:, None, None]
    found = []
    for i, (stride, padding, pooled) in enumerate(ALEXNET):
        x = max_pool(x) if pooled else x
        x = np.maximum(convolve(x, tensors[f"conv{i}.weight"], tensors[f"conv{i}.bias"], stride, padding), 0)
        found.append(x)
    return found


def lpips(a: np.ndarray, b: np.ndarray, tensors: dict[str, np.ndarray], weight: np.ndarray | None = None) -> float:
    """The distance of two images [3, H, W]; `weight` [H, W]: of pixels."""
    total = 0.0
    for i, (x, y) in enumerate(zip(activations(a, tensors), activations(b, tensors), strict=True)):
        places, weights = [], []
        for row in range(x.shape[1]):
            for column in range(x.shape[2]):
                u, v = x[:, row, column], y[:, row, column]
                u, v = u / (np.sqrt((u**2).sum()) + 1e-10), v / (np.sqrt((v**2).sum()) + 1e-10)
                places.append(tensors[f"lin{i}"] @ (u - v) ** 2)
                weights.append(1.0 if weight is None else share(weight, row, column, x.shape[1:]))
        total += np.average(places, weights=weights)
    return total


def share(weight: np.ndarray, row: int, column: int, grid: tuple[int, ...]) -> float:
    """Mean of the pixels that a place of a grid touches, when the grid is stretched over the image."""
    (height, width), (rows, columns) = weight.shape, grid
    top, bottom = row * height // rows, -((-(row + 1) * height) // rows)
    left, right = column * width // columns, -((-(column + 1) * width) // columns)
    return float(weight[top:bottom, left:right].mean())
