"""Correspondence: the place in one image of a model that is what a point is in another.

A generator makes the same part of different objects from similar features, wherever the part lies. Low blocks say which
part it is, higher ones where exactly, so cosines of patches of several blocks are added up (docs/transfer.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.features import Features
from draglab.generators import FeatureMaps, Generator

RESOLUTIONS = (16, 32, 64)
"""Resolutions of the blocks that are compared."""
APART = 0.08
"""Distance from the best place from which on a place counts as another one, as a share of the image's width."""
CHUNK = 64
"""Number of points that are searched for at once, which bounds the memory."""


@dataclass(frozen=True)
class Matches:
    """Places of n points in another image.

    Attributes:
        places: [n, 2] (x, y), image pixels.
        scores: [n] mean cosine of the patches there with those of the points, from -1 to 1.
        margins: [n] by how much the score is above that of the best place elsewhere.
        returns: [n] distance of the point from the best match of its place in the first image, image pixels.
    """

    places: NDArray[np.float64]
    scores: NDArray[np.float64]
    margins: NDArray[np.float64]
    returns: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence[Matches]) -> Matches:
        """Return the matches of several lists of points, one after the other."""
        each = zip(*((part.places, part.scores, part.margins, part.returns) for part in parts), strict=True)
        return cls(*(np.concatenate(arrays) for arrays in each))


class ImageFeatures:
    """Features of one image, by which its points are found in other images of the same model.

    Args:
        generator: the model. w_plus: [1, num_ws, w_dim].
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, w_plus: Tensor) -> None:
        self.shape = generator.img_shape
        levels = compared_levels(generator)
        maps = generator.feature_maps(w_plus, levels[-1])
        self.blocks = []
        for level in levels:
            values = maps.blocks[level] if level in maps.blocks else generator.features(w_plus, level)
            self.blocks.append(_Block(values.float(), level, generator.feature_margin(level), self.shape))

    @torch.no_grad()
    def match(self, points: NDArray[np.float64], other: ImageFeatures) -> Matches:
        """Find points [n, 2] (x, y) of this image, image pixels, in another image."""
        places, scores, margins = self._find(points, other)
        back, _, _ = other._find(places, self)
        return Matches(places, scores, margins, np.linalg.norm(back - points, axis=1))

    def _find(
        self, points: NDArray[np.float64], other: ImageFeatures
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the best places of points in another image, their scores and their margins."""
        height, width = self.shape
        # Twice as fine as the finest block.
        rows, columns = (2 * size for size in other.blocks[-1].features.near.extent)
        xs, ys = (np.arange(columns) + 0.5) * width / columns - 0.5, (np.arange(rows) + 0.5) * height / rows - 0.5
        found = []
        for start in range(0, len(points), CHUNK):
            part = points[start : start + CHUNK]
            pairs = zip(self.blocks, other.blocks, strict=True)
            total = torch.stack([theirs.cosines(own.patches(part), (rows, columns)) for own, theirs in pairs]).mean(0)
            found.append(_peaks(total.cpu().numpy(), xs, ys, APART * width))
        places, scores, margins = (np.concatenate(each) for each in zip(*found, strict=True))
        return np.clip(places, 0, [width - 1, height - 1]), scores, margins


class _Block:
    """One block's features of an image, without what they are on average over it."""

    def __init__(self, values: Tensor, level: int, margin: int, image_shape: tuple[int, int]) -> None:
        values = values - values.mean((2, 3), keepdim=True)
        self.level, self.margin, self.image_shape = level, margin, image_shape
        self.features = self._sampler(values)
        self.padded = F.pad(values, (1, 1, 1, 1), mode="replicate").contiguous()
        squares = self.padded.square().sum(1, keepdim=True)
        self.norms = F.conv2d(squares, squares.new_ones(1, 1, 3, 3)).sqrt().clamp(min=1e-12)

    def _sampler(self, values: Tensor) -> Features:
        return Features.whole(FeatureMaps({self.level: values}), self.margin)

    def patches(self, points: NDArray[np.float64]) -> Tensor:
        """Return the patches of 3 x 3 features around points [n, 2] as unit vectors, [n, C, 3, 3]."""
        (height, width), (rows, columns) = self.image_shape, self.features.near.extent
        around = np.stack(np.meshgrid([-1.0, 0, 1], [-1.0, 0, 1]), axis=-1).reshape(-1, 2)
        sampled = self.features.at(points[:, None] + around * [width / columns, height / rows], self.image_shape)
        unit = F.normalize(sampled.permute(0, 2, 1).flatten(1), dim=1)
        return unit.view(len(points), -1, 3, 3)

    def cosines(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the cosines [n, *size] of n patches with those at the places of a grid of (height, width) `size`."""
        maps = F.conv2d(self.padded, patches) / self.norms
        rows, columns = self.features.near.extent
        maps = maps[:, :, self.margin : self.margin + rows, self.margin : self.margin + columns]
        return F.interpolate(maps.permute(1, 0, 2, 3), size, mode="bilinear", align_corners=False)[:, 0]


def compared_levels(generator: Generator) -> list[int]:
    """Return the levels whose features are compared, in ascending order: those of a model of smaller images, too."""
    known = generator.feature_resolutions
    chosen = [each for each in RESOLUTIONS if each in known] or known[-3:]
    return [generator.feature_level(resolution) for resolution in chosen]


def _peaks(
    scores: NDArray[np.float32], xs: NDArray[np.float64], ys: NDArray[np.float64], apart: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the places [n, 2] of the highest of scores [n, rows, columns] on a grid, these, and their margins."""
    each = np.arange(len(scores))
    flat = scores.reshape(len(scores), -1)
    best = flat.argmax(1)
    rows, columns = np.divmod(best, len(xs))
    across = _vertex(scores[each, rows], columns)
    down = _vertex(scores[each, :, columns], rows)
    places = np.stack([xs[columns] + across * (xs[1] - xs[0]), ys[rows] + down * (ys[1] - ys[0])], axis=1)
    away = np.hypot(xs - xs[columns][:, None, None], ys[:, None] - ys[rows][:, None, None]) > apart
    second = np.where(away, scores, -1).reshape(len(scores), -1).max(1)
    highest = flat[each, best].astype(np.float64)
    return places, highest, highest - second


def _vertex(lines: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where between -1/2 and 1/2 a parabola through lines [n, k] at `at` [n] and beside it is highest."""
    each = np.arange(len(lines))
    middle = np.clip(at, 1, lines.shape[1] - 2)
    before, here, after = (lines[each, middle + step] for step in (-1, 0, 1))
    bend = 2 * here - before - after
    inner = (middle == at) & (bend > 1e-12)
    return np.where(inner, np.clip((after - before) / (2 * np.where(inner, bend, 1)), -0.5, 0.5), 0)
