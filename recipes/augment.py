"""Augmentation: what real and made pictures share (Zhao et al. 2020, "Differentiable Augmentation"), and blur."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """What is done to each picture of a batch; the same object changes a photo and its reconstruction alike.

    Attributes:
        brightness, saturation, contrast: [N, 1, 1, 1]. shift: [N, 2] as a share of the width, (x, y).
        hole: [N, 2] centre of the square that is cut out, as a share of the width. hole_size: its side, likewise.
    """

    brightness: Tensor
    saturation: Tensor
    contrast: Tensor
    shift: Tensor
    hole: Tensor
    hole_size: float

    @classmethod
    def draw(cls, count: int, strength: float = 1.0, device: torch.device | str = "cpu") -> Augmentation:
        """Strength 1: brightness +-0.5, saturation 0 to 2, contrast 0.5 to 1.5, shift +-1/8, a hole of half a side."""

        # Drawn on the CPU, so that a seed means the same on every device.
        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape).to(device)

        def symmetric(*shape: int) -> Tensor:
            return (uniform(*shape) * 2 - 1) * strength

        return cls(
            brightness=0.5 * symmetric(count, 1, 1, 1),
            saturation=1 + symmetric(count, 1, 1, 1),
            contrast=1 + 0.5 * symmetric(count, 1, 1, 1),
            shift=symmetric(count, 2) / 8,
            hole=uniform(count, 2),
            hole_size=0.5 * strength,
        )

    def __getitem__(self, part: slice) -> Augmentation:
        """Those of some of the pictures."""
        return Augmentation(
            self.brightness[part],
            self.saturation[part],
            self.contrast[part],
            self.shift[part],
            self.hole[part],
            self.hole_size,
        )

    def __call__(self, images: Tensor) -> Tensor:
        """Images [N, 3, H, W] in [-1, 1], changed; what is moved in from outside is grey."""
        x = images + self.brightness
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * self.saturation
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * self.contrast
        theta = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
        # Whole pixels, so that moving does not blur.
        size = images.shape[-1]
        theta[:, :, 2] = 2 * (self.shift * size).round() / size
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        x = F.grid_sample(x, grid, mode="nearest", padding_mode="zeros", align_corners=False)
        at = (torch.arange(size, device=images.device) + 0.5) / size
        cut = [(at[None] - self.hole[:, axis, None]).abs() < self.hole_size / 2 for axis in (0, 1)]
        kept = ~(cut[0][:, None, None, :] & cut[1][:, None, :, None])
        return (x * kept).contiguous(memory_format=torch.channels_last)


def softened(images: Tensor) -> Tensor:
    """Images [N, C, S, S], every other batch blurred: whoever learns from it also reads pictures that are soft."""
    if torch.rand(()) < 0.5:
        return images
    share = float(0.4 + 0.5 * torch.rand(()))
    small = F.interpolate(images, scale_factor=share, mode="bilinear", antialias=True)
    return F.interpolate(small, images.shape[-2:], mode="bilinear")
