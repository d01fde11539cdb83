"""What is behind the head."""

from __future__ import annotations

import numpy as np

from .scene import Scene


def backdrop(scene: Scene, size: int) -> np.ndarray:
    """A studio wall with a soft coloured spot of light and a gradient, linear RGB float32 [size, size, 3]."""
    t = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    x, y = t[None, :], t[:, None]
    spot = np.exp(-0.9 * (x - 0.7 * scene.glow_x) ** 2) * np.exp(-0.9 * (y + 0.25) ** 2)
    level = (0.80 + 0.16 * scene.back_slope * x - 0.07 * x * x) - (0.10 * y + 0.07 * y * y)
    wall, glow = np.asarray(scene.background, np.float32), np.asarray(scene.glow, np.float32)
    share = (np.float32(0.15) + np.float32(0.75) * spot).astype(np.float32)
    level = level.astype(np.float32)
    return np.stack([level * (w + (g - w) * share) for w, g in zip(wall, glow, strict=True)], axis=-1)
