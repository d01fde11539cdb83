"""The rendered data set: what dataset.py wrote, and batches of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class Renders:
    """A folder of renders in memory.

    Attributes:
        z: [N, z_dim] float32, normalised. images: [N, 3, H, W] uint8. landmarks: [N, 68, 2] float32 (x, y) pixels.
        visible: [N, 68] bool.
    """

    def __init__(self, folder: str | Path, limit: int | None = None):
        folder = Path(folder)
        if not (folder / "visible.npy").exists():
            raise SystemExit(f"no renders in {folder}: make some with python -m recipes.heads.dataset")

        def load(name: str) -> Tensor:
            return torch.from_numpy(np.load(folder / f"{name}.npy", mmap_mode="r")[:limit].copy())

        self.z = load("z")
        # The bytes stay in HWC order, which is what channels_last batches want.
        self.images = load("images").permute(0, 3, 1, 2)
        self.landmarks = load("landmarks")
        self.visible = load("visible")

    def __len__(self) -> int:
        return len(self.z)

    def batches(self, size: int, start: int, seed: int = 0) -> Iterator[Tensor]:
        """See :func:`batches_of`."""
        return batches_of(len(self), size, start, seed)


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
    return images if factor == 1 else torch.nn.functional.avg_pool2d(images, factor)
