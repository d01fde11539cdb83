"""Exact features of small windows: only what a drag looks at is synthesised.

A window of a block's output depends on a slightly larger window of the block below, and so on down. Going backwards
from the windows asked for, each block's input window is found; then every block runs on its windows alone, without
padding, all windows as one batch. Outside the image the inputs of a convolution are zero, as its zero padding makes
them, so values beyond the borders are set to zero after every layer. Low blocks are small: below some resolution, which
a cost model chooses, the whole map is computed and the windows are cut from it.

Nothing here knows StyleGAN2: it walks the layers that a block describes (`convolutions`, `shortcut`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.convolution import share_of_multiplications
from draglab.generators.ops import low_pass_padding
from draglab.generators.synthesis import NoiseDraw, NoiseSource, SynthesisBlock, SynthesisLayer, SynthesisNetwork
from draglab.geometry import image_extent

LAYER_OVERHEAD = 4e6
"""What starting one layer costs, in multiplications that could be done meanwhile."""

WINDOW_PENALTY = 1.25
"""How much longer a multiplication takes in a batch of small windows than in one large map. With this value plans were
fastest for 1, 5 and 20 handles at 1024 px and for 1 and 5 at 256 px, on two cores (docs/performance.md)."""


@dataclass(frozen=True)
class Windows:
    """Parts of one feature map.

    Attributes:
        values: [n, C, h, w]. Values outside the map are zero.
        origins: [n, 2] (x, y) of each window's first pixel in the map; may lie outside it.
        map_shape: (height, width) of the whole map.
        margin: pixels by which the map reaches over each border of the image.
    """

    values: Tensor
    origins: NDArray[np.int64]
    map_shape: tuple[int, int]
    margin: int = 0

    @property
    def extent(self) -> tuple[int, int]:
        """(height, width) of the image in pixels of the map."""
        return image_extent(self.map_shape, self.margin)


def cut(
    feature_maps: Tensor,
    origins: NDArray[np.int64],
    size: tuple[int, int],
    owners: NDArray[np.int64] | None = None,
) -> Tensor:
    """Windows of maps, zero outside them: [N, C, H, W] -> [n, C, h, w]; `owners` [n] says of which map, None = of the
    first."""
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


def inside(origins: NDArray[np.int64], size: tuple[int, int], map_shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Which pixels of the windows lie in the map, bool [n, 1, h, w]; None if all do."""
    last = origins + [size[1] - 1, size[0] - 1]
    if (origins >= 0).all() and (last < [map_shape[1], map_shape[0]]).all():
        return None
    columns = origins[:, :1] + np.arange(size[1])
    rows = origins[:, 1:] + np.arange(size[0])
    column_in, row_in = (columns >= 0) & (columns < map_shape[1]), (rows >= 0) & (rows < map_shape[0])
    return (row_in[:, :, None] & column_in[:, None, :])[:, None]


def _zero_outside(x: Tensor, origins: NDArray[np.int64], map_shape: tuple[int, int]) -> Tensor:
    mask = inside(origins, (x.shape[2], x.shape[3]), map_shape)
    return x if mask is None else x * torch.from_numpy(mask).to(x.device, x.dtype)


def _noise_at(origins: NDArray[np.int64], mode: str) -> NoiseDraw:
    def draw(layer: SynthesisLayer, x: Tensor) -> Tensor | None:
        return None if mode == "none" else cut(layer.noise_const[None, None], origins, (x.shape[2], x.shape[3]))

    return draw


def margins(taps: int) -> tuple[int, int]:
    """Of a block that doubles the size: input window [n0, n1) gives output [2 n0 + lead, 2 n1 - trail)."""
    before, _ = low_pass_padding(taps)
    return 2 + before, taps - before


