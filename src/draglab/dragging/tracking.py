"""Point tracking by nearest neighbours in the generator's features (DragGAN section 3.3, equation 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.bilinear import position_tensor, sample_grids, sample_positions
from draglab.generators.windows import Windows
from draglab.geometry import to_feature_coordinates

REFINEMENTS = 3
"""Number of times that the sub-pixel search halves its spacing: positions are found to an eighth of the first one."""


def _nearest(
    windows: Windows,
    templates: Tensor,
    centres: NDArray[np.float64],
    line: NDArray[np.float64],
    image_shape: tuple[int, int],
) -> Tensor:
    """Return the position, on the grid `line` x `line` around each centre, nearest to the template: [n, 2]."""
    height, width = image_shape
    xs = np.clip(centres[:, :1] + line, 0, width - 1)
    ys = np.clip(centres[:, 1:] + line, 0, height - 1)
    lines = to_feature_coordinates(np.stack([xs, ys], axis=-1), image_shape, windows.map_shape, windows.margin)
    grids = sample_grids(windows, lines[..., 0], lines[..., 1])
    best = (grids - templates[:, None, None, :]).abs().sum(-1).flatten(1).argmin(1, keepdim=True)
    columns, rows = (position_tensor(axis, best) for axis in (xs, ys))
    return torch.cat([columns.gather(1, best % len(line)), rows.gather(1, best // len(line))], dim=1)


def _refined(
    windows: Windows, templates: Tensor, found: Tensor, spacing: float, image_shape: tuple[int, int]
) -> Tensor:
    """Return the nearest of `found` [n, 2] itself and its eight neighbours at a distance of `spacing` pixels: [n, 2].

    Everything is computed on the features' device, without synchronisation.
    """
    height, width = image_shape
    steps = torch.tensor([-1.0, 0.0, 1.0], dtype=found.dtype, device=found.device) * spacing
    around = torch.stack([steps.repeat(3), steps.repeat_interleave(3)], dim=1)
    last = torch.tensor([width - 1, height - 1], dtype=found.dtype, device=found.device)
    candidates = (found[:, None] + around).clamp(min=0).minimum(last)
    features = sample_positions(windows, candidates, image_shape)
    best = (features - templates[:, None]).abs().sum(-1).argmin(1)
    return candidates[torch.arange(len(found), device=found.device), best]


def search_spacing(extent: tuple[int, int], image_shape: tuple[int, int], subpixel: bool) -> float:
    """Return the spacing of the search grid, image pixels. `extent`: the image's (height, width) in feature pixels."""
    return max(1.0, 0.5 * image_shape[0] / extent[0]) if subpixel else 1.0


def tracking_reach(radius: float, extent: tuple[int, int], image_shape: tuple[int, int], subpixel: bool) -> float:
    """Return the largest distance along an axis between a handle and its tracked position, image pixels.

    `extent` is the image's (height, width) in pixels of the feature map.
    """
    return radius + (search_spacing(extent, image_shape, True) if subpixel else 0.0)


@dataclass(frozen=True)
class TrackingQuery:
    """Input of a tracker after a step.

    Attributes:
        features: F' of the new latent within `tracking_reach` of the handles, one window each, or the whole map.
        templates: f_i, the features of the round's start at the handles of the start, [n, C].
        handles: p, the handles before the step, [n, 2] image pixels.
        radius: r2, half the side of the square in which a handle is searched, image pixels.
        image_shape: (height, width).
        subpixel: whether positions between pixels are wanted.
    """

    features: Windows
    templates: Tensor
    handles: NDArray[np.float64]
    radius: float
    image_shape: tuple[int, int]
    subpixel: bool


class PointTracker(Protocol):
    """A function that tracks handles; the paper uses :func:`track_nearest`.

    A tracker with a state is an object made for one drag.
    """

    def __call__(self, query: TrackingQuery) -> Tensor:
        """Return the handles' positions: [n, 2] image pixels inside the image, on the features' device.

        They are at most `radius` along each axis from the handles before the step.
        """
        ...


@torch.no_grad()
def track_nearest(query: TrackingQuery) -> Tensor:
    """Track handles by p_i <- argmin_{q in Omega_2(p_i, r2)} | F'(q) - f_i |_1 (equation 2).

    The search uses a grid of one image pixel, or, with `subpixel`, of half a feature pixel where that is coarser, and
    then refines the best position with smaller and smaller spacing.

    Returns:
        [n, 2] image pixels inside the image, on the features' device, without synchronisation.
    """
    features, templates, image_shape = query.features, query.templates, query.image_shape
    spacing = search_spacing(features.extent, image_shape, query.subpixel)
    reach = int(np.floor(query.radius / spacing + 1e-9))
    line = np.arange(-reach, reach + 1, dtype=np.float64) * spacing
    found = _nearest(features, templates, query.handles, line, image_shape)
    for level in range(1, REFINEMENTS + 1 if query.subpixel else 1):
        found = _refined(features, templates, found, spacing / 2**level, image_shape)
    return found
