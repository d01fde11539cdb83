"""Suggestion of a movable region from the positions of the handles.

The region consists of everything that is similar to a handle and connected with it: features at half the resolution of
those that are dragged are compared by cosine similarity and split by Otsu's threshold. Gaps and holes are closed: an
eye belongs to the face around it. The places to which the region will move are included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from draglab.dragging import DragSettings
from draglab.editor.state import Point
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import image_extent, to_feature_coordinates

BINS = 256


@torch.no_grad()
def suggest_mask(
    generator: Generator, w_plus: Tensor, points: Sequence[Point], settings: DragSettings
) -> NDArray[np.bool_]:
    """Suggest a movable region: bool [H, W] for the generator's images, True = movable.

    Args:
        w_plus: [1, num_ws, w_dim], latent of the image with the points.
        points: at least one; their targets are used if given.

    Raises:
        DraglabError: there are no points.
    """
    if not points:
        raise DraglabError("there is no point to look around: place one first")
    shape = generator.img_shape
    wanted = settings.resolved_feature_resolution(generator.img_resolution) // 2
    resolution = max((each for each in generator.feature_resolutions if each <= wanted), default=wanted)
    level = generator.feature_level(resolution)
    margin = generator.feature_margin(level)
    features = generator.features(w_plus, level)[0].float()
    height, width = image_extent((features.shape[1], features.shape[2]), margin)
    features = features[:, margin : margin + height, margin : margin + width]

    places = to_feature_coordinates(np.array([point.handle for point in points]), shape, (height, width))
    cells = np.round(places).clip(0, [width - 1, height - 1]).astype(np.int64)
    difference = _difference(features, cells)
    seeds = np.zeros((height, width), dtype=np.bool_)
    seeds[cells[:, 1], cells[:, 0]] = True
    region = reachable(seeds, difference <= _threshold(difference))
    # Grow by two pixels, fill holes, shrink by one: gaps are closed, and a border of one pixel remains.
    region = ~grown(~fill_holes(grown(grown(region))))

    scale = np.array([width / shape[1], height / shape[0]])
    ways = [(np.array(p.target) - p.handle) * scale for p in points if p.target is not None]
    region = swept(region, ways)
    picture = Image.fromarray(region.astype(np.uint8) * 255)
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)) >= 128


def _difference(features: Tensor, cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the distances, 1 - cosine, of features [C, H, W] from the nearest one at cells [n, 2] (x, y): [H, W]."""
    directions = F.normalize(features, dim=0)
    own = directions[:, cells[:, 1], cells[:, 0]]
    return (1 - torch.einsum("chw,cn->nhw", directions, own).amax(0)).cpu().double().numpy()


def _threshold(values: NDArray[np.float64]) -> float:
    """Return the threshold with the largest variance between the groups of values that it separates (Otsu 1979)."""
    counts, edges = np.histogram(values, BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * centres)[:-1]
    above = values.size - below
    apart = sums / np.maximum(below, 1) - (np.sum(counts * centres) - sums) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below * above * apart**2)])


def grown(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a region grown by one pixel in the four directions."""
    result = region.copy()
    result[1:] |= region[:-1]
    result[:-1] |= region[1:]
    result[:, 1:] |= region[:, :-1]
    result[:, :-1] |= region[:, 1:]
    return result


def reachable(seeds: NDArray[np.bool_], region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the part of a region that is connected with the seeds."""
    found = seeds & region
    while (larger := grown(found) & region).sum() > found.sum():
        found = larger
    return found


def fill_holes(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a region with everything that it encloses."""
    border = np.ones_like(region)
    border[1:-1, 1:-1] = False
    return ~reachable(border, ~region)


def swept(region: NDArray[np.bool_], ways: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Return a region with all places that it covers when it is moved along each way (x, y), in its pixels."""
    result = region.copy()
    height, width = region.shape
    rows, columns = np.nonzero(region)
    for way in ways:
        for share in np.linspace(0, 1, int(np.ceil(np.abs(way).max())) + 1):
            x, y = (way * share).round().astype(np.int64)
            inside = (rows + y >= 0) & (rows + y < height) & (columns + x >= 0) & (columns + x < width)
            result[rows[inside] + y, columns[inside] + x] = True
    return result
