"""Bilinear samples of a feature map at the points needed: no map is ever resized to the image.

Positions are in pixels of the feature map (see geometry.to_feature_coordinates) and are clamped at its borders.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.geometry import to_feature_coordinates


def sample_points(features: Tensor, positions: NDArray[np.float64]) -> Tensor:
    """Features at any positions.

    Args:
        features: [1, C, H, W]; rows of channels are gathered, so channels_last is fast.
        positions: [..., 2] (x, y).

    Returns:
        [..., C], differentiable with respect to `features`.
    """
    _, channels, height, width = features.shape
    flat = positions.reshape(-1, 2)
    x, y = np.clip(flat[:, 0], 0, width - 1), np.clip(flat[:, 1], 0, height - 1)
    left, top = np.minimum(np.floor(x), max(width - 2, 0)), np.minimum(np.floor(y), max(height - 2, 0))
    fx, fy = x - left, y - top
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    index = np.stack([top * width + left, top * width + right, bottom * width + left, bottom * width + right])
    weight = np.stack([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx])
    table = features.permute(0, 2, 3, 1).reshape(height * width, channels)
    rows = table.index_select(0, torch.from_numpy(index.astype(np.int64).ravel()).to(features.device))
    weights = torch.from_numpy(weight).to(features.device, features.dtype)
    rows = rows.view(4, -1, channels)
    return torch.einsum("kp,kpc->pc", weights, rows).reshape(*positions.shape[:-1], channels)


def sample_resized(features: Tensor, pixels: NDArray[np.float64], image_shape: tuple[int, int]) -> Tensor:
    """What bilinear sampling of the map *resized to the image* gives, as the paper has it, without resizing anything:
    samples at the four surrounding pixels of the image, interpolated between them.

    Args:
        features: [1, C, H, W]. pixels: [..., 2] (x, y) of the image. image_shape: (height, width).

    Returns:
        [..., C], differentiable with respect to `features`.
    """
    size = (features.shape[2], features.shape[3])
    inside = np.clip(pixels, 0, [image_shape[1] - 1, image_shape[0] - 1])
    corner = np.floor(inside)
    fraction = torch.from_numpy(inside - corner).to(features.device, features.dtype)
    shares = torch.stack([1 - fraction, fraction])
    total = None
    for row in (0, 1):
        for column in (0, 1):
            neighbours = np.minimum(corner + np.array([column, row]), [image_shape[1] - 1, image_shape[0] - 1])
            values = sample_points(features, to_feature_coordinates(neighbours, image_shape, size))
            part = values * (shares[column, ..., 0] * shares[row, ..., 1])[..., None]
            total = part if total is None else total + part
    assert total is not None
    return total


def _window(axis: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For coordinates [n, k] on one axis: indices [n, h] of the pixels around them, interpolation matrix [n, k, h]."""
    axis = np.clip(axis, 0, size - 1)
    start = np.floor(axis.min(axis=1))
    length = int(np.ceil((axis.max(axis=1) - start).max())) + 1
    pixels = start[:, None] + np.arange(length)
    matrix = np.clip(1 - np.abs(axis[:, :, None] - pixels[:, None, :]), 0, None)
    return np.minimum(pixels, size - 1).astype(np.int64), matrix


def sample_grids(features: Tensor, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Tensor:
    """Features on n axis-aligned grids, interpolated along one axis after the other.

    Args:
        features: [1, C, H, W]. xs, ys: [n, k] and [n, m], coordinates of the columns and rows of each grid.

    Returns:
        [n, m, k, C].
    """
    columns, across = _window(xs, features.shape[3])
    rows, down = _window(ys, features.shape[2])
    device = features.device
    table = features[0].permute(1, 2, 0)
    windows = table[torch.from_numpy(rows)[:, :, None].to(device), torch.from_numpy(columns)[:, None, :].to(device)]
    matrices = [torch.from_numpy(matrix).to(device, features.dtype) for matrix in (down, across)]
    return torch.einsum("nmh,nkw,nhwc->nmkc", *matrices, windows)
