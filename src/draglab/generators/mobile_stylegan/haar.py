"""The inverse Haar transform, by which MobileStyleGAN doubles its maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast import haar
from draglab.generators.mobile_stylegan.config import BANDS
from draglab.generators.ops import modulate


def inverse_haar(x: Tensor, styles: Tensor) -> Tensor:
    """Transform the bands x * styles to a map of twice the size: [N, 4 C, H, W] and [N or 1, 4 C] -> [N, C, 2H, 2W].

    The bands are C channels each: low, of which every value is twice the mean of its four pixels, then the differences
    of rows, of columns, and of both.
    """
    return haar.inverse_haar(x, styles) if x.device.type == "cpu" else inverse_haar_plain(x, styles)


def inverse_haar_plain(x: Tensor, styles: Tensor) -> Tensor:
    """Compute :func:`inverse_haar` with PyTorch's own operations."""
    low, rows, columns, both = modulate(x, styles / 2).chunk(BANDS, dim=1)
    top, bottom = low + rows, low - rows
    side, cross = columns + both, columns - both
    pixels = torch.stack([top + side, top - side, bottom + cross, bottom - cross], dim=2)
    return F.pixel_shuffle(pixels.flatten(1, 2), 2)


def low_band(x: Tensor) -> Tensor:
    """Return the mean of each 2x2 pixels of :func:`inverse_haar`: [N, 4 C, H, W] -> [N, C, H, W]."""
    return x[:, : x.shape[1] // BANDS] / 2
