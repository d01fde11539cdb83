"""The metric that measures the steps of a second-order drag: likely changes that change little of the image
are short.

    Sigma' = (Sigma^-1 + beta M)^-1,   Sigma = (1/2 I + 1/2 1 1^T over the layers) x cov(w),   beta = 30 / tr(Sigma M)

cov(w) is the covariance of w over z: what is long in it is common among the model's images. The factor over the layers
prefers changes that all layers share, as the model was trained with one w for all. M is the mean of J^T J over images,
J the Jacobian of the features: what is long in it changes much of the image.

Changes of what is to stay in the present image count more: with the pulls L of its cells (locality.py), each times the
square root of how much it is to stay, gamma / tr(Sigma L^T L) L^T L is added to beta M.

M is estimated from k random pulls R: M = R^T R / k. Then Sigma' follows from Woodbury's identity, without a matrix of
the latent's size. With Q = the rows of R and L, each times the square root of its weight,

    Sigma' = Sigma - P^T P,   P = C^-1 Q Sigma,   C C^T = I + Q Sigma Q^T
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.statistics import LatentStatistics

SHARED = 0.5
"""Correlation of the layers' changes."""
RESTRAINT = 30.0
"""beta, relative to 1 / tr(Sigma M)."""


class LatentMetric:
    """The matrix Sigma' of a model for the latents that a drag edits.

    Args:
        statistics: the model's. layers: number of the first layers of W+ that are edited.
        shared: True = all layers are moved by one vector, as in W.
        local: pulls of the image's cells, [c, num_ws, w_dim]; None = all of the image may change alike.
        held: how much each cell is to stay, [c], from 0 to 1. hold: gamma, the weight of what is to stay.
    """

    def __init__(
        self,
        statistics: LatentStatistics,
        layers: int,
        shared: bool,
        local: Tensor | None = None,
        held: Tensor | None = None,
        hold: float = 0.0,
    ):
        self.covariance = statistics.covariance

        def edited(pulls: Tensor) -> Tensor:
            first = pulls[:, :layers].double()
            return first.sum(1, keepdim=True) if shared else first

        def scaled(pulls: Tensor, weight: float) -> Tensor:
            """Return pulls times sqrt(weight / tr(Sigma pulls^T pulls))."""
            size = (self._prior(pulls, self.covariance.double()) * pulls).sum().clamp(min=1e-300)
            return pulls * (weight / size).sqrt()

        rows = scaled(edited(statistics.pulls), RESTRAINT)
        if local is not None and held is not None and hold > 0:
            own = scaled(edited(local), hold) * held.double().sqrt()[:, None, None]
            rows = torch.cat([rows, own])
        changed = self._prior(rows, self.covariance.double())
        gram = torch.einsum("ald,bld->ab", rows, changed)
        root = torch.linalg.cholesky(gram + torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
        solved = torch.linalg.solve_triangular(root, changed.flatten(1), upper=False)
        self.taken = solved.view_as(changed).to(statistics.pulls.dtype)

    @staticmethod
    def _prior(rows: Tensor, covariance: Tensor) -> Tensor:
        """Return Sigma times rows [m, L, D]."""
        mixed = rows if rows.shape[1] == 1 else (1 - SHARED) * rows + SHARED * rows.sum(1, keepdim=True)
        return mixed @ covariance

    def distance(self, jacobian: Tensor, way: NDArray[np.float64]) -> float:
        """Return the length of the shortest change of the latent with J dw = way, in standard deviations.

        Args:
            jacobian: [m, L, D]. way: [m].
        """
        gram = torch.einsum("ald,bld->ab", jacobian, self(jacobian)).double().cpu().numpy()
        return float(np.sqrt(max(way @ np.linalg.pinv(gram, rcond=1e-6, hermitian=True) @ way, 0.0)))

    def __call__(self, rows: Tensor) -> Tensor:
        """Return Sigma' times rows [m, L, D], L = 1 in W."""
        inner = torch.einsum("mld,kld->mk", rows, self.taken)
        return self._prior(rows, self.covariance) - torch.einsum("mk,kld->mld", inner, self.taken)
