"""Regions: several handles that move as one object."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from draglab.dragging.gauss_newton import MAX_HANDLES
from draglab.dragging.types import DragEdit
from draglab.errors import DraglabError

LATTICE = 32
"""Number of places along the longer side of a region's box among which its points are chosen."""
LARGEST = 0.9
"""Quantile of the places' texture that counts as the largest."""
PLAIN = 0.15
"""Square root of the texture, relative to that of the largest, below which a place is plain."""
ROUNDS = 12
"""Number of rounds in which the points are spread."""


def region_edit(
    polygon: ArrayLike,
    move: tuple[float, float] = (0.0, 0.0),
    turn: float = 0.0,
    scale: float = 1.0,
    pins: ArrayLike = (),
    count: int | None = None,
    texture: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> DragEdit:
    """Return the edit that moves, turns and scales a region as one object.

    Handles are well spread points of the region; the map about the middle of its bounding box gives each its target.

        corners = [(80, 100), (150, 100), (150, 140), (80, 140)]
        edit = draglab.region_edit(corners, turn=10, texture=draglab.dragging.Texture(generator, w_plus))
        result = draglab.drag(generator, w_plus, edit)

    Args:
        polygon: [k, 2] (x, y) corners of the region in order, image pixels, k >= 3.
        move: (x, y) image pixels.
        turn: degrees, clockwise as the image is seen.
        scale: factor, above 0.
        pins: [m, 2] (x, y) image pixels that hold their places.
        texture: of the image, so that no handle is put where nothing can be tracked; see :func:`region_points`.
        count: number of points; None = as many as Gauss-Newton drags take beside the pins (8 in all), at least 3.

    Raises:
        DraglabError: the polygon has no inside, or a number is out of range.
    """
    held = np.asarray(pins, dtype=np.float64).reshape(-1, 2)
    if not (math.isfinite(scale) and scale > 0):
        raise DraglabError(f"scale is {scale}: give a factor above 0, 1 for the same size")
    handles = region_points(polygon, max(3, MAX_HANDLES - len(held)) if count is None else count, texture)
    corners = np.asarray(polygon, dtype=np.float64)
    middle = (corners.min(0) + corners.max(0)) / 2
    angle = math.radians(turn)
    matrix = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    targets = (handles - middle) @ matrix.T + middle + np.asarray(move, dtype=np.float64)
    return DragEdit(np.concatenate([handles, held]), np.concatenate([targets, held]))


def region_points(
    polygon: ArrayLike,
    count: int = MAX_HANDLES,
    texture: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Return well spread points inside a polygon, [n, 2] (x, y): `count`, or fewer in a tiny one.

    They are the centres of cells of about one size into which they divide the region (Lloyd 1982). With the texture of
    the image, plain parts of the region are left out, and the point of a cell is its best place near the centre. Where
    the whole region is plain, points are spread as without.

    Args:
        polygon: [k, 2] corners in order, k >= 3.
        texture: returns how well the surroundings of points [n, 2] can be tracked, [n], at least 0, as
            :class:`draglab.dragging.Texture` does; None = equally well everywhere.

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
    weights = np.ones(len(inside)) if texture is None else _weights(texture(inside))
    inside, weights = inside[weights > 0], weights[weights > 0]
    chosen = _spread(inside, count)
    for _ in range(ROUNDS):
        owners = _distances(inside, chosen).argmin(1)
        centres = np.stack([inside[owners == index].mean(0) for index in range(len(chosen))])
        # Of a region that is bent, a centre may be outside.
        chosen = inside[_distances(centres, inside).argmin(1)]
    if texture is not None:
        chosen = _best(inside, weights, chosen)
    return np.unique(chosen, axis=0)


def _weights(texture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much places count by their texture [m], from 0, plain, to 1; all 1 where there is no texture."""
    # G^T G is of squares, of which the largest are hundreds of times those of places that can well be tracked.
    strength = np.sqrt(texture)
    largest = np.quantile(strength, LARGEST)
    if largest <= 0:
        return np.ones(len(texture))
    weights = (strength / largest).clip(0, 1)
    return np.where(weights < PLAIN, 0, weights)


def _best(
    places: NDArray[np.float64], weights: NDArray[np.float64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the place of each centre's cell with the largest weight, by which nearness to the centre counts, too."""
    away = _distances(places, centres)
    owners = away.argmin(1)
    chosen = []
    for index in range(len(centres)):
        own = np.flatnonzero(owners == index)
        size = max(float(away[own, index].mean()), 1e-9)
        chosen.append(places[own[(weights[own] / (1 + (away[own, index] / size) ** 2)).argmax()]])
    return np.stack(chosen)


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
