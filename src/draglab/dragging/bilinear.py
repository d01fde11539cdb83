"""Bilinear sampling of features at the points needed; no map is ever resized to the image.

Features come as windows: one for each handle, or one that is the whole map. Positions are in pixels of the whole
feature map (see geometry.to_feature_coordinates) and are clamped at its borders.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.windows import Windows
from draglab.geometry import feature_scale, to_feature_coordinates


def _owners(windows: Windows, handles: int) -> NDArray[np.int64]:
    """Return the index of the window that each handle reads: its own, or the only one."""
    count = len(windows.values)
    assert count in (1, handles)
    return np.arange(handles) if count == handles else np.zeros(handles, dtype=np.int64)


def _check_inside(windows: Windows, x: NDArray[np.int64], y: NDArray[np.int64]) -> None:
    """Assert that pixels are inside their window: otherwise features of another place would be read unnoticed."""
    height, width = windows.values.shape[2:]
    assert x.min() >= 0
    assert y.min() >= 0
    assert x.max() < width
    assert y.max() < height


def _corners(windows: Windows, positions: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the four pixels around each of positions [n, k, 2], as rows [4, n, k] of the table of all windows' pixels,
    and their bilinear weights [4, n, k]."""
    map_height, map_width = windows.map_shape
    height, width = windows.values.shape[2:]
    x, y = np.clip(positions[..., 0], 0, map_width - 1), np.clip(positions[..., 1], 0, map_height - 1)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    # ceil, not left + 1: a position on a pixel does not need the next pixel, which may lie outside the window.
    right, bottom = np.ceil(x), np.ceil(y)
    columns = np.stack([left, right, left, right]).astype(np.int64)
    rows = np.stack([top, top, bottom, bottom]).astype(np.int64)
    owners = _owners(windows, len(positions))
    columns = columns - windows.origins[owners, 0][None, :, None]
    rows = rows - windows.origins[owners, 1][None, :, None]
    _check_inside(windows, columns, rows)
    index = (owners[None, :, None] * height + rows) * width + columns
    return index, np.stack([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx])


def _gather(windows: Windows, index: NDArray[np.int64], shares: NDArray[np.float64]) -> Tensor:
    """Sum pixels [m, n, k], weighted by their shares, into features [n, k, C]."""
    values = windows.values
    table = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])
    gathered = _exact(table.index_select(0, torch.from_numpy(index.ravel()).to(table.device)))
    weights = torch.from_numpy(shares[..., None]).to(table.device, gathered.dtype)
    return (gathered.view(*index.shape, -1) * weights).sum(0)


def _exact(values: Tensor) -> Tensor:
    """Convert features to at least float32, in which interpolation and distances are computed."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def sample_points(windows: Windows, positions: NDArray[np.float64]) -> Tensor:
    """Sample features at any positions.

    Args:
        windows: n windows or one; channels_last is fast, because rows of channels are gathered.
        positions: [n, k, 2] (x, y), k positions for each of n handles.

    Returns:
        [n, k, C], differentiable with respect to the windows.
    """
    return _gather(windows, *_corners(windows, positions))


def sample_resized(windows: Windows, pixels: NDArray[np.float64], image_shape: tuple[int, int]) -> Tensor:
    """Sample features as if the map had been *resized to the image*, as in the paper, without resizing it.

    Samples at the four surrounding pixels of the image are interpolated.

    Args:
        windows: as for :func:`sample_points`. pixels: [n, k, 2] (x, y) of the image. image_shape: (height, width).

    Returns:
        [n, k, C], differentiable with respect to the windows.
    """
    last = np.array([image_shape[1] - 1, image_shape[0] - 1])
    inside = np.clip(pixels, 0, last)
    corner = np.floor(inside)
    fraction = inside - corner
    near = [1 - fraction, fraction]
    parts = []
    for row in (0, 1):
        for column in (0, 1):
            neighbours = np.minimum(corner + np.array([column, row]), last)
            there = to_feature_coordinates(neighbours, image_shape, windows.map_shape, windows.margin)
            index, shares = _corners(windows, there)
            parts.append((index, shares * near[column][..., 0] * near[row][..., 1]))
    return _gather(windows, *(np.concatenate(each) for each in zip(*parts, strict=True)))


def _interpolation(axis: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, for coordinates [n, k] on one axis, the indices [n, h] of the pixels around them and the interpolation
    matrix [n, k, h]."""
    axis = np.clip(axis, 0, size - 1)
    start = np.floor(axis.min(axis=1))
    length = int(np.ceil((axis.max(axis=1) - start).max())) + 1
    pixels = start[:, None] + np.arange(length)
    matrix = np.clip(1 - np.abs(axis[:, :, None] - pixels[:, None, :]), 0, None)
    # Pixels that no coordinate of this handle needs may lie anywhere: the last needed one replaces them.
    last = np.ceil(axis.max(axis=1))[:, None]
    return np.minimum(pixels, last).astype(np.int64), matrix


