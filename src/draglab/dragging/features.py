"""The features that a drag looks at: windows near the handles and for the mask, or whole maps where that is cheaper."""

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
        near: windows around the handles, one each, or one window that is the whole map.
        for_mask: the windows that a mask term asked for, if there is one, or the whole map.
        maps: all blocks' maps if the whole map was computed.
    """

    near: Windows
    for_mask: Windows | None = None
    maps: FeatureMaps | None = None

    @classmethod
    def whole(cls, maps: FeatureMaps, margin: int) -> Features:
        """From whole maps of one image; `margin`: see :class:`draglab.generators.windows.Windows`."""
        height, width = maps.top.shape[2:]
        window = Windows(maps.top, np.zeros((1, 2), dtype=np.int64), (height, width), margin)
        return cls(window, window, maps)

    def at(self, points: NDArray[np.float64], image_shape: tuple[int, int]) -> Tensor:
        """Features [n, k, C] at points [n, k, 2] near the n handles, image pixels; image_shape: (height, width)."""
        near = self.near
        return sample_points(near, to_feature_coordinates(points, image_shape, near.map_shape, near.margin))


class FeatureReader:
    """Reads one level's features near the handles, and others for a mask.

    Args:
        generator: the model. level: of its features.
        reach: how far from a handle features are read, image pixels.
        handles: how many there are.
        for_mask: ((height, width), count) of the windows that a mask term asks for; None = there is none.
        dtype: what features are computed in; None = as the weights.
        windows: False = read whole maps, even where windows are cheaper.

    Attributes:
        side: of a handle's window, pixels of the feature map.
        windowed: whether windows are read, not the whole map.
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
        """Where the windows of handles [n, 2] begin: [n, 2] (x, y), pixels of the feature map."""
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape, self.margin)
        return np.floor(first).astype(np.int64)

    def read(self, w_plus: Tensor, handles: NDArray[np.float64], for_mask: NDArray[np.int64] | None = None) -> Features:
        """Features within reach of the handles [n, 2], and those of a mask's windows at origins [k, 2] of the map."""
        if self.plan is None or not self.windowed:
            return whole_features(self.generator, w_plus, self.level, self.dtype)
        own = self.origins(handles)
        groups = self.plan.run(w_plus, [own] if for_mask is None else [own, for_mask], dtype=self.dtype)
        return Features(groups[0], groups[1] if len(groups) > 1 else None)


def whole_features(generator: Generator, w_plus: Tensor, level: int, dtype: torch.dtype | None = None) -> Features:
    """Whole maps of one latent [1, num_ws, w_dim]; dtype: what they are computed in, None = as the weights."""
    return Features.whole(generator.feature_maps(w_plus, level, dtype=dtype), generator.feature_margin(level))


def window_side(reach: float, extent: tuple[int, int], image_shape: tuple[int, int]) -> int:
    """Side of a window, feature pixels, that holds all within `reach` image pixels of any point. `extent`: the image's
    (height, width) in feature pixels."""
    return math.ceil(2 * reach * extent[0] / image_shape[0]) + 2
