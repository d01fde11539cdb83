"""The inverse Haar transform with styles, in parts small enough for the processor's cache.

The slow reference is `tests/reference/mobile_stylegan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from draglab.generators.fast.tiled_passes import row_ranges, scale_backward_

PART_BYTES = 1 << 19
"""Size of a part of the input; with its sums and the output it is four times that."""


def inverse_haar(x: Tensor, styles: Tensor) -> Tensor:
    """Transform the bands x * styles to a map of twice the size: [N, 4 C, H, W] -> [N, C, 2H, 2W].

    The bands are C channels each: low, of which every value is twice the mean of its four pixels, then the differences
    of rows, of columns, and of both.

    Args:
        x: [N, 4 C, H, W]; channels_last is fast. styles: [N or 1, 4 C].

    Returns:
        channels_last; differentiable once, with respect to x and styles.
    """
    return _InverseHaar.apply(x, styles)  # pyright: ignore[reportReturnType]


def _mix(a: Tensor, b: Tensor, c: Tensor, d: Tensor, outputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    """Write the sums a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d: a transform that is its own inverse
    but for a factor of 4."""
    total, difference = a + b, a - b
    other, opposite = c + d, c - d
    torch.add(total, other, out=outputs[0])
    torch.add(difference, opposite, out=outputs[1])
    torch.sub(total, other, out=outputs[2])
    torch.sub(difference, opposite, out=outputs[3])


def _corners(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return views of the pixels [N, 2H, 2W, C] by their place in each 2x2: first row, second row of the left column;
    of the right column."""
    left, right = pixels[:, :, 0::2], pixels[:, :, 1::2]
    return left[:, 0::2], left[:, 1::2], right[:, 0::2], right[:, 1::2]


class _InverseHaar(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, styles: Tensor) -> Tensor:
        ctx.save_for_backward(x, styles)
        bands = x.permute(0, 2, 3, 1)
        count, height, width, channels = bands.shape
        result = torch.empty((count, 2 * height, 2 * width, channels // 4), dtype=x.dtype, device=x.device)
        scales = (styles / 2)[:, None, None].to(x.dtype)
        for first, end in row_ranges(height, count * width * channels * x.element_size(), PART_BYTES):
            a, b, c, d = (bands[:, first:end] * scales).chunk(4, dim=3)
            _mix(a, b, c, d, _corners(result[:, 2 * first : 2 * end]))
        return result.permute(0, 3, 1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor]:
        x, styles = ctx.saved_tensors
        bands, given = x.permute(0, 2, 3, 1), grads[0].permute(0, 2, 3, 1)
        result = torch.empty_like(bands, memory_format=torch.contiguous_format)
        row_bytes = result.stride(1) * len(result) * x.element_size()
        for first, end in row_ranges(bands.shape[1], row_bytes, PART_BYTES):
            a, b, c, d = _corners(given[:, 2 * first : 2 * end])
            low, rows, columns, both = result[:, first:end].chunk(4, dim=3)
            _mix(a, b, c, d, (low, rows, columns, both))
        grad_x, grad_styles = scale_backward_(result, bands, styles / 2, ctx.needs_input_grad[0])
        return None if grad_x is None else grad_x.permute(0, 3, 1, 2), grad_styles / 2
