"""Features that a drag reads: windows near the handles and for the mask, or whole maps where those are cheaper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.bilinear import sample_points
from draglab.generators import FeatureMaps, Generator
from draglab.generators.windows import Windows
from draglab.geometry import image_extent, to_feature_coordinates


@dataclass(frozen=True)
class Features:
    """Features of one latent.

    Attributes:
        near: one window around each handle, or one window that is the whole map.
        for_mask: the windows that a mask term asked for, or the whole map; None = neither.
        maps: the maps of all blocks if whole maps were computed.
    """

    near: Windows
    for_mask: Windows | None = None
    maps: FeatureMaps | None = None

    @classmethod
    def whole(cls, maps: FeatureMaps, margin: int) -> Features:
        """Build from whole maps of one image; `margin`: see :class:`draglab.generators.windows.Windows`."""
        height, width = maps.top.shape[2:]
        window = Windows(maps.top, np.zeros((1, 2), dtype=np.int64), (height, width), margin)
        return cls(window, window, maps)

    def at(self, points: NDArray[np.float64], image_shape: tuple[int, int]) -> Tensor:
        """Sample features [n, k, C] at image points [n, k, 2] near the n handles; image_shape: (height, width)."""
        near = self.near
        return sample_points(near, to_feature_coordinates(points, image_shape, near.map_shape, near.margin))


class FeatureReader:
    """Reader of one level's features, near the handles and for a mask term.

    Args:
        generator: the model. level: level of the features.
        reach: distance from a handle within which features are read, image pixels.
        handles: number of handles.
        for_mask: ((height, width), count) of the windows that a mask term asks for; None = no mask term.
        dtype: dtype in which features are computed; None = that of the weights.
        windows: False = read whole maps, even where windows are cheaper.

    Attributes:
        side: side of a handle's window, pixels of the feature map.
        windowed: True if windows are read, False if whole maps are.
    """

    def __init__(
        self,
        generator: Generator,
        level: int,
        reach: float,
        handles: int,
        for_mask: tuple[tuple[int, int], int] | None = None,
        dtype: torch.dtype | None = None,
        windows: bool = True,
    ):
        self.generator, self.level, self.reach, self.dtype = generator, level, reach, dtype
        self.map_shape = generator.feature_shape(level)
        self.margin = generator.feature_margin(level)
        self.side = window_side(reach, image_extent(self.map_shape, self.margin), generator.img_shape)
        self.has_mask = for_mask is not None
        groups = [((self.side, self.side), handles)]
        self.plan = (
            generator.window_plan(level, groups if for_mask is None else [*groups, for_mask]) if windows else None
        )
        self.windowed = self.plan is not None and self.plan.whole_until < level

    def origins(self, handles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the origins [n, 2] (x, y) of the windows of handles [n, 2], pixels of the feature map."""
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape, self.margin)
        return np.floor(first).astype(np.int64)

    def read(self, w_plus: Tensor, handles: NDArray[np.float64], for_mask: NDArray[np.int64] | None = None) -> Features:
        """Compute features within reach of the handles [n, 2], and those of a mask's windows at origins [k, 2]."""
        if self.plan is None or not self.windowed:
            return whole_features(self.generator, w_plus, self.level, self.dtype)
        own = self.origins(handles)
        groups = self.plan.run(w_plus, [own] if for_mask is None else [own, for_mask], dtype=self.dtype)
        return Features(groups[0], groups[1] if len(groups) > 1 else None)


def whole_features(generator: Generator, w_plus: Tensor, level: int, dtype: torch.dtype | None = None) -> Features:
    """Compute whole maps of one latent [1, num_ws, w_dim], in `dtype`; None = that of the weights."""
    return Features.whole(generator.feature_maps(w_plus, level, dtype=dtype), generator.feature_margin(level))


def window_side(reach: float, extent: tuple[int, int], image_shape: tuple[int, int]) -> int:
    """Return the side, in feature pixels, of a window that holds everything within `reach` image pixels of a point.

    `extent` is the image's (height, width) in feature pixels.
    """
    return math.ceil(2 * reach * extent[0] / image_shape[0]) + 2
