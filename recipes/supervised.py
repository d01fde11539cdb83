"""The first stage that recipes share: one loss to references, step sizes that follow the schedule."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from recipes.trainer import N, PhasedTrainer, rate_factor


class SupervisedTrainer(PhasedTrainer[N]):
    """A run with a loss; recipes add their networks and what the loss is.

    Attributes:
        args: see :class:`PhasedTrainer`, with cooldown. optimizers: each group with its peak step size as "peak".
    """

    optimizers: list[torch.optim.Optimizer]

    def prepare(self, optimizers: list[torch.optim.Optimizer]) -> None:
        """Begin or resume, once the networks are there."""
        self.optimizers = optimizers
        self.resume(optimizers)

    @abstractmethod
    def loss(self, batch: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of the pictures of these indices, and its parts."""

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, and what the second stage starts from."""
        return self.common_state(self.optimizers)

    def step(self, batch: Tensor, resolution: int) -> dict[str, float]:
        """One optimiser step and the running averages."""
        factor = rate_factor(self.shown, self.phases[-1].until, self.args.cooldown)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.zero_grad(set_to_none=True)
        loss, parts = self.loss(batch, resolution)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.count(len(batch))
        return parts
