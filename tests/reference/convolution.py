"""Slow twins of the frozen layers: convolutions by loops over the taps, the activation step by step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def correlate(x: Tensor, styles: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Sum over taps of (x * styles) shifted, times the tap's matrix: [N, I, H, W] -> [N, O, H - 2 + 2 padding, ...]."""
    x = F.pad(x * styles[:, :, None, None], (padding,) * 4)
    height, width = x.shape[2] - 2, x.shape[3] - 2
    taps = [(row, column) for row in range(3) for column in range(3)]
    shifted = [x[:, :, row : row + height, column : column + width] for row, column in taps]
    pairs = zip(shifted, taps, strict=True)
    return torch.stack([torch.einsum("nihw,oi->nohw", part, weight[:, :, r, c]) for part, (r, c) in pairs]).sum(0)


def correlate_doubling(x: Tensor, styles: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Every pixel of x * styles paints its 3x3 of outputs, two pixels apart: [N, I, H, W] -> [N, O, 2H + 1, 2W + 1]."""
    x = x * styles[:, :, None, None]
    count, _, height, width = x.shape
    out = x.new_zeros(count, weight.shape[0], 2 * height + 1, 2 * width + 1)
    for row in range(3):
        for column in range(3):
            painted = torch.zeros_like(out)
            place = painted[:, :, row : row + 2 * height : 2, column : column + 2 * width : 2]
            place.copy_(torch.einsum("nihw,oi->nohw", x, weight[:, :, row, column]))
            out = out + painted
    return out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding]


def activation(
    x: Tensor, scale: Tensor, shift: Tensor, noise: Tensor | None, slope: float, limit: float | None
) -> Tensor:
    """leaky_relu(x * scale + shift + noise), clamped."""
    x = x * scale[:, :, None, None] + shift[None, :, None, None]
    x = x if noise is None else x + noise
    x = torch.where(x > 0, x, slope * x)
    return x if limit is None else x.clamp(-limit, limit)


def pointwise_activate(
    x: Tensor, styles: Tensor, weight: Tensor, bias: Tensor, noise: Tensor | None, slope: float
) -> Tensor:
    """Leaky ReLU of a 1x1 convolution of x * styles, plus bias and noise, one output channel at a time."""
    x = x * styles[:, :, None, None]
    maps = [(x * row[:, None, None]).sum(1) + offset for row, offset in zip(weight, bias, strict=True)]
    y = torch.stack(maps, dim=1)
    y = y if noise is None else y + noise
    return torch.where(y > 0, y, slope * y)
