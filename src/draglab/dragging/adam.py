"""The Adam optimiser (Kingma and Ba 2015), with which the paper optimises the latent.

PyTorch's own optimiser imports PyTorch's compiler, which adds a second to the start-up, and is made for many
parameters; a drag has one. The tests compare the two.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Adam:
    """Adam for a single tensor.

    Args:
        value: the tensor to optimise, changed in place. step_size: alpha. betas, epsilon: as the paper names them.
    """

    def __init__(
        self, value: Tensor, step_size: float, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8
    ):
        self.value, self.step_size, self.betas, self.epsilon = value, step_size, betas, epsilon
        self.first, self.second = torch.zeros_like(value), torch.zeros_like(value)
        self.steps = 0

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Make one step along the negative gradient."""
        self.steps += 1
        self.first.lerp_(gradient, 1 - self.betas[0])
        self.second.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1 - self.betas[1])
        corrected = (self.second.sqrt() / math.sqrt(1 - self.betas[1] ** self.steps)).add_(self.epsilon)
        length = self.step_size / (1 - self.betas[0] ** self.steps)
        # torch refuses factors beyond the tensor's range. The largest leaves the range of latents, too, as it should.
        self.value.addcdiv_(self.first, corrected, value=-min(length, torch.finfo(self.value.dtype).max))
