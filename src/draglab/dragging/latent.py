"""The latent that a drag optimises, and its optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from draglab.dragging.adam import Adam
from draglab.dragging.normalized import NormalizedDescent
from draglab.dragging.settings import DragSettings
from draglab.generators import Generator

MASKED_STEP = 0.75
"""Step size of normalised descent relative to Adam's, which is measured in the same units."""


class Optimizer(Protocol):
    """An optimiser of a single tensor; the paper uses :class:`draglab.dragging.adam.Adam`.

    Attributes:
        step_size: size of the steps that follow; the round changes it.
    """

    step_size: float

    def step(self, gradient: Tensor) -> None:
        """Change the tensor in place."""
        ...


MakeOptimizer = Callable[[Tensor, float, DragSettings], Optimizer]
"""(tensor to be changed in place, step size in its own units, settings) -> optimiser. Called again when a round goes
back to an earlier latent."""


def make_adam(value: Tensor, step_size: float, settings: DragSettings) -> Adam:
    """Return an Adam optimiser with the settings' beta1 and beta2."""
    return Adam(value, step_size, (settings.beta1, settings.beta2))


def make_normalized(value: Tensor, step_size: float, settings: DragSettings) -> NormalizedDescent:
    """Return a normalised descent with the settings' beta1."""
    return NormalizedDescent(value, MASKED_STEP * step_size, settings.beta1)


def optimizer_for(settings: DragSettings, masked: bool) -> MakeOptimizer:
    """The optimiser that the settings choose for a drag with or without a mask."""
    normalized = settings.descent == "normalized" or (settings.descent in ("auto", "first-order") and masked)
    return make_normalized if normalized else make_adam


class EditedLatent:
    """The edited part of a latent: the first layers of W+, or one vector shared by all layers.

    Args:
        w_plus: [1, num_ws, w_dim], the latent from which the round starts.

    Attributes:
        offset: difference to the start that is optimised: [1, layers, w_dim], layers = 1 in W.
    """

    def __init__(self, generator: Generator, w_plus: Tensor, settings: DragSettings):
        self.start = w_plus
        self.spread = generator.w_std()
        self.settings = settings
        self.count = generator.num_ws if settings.latent_space == "w" else min(settings.num_layers, generator.num_ws)
        rows = 1 if settings.latent_space == "w" else self.count
        self.offset = torch.zeros(1, rows, generator.w_dim, device=w_plus.device, dtype=w_plus.dtype)
        self.offset.requires_grad_(True)
        self.w_avg = generator.w_avg

    @torch.no_grad()
    def go_to(self, w_plus: Tensor) -> None:
        """Set the latent to one [1, num_ws, w_dim] of this round."""
        self.offset.copy_((w_plus - self.start)[:, : self.offset.shape[1]])

    @torch.no_grad()
    def move(self, change: Tensor) -> None:
        """Add a change [layers, w_dim] to `offset`."""
        self.offset.add_(change)

    def w_plus(self, change: Tensor | None = None) -> Tensor:
        """Return the current latent [1, num_ws, w_dim], differentiable with respect to the optimised part.

        Args:
            change: a change [layers, w_dim] that is made to it without being kept.
        """
        offset = self.offset if change is None else self.offset + change
        return torch.cat([self.start[:, : self.count] + offset, self.start[:, self.count :]], dim=1)

    def regularization(self) -> Tensor | float:
        """Return the weighted mean squared distances to the start and to w_avg, in units of the spread of w."""
        loss: Tensor | float = 0.0
        if self.settings.regularize_start:
            loss = loss + self.settings.regularize_start * (self.offset / self.spread).square().mean()
        if self.settings.regularize_mean:
            away = self.start[:, : self.count] + self.offset - self.w_avg
            loss = loss + self.settings.regularize_mean * (away / self.spread).square().mean()
        return loss

    def gradient(self, loss: Tensor, again: bool = False) -> Tensor:
        """Return the gradient of a loss of :meth:`w_plus` with respect to `offset`; `again` keeps the graph."""
        return torch.autograd.grad(loss, self.offset, retain_graph=again)[0]
