"""Pictures in batches: orders that a resumed run repeats, bytes to floats, smaller sizes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def batches_of(count: int, size: int, start: int, seed: int = 0) -> Iterator[Tensor]:
    """Indices of `count` samples in batches, for ever: each pass in an order of its own, from sample `start` on.

    The order depends on seed and position alone, so that a resumed run sees what an unbroken one would have.
    Passes end with whole batches; what is left over waits for the next pass.
    """
    per_pass = max(1, count // size)
    batch = start // size
    while True:
        epoch, index = divmod(batch, per_pass)
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        yield order[index * size : (index + 1) * size]
        batch += 1


def to_float(images: Tensor) -> Tensor:
    """uint8 -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def shrink(images: Tensor, resolution: int) -> Tensor:
    """Area-averaged to `resolution`; [N, C, H, W] float."""
    factor = images.shape[-1] // resolution
    return images if factor == 1 else F.avg_pool2d(images, factor)


def enlarged(images: Tensor, size: int = 128) -> Tensor:
    """Images of at least `size` px, bilinear."""
    return F.interpolate(images, (size, size), mode="bilinear") if images.shape[-1] < size else images
