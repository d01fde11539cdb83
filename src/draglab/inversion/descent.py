"""Adam (Kingma and Ba 2015) whose state can be stored, so that an inversion goes on where it was ended."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam over named tensors, each with a step size of its own.

    Args:
        tensors: name -> tensor that is changed in place. sizes: name -> step size.
    """

    def __init__(self, tensors: Mapping[str, Tensor], sizes: Mapping[str, float]):
        self.tensors, self.sizes = dict(tensors), dict(sizes)
        self.first = {name: torch.zeros_like(tensor) for name, tensor in self.tensors.items()}
        self.second = {name: torch.zeros_like(tensor) for name, tensor in self.tensors.items()}
        self.counts = dict.fromkeys(self.tensors, 0)

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], share: float = 1.0) -> None:
        """Make a step of `share` of its size against the gradients; tensors without one stay."""
        for name, gradient in gradients.items():
            self.counts[name] += 1
            count = self.counts[name]
            first = self.first[name].lerp_(gradient, 1 - BETAS[0])
            second = self.second[name].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            scale = self.sizes[name] * share / (1 - BETAS[0] ** count)
            divisor = (second / (1 - BETAS[1] ** count)).sqrt_().add_(EPSILON)
            self.tensors[name].addcdiv_(first, divisor, value=-scale)

    def state(self) -> dict[str, Tensor]:
        """Return tensors from which :meth:`restore` goes on."""
        parts = {"value": self.tensors, "first": self.first, "second": self.second}
        kept = {f"{part}.{name}": tensor.clone() for part, of in parts.items() for name, tensor in of.items()}
        return kept | {f"count.{name}": torch.tensor(count) for name, count in self.counts.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state.

        Raises:
            KeyError, RuntimeError: it is of other tensors.
        """
        for part, of in {"value": self.tensors, "first": self.first, "second": self.second}.items():
            for name, tensor in of.items():
                tensor.copy_(state[f"{part}.{name}"].reshape(tensor.shape))
        self.counts = {name: int(state[f"count.{name}"]) for name in self.counts}


def ramp(done: float, up: float, down: float) -> float:
    """Return the share of the step size after a share `done` of the steps: a linear rise, then a cosine fall."""
    rise = 1.0 if up <= 0 else min(1.0, done / up)
    left = 1.0 if down <= 0 else min(1.0, (1 - done) / down)
    return rise * (0.5 - 0.5 * math.cos(left * math.pi))
