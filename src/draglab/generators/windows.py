"""Windows of feature maps, for any architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.geometry import image_extent


@dataclass(frozen=True)
class Windows:
    """Parts of one feature map.

    Attributes:
        values: [n, C, h, w]. Values outside the map are zero.
        origins: [n, 2] (x, y) of each window's first pixel in the map; may lie outside it.
        map_shape: (height, width) of the whole map.
        margin: number of pixels by which the map extends beyond each border of the image.
    """

    values: Tensor
    origins: NDArray[np.int64]
    map_shape: tuple[int, int]
    margin: int = 0

    @property
    def extent(self) -> tuple[int, int]:
        """(height, width) of the image in pixels of the map."""
        return image_extent(self.map_shape, self.margin)


class WindowPlan(Protocol):
    """Plan for computing windows of one level's maps without the whole maps; from :meth:`Generator.window_plan`.

    Attributes:
        whole_until: the highest level whose maps are computed whole; it is lower than the level of the windows.
    """

    whole_until: int

    def run(
        self,
        w_plus: Tensor,
        origins: Sequence[NDArray[np.int64]],
        mode: str = "const",
        owners: Sequence[NDArray[np.int64]] | None = None,
        dtype: torch.dtype | None = None,
    ) -> list[Windows]:
        """Compute each group's windows at its `origins` [n, 2] (x, y).

        Values and gradients with respect to w_plus equal those of the same parts of the whole maps.

        Args:
            w_plus: [N, num_ws, w_dim].
            mode: mode of the noise, "const" or "none".
            owners: for each group, [n], the index of each window's latent; None = there is only one latent.
            dtype: dtype in which the features are computed; None = that of the weights.
        """
        ...


def cut(
    feature_maps: Tensor,
    origins: NDArray[np.int64],
    size: tuple[int, int],
    owners: NDArray[np.int64] | None = None,
) -> Tensor:
    """Cut windows from maps, with zeros outside the maps: [N, C, H, W] -> [n, C, h, w].

    `owners` [n] has the index of each window's map; None = the first for all.
    """
    height, width = feature_maps.shape[2:]
    before = np.maximum(-origins.min(axis=0), 0)
    after = np.maximum(origins.max(axis=0) + [size[1], size[0]] - [width, height], 0)
    if before.any() or after.any():
        feature_maps = F.pad(feature_maps, (int(before[0]), int(after[0]), int(before[1]), int(after[1])))
    corners = (origins + before).tolist()
    maps = [0] * len(corners) if owners is None else owners.tolist()
    parts = [
        feature_maps[i : i + 1, :, y : y + size[0], x : x + size[1]] for i, (x, y) in zip(maps, corners, strict=True)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)
