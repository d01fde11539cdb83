"""DragGAN section 3 as it stands: full synthesis, features resized to the image, whole-pixel tracking, sums.

Readable beside the paper; every step synthesises the whole image twice and resizes the whole feature map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Synthesis = Callable[[Tensor], tuple[dict[int, Tensor], Tensor]]


@dataclass
class ReferenceStep:
    """After one iteration: handles [(x, y)] in whole pixels, parts of the loss, latent, image."""

    handles: list[tuple[int, int]]
    motion_loss: float
    mask_loss: float
    w_plus: Tensor
    image: Tensor


def bilinear(features: Tensor, x: float, y: float) -> Tensor:
    """The vector at (x, y) of a map [1, C, H, W], clamped at the borders."""
    height, width = features.shape[2:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    fx, fy = x - left, y - top
    above = features[0, :, top, left] * (1 - fx) + features[0, :, top, right] * fx
    below = features[0, :, bottom, left] * (1 - fx) + features[0, :, bottom, right] * fx
    return above * (1 - fy) + below * fy


def reference_drag(
    synthesis: Synthesis,
    w_plus: Tensor,
    handles: list[tuple[int, int]],
    targets: list[tuple[int, int]],
    mask: Tensor | None,
    steps: int,
    feature_resolution: int,
    step_size: float = 2e-3,
    mask_weight: float = 20.0,
    r1: float = 3.0,
    r2: float = 12.0,
    num_layers: int = 6,
) -> Iterator[ReferenceStep]:
    """Iterations of the paper's method.

    Args:
        synthesis: w_plus [1, num_ws, w_dim] -> (features by resolution, image).
        handles, targets: whole pixels of the image.
        mask: [H, W], bool, True = movable, or the share of movable, or None.
        r1, r2: in pixels of a 512-pixel image.
    """
    optimised = w_plus[:, :num_layers].detach().clone().requires_grad_(True)
    rest = w_plus[:, num_layers:].detach()
    optimizer = torch.optim.Adam([optimised], lr=step_size)

    def features_at_image_size() -> tuple[Tensor, Tensor]:
        blocks, image = synthesis(torch.cat([optimised, rest], dim=1))
        size = (image.shape[2], image.shape[3])
        return F.interpolate(blocks[feature_resolution], size, mode="bilinear", align_corners=False), image

    with torch.no_grad():
        start, image = features_at_image_size()
    height, width = image.shape[2:]
    radius_1, radius_2 = r1 * max(height, width) / 512, max(r2 * max(height, width) / 512, 1.0)
    wanted = [start[0, :, y, x].clone() for x, y in handles]
    for _ in range(steps):
        features, _ = features_at_image_size()
        motion = features.new_zeros(())
        for (px, py), (tx, ty) in zip(handles, targets, strict=True):
            length = math.hypot(tx - px, ty - py)
            if length == 0:
                continue
            dx, dy = (tx - px) / length, (ty - py) / length
            reach = math.ceil(radius_1)
            for oy in range(-reach, reach + 1):
                for ox in range(-reach, reach + 1):
                    if math.hypot(ox, oy) < radius_1 or (ox, oy) == (0, 0):
                        here = bilinear(features.detach(), px + ox, py + oy)
                        there = bilinear(features, px + ox + dx, py + oy + dy)
                        motion = motion + (here - there).abs().sum()
        frozen = features.new_zeros(())
        if mask is not None:
            frozen = ((features - start).abs() * (1 - mask.to(features))[None, None]).sum()
        loss = motion + mask_weight * frozen
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        with torch.no_grad():
            moved, image = features_at_image_size()
        reach = math.floor(radius_2 + 1e-9)
        tracked = []
        for (px, py), template in zip(handles, wanted, strict=True):
            top, left = max(py - reach, 0), max(px - reach, 0)
            window = moved[0, :, top : min(py + reach, height - 1) + 1, left : min(px + reach, width - 1) + 1]
            distance = (window - template[:, None, None]).abs().sum(0)
            row, column = divmod(int(distance.argmin()), distance.shape[1])
            tracked.append((left + column, top + row))
        handles = tracked
        latent = torch.cat([optimised, rest], dim=1).detach()
        yield ReferenceStep(handles, motion.item(), frozen.item(), latent, image)
