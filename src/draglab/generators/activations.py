"""Nonlinearities, and the scaling, bias, noise and clamping around them after a convolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators.fast.tiled_passes import activate_

LEAKY_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2)
"""Gain of leaky ReLU."""


@dataclass(frozen=True)
class Activation:
    """A nonlinearity. gain: factor of its results, with which they have about the variance of the input."""

    function: Callable[[Tensor], Tensor]
    gain: float = 1.0

    def __call__(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """Return the results, multiplied by the nonlinearity's own gain and by `gain`."""
        return self.function(x) * (self.gain * gain)


ACTIVATIONS = {
    "linear": Activation(lambda x: x),
    "relu": Activation(F.relu, math.sqrt(2)),
    "lrelu": Activation(lambda x: F.leaky_relu(x, LEAKY_SLOPE), ACTIVATION_GAIN),
    "tanh": Activation(torch.tanh),
    "sigmoid": Activation(torch.sigmoid),
    "elu": Activation(F.elu),
    "selu": Activation(F.selu),
    "softplus": Activation(F.softplus),
    "swish": Activation(F.silu, math.sqrt(2)),
}
"""Nonlinearities by their names in published models."""


def check_activation(name: str) -> None:
    """Raise a DraglabError unless `name` is in :data:`ACTIVATIONS`."""
    if name not in ACTIVATIONS:
        raise DraglabError(f"unknown activation {name!a:.80}: draglab knows {', '.join(ACTIVATIONS)}")


def scale_bias_activate(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    gain: float,
    clamp: float | None,
    activation: str = "lrelu",
) -> Tensor:
    """Return activation(x * scale + noise + bias) times its own gain and `gain`, clamped to +-clamp * gain.

    The gain of leaky ReLU goes into scale, bias and noise, which are small, because it commutes with positive factors.

    Args:
        x: [N, C, H, W], overwritten if the weights are frozen. scale: [N, C]. bias: [C].
        noise: [N or 1, 1, H, W] or None.
        clamp: None for no limit.
        activation: a name in :data:`ACTIVATIONS`; leaky ReLU is the fastest.
    """
    total = gain * ACTIVATION_GAIN
    limit = None if clamp is None else clamp * gain
    if activation != "lrelu":
        x = torch.addcmul(bias[None, :, None, None].to(x.dtype), x, scale[:, :, None, None].to(x.dtype))
        x = ACTIVATIONS[activation](x if noise is None else x + noise.to(x.dtype), gain)
        return x if limit is None else x.clamp(-limit, limit)
    if x.device.type == "cpu" and not bias.requires_grad:
        return activate_(x, scale * total, bias * total, None if noise is None else noise * total, LEAKY_SLOPE, limit)
    shift = (bias * total)[None, :, None, None].to(x.dtype)
    x = torch.addcmul(shift, x, (scale * total)[:, :, None, None].to(x.dtype))
    if noise is not None:
        x = x + (noise * total).to(x.dtype)
    x = F.leaky_relu_(x, LEAKY_SLOPE)
    return x if limit is None else x.clamp(-limit, limit)
