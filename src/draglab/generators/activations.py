"""Nonlinearities, and what stands around them behind a convolution."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast.tiled_passes import activate_

LEAKY_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2)


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
