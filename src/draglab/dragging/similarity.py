"""Similarities: shift, turn and scale of one set of points to another, in spite of some that are wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
"""Number of rounds in which points that do not fit lose their weight."""


@dataclass(frozen=True)
class Similarity:
    """The map p -> matrix @ (p - centre) + image.

    Attributes:
        matrix: [2, 2], a turn times a scale. centre, image: [2], a point and where it is mapped.
    """

    matrix: NDArray[np.float64]
    centre: NDArray[np.float64]
    image: NDArray[np.float64]

    @property
    def scale(self) -> float:
        """By how much lengths grow."""
        return math.hypot(self.matrix[0, 0], self.matrix[1, 0])

    @property
    def turn(self) -> float:
        """Degrees by which directions turn, clockwise as the picture is seen."""
        return math.degrees(math.atan2(self.matrix[1, 0], self.matrix[0, 0]))

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points [..., 2]."""
        return (points - self.centre) @ self.matrix.T + self.image


def fit_similarity(
    points: NDArray[np.float64],
    places: NDArray[np.float64],
    weights: NDArray[np.float64],
    tolerance: float,
) -> Similarity:
    """Fit the similarity that maps points to places, both [n, 2] with n >= 2, by weighted least squares (Umeyama 1991).

    Points whose places are off lose weight, 1 / (1 + (off / tolerance)^2), as for a Cauchy distribution.

    Args:
        weights: [n], at least 0. tolerance: in the unit of the places.
    """
    share = weights / weights.sum()
    for _ in range(ROUNDS):
        found = _fit(points, places, share)
        off = np.linalg.norm(found(points) - places, axis=1)
        share = weights / (1 + (off / tolerance) ** 2)
        share = share / share.sum()
    return _fit(points, places, share)


def _fit(points: NDArray[np.float64], places: NDArray[np.float64], share: NDArray[np.float64]) -> Similarity:
    centre, image = share @ points, share @ places
    own, other = points - centre, places - image
    along = share @ (own * other).sum(1)
    across = share @ (own[:, 0] * other[:, 1] - own[:, 1] * other[:, 0])
    spread = max(float(share @ (own**2).sum(1)), 1e-12)
    return Similarity(np.array([[along, -across], [across, along]]) / spread, centre, image)
