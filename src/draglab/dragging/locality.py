"""Locality: what is far from the handles stays, as far as the model allows.

Steps are in the span of the image's responses (responses.py): dw = V y. With o the change of the latent since the
round's start, F the features in which responses are measured and F0 those of the start, W how much each of their places
is to stay, and j, e, mu the rows, motions and damping of the handles, a step minimises

    (o + dw)^T Sigma'^-1 (o + dw) + dw^T Sigma'^-1 dw + gamma |W^(1/2) (F + J dw - F0)|^2 + |j dw - e|^2 / mu

As J V is known, this is a small linear system in y, with S = V^T Sigma'^-1 V and G = (J V)^T W J V.

gamma is what the setting says, or the largest with which the targets are at most `NEAR` standard deviations away: what
the model can move by itself moves by itself, and the rest goes along where it must, as when a head turns.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.responses import Responses
from draglab.geometry import scale_from_512

NEAR = 4.0
"""Distance of the targets in the metric, standard deviations, up to which what is far is held as the setting says."""
FREE = 40.0
"""Radius around the ways of the handles in which the image may follow, pixels of a 512-pixel image."""
FAINTEST = 1e-3
"""Least hold that is tried, relative to the setting's, before none."""


class Locality:
    """Solver for the steps of one round that keep the image unchanged far from the handles.

    Args:
        responses: of the image from which the round starts.
        held: W, [h, w] of the responses' maps, from 0 to 1.
        strength: gamma, in units of 1 / tr(S^-1 G).
    """

    def __init__(self, responses: Responses, held: NDArray[np.float64], strength: float):
        self.responses, self.directions, self.strength = responses, responses.directions, strength
        self.squares = self.directions.squares.cpu().numpy()
        weights = torch.from_numpy(held).to(responses.changes)
        altered = (responses.changes * weights.sqrt()).flatten(1)
        gram = (altered @ altered.t()).double().cpu().numpy()
        scale = 1 / max(float((np.diag(gram) / self.squares).sum()), 1e-300)
        self.gram, self.weights = scale * gram, scale * weights

    def rows(self, jacobian: Tensor) -> NDArray[np.float64]:
        """Return j V, [m, K], for rows j [m, L, D]."""
        return torch.einsum("mld,kld->mk", jacobian, self.directions.vectors).double().cpu().numpy()

    def distance(self, rows: NDArray[np.float64], way: NDArray[np.float64], strength: float) -> float:
        """Return how far from here, in standard deviations, the change is that makes a way and best keeps what is far.

        Args:
            rows: j V. way: [m]. strength: gamma.
        """
        matrix = np.diag(self.squares) + strength * self.gram
        moved = np.linalg.solve(matrix, rows.T)
        shares = moved @ np.linalg.pinv(rows @ moved, rcond=1e-6, hermitian=True) @ way
        return float(np.sqrt((self.squares * shares**2).sum()))

    def give_way(self, jacobian: Tensor, way: NDArray[np.float64]) -> None:
        """Weaken the hold until the targets are near.

        Args:
            jacobian: j, [m, L, D]. way: [m], from the handles to their targets along the rows.
        """
        rows, most = self.rows(jacobian), self.strength
        if self.distance(rows, way, most) <= NEAR:
            return
        low, high = FAINTEST * most, most
        for _ in range(12):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self.distance(rows, way, middle) <= NEAR else (low, middle)
        self.strength = low if low > FAINTEST * most else 0.0

    def step(
        self,
        features: Tensor,
        offset_force: Tensor,
        jacobian: Tensor,
        wanted: NDArray[np.float64],
        damping: float,
        largest: float,
        ease: float,
    ) -> tuple[Tensor, Tensor]:
        """Return the step, and Sigma'^-1 times it: [L, D] each.

        Args:
            features: F, [c, h, w]. offset_force: Sigma'^-1 o, [L, D].
            jacobian, wanted: j [m, L, D] and e [m].
            damping: mu, relative to the mean diagonal of j A j^T, where A is the inverse without the handles; or as
                much more as makes the motion of the handles cost at most `largest` standard deviations.
            ease: how much of what has already changed is to be taken back, from 0 to 1.
        """
        rows = self.rows(jacobian)
        away = self.weights * (features - self.responses.start)
        changed = torch.einsum("kchw,chw->k", self.responses.changes, away).double().cpu().numpy()
        pull = self.rows(offset_force[None])[0] + self.strength * changed
        stiff = 2 * np.diag(self.squares) + self.strength * self.gram
        solved = np.linalg.solve(stiff, np.column_stack([-ease * pull, rows.T]))
        back, moved = solved[:, 0], solved[:, 1:]
        lengths = moved.T @ (self.squares[:, None] * moved)
        shares = back + moved @ damped(rows @ moved, wanted - rows @ back, damping, largest, lengths)
        values = torch.from_numpy(shares).to(jacobian)
        directions = self.directions
        change, force = (torch.einsum("k,kld->ld", values, each) for each in (directions.vectors, directions.forces))
        return change, force


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
    handles: NDArray[np.float64], targets: NDArray[np.float64], counts: tuple[int, int], image_shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return how much each place of a grid over the image is to stay, from 0 to 1: little near the handles' ways.

    Args:
        handles, targets: [n, 2] image pixels. counts: rows and columns of the grid. image_shape: (height, width).
    """
    radius = scale_from_512(FREE, *image_shape)
    (rows, columns), (height, width) = counts, image_shape
    ys = (np.arange(rows) + 0.5) * height / rows - 0.5
    xs = (np.arange(columns) + 0.5) * width / columns - 0.5
    held = np.ones(counts)
    for handle, target in zip(handles, targets, strict=True):
        way = target - handle
        share = ((xs - handle[0]) * way[0] + (ys[:, None] - handle[1]) * way[1]) / max(float(way @ way), 1e-12)
        nearest = handle + share.clip(0, 1)[..., None] * way
        away = (xs - nearest[..., 0]) ** 2 + (ys[:, None] - nearest[..., 1]) ** 2
        # A Gaussian of that radius is free.
        held *= 1 - np.exp(-away / (2 * radius**2))
    return held
