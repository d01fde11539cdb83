"""What follows the depthwise part of a separable convolution, in one matrix product.

The styles scale the weight instead of the maps, so that neither a scaled copy of the maps nor one per operation is
written; the backward pass scales in place. The slow reference is `tests/reference/convolution.py`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast.tiled_passes import PART_BYTES, row_ranges, scale_backward_


def pointwise_activate(
    x: Tensor, styles: Tensor, weight: Tensor, bias: Tensor, noise: Tensor | None, slope: float
) -> Tensor:
    """Compute leaky_relu(1x1 convolution of x * styles + bias + noise), in x's dtype.

    Args:
        x: [N, I, H, W]; channels_last is fast. styles: [N or 1, I]. weight: [O, I]. bias: [O].
        noise: [N or 1, 1, H, W] or None. slope: slope of the negative side, above 0.

    Returns:
        [N, O, H, W], channels_last; differentiable once, with respect to x, styles, weight and bias.
    """
    return _Pointwise.apply(x, styles, weight, bias, noise, slope)  # pyright: ignore[reportReturnType]


class _Pointwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, styles: Tensor, weight: Tensor, bias: Tensor, noise: Tensor | None, slope: float
    ) -> Tensor:
        pixels = x.permute(0, 2, 3, 1).contiguous()
        count, height, width, inputs = pixels.shape
        y = pixels.new_empty(count, height, width, len(weight))
        shift = bias.to(x.dtype)
        drawn = None if noise is None else noise.to(x.dtype).expand(count, 1, height, width).reshape(-1, 1)
        owners = _owners(styles, count * height * width)
        for row, (first, end) in _parts(owners, max(inputs, len(weight)) * x.element_size()):
            scaled = (weight * styles[row]).to(x.dtype)
            part = y.view(-1, len(weight))[first:end]
            torch.mm(pixels.view(-1, inputs)[first:end], scaled.t(), out=part)
            part += shift
            if drawn is not None:
                part += drawn[first:end]
            F.leaky_relu_(part, slope)
        ctx.save_for_backward(pixels, styles, weight, y)
        ctx.slope = slope
        return y.permute(0, 3, 1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, Tensor | None, None, None]:
        pixels, styles, weight, y = ctx.saved_tensors
        with_x, _, with_weight, with_bias = ctx.needs_input_grad[:4]
        flat, given = pixels.view(-1, pixels.shape[-1]), grads[0].permute(0, 2, 3, 1).reshape(-1, len(weight))
        outputs = y.view(-1, len(weight))
        plain = weight.to(y.dtype)
        grad = torch.empty_like(pixels)
        # One for each row of styles: the sum over its pixels of gradient times input.
        products = weight.new_zeros(len(styles), *weight.shape) if with_weight else None
        grad_bias = weight.new_zeros(len(weight)) if with_bias else None
        for row, (first, end) in _parts(_owners(styles, len(given)), max(plain.shape) * y.element_size()):
            inner = torch.ops.aten.leaky_relu_backward(given[first:end], outputs[first:end], ctx.slope, True)
            torch.mm(inner, plain, out=grad.view(-1, plain.shape[1])[first:end])
            if products is not None:
                products[row] += inner.t() @ flat[first:end]
            if grad_bias is not None:
                grad_bias += inner.sum(0, dtype=grad_bias.dtype)
        grad_weight = None if products is None else (products * styles[:, None]).sum(0)
        grad_x, grad_styles = scale_backward_(grad, pixels, styles, with_x)
        return None if grad_x is None else grad_x.permute(0, 3, 1, 2), grad_styles, grad_weight, grad_bias, None, None


def _owners(styles: Tensor, pixels: int) -> list[tuple[int, int]]:
    """Return the range [first, end) of the pixels that each row of styles [N or 1, I] belongs to."""
    size = pixels // len(styles)
    return [(row * size, (row + 1) * size) for row in range(len(styles))]


def _parts(ranges: list[tuple[int, int]], pixel_bytes: int) -> list[tuple[int, tuple[int, int]]]:
    """Divide ranges of pixels into parts of at most PART_BYTES: (index of the range, part)."""
    return [
        (index, (start + first, start + end))
        for index, (start, stop) in enumerate(ranges)
        for first, end in row_ranges(stop - start, pixel_bytes, PART_BYTES)
    ]
