"""Locality: what is far from the handles stays, as far as the model allows.

The metric knows by how much a change of the latent changes the model's images at k places, on average: by P E dw
(metric.py). So no pass of the generator tells what the image at hand would do. With W how much each place is to stay, o
the change of the latent since the round's start, and j, e, mu the rows, motions and damping of the handles, a step
minimises

    (o + dw)^T Sigma'^-1 (o + dw) + dw^T Sigma'^-1 dw + gamma |W^(1/2) P E (o + dw)|^2 + |j dw - e|^2 / mu

Without the handles, the matrix of this system is H(2), where H(c) = c Sigma'^-1 + gamma E^T P^T W P E. As E is
orthonormal in the metric, with P^T W P = X diag(l) X^T,

    Sigma'^-1 H(c)^-1 = (1 - E^T X diag(s) X^T E Sigma') / c,   s = gamma l / (c + gamma l)

gamma is what the setting says, or the largest with which the targets are at most `NEAR` standard deviations away: what
the model can move by itself moves by itself, and the rest goes along where it must, as when a head turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.metric import LatentMetric
from draglab.geometry import scale_from_512

NEAR = 3.0
"""Distance of the targets in the metric, standard deviations, up to which what is far is held as the setting says."""
FREE = 40.0
"""Radius around the ways of the handles in which the image may follow, pixels of a 512-pixel image."""
FAINTEST = 1e-3
"""Least hold that is tried, relative to the setting's, before none."""


@dataclass(frozen=True)
class Forces:
    """Forces f on the latent, and what H(c)^-1 f needs of them.

    Attributes:
        values: f, [m, L, D]. gram: f Sigma' f^T, [m, m]. seen: X^T E Sigma' f^T, [n, m].
    """

    values: Tensor
    gram: NDArray[np.float64]
    seen: NDArray[np.float64]