def input_size(size: int, taps: int) -> int:
    """Side of the input window whose output covers `size` pixels wherever they begin."""
    lead, trail = margins(taps)
    # One pixel more, because the output begins at an even distance from the input's origin and the request may not.
    return -(-(size + 1 + lead + trail) // 2)


def input_origins(origins: NDArray[np.int64], taps: int) -> NDArray[np.int64]:
    """Where input windows begin so that their outputs begin at `origins` or one pixel before."""
    return (origins - margins(taps)[0]) // 2


def _crop(x: Tensor, at: NDArray[np.int64], wanted: NDArray[np.int64], size: tuple[int, int]) -> Tensor:
    """Of windows x at `at`, the parts of `size` at `wanted`."""
    starts = (wanted - at).tolist()
    parts = [x[i : i + 1, :, v : v + size[0], u : u + size[1]] for i, (u, v) in enumerate(starts)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def run_block(
    block: SynthesisBlock,
    windows: Windows,
    wanted: NDArray[np.int64],
    size: tuple[int, int],
    w_plus: Tensor,
    kernel: Tensor,
    mode: str,
) -> Windows:
    """One block's output windows of `size` at `wanted` from its input windows, which begin at
    `input_origins(wanted)` and are of `input_size(size)`."""
    map_shape = (2 * windows.map_shape[0], 2 * windows.map_shape[1])
    taps = kernel.shape[0]
    x, at = windows.values, windows.origins
    residual = block.shortcut(x, kernel)
    layers = block.convolutions()
    for done, (layer, index, gain) in enumerate(layers, start=1):
        at = 2 * at + 1 + low_pass_padding(taps)[0] if layer.up else at + 1
        x = layer(x, w_plus[:, index], kernel, _noise_at(at, mode), gain, valid=True)
        # Each layer that follows takes one pixel on each side; what it does not need is not worked on.
        left = len(layers) - done
        x = _crop(x, at, wanted - left, (size[0] + 2 * left, size[1] + 2 * left))
        at = wanted - left
        x = _zero_outside(x, at, map_shape)
    if residual is not None:
        x = _zero_outside(x + _crop(residual, 2 * windows.origins, wanted, size), at, map_shape)
    return Windows(x, at, map_shape)


class WindowPlan:
    """Which blocks run whole and which on windows.

    Args:
        synthesis: the network.
        resolution: the block whose windows are wanted.
        groups: windows of equal size run together: (size, count) of each group, size = (height, width) in pixels of the
            block's feature map.
        samples: how many latents these windows are of.

    Attributes:
        whole_until: resolution of the last block that runs whole; equal to `resolution` if windows save nothing.
    """

    def __init__(
        self,
        synthesis: SynthesisNetwork,
        resolution: int,
        groups: Sequence[tuple[tuple[int, int], int]],
        samples: int = 1,
    ):
        self.synthesis = synthesis
        self.samples = samples
        self.resolution = resolution
        self.groups = groups
        taps = synthesis.kernel.shape[0]
        self.blocks = [level for level in synthesis.block_resolutions if level <= resolution]
        self.sizes: list[dict[int, tuple[int, int]]] = []
        for size, _ in groups:
            sizes = {resolution: size}
            for level in reversed(self.blocks[1:]):
                sizes[level // 2] = (input_size(sizes[level][0], taps), input_size(sizes[level][1], taps))
            self.sizes.append(sizes)
        costs = {last: self._cost(last) for last in self.blocks}
        self.whole_until = min(reversed(self.blocks), key=lambda last: costs[last])

    def _cost(self, last: int) -> float:
        """Multiplications if blocks up to `last` run whole and those above on windows."""
        total = 0.0
        for level in self.blocks:
            below = max(level // 2, self.blocks[0])
            if level <= last:
                shapes = self.synthesis.shape_at(level), self.synthesis.shape_at(below)
                total += self._block_cost(level, *shapes, times=self.samples)
                continue
            for sizes, (_, count) in zip(self.sizes, self.groups, strict=True):
                total += self._block_cost(level, sizes[level], sizes[below], WINDOW_PENALTY * count)
        return total

    def _block_cost(self, level: int, outputs: tuple[int, int], inputs: tuple[int, int], times: float = 1.0) -> float:
        total = 0.0
        for layer, _, _ in self.synthesis.block(level).convolutions():
            # A doubling layer multiplies at the positions of its input.
            height, width = inputs if layer.up else outputs
            share = 1.0 if layer.up else share_of_multiplications(layer.weight)
            total += layer.weight.numel() * share * height * width * times + LAYER_OVERHEAD
        return total

    def run(
        self,
        w_plus: Tensor,
        origins: Sequence[NDArray[np.int64]],
        mode: str = "const",
        owners: Sequence[NDArray[np.int64]] | None = None,
        dtype: torch.dtype | None = None,
    ) -> list[Windows]:
        """Each group's windows of the block's output at its `origins` [n, 2] (x, y); or for each group the whole maps.

        Equal to the same parts of the whole maps, and so are gradients with respect to w_plus.

        Args:
            w_plus: [N, num_ws, w_dim].
            owners: for each group, of which latent each window is, [n]; None = of the only one.
            dtype: of the features and all that leads to them; None = of the weights.
        """
        synthesis, taps, last = self.synthesis, self.synthesis.kernel.shape[0], self.whole_until
        whole = synthesis.run_blocks(w_plus, last, NoiseSource(mode).draw, dtype=dtype)[last]
        above = [level for level in self.blocks if level > last]
        if not above:
            return [Windows(whole, np.zeros((len(whole), 2), dtype=np.int64), synthesis.shape_at(last))] * len(origins)
        groups = []
        for index, (sizes, asked) in enumerate(zip(self.sizes, origins, strict=True)):
            of = None if owners is None else owners[index]
            own = w_plus if of is None else w_plus[torch.from_numpy(of).to(w_plus.device)]
            wanted = {self.resolution: np.asarray(asked, dtype=np.int64)}
            for level in reversed(above):
                wanted[level // 2] = input_origins(wanted[level], taps)
            values = cut(whole, wanted[last], sizes[last], of)
            windows = Windows(values, wanted[last], synthesis.shape_at(last))
            for level in above:
                block, kernel = synthesis.block(level), synthesis.kernel
                windows = run_block(block, windows, wanted[level], sizes[level], own, kernel, mode)
            groups.append(windows)
        return groups
