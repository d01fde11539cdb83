"""Patch matching: where the surroundings of a handle went, near the place where they are expected."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.bilinear import sample_grids
from draglab.dragging.features import Features
from draglab.generators.windows import Windows
from draglab.geometry import to_feature_coordinates


class PatchMatcher:
    """Matcher of the patches that surround handles in one image.

    Args:
        features: features of that image around the handles. handles: [n, 2] image pixels.
        image_shape: (height, width).
        spacing: distance of a patch's points, and of the places that are compared, image pixels.
        patch: radius of a patch. radius: half the side of the square that is searched. Both in image pixels.
        prior: weight of the squared distance to the expected place, per square of an image pixel, beside the difference
            of the patches relative to their size.
    """

    def __init__(
        self,
        features: Features,
        handles: NDArray[np.float64],
        image_shape: tuple[int, int],
        spacing: float,
        patch: float,
        radius: float,
        prior: float,
    ):
        self.image_shape, self.spacing, self.prior = image_shape, spacing, prior
        self.lattice = patch_lattice(patch / spacing)
        self.steps = max(1, int(radius / spacing))
        patches = features.at(handles[:, None] + self.lattice * spacing, image_shape)
        self.patches = patches.detach().transpose(0, 1)
        self.sizes = self.patches.abs().sum((0, 2)).clamp(min=1e-12)

    @torch.no_grad()
    def find(self, windows: Windows, expected: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Find each patch near where it is expected, [n, 2] image pixels.

        Returns:
            the places, [n, 2] inside the image, to a fraction of the spacing; and the differences of the patches there
            relative to their size, [n].
        """
        costs = self._costs(windows, expected)
        line = torch.arange(-self.steps, self.steps + 1, device=costs.device, dtype=costs.dtype) * self.spacing
        away = self.prior * (line[:, None] ** 2 + line**2)
        total = costs + away
        side = len(line)
        best = total.flatten(1).argmin(1)
        rows, columns = best // side, best % side
        each = torch.arange(len(best), device=best.device)
        down = _vertex(total[each, :, columns], rows)
        across = _vertex(total[each, rows], columns)
        moved = torch.stack([columns + across, rows + down], dim=1).double() - self.steps
        found = expected + moved.cpu().numpy() * self.spacing
        height, width = self.image_shape
        mismatch = costs.flatten(1)[each, best]
        return np.clip(found, 0, [width - 1, height - 1]), mismatch.double().cpu().numpy()

    def _costs(self, windows: Windows, expected: NDArray[np.float64]) -> Tensor:
        """Return the relative differences [n, side, side] of the patches at the places around the expected ones."""
        height, width = self.image_shape
        pad = int(np.abs(self.lattice).max())
        line = np.arange(-self.steps - pad, self.steps + pad + 1) * self.spacing
        xs = np.clip(expected[:, :1] + line, 0, width - 1)
        ys = np.clip(expected[:, 1:] + line, 0, height - 1)
        at = to_feature_coordinates(np.stack([xs, ys], axis=-1), self.image_shape, windows.map_shape, windows.margin)
        grid = sample_grids(windows, at[..., 0], at[..., 1])
        side = 2 * self.steps + 1
        total = grid.new_zeros(len(expected), side, side)
        for (x, y), feature in zip(self.lattice.tolist(), self.patches, strict=True):
            top, left = int(y) + pad, int(x) + pad
            part = grid[:, top : top + side, left : left + side]
            total += (part - feature[:, None, None]).abs_().sum(-1)
        return total / self.sizes[:, None, None]


def patch_lattice(radius: float) -> NDArray[np.float64]:
    """Return the whole (x, y) within `radius` of (0, 0), [k, 2]; at least the four neighbours and the centre."""
    reach = max(1.0, radius)
    line = np.arange(-int(reach), int(reach) + 1, dtype=np.float64)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return points[(points**2).sum(1) <= reach**2 + 1e-9]


def _vertex(values: Tensor, at: Tensor) -> Tensor:
    """Return where between -1/2 and 1/2 a parabola through values [n, k] at `at` [n] and beside it is lowest."""
    inner = (at > 0) & (at < values.shape[1] - 1)
    middle = at.clamp(1, values.shape[1] - 2)[:, None]
    before, here, after = (values.gather(1, middle + step)[:, 0] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    vertex = 0.5 * (before - after) / bend.clamp(min=1e-12)
    return torch.where(inner & (bend > 0), vertex.clamp(-0.5, 0.5), torch.zeros_like(vertex))
