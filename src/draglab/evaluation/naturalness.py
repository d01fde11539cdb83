"""How likely latents are among those of a model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from draglab.generators import Generator

SAMPLES = 4000
FLOOR = 0.01
"""Variance that is added to every direction, as a share of the mean variance: a covariance has directions in which
nothing varies, along which any change would count without limit."""


class LatentDistribution:
    """The normal distribution of a model's w, from 4,000 fixed z (and uniformly drawn classes).

    Args:
        generator: the model.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator):
        random = np.random.RandomState(0)
        z = torch.from_numpy(random.randn(SAMPLES, generator.z_dim)).to(generator.device, generator.dtype)
        c = None
        if generator.c_dim:
            c = torch.eye(generator.c_dim)[torch.from_numpy(random.randint(generator.c_dim, size=SAMPLES))].to(z)
        w = generator.mapping(z, c)[:, 0].double()
        self.mean = w.mean(0)
        covariance = torch.cov(w.t())
        size = len(covariance)
        unit = torch.eye(size, dtype=covariance.dtype, device=covariance.device)
        self.root = torch.linalg.cholesky(covariance + FLOOR * covariance.trace() / size * unit)
        self.usual = 1.0
        self.usual = self.distance(w[None].to(generator.dtype))

    @torch.no_grad()
    def distance(self, w_plus: Tensor) -> float:
        """Return the distance of a latent from the mean, relative to that of the model's own samples (psi 1).

        It is the root mean square over the layers of the Mahalanobis distances of their latents, divided by that of the
        4,000 samples.

        Args:
            w_plus: [1, num_ws, w_dim].
        """
        away = (w_plus[0].double() - self.mean).t()
        whitened = torch.linalg.solve_triangular(self.root, away, upper=False)
        return float(whitened.square().mean().sqrt()) / self.usual
