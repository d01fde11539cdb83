"""Descent in steps of one length along the gradient, whatever its size.

Adam gives every coordinate of the latent about the same step, also those that hardly matter to the loss; with a mask,
their trembling changes what is to stay. Here all coordinates keep their shares of the gradient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class NormalizedDescent:
    """Steps of one tensor along its gradient's direction.

    Args:
        value: changed in place. step_size: root mean square of a step's coordinates. beta: decay of the mean direction.
    """

    def __init__(self, value: Tensor, step_size: float, beta: float = 0.3):
        self.value, self.step_size, self.beta = value, step_size, beta
        self.direction = torch.zeros_like(value)

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Make one step."""
        self.direction.lerp_(gradient / gradient.norm().clamp(min=1e-30), 1 - self.beta)
        self.value.sub_(self.direction, alpha=self.step_size * math.sqrt(self.value.numel()))
