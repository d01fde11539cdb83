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
from functools import cached_property
from weakref import WeakKeyDictionary

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
class Seen:
    """What the places of an image see of a change of the latent, on average over the model's images.

    Attributes:
        basis: E, [n, L, D], with E Sigma' E^T = 1. moves: Sigma' times E, [n, L, D].
        pulls: P, [k, n]: P E are the pulls at the places of the metric, so that places change by P E dw.
    """

    basis: Tensor
    moves: Tensor
    pulls: NDArray[np.float64]


class LatentMetric:
    """The matrix Sigma' of a model for the latents that a drag edits.

    Args:
        statistics: the model's. layers: number of the first layers of W+ that are edited.
        shared: True = all layers are moved by one vector, as in W.

    Attributes:
        rows: Q, [r, L, D]. places: [k, 2] (x, y) from 0 to 1 across the image.
    """

    def __init__(self, statistics: LatentStatistics, layers: int, shared: bool):
        self.covariance, self.layers, self.shared = statistics.covariance, layers, shared
        self.shares, self.places = statistics.shares.double(), statistics.places.cpu().double().numpy()
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

    @cached_property
    def seen(self) -> Seen:
        """What the places of the image see of changes."""
        moved = self(self.rows.to(self.taken))
        gram = torch.einsum("ald,bld->ab", self.rows, moved.double())
        values, vectors = torch.linalg.eigh(gram)
        kept = values > 1e-9 * values[-1]
        roots, vectors = values[kept].sqrt(), vectors[:, kept]
        basis, moves = (
            torch.einsum("rn,rld->nld", vectors / roots, each.double()).to(moved) for each in (self.rows, moved)
        )
        return Seen(basis, moves, (self.shares @ vectors * roots).cpu().numpy())

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


_known: WeakKeyDictionary[LatentStatistics, dict[tuple[object, ...], LatentMetric]] = WeakKeyDictionary()


def metric_for(statistics: LatentStatistics, like: Tensor, layers: int, shared: bool) -> LatentMetric:
    """Return the metric with the dtype and device of a tensor; it is remembered as long as the statistics are."""
    known, key = _known.setdefault(statistics, {}), (like.dtype, like.device, layers, shared)
    if key not in known:
        known[key] = LatentMetric(statistics.to(like), layers, shared)
    return known[key]


def taken_by(rows: Tensor, changes: Tensor) -> Tensor:
    """Return P, with which (A^-1 + R^T R)^-1 = A - P^T P, from rows R [k, L, D] and A times them (Woodbury)."""
    gram = torch.einsum("ald,bld->ab", rows, changes)
    root = torch.linalg.cholesky(gram + torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    return torch.linalg.solve_triangular(root, changes.flatten(1), upper=False).view_as(changes)
