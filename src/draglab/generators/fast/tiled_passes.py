"""Passes over whole maps in parts small enough for the processor's cache, in place where possible.

The maps of high blocks are far larger than the cache; every pass over one costs as much as the arithmetic of a layer.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

PART_BYTES = 1 << 20


def row_ranges(rows: int, row_bytes: int, part_bytes: int) -> list[tuple[int, int]]:
    """Divide rows into ranges [first, end) of at most `part_bytes`, but at least one row."""
    step = max(1, part_bytes // row_bytes)
    return [(first, min(first + step, rows)) for first in range(0, rows, step)]


def _parts(x: Tensor) -> list[tuple[int, int]]:
    """Divide x [N, H, W, C] into ranges of rows."""
    return row_ranges(x.shape[1], x.shape[0] * x.shape[2] * x.shape[3] * x.element_size(), PART_BYTES)


def scale_backward_(grad: Tensor, x: Tensor, styles: Tensor, with_x: bool = True) -> tuple[Tensor | None, Tensor]:
    """Compute the backward pass of x * styles, in place of `grad`.

    Args:
        grad: gradient of the product, [N, H, W, C]. x: [N, H, W, C]. styles: [N or 1, C].

    Returns:
        gradients with respect to x (None unless `with_x`) and styles.
    """
    grad_styles = torch.zeros_like(styles)
    scales = styles[:, None, None].to(grad.dtype)
    axes = (0, 1, 2) if len(styles) == 1 else (1, 2)
    for first, end in _parts(grad):
        part = grad[:, first:end]
        grad_styles += (part * x[:, first:end]).sum(axes, dtype=styles.dtype)
        if with_x:
            part *= scales
    return grad if with_x else None, grad_styles


def activate_(
    x: Tensor, scale: Tensor, shift: Tensor, noise: Tensor | None, slope: float, limit: float | None
) -> Tensor:
    """Compute leaky_relu(x * scale + shift + noise), clamped to +-limit, in place of x.

    Args:
        x: [N, C, H, W], channels_last, overwritten. scale: [N or 1, C]. shift: [C].
        noise: [N or 1, 1, H, W] or None. slope: slope of the negative side, above 0. limit: None for no clamp.

    Returns:
        x; differentiable once, with respect to x and scale.
    """
    return _Activation.apply(x, scale, shift, noise, slope, limit)  # pyright: ignore[reportReturnType]


class _Activation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, noise: Tensor | None, slope: float, limit: float | None
    ) -> Tensor:
        ctx.slope, ctx.limit = slope, limit
        ctx.mark_dirty(x)
        pixels = x.permute(0, 2, 3, 1)
        scales, shifts = scale[:, None, None].to(x.dtype), shift.to(x.dtype)
        drawn = None if noise is None else noise.permute(0, 2, 3, 1).to(x.dtype)
        for first, end in _parts(pixels):
            part = pixels[:, first:end]
            torch.addcmul(shifts, part, scales, out=part)
            if drawn is not None:
                part += drawn[:, first:end]
            F.leaky_relu_(part, slope)
            if limit is not None:
                part.clamp_(-limit, limit)
        ctx.save_for_backward(x, scale, shift, noise)
        return x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None, None, None, None]:
        y, scale, shift, noise = ctx.saved_tensors
        given, pixels = grads[0].permute(0, 2, 3, 1), y.permute(0, 2, 3, 1)
        result = torch.empty_like(pixels)
        scales, shifts = scale[:, None, None].to(y.dtype), shift.to(y.dtype)
        drawn = None if noise is None else noise.permute(0, 2, 3, 1).to(y.dtype)
        axes = (0, 1, 2) if len(scale) == 1 else (1, 2)
        # The gradient with respect to scale is the sum of g * x, where g is the gradient before the activation. x has
        # been overwritten, but g * (x * scale + shift + noise) is the gradient times y, as leaky ReLU is a factor.
        total = torch.zeros_like(scale)
        for first, end in _parts(pixels):
            grad, value = given[:, first:end], pixels[:, first:end]
            if ctx.limit is not None:
                grad = grad.masked_fill(value.abs() >= ctx.limit, 0)
            part = result[:, first:end]
            torch.ops.aten.leaky_relu_backward(grad, value, ctx.slope, True, grad_input=part)
            offset = shifts if drawn is None else shifts + drawn[:, first:end]
            total += torch.addcmul(value * grad, part, offset, value=-1).sum(axes, dtype=total.dtype)
            part *= scales
        return result.permute(0, 3, 1, 2), total / scale, None, None, None, None
