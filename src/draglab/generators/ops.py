"""The operations that StyleGAN2 is made of (Karras et al. 2020, "Analyzing and Improving the Image Quality of
StyleGAN").

All are written for editing: weights are fixed, so the style scales the activations instead of the weights. That is
the same function (section 2.2 of the paper: modulation and demodulation act on whole input and output channels), and
neither the forward nor the backward pass ever forms weights per sample. `tests/reference/stylegan2.py` holds the slow
twin.

The activations' dtype decides what the convolutions compute in; styles and demodulation stay in the weights' dtype.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

DEMODULATION_EPSILON = 1e-8
LEAKY_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2)


def resample_kernel(taps: Sequence[float]) -> Tensor:
    """Separable low-pass filter as a 2D kernel [L, L] that sums to 1; float32."""
    # On the CPU also while a model is built without storage: the kernel is no weight, nothing will fill it in later.
    line = torch.tensor(list(taps), dtype=torch.float32, device="cpu")
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum()


def low_pass_padding(length: int) -> tuple[int, int]:
    """Zeros before and after, on both axes, for a low-pass filter of `length` taps behind a doubling convolution."""
    return (length + 1) // 2 - 1, (length - 2) // 2


def _low_pass(x: Tensor, kernel: Tensor, pad_before: int, pad_after: int, gain: float) -> Tensor:
    """Each channel of x convolved with `kernel`, times `gain`, zero-padded on both axes."""
    channels = x.shape[1]
    weight = (kernel.flip((0, 1)) * gain).to(x.dtype).expand(channels, 1, *kernel.shape)
    if pad_before != pad_after or pad_before < 0:
        x = F.pad(x, (pad_before, pad_after, pad_before, pad_after))
        return F.conv2d(x, weight, groups=channels)
    return F.conv2d(x, weight, padding=pad_before, groups=channels)


def upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Zeros between the pixels, then the low-pass filter with gain 4: [N, C, H, W] -> [N, C, 2H, 2W]."""
    length, (height, width) = kernel.shape[0], x.shape[2:]
    weight = (kernel * 4).to(x.dtype).expand(x.shape[1], 1, length, length)
    full = F.conv_transpose2d(x, weight, stride=2, groups=x.shape[1])
    skip = length - 1 - (length + 1) // 2
    full = F.pad(full, (0, 1, 0, 1)) if skip + 2 * height > full.shape[2] else full
    return full[:, :, skip : skip + 2 * height, skip : skip + 2 * width]


def upsampling_convolution(x: Tensor, weight: Tensor, kernel: Tensor, valid: bool = False) -> Tensor:
    """Convolution on the zero-interleaved input, then the low-pass filter. [N, I, H, W] -> [N, O, 2H, 2W].

    Args:
        x: [N, I, H, W].
        weight: [O, I, 3, 3], stored as for an ordinary correlation.
        kernel: low-pass filter [L, L].
        valid: x is a window of a larger map: keep only outputs that depend on nothing outside it, [N, O, 2H - L, ...].
    """
    # The outermost row on each side lacks what the window's neighbours would add.
    x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2, padding=1 if valid else 0)
    before, after = (0, 0) if valid else low_pass_padding(kernel.shape[0])
    return _low_pass(x, kernel, before, after, gain=4)


def demodulation(styles: Tensor, weight_square_sums: Tensor) -> Tensor:
    """Factors that bring each output channel back to unit variance (equation 3 of the paper): [N, O].

    Args:
        styles: [N, I].
        weight_square_sums: [O, I], the weight's squares summed over its taps.
    """
    return (styles.square() @ weight_square_sums.t() + DEMODULATION_EPSILON).rsqrt()


def modulated_convolution(
    x: Tensor, weight: Tensor, styles: Tensor, kernel: Tensor | None = None, valid: bool = False
) -> Tensor:
    """Convolution of the scaled activations x * styles, without demodulation: [N, O, H, W] or twice that with `kernel`.

    Args:
        x: [N, I, H, W].
        weight: [O, I, k, k].
        styles: [N, I].
        kernel: low-pass filter [L, L] for the layers that double the size, else None.
        valid: x is a window of a larger map; without padding, only outputs that depend on nothing outside it.
    """
    x, weight = x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype)
    if kernel is not None:
        return upsampling_convolution(x, weight, kernel, valid)
    return F.conv2d(x, weight, padding=0 if valid else weight.shape[-1] // 2)


def scale_bias_activate(
    x: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, gain: float, clamp: float | None
) -> Tensor:
    """leaky_relu(x * scale + noise + bias) * sqrt(2) * gain, clamped to +-clamp * gain.

    The gain goes into scale, bias and noise, which are small, because leaky ReLU commutes with positive factors.

    Args:
        x: [N, C, H, W]. scale: [N, C]. bias: [C]. noise: [N or 1, 1, H, W] or None.
        clamp: None for no limit.
    """
    total = gain * ACTIVATION_GAIN
    shift = (bias * total)[None, :, None, None].to(x.dtype)
    x = torch.addcmul(shift, x, (scale * total)[:, :, None, None].to(x.dtype))
    if noise is not None:
        x = x + (noise * total).to(x.dtype)
    x = F.leaky_relu_(x, LEAKY_SLOPE)
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)
