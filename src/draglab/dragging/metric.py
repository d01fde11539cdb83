"""The metric that measures the steps of a second-order drag: likely changes that change little of the image
are short.

    Sigma' = (Sigma^-1 + beta M)^-1,   Sigma = (1/2 I + 1/2 1 1^T over the layers) x cov(w),   beta = 30 / tr(Sigma M)

cov(w) is the covariance of w over z: what is long in it is common among the model's images. The factor over the layers
prefers changes that all layers share, as the model was trained with one w for all. M is the mean of J^T J over images,
J the Jacobian of the features: what is long in it changes much of the image.

M is estimated from k random pulls R: M = R^T R / k. Then Sigma' follows from Woodbury's identity, without a matrix of
the latent's size. With Q = sqrt(beta / k) R,

    Sigma' = Sigma - P^T P,   P = C^-1 Q Sigma,   C C^T = I + Q Sigma Q^T
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.statistics import LatentStatistics

SHARED = 0.5
"""Correlation of the layers' changes."""
RESTRAINT = 30.0
"""beta, relative to 1 / tr(Sigma M)."""


@dataclass(frozen=True)
class Directions:
    """Directions of a latent that are orthogonal in a metric.

    Attributes:
        vectors: V, [K, L, D]. forces: Sigma'^-1 V, [K, L, D]. squares: the diagonal of V^T Sigma'^-1 V, float64 [K].
    """

    vectors: Tensor
    forces: Tensor
    squares: Tensor


class LatentMetric:
    """The matrix Sigma' of a model for the latents that a drag edits.

    Args:
        statistics: the model's. layers: number of the first layers of W+ that are edited.
        shared: True = all layers are moved by one vector, as in W.
    """

    def __init__(self, statistics: LatentStatistics, layers: int, shared: bool):
        self.covariance, self.layers, self.shared = statistics.covariance, layers, shared
        self.rows = rows = self.weighted(statistics.pulls, RESTRAINT)
        self.taken = taken_by(rows, self._prior(rows, self.covariance.double())).to(statistics.pulls.dtype)

    def edited(self, pulls: Tensor) -> Tensor:
        """Return the part of pulls [k, num_ws, w_dim] that belongs to what is edited: [k, L, w_dim]."""
        first = pulls[:, : self.layers]
        return first.sum(1, keepdim=True) if self.shared else first

    def weighted(self, pulls: Tensor, weight: float) -> Tensor:
        """Return the edited part R of pulls [k, num_ws, w_dim], in float64, scaled so that tr(Sigma R^T R) = weight."""
        rows = self.edited(pulls).double()
        size = (self._prior(rows, self.covariance.double()) * rows).sum().clamp(min=1e-300)
        return rows * (weight / size).sqrt()

    @staticmethod
    def _prior(rows: Tensor, covariance: Tensor) -> Tensor:
        """Return Sigma times rows [m, L, D]."""
        mixed = rows if rows.shape[1] == 1 else (1 - SHARED) * rows + SHARED * rows.sum(1, keepdim=True)
        return mixed @ covariance

    def directions(self, count: int) -> Directions:
        """Return the `count` likely changes that alter images most, or as many as the statistics allow.

        They are v = Sigma Q^T u / sqrt(lambda), u an eigenvector of Q Sigma Q^T and lambda its value.
        """
        pulled = self._prior(self.rows, self.covariance.double())
        values, vectors = torch.linalg.eigh(torch.einsum("ald,bld->ab", self.rows, pulled))
        kept = torch.arange(len(values) - 1, -1, -1)[:count]
        kept = kept[values[kept] > 1e-9 * values[-1]]
        squares, mixed = 1 + values[kept], vectors[:, kept] / values[kept].sqrt()
        along, forces = (torch.einsum("kn,kld->nld", mixed, each) for each in (pulled, self.rows))
        dtype = self.taken.dtype
        return Directions(along.to(dtype), (forces * squares[:, None, None]).to(dtype), squares)

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


class StiffMetric:
    """The matrix (s Sigma'^-1 + R^T R)^-1, by which changes along the rows R are longer.

    Args:
        metric: Sigma'. rows: R, [k, L, D]. scale: s.
    """

    def __init__(self, metric: LatentMetric, rows: Tensor, scale: float = 1.0):
        self.metric, self.rows, self.scale = metric, rows, scale
        self.taken = taken_by(rows.double(), metric(rows).double() / scale).to(rows.dtype)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the matrix times rows [m, L, D]."""
        inner = torch.einsum("mld,kld->mk", rows, self.taken)
        return self.metric(rows) / self.scale - torch.einsum("mk,kld->mld", inner, self.taken)

    def force(self, rows: Tensor, changes: Tensor) -> Tensor:
        """Return Sigma'^-1 times `changes`, which are this matrix times `rows`: [m, L, D]."""
        inner = torch.einsum("mld,kld->mk", changes, self.rows)
        return (rows - torch.einsum("mk,kld->mld", inner, self.rows)) / self.scale


def taken_by(rows: Tensor, changes: Tensor) -> Tensor:
    """Return P, with which (A^-1 + R^T R)^-1 = A - P^T P, from rows R [k, L, D] and A times them (Woodbury)."""
    gram = torch.einsum("ald,bld->ab", rows, changes)
    root = torch.linalg.cholesky(gram + torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    return torch.linalg.solve_triangular(root, changes.flatten(1), upper=False).view_as(changes)