def sample_grids(windows: Windows, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Tensor:
    """Sample features on n axis-aligned grids, interpolated along one axis after the other.

    Args:
        windows: as for :func:`sample_points`.
        xs, ys: [n, k] and [n, m], coordinates of the columns and rows of each handle's grid.

    Returns:
        [n, m, k, C].
    """
    columns, across = _interpolation(xs, windows.map_shape[1])
    rows, down = _interpolation(ys, windows.map_shape[0])
    owners = _owners(windows, len(xs))
    columns, rows = columns - windows.origins[owners, :1], rows - windows.origins[owners, 1:]
    _check_inside(windows, columns, rows)
    values, device = windows.values, windows.values.device
    places = (owners[:, None, None], rows[:, :, None], columns[:, None, :])
    parts = _exact(values.permute(0, 2, 3, 1)[tuple(torch.from_numpy(place).to(device) for place in places)])
    matrices = [torch.from_numpy(matrix).to(device, parts.dtype) for matrix in (down, across)]
    return torch.einsum("nmh,nkw,nhwc->nmkc", *matrices, parts)


def position_tensor(positions: NDArray[np.float64], like: Tensor) -> Tensor:
    """Move positions to the device of `like`, in float64 where the device supports it, else float32."""
    dtype = torch.float32 if like.device.type == "mps" else torch.float64
    return torch.from_numpy(positions).to(like.device, dtype)


def sample_positions(windows: Windows, pixels: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Sample features like :func:`sample_points`, at positions that are only known on the device.

    Args:
        windows: as for :func:`sample_points`; positions beside a window are moved to its border.
        pixels: [n, k, 2] (x, y) of the image. image_shape: (height, width).

    Returns:
        [n, k, C].
    """
    values, (map_height, map_width) = windows.values, windows.map_shape
    count, channels, height, width = values.shape
    sizes = position_tensor(np.array([map_width, map_height], dtype=np.float64), values)
    scale = position_tensor(feature_scale(image_shape, windows.map_shape, windows.margin), values)
    positions = ((pixels + 0.5) * scale + (windows.margin - 0.5)).clamp(min=0).minimum(sizes - 1)
    positions = positions - position_tensor(windows.origins[:, None].astype(np.float64), values)
    inner = position_tensor(np.array([width - 1.0, height - 1.0]), values)
    near = positions.floor()
    far = positions.ceil()
    fraction = positions - near
    owners = torch.arange(len(pixels), device=values.device) if count > 1 else torch.zeros((), device=values.device)
    first = owners.long().view(-1, 1) * (height * width)
    table = values.permute(0, 2, 3, 1).reshape(-1, channels)
    total = None
    for columns, across in ((near[..., 0], 1 - fraction[..., 0]), (far[..., 0], fraction[..., 0])):
        for rows, down in ((near[..., 1], 1 - fraction[..., 1]), (far[..., 1], fraction[..., 1])):
            row, column = (axis.clamp(min=0).minimum(inner[i]).long() for axis, i in ((rows, 1), (columns, 0)))
            part = _exact(table[first + row * width + column])
            part = part * (across * down)[..., None].to(part.dtype)
            total = part if total is None else total + part
    assert total is not None
    return total
