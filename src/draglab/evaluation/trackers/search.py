"""Search around the handles with any cost: what trackers by features have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from draglab.dragging import TrackingQuery
from draglab.dragging.bilinear import position_tensor, sample_positions
from draglab.dragging.tracking import REFINEMENTS, search_spacing


@dataclass(frozen=True)
class Places:
    """Places that are compared.

    Attributes:
        points: [n, k, 2] image pixels. features: [n, k, c, C], of the c samples around each place.
    """

    points: Tensor
    features: Tensor


Cost = Callable[[Places], Tensor]
"""Returns how bad each place is, [n, k]."""


@torch.no_grad()
def search(query: TrackingQuery, cost: Cost, around: Tensor) -> Tensor:
    """Return the place of least cost in the square of half-width r2 around each handle.

    The places are those that :func:`draglab.dragging.track_nearest` looks at: a grid, and with `subpixel` three
    refinements. Of places that cost the same, the first in reading order is taken.

    Args:
        query: see :class:`draglab.dragging.TrackingQuery`.
        around: [c, 2], where features are sampled around a place, image pixels.

    Returns:
        [n, 2] image pixels inside the image, on the features' device.
    """
    spacing = search_spacing(query.features.extent, query.image_shape, query.subpixel)
    reach = int(np.floor(query.radius / spacing + 1e-9))
    line = np.arange(-reach, reach + 1, dtype=np.float64) * spacing
    grid = np.stack(np.meshgrid(line, line, indexing="xy"), axis=-1).reshape(-1, 2)
    handles = position_tensor(query.handles, query.features.values)
    found = _best(query, handles[:, None] + position_tensor(grid, handles), cost, around)
    steps = position_tensor(np.array([(x, y) for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0)]), handles)
    for level in range(1, REFINEMENTS + 1 if query.subpixel else 1):
        found = _best(query, found[:, None] + steps * (spacing / 2**level), cost, around)
    return found


def features_at(query: TrackingQuery, points: Tensor, around: Tensor) -> Tensor:
    """Return the features [n, k, c, C] around points [n, k, 2], at offsets [c, 2], image pixels."""
    samples = (points[:, :, None] + around.to(points)).flatten(1, 2)
    return sample_positions(query.features, samples, query.image_shape).unflatten(1, (points.shape[1], len(around)))


def _best(query: TrackingQuery, points: Tensor, cost: Cost, around: Tensor) -> Tensor:
    height, width = query.image_shape
    last = points.new_tensor([width - 1, height - 1])
    inside = points.clamp(min=0).minimum(last)
    best = cost(Places(inside, features_at(query, inside, around))).argmin(1)
    return inside[torch.arange(len(best), device=best.device), best]
