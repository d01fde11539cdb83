"""Measures of an edit's pictures, each defined once (docs/evaluation.md)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.evaluation.optical_flow import bilinear
from draglab.geometry import Mask, scale_from_512
from draglab.perception import LPIPS
from draglab.perception.lpips import MIN_SIDE

LPIPS_SIZE = 256
"""Height of the images that LPIPS compares."""
SURROUNDINGS = 1 / 8
"""Margin of the box around a drag without a mask, as a share of the width."""


def for_lpips(images: Tensor) -> Tensor:
    """Return images [N, 3, H, W] at 256 pixels in height, by averages of areas."""
    width = max(MIN_SIDE, LPIPS_SIZE * images.shape[3] // images.shape[2])
    return F.interpolate(images, (LPIPS_SIZE, width), mode="area")


@torch.no_grad()
def lpips_distance(lpips: LPIPS, a: Tensor, b: Tensor, weight: NDArray[np.floating] | None = None) -> float:
    """Return the LPIPS of two images [1, 3, H, W] in [-1, 1] at 256 pixels, weighted by `weight` [H, W]."""
    small = None
    if weight is not None:
        small = for_lpips(torch.from_numpy(np.asarray(weight, np.float64))[None, None].to(a))
    return float(lpips(for_lpips(a), for_lpips(b), weight=small))


def squared_difference(a: Tensor, b: Tensor) -> float:
    """Return the mean squared difference of two images in [-1, 1], of pixel values from 0 to 1, in float64."""
    return float(((a.double() - b.double()) / 2).square().mean())


def patch_difference(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    handles: NDArray[np.float64],
    targets: NDArray[np.float64],
    radius: int,
) -> float:
    """Return the dragged-patch accuracy DAI (after GoodDrag, Zhang et al. 2024): lower is better, 0 = the same patch.

    For each handle, the square of (2 radius + 1)^2 samples around it in the picture before is compared with that around
    its target in the picture after: mean of the squared differences of pixel values from 0 to 1, over samples and
    channels; then the mean over the handles, once.

    Args:
        before, after: uint8 [H, W, 3]. handles, targets: [n, 2] image pixels.
        radius: in pixels of a 512-pixel image, which is also the distance of the samples; they are interpolated, and
            clamped at the borders.
    """
    spacing = scale_from_512(1.0, *before.shape[:2])
    line = np.arange(-radius, radius + 1) * spacing
    square = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    total = 0.0
    for handle, target in zip(handles, targets, strict=True):
        was = bilinear(before.astype(np.float64) / 255, handle + square)
        now = bilinear(after.astype(np.float64) / 255, target + square)
        total += float(((was - now) ** 2).mean())
    return total / len(handles)


def frozen_region(
    image_shape: tuple[int, int], handles: NDArray[np.float64], targets: NDArray[np.float64], mask: Mask | None
) -> NDArray[np.float64] | None:
    """Return what an edit is to leave as it is, [H, W], 1 = frozen.

    That is what the mask freezes; without one, what is outside the box around all handles and targets that is wider
    than them by an eighth of the image's width on every side. None = nothing.
    """
    if mask is not None:
        return 1 - np.asarray(mask, np.float64)
    height, width = image_shape
    points = np.concatenate([handles, targets])
    low, high = points.min(0) - SURROUNDINGS * width, points.max(0) + SURROUNDINGS * width
    outside = np.ones((height, width))
    rows, columns = (slice(max(int(low[i]), 0), int(high[i]) + 1) for i in (1, 0))
    outside[rows, columns] = 0
    return outside if outside.any() else None


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8], frozen: NDArray[np.float64]) -> float:
    """Return the mean absolute change of pictures, in steps of 255, weighted by `frozen` [H, W]."""
    difference = np.abs(after.astype(np.float64) - before).mean(axis=2)
    return float((difference * frozen).sum() / frozen.sum())
