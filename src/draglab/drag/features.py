"""The features that a drag looks at: windows around the handles and for the mask, or the whole map where that is cheaper."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import FeatureMaps, StyleGAN2
from draglab.generators.windows import WindowPlan, Windows
from draglab.geometry import to_feature_coordinates


class FeatureReader:
    """Reads one block's features near the handles, and others for a mask.

    Args:
        generator: the model. resolution: the block.
        reach: how far from a handle features are read, image pixels.
        handles: how many there are.
        others: ((height, width), count) of the windows that are read besides, if any.

    Attributes:
        side: of a handle's window, pixels of the feature map.
        windowed: whether windows are read, not the whole map.
    """

    def __init__(
        self,
        generator: StyleGAN2,
        resolution: int,
        reach: float,
        handles: int,
        others: tuple[tuple[int, int], int] | None = None,
    ):
        self.generator = generator
        self.resolution = resolution
        self.reach = reach
        self.map_shape = generator.synthesis.shape_at(resolution)
        self.side = window_side(reach, self.map_shape, generator.img_shape)
        groups = [((self.side, self.side), handles)]
        self.plan = WindowPlan(generator.synthesis, resolution, groups if others is None else [*groups, others])
        self.windowed = self.plan.whole_until < resolution

    def read_whole(self, w_plus: Tensor) -> tuple[Windows, FeatureMaps]:
        """The whole map as one window, and all blocks' maps."""
        maps = self.generator.feature_maps(w_plus, self.resolution)
        return Windows(maps.top, np.zeros((1, 2), dtype=np.int64), self.map_shape), maps

    def read(
        self, w_plus: Tensor, handles: NDArray[np.float64], others: NDArray[np.int64] | None = None
    ) -> tuple[Windows, Windows | None, FeatureMaps | None]:
        """Features within reach of the handles [n, 2], and those of the other windows at origins [k, 2] of the map, if
        there are any; also all blocks' maps if the whole map was computed, which is then every window."""
        if not self.windowed:
            windows, maps = self.read_whole(w_plus)
            return windows, windows, maps
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape)
        origins = np.floor(first).astype(np.int64)
        groups = self.plan.run(w_plus, [origins] if others is None else [origins, others])
        return groups[0], groups[1] if len(groups) > 1 else None, None


def window_side(reach: float, map_shape: tuple[int, int], image_shape: tuple[int, int]) -> int:
    """Side of a window, feature pixels, that holds all within `reach` image pixels of any point."""
    return math.ceil(2 * reach * map_shape[0] / image_shape[0]) + 2
