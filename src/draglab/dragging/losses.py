"""Losses of equation 1 (DragGAN section 3.2): motion supervision, the mask term, and their sum.

    L = sum_i sum_{q in Omega_1(p_i, r1)} | F(q) - F(q + d_i) |_1  +  lambda | (F - F_0) (1 - M) |_1

F(q) is a constant, through which no gradient flows, so that the features at q + d_i become like those at q.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.bilinear import sample_points, sample_resized
from draglab.dragging.features import Features
from draglab.dragging.settings import DragSettings
from draglab.generators.windows import Windows, cut
from draglab.geometry import Mask, image_extent, to_feature_coordinates


@dataclass(frozen=True)
class Losses:
    """Losses of one latent (equation 1), scalars.

    Attributes:
        pull: motion supervision and everything else but the mask term. hold: lambda times the mask term.
        motion, mask: the two terms alone, without weights.
    """

    pull: Tensor
    hold: Tensor
    motion: Tensor
    mask: Tensor

    @property
    def total(self) -> Tensor:
        """Sum of pull and hold."""
        return self.pull + self.hold


class LossTerm(Protocol):
    """A loss that is added to the paper's."""

    def __call__(self, w_plus: Tensor, features: Features) -> Tensor:
        """Return the weighted loss, a scalar that is differentiable with respect to the arguments.

        Args:
            w_plus: the current latent, [1, num_ws, w_dim]. features: its features near the handles.
        """
        ...


