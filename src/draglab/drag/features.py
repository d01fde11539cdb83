"""The features that a drag looks at: windows near the handles and for the mask, or whole maps where that is cheaper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import FeatureMaps, Generator
from draglab.generators.windows import Windows
from draglab.geometry import image_extent, to_feature_coordinates


@dataclass(frozen=True)
class Reading:
    """Features of one latent.

    Attributes:
        near: windows around the handles, one each, or one window that is the whole map.
        others: the windows that a mask needs, if any, or the whole map.
        maps: all blocks' maps if the whole map was computed.
    """

    near: Windows
    others: Windows | None
    maps: FeatureMaps | None


class FeatureReader:
    """Reads one level's features near the handles, and others for a mask.

    Args:
        generator: the model. level: of its features.
        reach: how far from a handle features are read, image pixels.
        handles: how many there are.
        others: ((height, width), count) of the windows that are read besides, if any.
        dtype: what features are computed in; None = as the weights.

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
        others: tuple[tuple[int, int], int] | None = None,
        dtype: torch.dtype | None = None,
    ):
        self.generator = generator
        self.dtype = dtype
        self.level = level
        self.reach = reach
        self.map_shape = generator.feature_shape(level)
        self.margin = generator.feature_margin(level)
        self.side = window_side(reach, image_extent(self.map_shape, self.margin), generator.img_shape)
        self.alone = others is not None
        groups = [((self.side, self.side), handles)]
        self.plan = generator.window_plan(level, groups if others is None else [*groups, others])
        self.windowed = self.plan is not None and self.plan.whole_until < level

    def read_whole(self, w_plus: Tensor) -> tuple[Windows, FeatureMaps]:
        """The whole map as one window, and all blocks' maps."""
        maps = self.generator.feature_maps(w_plus, self.level, dtype=self.dtype)
        return self.as_window(maps), maps

    def as_window(self, maps: FeatureMaps) -> Windows:
        """The highest map as one window."""
        return Windows(maps.top, np.zeros((1, 2), dtype=np.int64), self.map_shape, self.margin)

    def origins(self, handles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Where the windows of handles [n, 2] begin: [n, 2] (x, y), pixels of the feature map."""
        first = to_feature_coordinates(handles - self.reach, self.generator.img_shape, self.map_shape, self.margin)
        return np.floor(first).astype(np.int64)

    def read(self, w_plus: Tensor, handles: NDArray[np.float64], others: NDArray[np.int64] | None = None) -> Reading:
        """Features within reach of the handles [n, 2], and those of the other windows at origins [k, 2] of the map."""
        if self.plan is None or not self.windowed:
            windows, maps = self.read_whole(w_plus)
            return Reading(windows, windows, maps)
        own = self.origins(handles)
        groups = self.plan.run(w_plus, [own] if others is None else [own, others], dtype=self.dtype)
        return Reading(groups[0], groups[1] if len(groups) > 1 else None, None)

    @property
    def batch_key(self) -> tuple[int, ...] | None:
        """Readers of equal keys can :func:`read_together`; None = only alone, because a mask needs other windows."""
        return None if self.alone else (id(self.generator), self.level, self.side, id(self.dtype))


def read_together(
    readers: Sequence[FeatureReader], w_plus: Sequence[Tensor], handles: Sequence[NDArray[np.float64]]
) -> list[Reading]:
    """What each reader would read, as one batch.

    Args:
        readers: of one `batch_key`. w_plus: of each, [1, num_ws, w_dim]. handles: of each, [n, 2].
    """
    first = readers[0]
    counts = [len(each) for each in handles]
    size = (first.side, first.side)
    plan = first.generator.window_plan(first.level, [(size, sum(counts))], len(readers))
    latents = torch.cat(list(w_plus))
    if plan is None or plan.whole_until == first.level:
        maps = first.generator.feature_maps(latents, first.level, dtype=first.dtype)
        parts = [
            FeatureMaps({level: block[i : i + 1] for level, block in maps.blocks.items()}) for i in range(len(readers))
        ]
        wholes = [first.as_window(part) for part in parts]
        return [Reading(whole, whole, part) for whole, part in zip(wholes, parts, strict=True)]
    origins = np.concatenate([reader.origins(each) for reader, each in zip(readers, handles, strict=True)])
    (windows,) = plan.run(latents, [origins], owners=[np.repeat(np.arange(len(readers)), counts)], dtype=first.dtype)
    ends = np.cumsum(counts)
    return [
        Reading(replace(windows, values=windows.values[start:end], origins=windows.origins[start:end]), None, None)
        for start, end in zip(ends - counts, ends, strict=True)
    ]


def window_side(reach: float, extent: tuple[int, int], image_shape: tuple[int, int]) -> int:
    """Side of a window, feature pixels, that holds all within `reach` image pixels of any point. `extent`: the image's
    (height, width) in feature pixels."""
    return math.ceil(2 * reach * extent[0] / image_shape[0]) + 2
