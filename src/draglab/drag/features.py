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
        handles: how many there are.
        whole: read the whole map in any case, because a mask needs it.
    """

    def __init__(self, generator: StyleGAN2, resolution: int, reach: float, handles: int, whole: bool):
        self.generator = generator
        self.resolution = resolution
        self.reach = reach
        self.map_shape = generator.synthesis.shape_at(resolution)
        scale = self.map_shape[0] / generator.img_shape[0]
        side = math.ceil(2 * reach * scale) + 2
        plan = WindowPlan(generator.synthesis, resolution, (side, side), handles)
        self.plan = None if whole or plan.whole_until == resolution else plan

    def read(self, w_plus: Tensor, handles: NDArray[np.float64]) -> tuple[Windows, FeatureMaps | None]:
        """Features within reach of the handles [n, 2]; also all blocks' maps if the whole map was computed."""
        if self.plan is None:
            maps = self.generator.feature_maps(w_plus, self.resolution)
            return Windows(maps.top, np.zeros((1, 2), dtype=np.int64), self.map_shape), maps
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape)
        return self.plan.run(w_plus, np.floor(first).astype(np.int64)), None