def directions(
    handles: NDArray[np.float64],
    targets: NDArray[np.float64],
    clip: bool,
    pinned: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return d_i, the unit vectors [n, 2] from handles to targets, in image pixels.

    With `clip`, a handle closer than one pixel to its target gets the remaining distance instead of a whole pixel, so
    that it does not overshoot; `pinned` handles get it in any case. A handle on its target gets zero.
    """
    offset = targets - handles
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    safe = np.where(length > 0, length, 1.0)
    unit = np.where(length > 0, offset / safe, 0.0)
    if clip:
        return unit * np.minimum(length, 1.0)
    return unit if pinned is None else np.where(pinned[:, None], unit * np.minimum(length, 1.0), unit)


def motion_supervision(
    windows: Windows,
    patches: NDArray[np.float64],
    steps: NDArray[np.float64],
    image_shape: tuple[int, int],
    anchors: Tensor | None = None,
    anchor: float | Tensor = 0.0,
    resized: bool = False,
) -> Tensor:
    """Return sum_i sum_{q in Omega_1(p_i)} | F(q) - F(q + d_i) |_1, a scalar, with no gradient through F(q).

    Args:
        windows: F around the handles, or the whole map.
        patches: q, the points of Omega_1 of every handle, [n, k, 2] image pixels.
        steps: d, [n, 2] image pixels.
        image_shape: (height, width).
        anchors: features of the start at Omega_1 of the start's handles, [n, k, C]; F(q) is replaced by
            (1 - anchor) * F(q) + anchor * anchors.
        anchor: one value for all handles, or [n, 1, 1].
        resized: interpolate between pixels of the image, as if the map had been resized to it (as in the paper),
            instead of between pixels of the feature map.
    """
    ahead = patches + steps[:, None, :]
    with torch.no_grad():
        wanted = sample_points(windows, _on_map(windows, patches, image_shape))
    if anchors is not None and (isinstance(anchor, Tensor) or anchor > 0):
        wanted = torch.lerp(wanted, anchors, anchor)
    if resized:
        moved = sample_resized(windows, ahead, image_shape)
    else:
        moved = sample_points(windows, _on_map(windows, ahead, image_shape))
    return (wanted - moved).abs().sum()


def _on_map(windows: Windows, points: NDArray[np.float64], image_shape: tuple[int, int]) -> NDArray[np.float64]:
    return to_feature_coordinates(points, image_shape, windows.map_shape, windows.margin)


def frozen_weights(mask: Mask, feature_shape: tuple[int, int], margin: int = 0) -> Tensor:
    """Return 1 - M for a feature map: [H, W] = `feature_shape`, in image pixels per feature pixel.

    The paper sums |F - F0| (1 - M) over the pixels of features resized to the image. One feature pixel stands for
    (image area / feature area) of those, of which the frozen share counts; with a soft mask (floats, 1 = movable) that
    is the mean of 1 - M. The `margin` of a map around the image is neither frozen nor movable: its weights are zero.
    """
    frozen = torch.from_numpy(1 - mask.astype(np.float32))[None, None]
    height, width = image_extent(feature_shape, margin)
    area = frozen.shape[2] * frozen.shape[3] / (height * width)
    weights = F.adaptive_avg_pool2d(frozen, (height, width))[0, 0] * area
    return F.pad(weights, (margin, margin, margin, margin)) if margin else weights


def l1_where_frozen(features: Tensor, start: Tensor, frozen: Tensor) -> Tensor:
    """Return | (F - F0) (1 - M) |_1 of each of n windows: [n].

    Args:
        features, start: F and F0, [n, C, H, W]. frozen: 1 - M from :func:`frozen_weights`, [n, 1, H, W].
    """
    # With channels last, the reduction reads memory in order.
    difference = (features - start).permute(0, 2, 3, 1)
    exact = torch.promote_types(difference.dtype, torch.float32)
    return (difference.abs().sum(-1, dtype=exact) * frozen[:, 0]).sum(dim=(1, 2))


class ExactMaskTerm:
    """The mask term, computed from the smallest rectangle that holds everything frozen.

    Args:
        start: F0 of the whole map, [1, C, H, W]. frozen: 1 - M from :func:`frozen_weights`, not zero everywhere.
        scale: factor of the term.

    Attributes:
        size: (height, width) of the rectangle, feature pixels.
    """

    count = 1

    def __init__(self, start: Tensor, frozen: Tensor, scale: float = 1.0):
        self.origin, self.size = frozen_rectangle(frozen)
        self.start = cut(start, self.origin, self.size).clone(memory_format=torch.channels_last)
        self.frozen = cut(_weights_like(start, frozen), self.origin, self.size)
        self.scale = scale

    def draw(self) -> NDArray[np.int64]:
        """Return the origin [1, 2] (x, y) of the window that the next step needs."""
        return self.origin

    def __call__(self, windows: Windows) -> Tensor:
        """Return the loss, a scalar, from that window or the whole map."""
        features = cut(windows.values, self.origin - windows.origins, self.size)
        return l1_where_frozen(features, self.start, self.frozen)[0] * self.scale


class SampledMaskTerm:
    """An unbiased estimate of the mask term from a few tiles, drawn anew for every step.

    The map is cut into tiles of one size. `count` of them are drawn with replacement, each with a probability p
    proportional to its frozen share; the expectation of the mean of (loss of the tile / p) is the whole map's loss.

    Args:
        start: F0 of the whole map, [1, C, H, W]. frozen: 1 - M from :func:`frozen_weights`, not zero everywhere.
        scale: factor of the term. side: side of the tiles, feature pixels. count: number of tiles in each step.
        seed: seed of the draws.

    Attributes:
        size: (height, width) of a tile.
    """

    def __init__(self, start: Tensor, frozen: Tensor, scale: float, side: int, count: int, seed: int):
        self.start, self.size, self.count, self.scale = start, (side, side), count, scale
        self.frozen = _weights_like(start, frozen)
        height, width = frozen.shape
        rows, columns = np.meshgrid(np.arange(0, height, side), np.arange(0, width, side), indexing="ij")
        self.tiles = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.int64)
        weights = cut(frozen[None, None], self.tiles, self.size).sum(dim=(1, 2, 3)).double().numpy()
        self.probabilities = weights / weights.sum()
        self.random = np.random.RandomState(seed)
        self.drawn = np.zeros(count, dtype=np.int64)

    def exact(self) -> ExactMaskTerm:
        """Return the exact term that this one estimates."""
        return ExactMaskTerm(self.start, self.frozen[0, 0], self.scale)

    def draw(self) -> NDArray[np.int64]:
        """Draw the tiles of the next step and return their origins [count, 2] (x, y)."""
        self.drawn = self.random.choice(len(self.tiles), self.count, p=self.probabilities)
        return self.tiles[self.drawn]

    def __call__(self, windows: Windows) -> Tensor:
        """Return the estimate, a scalar, from the windows at the origins drawn last, in their order."""
        origins = self.tiles[self.drawn]
        losses = l1_where_frozen(
            windows.values, cut(self.start, origins, self.size), cut(self.frozen, origins, self.size)
        )
        return (losses / torch.from_numpy(self.probabilities[self.drawn]).to(losses)).mean() * self.scale


def make_mask_term(
    start: Tensor, margin: int, mask: Mask, settings: DragSettings, side: int
) -> ExactMaskTerm | SampledMaskTerm:
    """Make the mask term that the settings ask for.

    Args:
        start: F0 of the whole map, [1, C, H, W]. margin: margin of the map, see :class:`Windows`.
        mask: [H, W], not 1 everywhere. side: side of sampled tiles, feature pixels.
    """
    frozen = frozen_weights(mask, (start.shape[2], start.shape[3]), margin)
    scale = 1 / (frozen.sum().item() * start.shape[1]) if settings.reduction == "mean" else 1.0
    if settings.mask_term == "exact":
        return ExactMaskTerm(start, frozen, scale)
    return SampledMaskTerm(start, frozen, scale, side, settings.mask_windows, settings.seed)


def frozen_rectangle(frozen: Tensor) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Return origin [1, 2] (x, y) and (height, width) of the smallest rectangle around all nonzero weights [H, W]."""
    rows, columns = np.nonzero(frozen.cpu().numpy())
    left, top = columns.min(), rows.min()
    return np.array([[left, top]], dtype=np.int64), (int(rows.max() - top) + 1, int(columns.max() - left) + 1)


def _weights_like(start: Tensor, frozen: Tensor) -> Tensor:
    """Move weights [H, W] to the features' device, as [1, 1, H, W] in at least float32."""
    return frozen[None, None].to(start.device, torch.promote_types(start.dtype, torch.float32))
