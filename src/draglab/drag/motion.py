"""Motion supervision (DragGAN section 3.2, first part of equation 1)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.drag.sampling import sample_points, sample_resized
from draglab.generators.windows import Windows
from draglab.geometry import to_feature_coordinates


def directions(handles: NDArray[np.float64], targets: NDArray[np.float64], clip: bool) -> NDArray[np.float64]:
    """d_i: [n, 2] unit vectors from handles to targets, in image pixels.

    With `clip`, a handle closer than one pixel to its target gets the remaining distance instead of a whole pixel, so
    that it does not overshoot. A handle on its target gets zero.
    """
    offset = targets - handles
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    safe = np.where(length > 0, length, 1.0)
    unit = np.where(length > 0, offset / safe, 0.0)
    return unit * np.minimum(length, 1.0) if clip else unit


def motion_loss(
    windows: Windows,
    handles: NDArray[np.float64],
    steps: NDArray[np.float64],
    offsets: NDArray[np.float64],
    image_shape: tuple[int, int],
    anchors: Tensor | None = None,
    anchor: float = 0.0,
    resized: bool = False,
) -> Tensor:
    """sum_i sum_{q in Omega_1(p_i)} | F(q) - F(q + d_i) |_1, with no gradient through F(q).

    Args:
        windows: F around the handles, or all of it.
        handles: p, [n, 2] image pixels. steps: d, [n, 2] image pixels.
        offsets: q - p, [k, 2] image pixels.
        image_shape: (height, width).
        anchors: what the start's features had at Omega_1 of the start's handles, [n, k, C]; F(q) is replaced by
            (1 - anchor) * F(q) + anchor * anchors.
        resized: interpolate between pixels of the image, as if the map had been resized to it (as in the paper), not
            between those of the feature map.

    Returns:
        scalar.
    """
    here = handles[:, None, :] + offsets[None, :, :]
    there = here + steps[:, None, :]

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_feature_coordinates(points, image_shape, windows.map_shape, windows.margin)

    with torch.no_grad():
        wanted = sample_points(windows, place(here))
    if anchors is not None and anchor > 0:
        wanted = torch.lerp(wanted, anchors, anchor)
    moved = sample_resized(windows, there, image_shape) if resized else sample_points(windows, place(there))
    return (wanted - moved).abs().sum()