class Locality:
    """Solver for the steps of one round that keep the image unchanged far from the handles.

    Args:
        metric: Sigma'. held: W at the places of the metric, [k], from 0 to 1.
        strength: gamma, in units of 1 / tr(P^T W P).
    """

    def __init__(self, metric: LatentMetric, held: NDArray[np.float64], strength: float):
        self.metric, self.strength = metric, strength
        gram = (metric.seen.pulls.T * held) @ metric.seen.pulls
        values, self.vectors = np.linalg.eigh(gram)
        self.values = values.clip(0) / max(float(values.sum()), 1e-300)

    def forces(self, values: Tensor) -> Forces:
        """Return forces [m, L, D] with what is needed of them."""
        gram = torch.einsum("ald,bld->ab", values, self.metric(values)).double().cpu().numpy()
        along = torch.einsum("nld,mld->nm", self.metric.seen.moves, values).double().cpu().numpy()
        return Forces(values, gram, self.vectors.T @ along)

    def spared(self, strength: float, scale: float) -> NDArray[np.float64]:
        """Return s, [n], for gamma = strength and c = scale."""
        return strength * self.values / (scale + strength * self.values)

    def given_way(
        self, forces: Forces, strength: float, scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return f A f^T and f A Sigma'^-1 A f^T, [m, m] each, with A = H(scale)^-1 and gamma = strength."""
        spared = self.spared(strength, scale)
        once, twice = ((forces.seen.T * each) @ forces.seen for each in (spared, spared**2))
        return (forces.gram - once) / scale, (forces.gram - 2 * once + twice) / scale**2

    def changes(self, values: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Return H(scale)^-1 times forces [m, L, D], and Sigma'^-1 times that."""
        along = torch.einsum("nld,mld->nm", self.metric.seen.moves, values)
        spared = torch.from_numpy(self.spared(self.strength, scale)).to(values)
        vectors = torch.from_numpy(self.vectors).to(values)
        shares = vectors @ (spared[:, None] * (vectors.T @ along))
        forces = (values - torch.einsum("nm,nld->mld", shares, self.metric.seen.basis)) / scale
        return self.metric(forces), forces

    def distance(self, forces: Forces, way: NDArray[np.float64], strength: float) -> float:
        """Return how far from here, in standard deviations, the change is that makes a way and best keeps what is far.

        Args:
            forces: of the rows j. way: [m]. strength: gamma.
        """
        moved, lengths = self.given_way(forces, strength, 1.0)
        shares = np.linalg.pinv(moved, rcond=1e-6, hermitian=True) @ way
        return float(np.sqrt(max(shares @ lengths @ shares, 0.0)))

    def give_way(self, jacobian: Tensor, way: NDArray[np.float64]) -> None:
        """Weaken the hold until the targets are near.

        Args:
            jacobian: j, [m, L, D]. way: [m], from the handles to their targets along the rows.
        """
        forces, most = self.forces(jacobian), self.strength
        if self.distance(forces, way, most) <= NEAR:
            return
        low, high = FAINTEST * most, most
        for _ in range(12):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self.distance(forces, way, middle) <= NEAR else (low, middle)
        self.strength = low if low > FAINTEST * most else 0.0

    def step(
        self,
        offset_force: Tensor,
        jacobian: Tensor,
        wanted: NDArray[np.float64],
        damping: float,
        largest: float,
        ease: float,
    ) -> tuple[Tensor, Tensor]:
        """Return the step, and Sigma'^-1 times it: [L, D] each.

        Args:
            offset_force: Sigma'^-1 o, [L, D].
            jacobian, wanted: j [m, L, D] and e [m].
            damping: mu, relative to the mean diagonal of j H(2)^-1 j^T; or as much more as makes the motion of the
                handles cost at most `largest` standard deviations.
            ease: how much of what has already changed is to be taken back, from 0 to 1.
        """
        seen = self.metric.seen
        changed = self.vectors.T @ self._numbers(torch.einsum("nld,ld->n", seen.moves, offset_force))
        away = offset_force + self._combined(self.strength * self.values * changed)
        forces = self.forces(torch.cat([jacobian, away[None]]))
        moved, lengths = self.given_way(forces, self.strength, 2.0)
        back = -ease * moved[:-1, -1]
        shares = damped(moved[:-1, :-1], wanted - back, damping, largest, lengths[:-1, :-1])
        shares = np.append(shares, -ease)
        force = torch.einsum("m,mld->ld", torch.from_numpy(shares).to(away), forces.values)
        force = (force - self._combined(self.spared(self.strength, 2.0) * (forces.seen @ shares))) / 2
        return self.metric(force[None])[0], force

    def _combined(self, values: NDArray[np.float64]) -> Tensor:
        """Return E^T X times values [n], [L, D]."""
        basis = self.metric.seen.basis
        return torch.einsum("n,nld->ld", torch.from_numpy(self.vectors @ values).to(basis), basis)

    @staticmethod
    def _numbers(values: Tensor) -> NDArray[np.float64]:
        return values.double().cpu().numpy()


def damped(
    gram: NDArray[np.float64],
    wanted: NDArray[np.float64],
    damping: float,
    largest: float,
    lengths: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Solve (A + mu I) x = e.

    mu is `damping` times the mean of A's diagonal, or as much more as makes sqrt(x^T B x), the length of the step in
    the metric, at most `largest`.

    Args:
        gram: A, [m, m]. wanted: e, [m]. lengths: B, [m, m]; A if left out.
    """
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0)
    parts = vectors.T @ wanted
    measured = np.diag(values) if lengths is None else vectors.T @ lengths @ vectors
    least = damping * max(float(values.mean()), 1e-30)

    def length(mu: float) -> float:
        shares = parts / (values + mu)
        return float(np.sqrt(max(shares @ measured @ shares, 0.0)))

    mu = least
    if length(least) > largest:
        low, high = least, least * 2
        while length(high) > largest:
            low, high = high, high * 2
        for _ in range(40):
            mu = (low * high) ** 0.5
            low, high = (mu, high) if length(mu) > largest else (low, mu)
        mu = high
    return vectors @ (parts / (values + mu))


def held_places(
    places: NDArray[np.float64],
    handles: NDArray[np.float64],
    targets: NDArray[np.float64],
    image_shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Return how much each place of an image is to stay, from 0 to 1: little near the handles' ways.

    Args:
        places: [..., 2] (x, y) from 0 to 1 across the image. handles, targets: [n, 2] image pixels.
        image_shape: (height, width).
    """
    radius = scale_from_512(FREE, *image_shape)
    pixels = places * [image_shape[1], image_shape[0]] - 0.5
    held = np.ones(places.shape[:-1])
    for handle, target in zip(handles, targets, strict=True):
        way = target - handle
        share = ((pixels - handle) @ way / max(float(way @ way), 1e-12)).clip(0, 1)
        away = ((pixels - handle - share[..., None] * way) ** 2).sum(-1)
        # A Gaussian of that radius is free.
        held *= 1 - np.exp(-away / (2 * radius**2))
    return held
