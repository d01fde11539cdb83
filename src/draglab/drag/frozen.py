"""The mask term: what is frozen should keep the features it had (DragGAN section 3.2, second part of equation 1)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.windows import Windows, cut
from draglab.geometry import Mask, image_extent


def frozen_weights(mask: Mask, feature_shape: tuple[int, int], margin: int = 0) -> Tensor:
    """1 - M for a feature map: [H, W] = `feature_shape`, in image pixels per feature pixel.

    The paper sums |F - F0| (1 - M) over the pixels of features resized to the image. One feature pixel stands for
    (image area / feature area) of those, of which the frozen share counts; of a soft mask (floats, 1 = movable) that is
    the mean of 1 - M. The `margin` that a map has around the image is neither frozen nor movable: it counts nothing.
    """
    frozen = torch.from_numpy(1 - mask.astype(np.float32))[None, None]
    height, width = image_extent(feature_shape, margin)
    area = frozen.shape[2] * frozen.shape[3] / (height * width)
    weights = F.adaptive_avg_pool2d(frozen, (height, width))[0, 0] * area
    return F.pad(weights, (margin, margin, margin, margin)) if margin else weights


def _weights_like(start: Tensor, frozen: Tensor) -> Tensor:
    """[1, 1, H, W] where the features are, in float32 at least."""
    return frozen[None, None].to(start.device, torch.promote_types(start.dtype, torch.float32))


def l1_where_frozen(features: Tensor, start: Tensor, frozen: Tensor) -> Tensor:
    """| (F - F0) (1 - M) |_1, for each of n windows: [n].

    Args:
        features, start: F and F0, [n, C, H, W]. frozen: from :func:`frozen_weights`, [n, 1, H, W].
    """
    # With channels last, all of it runs along memory.
    difference = (features - start).permute(0, 2, 3, 1)
    exact = torch.promote_types(difference.dtype, torch.float32)
    return (difference.abs().sum(-1, dtype=exact) * frozen[:, 0]).sum(dim=(1, 2))


class ExactMaskLoss:
    """The mask term, from the smallest rectangle that holds everything frozen.

    Args:
        start: F0 of the whole map, [1, C, H, W]. frozen: from :func:`frozen_weights`, not zero everywhere.

    Attributes:
        size: (height, width) of the rectangle, feature pixels.
    """

    def __init__(self, start: Tensor, frozen: Tensor):
        self.origin, self.size = frozen_rectangle(frozen)
        self.start = cut(start, self.origin, self.size).clone(memory_format=torch.channels_last)
        self.frozen = cut(_weights_like(start, frozen), self.origin, self.size)

    def draw(self) -> NDArray[np.int64]:
        """Origin [1, 2] (x, y) of the window that the next step needs."""
        return self.origin

    def __call__(self, windows: Windows) -> Tensor:
        """The loss, a scalar, from that window or the whole map."""
        return l1_where_frozen(cut(windows.values, self.origin - windows.origins, self.size), self.start, self.frozen)[
            0
        ]


def frozen_rectangle(frozen: Tensor) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Origin [1, 2] (x, y) and (height, width) of the smallest rectangle around what is frozen at all in [H, W]."""
    rows, columns = np.nonzero(frozen.cpu().numpy())
    left, top = columns.min(), rows.min()
    return np.array([[left, top]], dtype=np.int64), (int(rows.max() - top) + 1, int(columns.max() - left) + 1)


class SampledMaskLoss:
    """An unbiased estimate of the mask term from a few tiles, drawn anew for every step.

    The map is cut into tiles of one size. `count` of them are drawn with replacement, each with a probability p in
    proportion to how much of it is frozen; the mean of (loss of the tile / p) has the whole map's loss as expectation.

    Args:
        start: F0 of the whole map, [1, C, H, W]. frozen: from :func:`frozen_weights`, not zero everywhere.
        side: of the tiles, feature pixels. count: tiles a step. seed: of the draws.

    Attributes:
        size: (height, width) of a tile.
    """

    def __init__(self, start: Tensor, frozen: Tensor, side: int, count: int, seed: int):
        self.start, self.size, self.count = start, (side, side), count
        self.frozen = _weights_like(start, frozen)
        height, width = frozen.shape
        rows, columns = np.meshgrid(np.arange(0, height, side), np.arange(0, width, side), indexing="ij")
        self.tiles = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.int64)
        weights = cut(frozen[None, None], self.tiles, self.size).sum(dim=(1, 2, 3)).double().numpy()
        self.probabilities = weights / weights.sum()
        self.random = np.random.RandomState(seed)
        self.drawn = np.zeros(count, dtype=np.int64)

    def draw(self) -> NDArray[np.int64]:
        """Origins [count, 2] (x, y) of the next step's tiles."""
        self.drawn = self.random.choice(len(self.tiles), self.count, p=self.probabilities)
        return self.tiles[self.drawn]

    def __call__(self, windows: Windows) -> Tensor:
        """The estimate, a scalar, from the windows last drawn, in their order."""
        origins = self.tiles[self.drawn]
        losses = l1_where_frozen(
            windows.values, cut(self.start, origins, self.size), cut(self.frozen, origins, self.size)
        )
        return (losses / torch.from_numpy(self.probabilities[self.drawn]).to(losses)).mean()
