"""The metric that measures the steps of a second-order drag: likely changes that change little of the image
are short.

    Sigma' = (Sigma^-1 + beta M)^-1,   Sigma = (1/2 I + 1/2 1 1^T over the layers) x cov(w),   beta = 30 / tr(Sigma M)

cov(w) is the covariance of w over z: what is long in it is common among the model's images. The factor over the layers
prefers changes that all layers share, as the model was trained with one w for all. M is the mean of J^T J over images,
J the Jacobian of the features: what is long in it changes much of the image.

M is estimated from k random pulls R: M = R^T R / k. Then Sigma' follows from Woodbury's identity, without a matrix of
the latent's size:

    Sigma' = Sigma - P^T P,   P = C^-1 R Sigma,   C C^T = k / beta I + R Sigma R^T
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
    """

    def __init__(self, statistics: LatentStatistics, layers: int, shared: bool):
        self.covariance = statistics.covariance
        pulls = statistics.pulls[:, :layers].sum(1, keepdim=True) if shared else statistics.pulls[:, :layers]
        exact = pulls.double()
        changed = self._prior(exact, self.covariance.double())
        gram = torch.einsum("ald,bld->ab", exact, changed)
        # tr(Sigma M) = trace(gram) / k.
        loading = gram.diagonal().sum() / RESTRAINT
        eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        root = torch.linalg.cholesky(gram + loading * eye)
        solved = torch.linalg.solve_triangular(root, changed.flatten(1), upper=False)
        self.taken = solved.view_as(changed).to(statistics.pulls.dtype)

    @staticmethod
    def _prior(rows: Tensor, covariance: Tensor) -> Tensor:
        """Return Sigma times rows [m, L, D]."""
        mixed = rows if rows.shape[1] == 1 else (1 - SHARED) * rows + SHARED * rows.sum(1, keepdim=True)
        return mixed @ covariance

    def __call__(self, rows: Tensor) -> Tensor:
        """Return Sigma' times rows [m, L, D], L = 1 in W."""
        inner = torch.einsum("mld,kld->mk", rows, self.taken)
        return self._prior(rows, self.covariance) - torch.einsum("mk,kld->mld", inner, self.taken)
