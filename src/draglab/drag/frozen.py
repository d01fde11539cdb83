"""The mask term: what is frozen should keep the features it had (DragGAN section 3.2, second part of equation 1)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.windows import Windows, cut


def frozen_weights(mask: NDArray[np.bool_], feature_shape: tuple[int, int]) -> Tensor:
    """1 - M for a feature map: [H, W], in image pixels per feature pixel.

    The paper sums |F - F0| (1 - M) over the pixels of features resized to the image. One feature pixel stands for
    (image area / feature area) of those, of which the frozen share counts.
    """
    frozen = torch.from_numpy(~mask)[None, None].float()
    area = frozen.shape[2] * frozen.shape[3] / (feature_shape[0] * feature_shape[1])
    return torch.nn.functional.adaptive_avg_pool2d(frozen, feature_shape)[0, 0] * area


def mask_loss(features: Tensor, start: Tensor, frozen: Tensor) -> Tensor:
    """| (F - F0) (1 - M) |_1 over the whole map, a scalar.

    Args:
        features, start: F and F0, [1, C, H, W]. frozen: from :func:`frozen_weights`, [H, W].
    """
    return ((features - start).abs().sum(1)[0] * frozen).sum()


class SampledMaskLoss:
    """An unbiased estimate of :func:`mask_loss` from a few tiles, drawn anew for every step.

    The map is cut into tiles of one size. `count` of them are drawn with replacement, each with a probability p in
    proportion to how much of it is frozen; the mean of (loss of the tile / p) has the whole map's loss as expectation.

    Args:
        start: F0, [1, C, H, W]. frozen: from :func:`frozen_weights`.
        side: of the tiles, feature pixels. count: tiles a step. seed: of the draws.
    """

    def __init__(self, start: Tensor, frozen: Tensor, side: int, count: int, seed: int):
        self.start, self.side, self.count = start, side, count
        self.frozen = frozen[None, None].to(start)
        height, width = frozen.shape
        rows, columns = np.meshgrid(np.arange(0, height, side), np.arange(0, width, side), indexing="ij")
        self.tiles = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.int64)
        weights = cut(frozen[None, None], self.tiles, (side, side)).sum(dim=(1, 2, 3)).double().numpy()
        self.probabilities = weights / weights.sum()
        self.random = np.random.RandomState(seed)
        self.drawn = np.zeros(count, dtype=np.int64)

    def draw(self) -> NDArray[np.int64]:
        """Origins [count, 2] (x, y) of the next step's tiles."""
        self.drawn = self.random.choice(len(self.tiles), self.count, p=self.probabilities)
        return self.tiles[self.drawn]

    def __call__(self, windows: Windows) -> Tensor:
        """The estimate, a scalar, from windows that cover the tiles last drawn, in their order."""
        origins, size = self.tiles[self.drawn], (self.side, self.side)
        before = cut(self.start, origins, size)
        frozen = cut(self.frozen, origins, size)
        offsets = (origins - windows.origins).tolist()
        parts = [windows.values[i, :, y : y + self.side, x : x + self.side] for i, (x, y) in enumerate(offsets)]
        losses = ((torch.stack(parts) - before).abs().sum(1, keepdim=True) * frozen).sum(dim=(1, 2, 3))
        shares = torch.from_numpy(self.probabilities[self.drawn]).to(losses)
        return (losses / shares).mean()
