"""Distances between images in the first layers of SqueezeNet 1.0 (Iandola et al. 2016), as training losses.

A perceptual distance in the manner of Zhang et al. 2018, without their learned weights: never call it LPIPS.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MEAN_BGR = (104.0, 117.0, 123.0)


class SqueezeNetDistance(nn.Module):
    """Mean squared difference of channel-normalised features after conv1, fire2, fire3 and fire4.

    Args:
        path: squeezenet_v1.0_dc.npz of the assets.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self._names: dict[str, str] = {}
        with np.load(path) as arrays:
            for name in arrays.files:
                if name.split("__")[0].removesuffix(".b") in ("conv1", "fire2", "fire3", "fire4"):
                    buffer = name.replace(".", "_")
                    self.register_buffer(buffer, torch.from_numpy(arrays[name]))
        self.register_buffer("mean", torch.tensor(_MEAN_BGR)[None, :, None, None])

    def _conv(self, x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        weight, bias = self.get_buffer(name).to(x.dtype), self.get_buffer(name + "_b").to(x.dtype)
        return F.relu(F.conv2d(x, weight, bias, stride=stride, padding=padding))

    def _fire(self, x: Tensor, name: str) -> Tensor:
        x = self._conv(x, f"{name}__squeeze1x1")
        return torch.cat([self._conv(x, f"{name}__expand1x1"), self._conv(x, f"{name}__expand3x3", padding=1)], dim=1)

    def features(self, images: Tensor) -> list[Tensor]:
        """Features of images [N, 3, H, W] RGB in [-1, 1], each divided by its length over channels."""
        x = (images.flip(1) + 1) * 127.5 - self.get_buffer("mean").to(images.dtype)
        stages = [self._conv(x, "conv1", stride=2, padding=3)]
        x = self._fire(F.max_pool2d(stages[0], 3, stride=2, ceil_mode=True), "fire2")
        stages.append(x)
        for name in ("fire3", "fire4"):
            x = self._fire(x, name)
            stages.append(x)
        return [stage / (stage.float().square().sum(1, keepdim=True).sqrt() + 1e-3).to(stage.dtype) for stage in stages]

    def forward(self, images: Tensor, references: Tensor) -> Tensor:
        """Mean distance of two batches [N, 3, H, W]; no gradient reaches the references."""
        with torch.no_grad():
            wanted = self.features(references)
        pairs = zip(self.features(images), wanted, strict=True)
        return torch.stack([(a - b).float().square().sum(1).mean() for a, b in pairs]).sum()
