"""Means with bootstrap intervals (Efron 1979), in float64 and from a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 1_000_000
"""Most numbers that are drawn at once."""


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval.

    Attributes:
        mean: of the values. low, high: percentile interval of `CONFIDENCE`. median: of the values. count: their number.
    """

    mean: float
    low: float
    high: float
    median: float
    count: int


def estimate(values: Sequence[float | None] | ArrayLike) -> Estimate | None:
    """Return the mean of values with its interval; values that are None or not finite are left out.

    Returns:
        None if none are left.
    """
    array = finite(values)
    if not len(array):
        return None
    means = _resampled_means(array)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(array.mean()), float(low), float(high), float(np.median(array)), len(array))


def finite(values: Sequence[float | None] | ArrayLike) -> NDArray[np.float64]:
    """Return the values that are finite, [n]."""
    array = np.array([np.nan if value is None else value for value in values], np.float64)  # pyright: ignore
    return array[np.isfinite(array)]


def _resampled_means(array: NDArray[np.float64]) -> NDArray[np.float64]:
    random = np.random.default_rng(0)
    rows = max(1, _AT_ONCE // len(array))
    parts = []
    for start in range(0, RESAMPLES, rows):
        size = (min(rows, RESAMPLES - start), len(array))
        parts.append(array[random.integers(len(array), size=size)].mean(axis=1))
    return np.concatenate(parts)
