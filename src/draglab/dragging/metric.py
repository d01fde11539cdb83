"""The metric that measures the steps of a second-order drag: likely changes that change little of the image
are short.

    Sigma' = (Sigma^-1 + beta M)^-1,   Sigma = (1/2 I + 1/2 1 1^T over the layers) x cov(w),   beta = 30 / tr(Sigma M)

cov(w) is the covariance of w over z: what is long in it is common among the model's images. The factor over the layers
prefers changes that all layers share, as the model was trained with one w for all. M is the mean of J^T J over images,
J the Jacobian of the features: what is long in it changes much of the image.

Changes of what is to stay in the present image count more: with the pulls L of its cells (locality.py), each times the
square root of how much it is to stay, gamma / tr(Sigma L^T L) L^T L is added to beta M.

M is estimated from k random pulls R: M = R^T R / k. Then Sigma' follows from Woodbury's identity, without a matrix of
the latent's size. With Q = the rows of R and L, and D = the diagonal matrix of the square roots of their weights,

    Sigma' = Sigma - (Sigma Q^T) D (I + D Q Sigma Q^T D)^-1 D (Q Sigma)

so that another D, when what is to stay changes, costs no more than the factorisation of a matrix of one row per pull.
"""

from __future__ import annotations

import torch
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
        held: see :meth:`hold`. weight: gamma, the weight of what is to stay.
    """

    def __init__(
        self,
        statistics: LatentStatistics,
        layers: int,
        shared: bool,
        local: Tensor | None = None,
        held: Tensor | None = None,
        weight: float = 0.0,
    ):
        self.covariance = statistics.covariance
        covariance = self.covariance.double()

        def edited(pulls: Tensor) -> Tensor:
            first = pulls[:, :layers].double()
            return first.sum(1, keepdim=True) if shared else first

        def scaled(pulls: Tensor, weight: float) -> Tensor:
            """Return pulls times sqrt(weight / tr(Sigma pulls^T pulls))."""
            size = (self._prior(pulls, covariance) * pulls).sum().clamp(min=1e-300)
            return pulls * (weight / size).sqrt()

        rows = scaled(edited(statistics.pulls), RESTRAINT)
        self.common = len(rows)
        if local is not None and held is not None and weight > 0:
            rows = torch.cat([rows, scaled(edited(local), weight)])
        changed = self._prior(rows, covariance)
        self.gram = torch.einsum("ald,bld->ab", rows, changed)
        self.changed = changed.to(statistics.pulls.dtype)
        self.hold(held)

    def hold(self, held: Tensor | None) -> None:
        """Set how much each cell is to stay, [c], from 0 to 1; None = nothing is to."""
        self.roots = torch.ones(len(self.gram), dtype=self.gram.dtype, device=self.gram.device)
        if held is not None and len(self.gram) > self.common:
            self.roots[self.common :] = held.double().sqrt()
        weighted = self.roots[:, None] * self.gram * self.roots
        identity = torch.eye(len(weighted), dtype=weighted.dtype, device=weighted.device)
        self.factor = torch.linalg.cholesky(weighted + identity)

    @staticmethod
    def _prior(rows: Tensor, covariance: Tensor) -> Tensor:
        """Return Sigma times rows [m, L, D]."""
        mixed = rows if rows.shape[1] == 1 else (1 - SHARED) * rows + SHARED * rows.sum(1, keepdim=True)
        return mixed @ covariance

    def __call__(self, rows: Tensor) -> Tensor:
        """Return Sigma' times rows [m, L, D], L = 1 in W."""
        inner = torch.einsum("mld,kld->km", rows, self.changed).double() * self.roots[:, None]
        taken = (torch.cholesky_solve(inner, self.factor) * self.roots[:, None]).to(rows.dtype)
        return self._prior(rows, self.covariance) - torch.einsum("km,kld->mld", taken, self.changed)
