"""Exact features of small windows, so that only what a drag reads is synthesised.

A window of a block's output depends on a slightly larger window of the block below, and so on down. Going backwards
from the requested windows, each layer's input window is found; then every block runs on its windows alone, without
padding, all windows as one batch. Zero padding makes the inputs of a convolution zero outside the image, so values
beyond the borders are set to zero after every layer. Low blocks are small: up to a resolution that a cost model
chooses, the whole map is computed and the windows are cut from it.

Nothing here depends on an architecture: each describes its layers as a :class:`WindowedNetwork`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators.windows import Windows, cut

LAYER_OVERHEAD = 4e6
"""Cost of starting one layer, as the number of multiplications that take the same time."""

WINDOW_PENALTY = 1.25
"""Factor by which a multiplication takes longer in a batch of small windows than in one large map. With this value
plans were fastest for 1, 5 and 20 handles at 1024 px and for 1 and 5 at 256 px, on two cores (docs/performance.md)."""

Origins = NDArray[np.int64]
Shape = tuple[int, int]
"""(height, width)."""


class RunLayer(Protocol):
    """Function that runs a layer without padding."""

    def __call__(self, x: Tensor, w_plus: Tensor, origins: Origins, noise_mode: str, /) -> Tensor:
        """Return those outputs of the input windows x [n, C, h, w] that depend on nothing outside the windows.

        Args:
            w_plus: latent of each window, [n or 1, num_ws, w_dim].
            origins: [n, 2] (x, y), origins of the outputs in the layer's map.
        """
        ...


@dataclass(frozen=True)
class WindowedLayer:
    """One layer on windows.

    On each axis, inputs [first, end) give the outputs [scale * first + before, scale * end - after).

    Attributes:
        run: computes the outputs.
        multiplications: returns the layer's approximate number of multiplications for given input and output shapes.
    """

    run: RunLayer
    scale: int
    before: int
    after: int
    multiplications: Callable[[Shape, Shape], float]

    def input_size(self, size: Shape) -> Shape:
        """Return the size of input windows whose outputs cover `size`, wherever they begin."""
        # Up to scale - 1 pixels more: outputs begin at a multiple of the scale from the input's origin.
        height, width = (-(-(side + self.scale - 1 + self.before + self.after) // self.scale) for side in size)
        return height, width

    def input_origins(self, origins: Origins) -> Origins:
        """Return origins of input windows whose outputs begin at `origins` or less than `scale` pixels before."""
        return (origins - self.before) // self.scale


@dataclass(frozen=True)
class WindowedBlock:
    """The layers between the maps of two levels.

    Attributes:
        layers: the layers in order. scale: scale of all of them together.
        shortcut: computes, from the block's input, a residual that is added to the output; None = no residual.
    """

    layers: Sequence[WindowedLayer]
    scale: int = 2
    shortcut: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class WindowedNetwork:
    """Description of a synthesis network for computing windows.

    Attributes:
        blocks: blocks by level, in order; each takes the output of the previous one.
        shape_at: returns (height, width) of a level's maps.
        whole_map: computes a level's maps [N, C, H, W] from w_plus [N, num_ws, w_dim], level, noise mode and dtype.
    """

    blocks: dict[int, WindowedBlock]
    shape_at: Callable[[int], Shape]
    whole_map: Callable[[Tensor, int, str, torch.dtype | None], Tensor]


def inside(origins: Origins, size: Shape, map_shape: Shape) -> NDArray[np.bool_] | None:
    """Return which pixels of the windows lie in the map, bool [n, 1, h, w]; None if all do."""
    last = origins + [size[1] - 1, size[0] - 1]
    if (origins >= 0).all() and (last < [map_shape[1], map_shape[0]]).all():
        return None
    columns = origins[:, :1] + np.arange(size[1])
    rows = origins[:, 1:] + np.arange(size[0])
    column_in, row_in = (columns >= 0) & (columns < map_shape[1]), (rows >= 0) & (rows < map_shape[0])
    return (row_in[:, :, None] & column_in[:, None, :])[:, None]


def _zero_outside(x: Tensor, origins: Origins, map_shape: Shape) -> Tensor:
    mask = inside(origins, (x.shape[2], x.shape[3]), map_shape)
    return x if mask is None else x * torch.from_numpy(mask).to(x.device, x.dtype)


def _crop(x: Tensor, at: Origins, wanted: Origins, size: Shape) -> Tensor:
    """Crop windows x with origins `at` to `size` at origins `wanted`."""
    starts = (wanted - at).tolist()
    parts = [x[i : i + 1, :, v : v + size[0], u : u + size[1]] for i, (u, v) in enumerate(starts)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def run_block(
    block: WindowedBlock, windows: Windows, wanted: Origins, size: Shape, w_plus: Tensor, noise_mode: str
) -> Windows:
    """Compute a block's output windows of `size` at origins `wanted` from its input windows."""
    # Origins and sizes that the following layers need of each layer's output; the rest is cropped.
    needed = [(wanted, size)]
    for layer in reversed(block.layers[1:]):
        needed.insert(0, (layer.input_origins(needed[0][0]), layer.input_size(needed[0][1])))
    x, at, map_shape = windows.values, windows.origins, windows.map_shape
    residual = None if block.shortcut is None else block.shortcut(x)
    for layer, (origins, extent) in zip(block.layers, needed, strict=True):
        map_shape = (layer.scale * map_shape[0], layer.scale * map_shape[1])
        at = layer.scale * at + layer.before
        x = _crop(layer.run(x, w_plus, at, noise_mode), at, origins, extent)
        at = origins
        x = _zero_outside(x, at, map_shape)
    if residual is not None:
        x = _zero_outside(x + _crop(residual, block.scale * windows.origins, wanted, size), at, map_shape)
    return Windows(x, at, map_shape)


