"""SqueezeNet 1.0 (Iandola et al. 2016): features for losses, discriminators and measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.data import enlarged, to_float

_MEAN_BGR = (104.0, 117.0, 123.0)
STAGES: tuple[str, ...] = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8", "fire9")
CHANNELS: dict[str, int] = dict(zip(STAGES, (96, 128, 128, 256, 256, 384, 384, 512, 512), strict=True))
STRIDES: dict[str, int] = dict(zip(STAGES, (2, 4, 4, 4, 8, 8, 8, 8, 16), strict=True))
_POOLED_BEFORE = ("fire2", "fire5", "fire9")
_LOSS_STAGES: tuple[str, ...] = ("conv1", "fire2", "fire3", "fire4")


class SqueezeNet(nn.Module):
    """The convolutions of SqueezeNet 1.0 up to fire9, frozen.

    Args:
        path: squeezenet_v1.0_dc.npz of the assets.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        with np.load(path) as arrays:
            for name in arrays.files:
                if name.split("__")[0].removesuffix(".b") in STAGES:
                    self.register_buffer(name.replace(".", "_"), torch.from_numpy(arrays[name]))
        self.register_buffer("mean", torch.tensor(_MEAN_BGR)[None, :, None, None])

    def _conv(self, x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        weight, bias = self.get_buffer(name).to(x.dtype), self.get_buffer(name + "_b").to(x.dtype)
        return F.relu(F.conv2d(x, weight, bias, stride=stride, padding=padding))

    def forward(self, images: Tensor, last: str = "fire9") -> dict[str, Tensor]:
        """Activations by stage, up to `last`, of images [N, 3, H, W] RGB in [-1, 1]; strides are in STRIDES."""
        x = (images.flip(1) + 1) * 127.5 - self.get_buffer("mean").to(images.dtype)
        x = self._conv(x, "conv1", stride=2, padding=3)
        found = {"conv1": x}
        for name in STAGES[1 : STAGES.index(last) + 1]:
            if name in _POOLED_BEFORE:
                x = F.max_pool2d(x, 3, stride=2, ceil_mode=True)
            x = self._conv(x, f"{name}__squeeze1x1")
            x = torch.cat([self._conv(x, f"{name}__expand1x1"), self._conv(x, f"{name}__expand3x3", padding=1)], dim=1)
            found[name] = x
        return found


def perceptual_distance(found: dict[str, Tensor], wanted: dict[str, Tensor], weights: Tensor | None = None) -> Tensor:
    """[N] distances: mean squared difference of channel-normalised features, summed over conv1, fire2, fire3, fire4.

    In the manner of Zhang et al. 2018, without their learned weights: never call it LPIPS. `weights`: of pixels,
    [N, 1, H, W], with mean 1; without them all places count the same.
    """
    total = torch.zeros(len(found["conv1"]), device=found["conv1"].device)
    for name in _LOSS_STAGES:
        a, b = (x[name] / (x[name].float().square().sum(1, keepdim=True).sqrt() + 1e-3) for x in (found, wanted))
        squared = (a - b).square().sum(1)
        if weights is not None:
            height, width = squared.shape[1:]
            squared = squared * F.adaptive_avg_pool2d(weights, (height, width))[:, 0]
        total = total + squared.mean((1, 2))
    return total


@torch.no_grad()
def pooled(squeezenet: SqueezeNet, images: Tensor, batch: int = 32) -> Tensor:
    """Mean over space of fire9, [N, 512], of images [N, 3, H, W] enlarged to 128 px if they are smaller.

    Images are floats in [-1, 1], or uint8, which become floats batch by batch.
    """
    parts = (part if part.is_floating_point() else to_float(part) for part in images.split(batch))
    return torch.cat([squeezenet(enlarged(part).clamp(-1, 1))["fire9"].mean((2, 3)) for part in parts])
