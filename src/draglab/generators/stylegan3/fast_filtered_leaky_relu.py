"""StyleGAN3's filtered nonlinearity in little memory: a few channels at a time, recomputed in the backward pass.

The slow reference is `tests/reference/stylegan3.py`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.activations import LEAKY_SLOPE
from draglab.generators.stylegan3.filters import Resampling, downsample, upsample

PART_BYTES = 4 << 20
"""Size of the part of the upsampled signal, a few channels, that is processed at once on the CPU, so that it stays in
the processor's cache; fastest of 2 to 16 MiB for 512 channels of 86 pixels."""

MIN_PART_CHANNELS = 16
"""Number of channels that PyTorch's depthwise convolutions process at once."""


def filtered_leaky_relu(x: Tensor, up_taps: Tensor, down_taps: Tensor, how: Resampling, clamp: float | None) -> Tensor:
    """Upsample, apply leaky ReLU, clamp to +-clamp, and downsample: [N, C, H, W] -> [N, C, H', W'].

    The upsampled signal is several times as large as x; it is computed again in the backward pass instead of kept.

    Args:
        up_taps, down_taps: symmetric filters, see :func:`upsample` and :func:`downsample`.

    Returns:
        the result, differentiable once with respect to x.
    """
    return _FilteredLeakyReLU.apply(x, up_taps, down_taps, how, clamp)  # pyright: ignore[reportReturnType]


def _parts(x: Tensor, how: Resampling) -> list[slice]:
    """Return groups of channels to process one after the other."""
    channels = x.shape[1]
    if x.device.type != "cpu":
        return [slice(0, channels)]
    fine = how.up * how.up * x.shape[0] * x.shape[2] * x.shape[3] * x.element_size()
    step = max(PART_BYTES // fine // MIN_PART_CHANNELS, 1) * MIN_PART_CHANNELS
    return [slice(first, min(first + step, channels)) for first in range(0, channels, step)]


def _part_of(x: Tensor, part: slice) -> Tensor:
    """Return some channels in the dtype of resampling.

    On the CPU this is at least float32, because PyTorch's CPU kernels for resampling are several times slower in half
    precision.
    """
    exact = torch.promote_types(x.dtype, torch.float32) if x.device.type == "cpu" else x.dtype
    return x[:, part].to(exact).contiguous(memory_format=torch.channels_last)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)


class _FilteredLeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, up_taps: Tensor, down_taps: Tensor, how: Resampling, clamp: float | None
    ) -> Tensor:
        ctx.save_for_backward(x, up_taps, down_taps)
        ctx.how, ctx.clamp = how, clamp
        results = []
        for part in _parts(x, how):
            fine = F.leaky_relu_(upsample(_part_of(x, part), up_taps, how), LEAKY_SLOPE)
            fine = fine if clamp is None else fine.clamp_(-clamp, clamp)
            results.append(downsample(fine, down_taps, how.down).to(x.dtype))
        return _joined(results)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, up_taps, down_taps = ctx.saved_tensors
        how, clamp = ctx.how, ctx.clamp
        results = []
        for part in _parts(x, how):
            fine = upsample(_part_of(x, part), up_taps, how)
            grad = _downsample_backward(_part_of(grads[0], part), down_taps, how.down)
            grad = torch.ops.aten.leaky_relu_backward(grad, fine, LEAKY_SLOPE, False)
            if clamp is not None:
                outside = (fine >= clamp) | (fine <= -clamp / LEAKY_SLOPE)
                grad = grad.masked_fill_(outside, 0)
            results.append(_upsample_backward(grad, up_taps, how).to(x.dtype))
        return _joined(results), None, None, None, None


def _downsample_backward(grad: Tensor, taps: Tensor, down: int) -> Tensor:
    channels = grad.shape[1]
    taps = taps.to(grad.dtype)
    if taps.ndim == 2:
        return F.conv_transpose2d(grad, taps.expand(channels, 1, *taps.shape), stride=down, groups=channels)
    column = taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    grad = F.conv_transpose2d(grad, column.transpose(2, 3), stride=(1, down), groups=channels)
    return F.conv_transpose2d(grad, column, stride=(down, 1), groups=channels)


def _upsample_backward(grad: Tensor, taps: Tensor, how: Resampling) -> Tensor:
    channels, up = grad.shape[1], how.up
    column = (taps * up).to(grad.dtype).view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    grad = F.conv2d(grad, column.transpose(2, 3), stride=(1, up), padding=(0, how.cut), groups=channels)
    return F.conv2d(grad, column, stride=(up, 1), padding=(how.cut, 0), groups=channels)
