"""The rendered data set: what dataset.py wrote, in memory."""

from __future__ import annotations

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

    def size_factor(self, size: int) -> int:
        """How many pixels of a render one of `size` px covers, along an axis."""
        own = self.images.shape[-1]
        if own % size:
            raise SystemExit(f"renders of {own} px cannot be shrunk to {size}: choose a divisor of {own}")
        return own // size
