"""Dependence of the parts of one image on the latent, as gradients of its cells.

The image is divided into cells. For each cell there is a pull, J^T v of a random v with the unit matrix as covariance,
where J is the Jacobian of the cell's features with respect to the latent. From them follows about how much a change of
the latent alters what a mask freezes (hold.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from draglab.generators import Generator
from draglab.geometry import image_extent

CELLS = 8
"""Number of cells along the longer side of the image."""
RESOLUTION = 16
"""Resolution of the features whose dependence on the latent is measured."""
KEPT = 8
"""Number of images of a model whose pulls are remembered."""

_known: WeakKeyDictionary[Generator, OrderedDict[bytes, Tensor]] = WeakKeyDictionary()


def local_pulls(generator: Generator, w_plus: Tensor) -> Tensor:
    """Return the pulls of an image's cells, [rows, columns, num_ws, w_dim]; those of the latest images are remembered.

    Args:
        w_plus: [1, num_ws, w_dim].
    """
    for _ in prepare_pulls(generator, w_plus):
        pass
    kept, key = _known[generator], _key(w_plus)
    kept.move_to_end(key)
    return kept[key]


def prepare_pulls(generator: Generator, w_plus: Tensor) -> Iterator[None]:
    """Compute what :func:`local_pulls` returns, a cell in each step, unless it is remembered.

    Iterate to the end, and :func:`local_pulls` has nothing left to compute. An image takes about 0.3 s at 1024 px.
    """
    kept, key = _known.setdefault(generator, OrderedDict()), _key(w_plus)
    if key in kept:
        return
    pulls: list[Tensor] = []
    for pull in measure_pulls(generator, w_plus):
        pulls.append(pull)
        yield
    while len(kept) >= KEPT:
        kept.popitem(last=False)
    kept[key] = torch.stack(pulls).unflatten(0, cell_counts(generator.img_shape))


def _key(w_plus: Tensor) -> bytes:
    return w_plus.detach().cpu().contiguous().numpy().tobytes()


def measure_pulls(generator: Generator, w_plus: Tensor) -> Iterator[Tensor]:
    """Yield the pulls of an image's cells, [num_ws, w_dim], row by row: a pass forward, and one back for each cell."""
    level = local_level(generator)
    margin = generator.feature_margin(level)
    latent = w_plus.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        top = generator.feature_maps(latent, level).top
    height, width = image_extent(generator.feature_shape(level), margin)
    rows, columns = cell_counts(generator.img_shape)
    source = torch.Generator().manual_seed(0)
    directions = torch.randn(top.shape[1:], generator=source).to(top)
    tops, lefts = (
        np.linspace(0, side, count + 1).round().astype(int) + margin
        for side, count in ((height, rows), (width, columns))
    )
    for row in range(rows):
        for column in range(columns):
            inside = (..., slice(tops[row], tops[row + 1]), slice(lefts[column], lefts[column + 1]))
            last = (row, column) == (rows - 1, columns - 1)
            changed = (top[0][inside] * directions[inside]).sum()
            yield torch.autograd.grad(changed, latent, retain_graph=not last)[0][0]


def local_level(generator: Generator) -> int:
    """Return the level of the features whose dependence on the latent is measured."""
    fitting = [resolution for resolution in generator.feature_resolutions if resolution <= RESOLUTION]
    return generator.feature_level(max(fitting, default=generator.feature_resolutions[0]))


def cell_counts(image_shape: tuple[int, int]) -> tuple[int, int]:
    """Return the number of cells along the height and the width of an image."""
    height, width = (max(1, round(CELLS * side / max(image_shape))) for side in image_shape)
    return height, width
