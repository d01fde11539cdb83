"""Projection: the latent whose image is most like a photo.

The latent of layer l is c + (x + d_l) R: c the mean of w, x shared by all layers, d_l the layer's own. With `natural`
coordinates, R R^T is the covariance of w, so that a step of one length is as likely in every direction; a model whose
covariance was not measured, and the published scheme, have R = 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from draglab.generators import Generator
from draglab.inversion.descent import Adam, ramp
from draglab.inversion.likeness import Likeness
from draglab.inversion.settings import InversionSettings

_FLOOR = 1e-4
"""Smallest eigenvalue of the covariance that counts, relative to the largest."""


class Projection:
    """The search for the latent, step by step, from the mean of w.

    Args:
        generator: the model. likeness: the photo. settings: see :class:`InversionSettings`.

    Attributes:
        done: number of steps made.
        best: [1, num_ws, w_dim], the latent of the smallest LPIPS so far. best_lpips: that LPIPS.
        shown: image [1, 3, h, w] of the last step, as large as LPIPS needs it; None before the first.
    """

    shown: Tensor | None = None

    def __init__(self, generator: Generator, likeness: Likeness, settings: InversionSettings):
        self.generator, self.likeness, self.settings = generator, likeness, settings
        self.root = latent_root(generator) if settings.natural else torch.eye(generator.w_dim).to(generator.w_avg)
        shared = torch.zeros(1, generator.w_dim).to(generator.w_avg)
        own = torch.zeros(generator.num_ws, generator.w_dim).to(generator.w_avg)
        coordinates = {"shared": shared, "own": own}
        self.adam = Adam(coordinates, dict.fromkeys(coordinates, settings.projection_step))
        self.noise = torch.Generator().manual_seed(settings.seed)
        self.done = 0
        self.best_lpips = float("inf")
        self.best = self.latent(shared, own).detach()

    def latent(self, shared: Tensor, own: Tensor) -> Tensor:
        """Return w_plus [1, num_ws, w_dim] of coordinates [1, w_dim] and [num_ws, w_dim]."""
        return (self.generator.w_avg + (shared + own) @ self.root)[None]

    def step(self) -> float:
        """Make a step; return the LPIPS of the latent before it."""
        settings, share = self.settings, self.done / max(1, self.settings.projection_steps)
        leaves = {name: tensor.detach().requires_grad_(True) for name, tensor in self.adam.tensors.items()}
        if share < settings.own_layers:
            del leaves["own"]
        w_plus = self.latent(leaves["shared"], leaves.get("own", self.adam.tensors["own"]))
        drawn = w_plus
        if settings.latent_noise > 0:
            strength = settings.latent_noise * self.generator.w_std() * max(0.0, 1 - share / 0.75) ** 2
            # One for all layers, as the latent is in W.
            drawn = w_plus + torch.randn(1, 1, w_plus.shape[2], generator=self.noise).to(w_plus) * strength
        images = self.generator.image(drawn, preview_resolution=self.likeness.preview)
        self.shown = images.detach()
        lpips = self.likeness.perceptual(images)[0]
        loss = lpips + settings.pixel_weight * self.likeness.pixels(images)[0]
        if "own" in leaves:
            loss = loss + settings.layer_pull * leaves["own"].square().mean()
        found = torch.autograd.grad(loss, list(leaves.values()))
        if (value := float(lpips.detach())) < self.best_lpips:
            self.best, self.best_lpips = w_plus.detach().clone(), value
        self.adam.step(dict(zip(leaves, found, strict=True)), ramp(share, settings.ramp_up, settings.ramp_down))
        self.done += 1
        return value

    @torch.no_grad()
    def finish(self) -> None:
        """Look at the latent of the last step as well."""
        w_plus = self.latent(*self.adam.tensors.values())
        lpips = float(self.likeness.perceptual(self.generator.image(w_plus, preview_resolution=self.likeness.preview)))
        if lpips < self.best_lpips:
            self.best, self.best_lpips = w_plus, lpips

    def state(self) -> dict[str, Tensor]:
        """Return tensors from which :meth:`restore` goes on."""
        kept = {"best": self.best, "best_lpips": torch.tensor(self.best_lpips), "done": torch.tensor(self.done)}
        return self.adam.state() | kept | {"noise": self.noise.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.adam.restore(state)
        self.best, self.best_lpips = state["best"].to(self.best), float(state["best_lpips"])
        self.done = int(state["done"])
        self.noise.set_state(state["noise"])


def latent_root(generator: Generator) -> Tensor:
    """Return R [w_dim, w_dim], symmetric, with R R^T = the covariance of w; a multiple of 1 if it was not measured."""
    if generator.statistics is None:
        return torch.eye(generator.w_dim).to(generator.w_avg) * generator.w_std()
    values, vectors = torch.linalg.eigh(generator.statistics.covariance.cpu().double())
    values = values.clamp(min=float(values.max()) * _FLOOR).sqrt()
    return ((vectors * values) @ vectors.t()).to(generator.w_avg)


def typicality(generator: Generator, w_plus: Tensor) -> float:
    """Return how far a latent is from the mean: root mean square over layers and directions, in standard deviations.

    It is about 1 for the model's own images.
    """
    offsets = (w_plus[0] - generator.w_avg).cpu().double()
    inverse = torch.linalg.inv(latent_root(generator).cpu().double())
    return float((offsets @ inverse).square().mean().sqrt())