class BlockWindowPlan:
    """A :class:`draglab.generators.windows.WindowPlan` that runs low blocks whole and the others on windows.

    Args:
        network: the network.
        resolution: level of the requested windows.
        groups, samples: see :meth:`draglab.generators.Generator.window_plan`.

    Attributes:
        whole_until: the last level that runs whole; equal to `resolution` if windows save nothing.
    """

    def __init__(
        self, network: WindowedNetwork, resolution: int, groups: Sequence[tuple[Shape, int]], samples: int = 1
    ):
        self.network = network
        self.samples = samples
        self.resolution = resolution
        self.groups = groups
        self.levels = [level for level in network.blocks if level <= resolution]
        self.below = dict(zip(self.levels[1:], self.levels, strict=False))
        self.sizes: list[dict[int, Shape]] = []
        for size, _ in groups:
            sizes = {resolution: size}
            for level in reversed(self.levels[1:]):
                sizes[self.below[level]] = self._input_size(level, sizes[level])
            self.sizes.append(sizes)
        costs = {last: self._cost(last) for last in self.levels}
        self.whole_until = min(reversed(self.levels), key=lambda last: costs[last])

    def _input_size(self, level: int, size: Shape) -> Shape:
        for layer in reversed(self.network.blocks[level].layers):
            size = layer.input_size(size)
        return size

    def _input_origins(self, level: int, origins: Origins) -> Origins:
        for layer in reversed(self.network.blocks[level].layers):
            origins = layer.input_origins(origins)
        return origins

    def _cost(self, last: int) -> float:
        """Return the cost in multiplications if blocks up to `last` run whole and those above on windows."""
        total = 0.0
        for level in self.levels:
            below = self.below.get(level, level)
            if level <= last:
                shapes = self.network.shape_at(below), self.network.shape_at(level)
                total += self._block_cost(level, *shapes, times=self.samples)
                continue
            for sizes, (_, count) in zip(self.sizes, self.groups, strict=True):
                total += self._block_cost(level, sizes[below], sizes[level], WINDOW_PENALTY * count)
        return total

    def _block_cost(self, level: int, inputs: Shape, outputs: Shape, times: float) -> float:
        layers = self.network.blocks[level].layers
        return sum((layer.multiplications(inputs, outputs) * times + LAYER_OVERHEAD for layer in layers), start=0.0)

    def run(
        self,
        w_plus: Tensor,
        origins: Sequence[Origins],
        mode: str = "const",
        owners: Sequence[Origins] | None = None,
        dtype: torch.dtype | None = None,
    ) -> list[Windows]:
        """Compute the windows; see :meth:`draglab.generators.windows.WindowPlan.run`."""
        last = self.whole_until
        whole = self.network.whole_map(w_plus, last, mode, dtype)
        above = [level for level in self.levels if level > last]
        groups = []
        for index, (sizes, asked) in enumerate(zip(self.sizes, origins, strict=True)):
            of = None if owners is None else owners[index]
            own = w_plus if of is None else w_plus[torch.from_numpy(of).to(w_plus.device)]
            wanted = {self.resolution: np.asarray(asked, dtype=np.int64)}
            for level in reversed(above):
                wanted[self.below[level]] = self._input_origins(level, wanted[level])
            values = cut(whole, wanted[last], sizes[last], of)
            windows = Windows(values, wanted[last], self.network.shape_at(last))
            for level in above:
                windows = run_block(self.network.blocks[level], windows, wanted[level], sizes[level], own, mode)
            groups.append(windows)
        return groups
