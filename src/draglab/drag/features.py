"""The features that a drag looks at: windows around the handles, or the whole map where that is cheaper or needed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import FeatureMaps, StyleGAN2
from draglab.generators.windows import WindowPlan, Windows
from draglab.geometry import to_feature_coordinates


class FeatureReader:
    """Reads one block's features near the handles.

    Args:
        generator: the model. resolution: the block.
        reach: how far from a handle features are read, image pixels.
        handles: how many there are. tiles: how many windows are read besides, for a mask.
        whole: read the whole map in any case, because a mask needs it.

    Attributes:
        side: of a window, pixels of the feature map; windows may come out larger.
    """

    def __init__(
        self, generator: StyleGAN2, resolution: int, reach: float, handles: int, tiles: int = 0, whole: bool = False
    ):
        self.generator = generator
        self.resolution = resolution
        self.reach = reach
        self.map_shape = generator.synthesis.shape_at(resolution)
        scale = self.map_shape[0] / generator.img_shape[0]
        self.side = math.ceil(2 * reach * scale) + 2
        plan = WindowPlan(generator.synthesis, resolution, (self.side, self.side), handles + tiles)
        self.plan = None if whole or plan.whole_until == resolution else plan

    def read_whole(self, w_plus: Tensor) -> tuple[Windows, FeatureMaps]:
        """The whole map as one window, and all blocks' maps."""
        maps = self.generator.feature_maps(w_plus, self.resolution)
        return Windows(maps.top, np.zeros((1, 2), dtype=np.int64), self.map_shape), maps

    def read(
        self, w_plus: Tensor, handles: NDArray[np.float64], tiles: NDArray[np.int64] | None = None
    ) -> tuple[Windows, Windows | None, FeatureMaps | None]:
        """Features within reach of the handles [n, 2], and those of tiles at origins [k, 2] of the map, if any;
        also all blocks' maps if the whole map was computed, which is then the only window."""
        if self.plan is None:
            windows, maps = self.read_whole(w_plus)
            return windows, None, maps
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape)
        origins = np.floor(first).astype(np.int64)
        if tiles is None:
            return self.plan.run(w_plus, origins), None, None
        both = self.plan.run(w_plus, np.concatenate([origins, tiles]))
        n = len(handles)
        near = Windows(both.values[:n], both.origins[:n], both.map_shape)
        return near, Windows(both.values[n:], both.origins[n:], both.map_shape), None
