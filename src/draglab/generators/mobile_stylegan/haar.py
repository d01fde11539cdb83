"""The inverse Haar transform, which MobileStyleGAN doubles its maps with."""

from __future__ import annotations

import torch
from torch import Tensor

from draglab.generators.mobile_stylegan.config import BANDS


def inverse_haar(x: Tensor) -> Tensor:
    """Transform bands to a map of twice the size: [N, 4 C, H, W] -> [N, C, 2H, 2W].

    The first C channels are the low band, of which every value is twice the mean of its four pixels. The others are the
    details, three for each channel: differences of rows, of columns, and of both.
    """
    count, channels, height, width = x.shape
    low, details = x.split([channels // BANDS, channels - channels // BANDS], dim=1)
    rows, columns, both = details.unflatten(1, (channels // BANDS, BANDS - 1)).unbind(2)
    low = low / 2
    upper, lower = low + rows / 2, low - rows / 2
    left, right = (columns + both) / 2, (columns - both) / 2
    pixels = torch.stack([upper + left, upper - left, lower + right, lower - right], dim=-1)
    # [N, C, H, W, (row, column)] -> [N, C, 2H, 2W].
    pixels = pixels.view(count, channels // BANDS, height, width, 2, 2).permute(0, 1, 2, 4, 3, 5)
    return pixels.reshape(count, channels // BANDS, 2 * height, 2 * width).contiguous(memory_format=torch.channels_last)


def low_band(x: Tensor) -> Tensor:
    """Return the mean of each 2x2 pixels of :func:`inverse_haar`: [N, 4 C, H, W] -> [N, C, H, W]."""
    return x[:, : x.shape[1] // BANDS] / 2
