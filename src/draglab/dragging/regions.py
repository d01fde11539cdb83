"""Regions: several handles that move as one object."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from draglab.dragging.gauss_newton import MAX_HANDLES
from draglab.dragging.types import DragEdit
from draglab.errors import DraglabError

LATTICE = 32
"""Number of places along the longer side of a region's box among which its points are chosen."""
ROUNDS = 12
"""Number of rounds in which the points are spread."""


def region_edit(
    polygon: ArrayLike,
    move: tuple[float, float] = (0.0, 0.0),
    turn: float = 0.0,
    scale: float = 1.0,
    pins: ArrayLike = (),
    count: int | None = None,
) -> DragEdit:
    """Return the edit that moves, turns and scales a region as one object.

    Handles are well spread points of the region; the map about the middle of its bounding box gives each its target.

        edit = draglab.region_edit([(80, 100), (150, 100), (150, 140), (80, 140)], turn=10)
        result = draglab.drag(generator, w_plus, edit)

    Args:
        polygon: [k, 2] (x, y) corners of the region in order, image pixels, k >= 3.
        move: (x, y) image pixels.
        turn: degrees, clockwise as the image is seen.
        scale: factor, above 0.
        pins: [m, 2] (x, y) image pixels that hold their places.
        count: number of points; None = as many as Gauss-Newton drags take beside the pins (8 in all), at least 3.

    Raises:
        DraglabError: the polygon has no inside, or a number is out of range.
    """
    held = np.asarray(pins, dtype=np.float64).reshape(-1, 2)
    if not (math.isfinite(scale) and scale > 0):
        raise DraglabError(f"scale is {scale}: give a factor above 0, 1 for the same size")
    handles = region_points(polygon, max(3, MAX_HANDLES - len(held)) if count is None else count)
    corners = np.asarray(polygon, dtype=np.float64)
    middle = (corners.min(0) + corners.max(0)) / 2
    angle = math.radians(turn)
    matrix = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    targets = (handles - middle) @ matrix.T + middle + np.asarray(move, dtype=np.float64)
    return DragEdit(np.concatenate([handles, held]), np.concatenate([targets, held]))


def region_points(polygon: ArrayLike, count: int = MAX_HANDLES) -> NDArray[np.float64]:
    """Return well spread points inside a polygon, [n, 2] (x, y): `count`, or fewer in a tiny one.

    They are the centres of cells of about one size into which they divide the region (Lloyd 1982).

    Args:
        polygon: [k, 2] corners in order, k >= 3.

    Raises:
        DraglabError: the polygon has fewer than three corners or no inside, or count is below 1.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise DraglabError("a region needs at least three corners: give them as [[x, y], ...] in pixels")
    if count < 1:
        raise DraglabError(f"count is {count}: a region needs at least one point")
    inside = _lattice(corners)
    if len(inside) == 0:
        raise DraglabError("the region has no inside: draw around something")
    chosen = _spread(inside, count)
    for _ in range(ROUNDS):
        owners = _distances(inside, chosen).argmin(1)
        centres = np.stack([inside[owners == index].mean(0) for index in range(len(chosen))])
        # Of a region that is bent, a centre may be outside.
        chosen = inside[_distances(centres, inside).argmin(1)]
    return np.unique(chosen, axis=0)


def _lattice(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places of a lattice that are inside a polygon, [m, 2]."""
    low, high = corners.min(0), corners.max(0)
    spacing = float((high - low).max()) / LATTICE
    if spacing <= 0:
        return np.empty((0, 2))
    xs, ys = (np.arange(start + spacing / 2, end, spacing) for start, end in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    inside = np.zeros(len(places), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = (y0 > places[:, 1]) != (y1 > places[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (places[:, 1] - y0) * (x1 - x0) / (y1 - y0)
        inside ^= crossed & (places[:, 0] < at)
    return places[inside]


def _spread(places: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return up to `count` of the places, each the farthest from those before it, the first in the middle."""
    chosen = [places[_distances(places.mean(0)[None], places)[0].argmin()]]
    nearest = np.full(len(places), np.inf)
    while len(chosen) < min(count, len(places)):
        nearest = np.minimum(nearest, _distances(places, chosen[-1][None])[:, 0])
        chosen.append(places[nearest.argmax()])
    return np.stack(chosen)


def _distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(first[:, None] - second, axis=-1)
