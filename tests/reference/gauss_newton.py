"""The Gauss-Newton step with whole matrices and loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]


def metric(covariance: Matrix, pulls: Matrix, share: float, restraint: float) -> Matrix:
    """(Sigma^-1 + beta M)^-1 as a matrix of the latent's size, from pulls [k, L, D]."""
    layers = pulls.shape[1]
    correlation = (1 - share) * np.eye(layers) + share * np.ones((layers, layers)) if layers > 1 else np.eye(1)
    sigma = np.kron(correlation, covariance)
    rows = pulls.reshape(len(pulls), -1)
    changes = sum(np.outer(row, row) for row in rows) / len(rows)
    beta = restraint / np.trace(sigma @ changes)
    inverse: Matrix = np.linalg.inv(np.linalg.inv(sigma) + beta * changes)
    return inverse


def step(sigma: Matrix, jacobian: Matrix, wanted: NDArray[np.float64], mu: float) -> NDArray[np.float64]:
    """The change of the latent: argmin |J dw - e|^2 / mu + dw^T Sigma'^-1 dw."""
    normal = jacobian.T @ jacobian / mu + np.linalg.inv(sigma)
    return np.asarray(np.linalg.solve(normal, jacobian.T @ wanted / mu), np.float64)


def held_step(
    sigma: Matrix,
    offset: Matrix,
    held: tuple[Matrix, Matrix],
    handles: tuple[Matrix, Matrix],
    mu: float,
    scale: float,
    span: Matrix | None = None,
) -> Matrix:
    """argmin (o + dw)^T Sigma'^-1 (o + dw) + (scale - 1) dw^T Sigma'^-1 dw + |A dw + a|^2 + |j dw - e|^2 / mu.

    Args:
        held: A [f, n] and a [f], the features that are to stay, times the square roots of their weights.
        handles: j [m, n] and e [m].
        span: V [K, n]: dw is in their span. None = anywhere.
    """
    inverse = np.linalg.inv(sigma)
    (features, away), (rows, wanted) = held, handles
    normal = scale * inverse + features.T @ features + rows.T @ rows / mu
    right = rows.T @ wanted / mu - inverse @ offset - features.T @ away
    if span is not None:
        shares: Matrix = np.linalg.solve(span @ normal @ span.T, span @ right)
        return shares @ span
    found: Matrix = np.linalg.solve(normal, right)
    return found


def directions(sigma: Matrix, changes: Matrix, count: int) -> tuple[Matrix, Matrix]:
    """The directions with the largest v^T M v / v^T Sigma^-1 v, v^T Sigma^-1 v = 1, [count, n], and these values.

    Args:
        sigma: Sigma, [n, n]. changes: beta M, [n, n].
    """
    root = np.linalg.cholesky(sigma)
    values, vectors = np.linalg.eigh(root.T @ changes @ root)
    order = np.argsort(-values)[:count]
    return (root @ vectors[:, order]).T, values[order]


def held_places(
    ways: list[tuple[tuple[float, float], tuple[float, float]]], side: int, size: int, radius: float
) -> Matrix:
    """How much each place of a grid [side, side] over an image of `size` is to stay: 1 - a Gaussian of the distance to
    the nearest of many points of each way, and their product."""
    held = np.ones((side, side))
    for row, column in np.ndindex(side, side):
        x, y = ((each + 0.5) * size / side - 0.5 for each in (column, row))
        for start, end in ways:
            near = min(
                np.hypot(x - start[0] - t * (end[0] - start[0]), y - start[1] - t * (end[1] - start[1]))
                for t in np.linspace(0, 1, 2001)
            )
            held[row, column] *= 1 - np.exp(-(near**2) / (2 * radius**2))
    return held


def match(
    before: Matrix,
    after: Matrix,
    handle: tuple[int, int],
    expected: tuple[int, int],
    patch: int,
    radius: int,
    prior: float,
) -> tuple[tuple[int, int], float]:
    """The whole (x, y) within `radius` of the expected place whose patch in map `after` [H, W, C] is most like the
    handle's in `before`, and their relative difference."""
    around = [
        (i, j)
        for j in range(-patch, patch + 1)
        for i in range(-patch, patch + 1)
        if i * i + j * j <= max(patch, 1) ** 2
    ]
    wanted = [before[handle[1] + j, handle[0] + i] for i, j in around]
    size = sum(np.abs(each).sum() for each in wanted)
    best, found, difference = np.inf, expected, 0.0
    for y in range(expected[1] - radius, expected[1] + radius + 1):
        for x in range(expected[0] - radius, expected[0] + radius + 1):
            cost = sum(np.abs(after[y + j, x + i] - each).sum() for (i, j), each in zip(around, wanted, strict=True))
            total = cost / size + prior * ((x - expected[0]) ** 2 + (y - expected[1]) ** 2)
            if total < best:
                best, found, difference = total, (x, y), cost / size
    return found, difference


def learnt_inverse(inverse: np.ndarray, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return an inverse [n, n] after the updates of BFGS by pairs (s, y = B s) with s^T y = 1, oldest first."""
    unit = np.eye(len(inverse))
    for s, y in pairs:
        left = unit - np.outer(s, y)
        inverse = left @ inverse @ left.T + np.outer(s, s)
    return inverse
