"""Resampling in StyleGAN2: upsampling, and the low-pass filter after a doubling convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def resample_kernel(taps: Sequence[float]) -> Tensor:
    """Return a separable low-pass filter as a 2D kernel [L, L] that sums to 1; float32."""
    # On the CPU even while a model is built without storage: the kernel is not a weight and will not be loaded later.
    line = torch.tensor(list(taps), dtype=torch.float32, device="cpu")
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum()


def low_pass_padding(length: int) -> tuple[int, int]:
    """Return the padding (before, after) on both axes of a low-pass filter of `length` taps after a doubling layer."""
    return (length + 1) // 2 - 1, (length - 2) // 2


def _low_pass(x: Tensor, kernel: Tensor, pad_before: int, pad_after: int, gain: float) -> Tensor:
    """Convolve each channel of x, zero-padded on both axes, with `kernel` times `gain`."""
    channels = x.shape[1]
    weight = (kernel.flip((0, 1)) * gain).to(x.dtype).expand(channels, 1, *kernel.shape)
    if pad_before != pad_after or pad_before < 0:
        x = F.pad(x, (pad_before, pad_after, pad_before, pad_after))
        return F.conv2d(x, weight, groups=channels)
    return F.conv2d(x, weight, padding=pad_before, groups=channels)


def upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Insert zeros between pixels and apply the low-pass filter with gain 4: [N, C, H, W] -> [N, C, 2H, 2W]."""
    length, (height, width) = kernel.shape[0], x.shape[2:]
    weight = (kernel * 4).to(x.dtype).expand(x.shape[1], 1, length, length)
    full = F.conv_transpose2d(x, weight, stride=2, groups=x.shape[1])
    skip = length - 1 - (length + 1) // 2
    full = F.pad(full, (0, 1, 0, 1)) if skip + 2 * height > full.shape[2] else full
    return full[:, :, skip : skip + 2 * height, skip : skip + 2 * width]


def low_pass_doubled(x: Tensor, kernel: Tensor, valid: bool) -> Tensor:
    """Apply the low-pass filter after a doubling convolution, with gain 4.

    Args:
        x: [N, C, 2H + 1, 2W + 1], or any window of that if `valid`.
        kernel: low-pass filter [L, L].
        valid: keep only outputs that depend on nothing outside the window.

    Returns:
        [N, C, 2H, 2W], or, if `valid`, height and width of the window minus L - 1.
    """
    before, after = (0, 0) if valid else low_pass_padding(kernel.shape[0])
    return _low_pass(x, kernel, before, after, gain=4)
