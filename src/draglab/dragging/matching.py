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
    """Matcher of the patches that surround handles in one image. Points outside an image do not count.

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
        at = handles[:, None] + self.lattice * spacing
        patches = features.at(at, image_shape)
        self.patches = patches.detach().transpose(0, 1)
        inside = ((at >= 0) & (at <= np.array([image_shape[1] - 1, image_shape[0] - 1]))).all(2).T
        self.inside = torch.from_numpy(inside).to(self.patches)
        self.sizes = self.patches.abs().sum(2)

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
        xs, ys = expected[:, :1] + line, expected[:, 1:] + line
        inside = ((ys >= 0) & (ys <= height - 1))[:, :, None] & ((xs >= 0) & (xs <= width - 1))[:, None]
        places = np.stack([np.clip(xs, 0, width - 1), np.clip(ys, 0, height - 1)], axis=-1)
        at = to_feature_coordinates(places, self.image_shape, windows.map_shape, windows.margin)
        grid = sample_grids(windows, at[..., 0], at[..., 1])
        there = torch.from_numpy(inside).to(grid)
        side = 2 * self.steps + 1
        total, size = grid.new_zeros(2, len(expected), side, side)
        for index, (x, y) in enumerate(self.lattice.tolist()):
            feature, own = self.patches[index], self.sizes[index]
            top, left = int(y) + pad, int(x) + pad
            rows, columns = slice(top, top + side), slice(left, left + side)
            part = there[:, rows, columns] * self.inside[index, :, None, None]
            total += (grid[:, rows, columns] - feature[:, None, None]).abs_().sum(-1) * part
            size += own[:, None, None] * part
        return total / size.clamp(min=1e-12)


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
