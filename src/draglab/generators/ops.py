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

from draglab.generators.passes import activate_

DEMODULATION_EPSILON = 1e-8
LEAKY_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2)


def resample_kernel(taps: Sequence[float]) -> Tensor:
    """Separable low-pass filter as a 2D kernel [L, L] that sums to 1; float32."""
    # On the CPU also while a model is built without storage: the kernel is no weight, nothing will fill it in later.
    line = torch.tensor(list(taps), dtype=torch.float32, device="cpu")
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum()


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """Normal numbers; without values where a model is built without storage, to be filled from a file."""
    # Arithmetic without storage would import PyTorch's compiler, a second of start-up.
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_(0, std)


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


def low_pass_doubled(x: Tensor, kernel: Tensor, valid: bool) -> Tensor:
    """The low-pass filter behind a doubling convolution, with gain 4.

    Args:
        x: [N, C, 2H + 1, 2W + 1], or any window of that if `valid`.
        kernel: low-pass filter [L, L].
        valid: keep only outputs that depend on nothing outside the window.

    Returns:
        [N, C, 2H, 2W], or the window less L - 1.
    """
    before, after = (0, 0) if valid else low_pass_padding(kernel.shape[0])
    return _low_pass(x, kernel, before, after, gain=4)


def demodulation(styles: Tensor, weight_square_sums: Tensor) -> Tensor:
    """Factors that bring each output channel back to unit variance (equation 3 of the paper): [N, O].

    Args:
        styles: [N, I].
        weight_square_sums: [O, I], the weight's squares summed over its taps.
    """
    return (styles.square() @ weight_square_sums.t() + DEMODULATION_EPSILON).rsqrt()


def modulate(x: Tensor, styles: Tensor) -> Tensor:
    """Channels scaled by their styles: x [N, C, H, W], styles [N or 1, C]."""
    return x * styles.to(x.dtype)[:, :, None, None]


def scale_bias_activate(
    x: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, gain: float, clamp: float | None
) -> Tensor:
    """leaky_relu(x * scale + noise + bias) * sqrt(2) * gain, clamped to +-clamp * gain.

    The gain goes into scale, bias and noise, which are small, because leaky ReLU commutes with positive factors.

    Args:
        x: [N, C, H, W], overwritten if the weights are frozen. scale: [N, C]. bias: [C].
        noise: [N or 1, 1, H, W] or None.
        clamp: None for no limit.
    """
    total = gain * ACTIVATION_GAIN
    limit = None if clamp is None else clamp * gain
    if x.device.type == "cpu" and not bias.requires_grad:
        return activate_(x, scale * total, bias * total, None if noise is None else noise * total, LEAKY_SLOPE, limit)
    shift = (bias * total)[None, :, None, None].to(x.dtype)
    x = torch.addcmul(shift, x, (scale * total)[:, :, None, None].to(x.dtype))
    if noise is not None:
        x = x + (noise * total).to(x.dtype)
    x = F.leaky_relu_(x, LEAKY_SLOPE)
    return x if limit is None else x.clamp(-limit, limit)
