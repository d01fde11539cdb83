"""A plain DragGAN as anyone would write it from the papers: what draglab's speed and memory are measured against.

StyleGAN2 with weights modulated per sample (so that the backward pass forms weight gradients), the whole image
synthesised every step, the feature map resized to the image, both losses on the resized map. No deliberate slowness:
the operations are PyTorch's own, everything is vectorised, tracking reuses the next step's synthesis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.plain_mobile import PlainMobileStyleGAN
from draglab.generators import MobileStyleGAN, StyleGAN2


class PlainStyleGAN2:
    """Synthesis of one image with per-sample weights; architecture "skip", filter [1, 3, 3, 1]."""

    def __init__(self, generator: StyleGAN2):
        assert generator.config.architecture == "skip"
        assert generator.config.resample_filter == (1.0, 3.0, 3.0, 1.0)
        self.config = generator.config
        self.tensors = generator.published_tensors()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.kernel = line[:, None] * line[None, :] / 16

    def _blur(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel.expand(x.shape[1], 1, 4, 4), padding=1, groups=x.shape[1])

    def _upsample(self, x: Tensor) -> Tensor:
        weight = self.kernel.expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])

    def _modulated(self, name: str, w: Tensor, demodulate: bool) -> Tensor:
        affine = self.tensors[f"{name}.affine.weight"]
        style = w @ affine.t() / math.sqrt(affine.shape[1]) + self.tensors[f"{name}.affine.bias"]
        weight = self.tensors[f"{name}.weight"]
        if not demodulate:
            return weight * (style / math.sqrt(weight.shape[1]))[None, :, None, None]
        weight = weight * style[None, :, None, None]
        return weight * (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt()

    def _layer(self, name: str, x: Tensor, w: Tensor, up: bool) -> Tensor:
        weight = self._modulated(name, w, demodulate=True)
        if up:
            x = self._blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        else:
            x = F.conv2d(x, weight, padding=1)
        if self.config.use_noise:
            x = x + self.tensors[f"{name}.noise_const"] * self.tensors[f"{name}.noise_strength"]
        x = F.leaky_relu(x + self.tensors[f"{name}.bias"][None, :, None, None], 0.2) * math.sqrt(2)
        return x if self.config.conv_clamp is None else x.clamp(-self.config.conv_clamp, self.config.conv_clamp)

    def __call__(self, w_plus: Tensor, feature_resolution: int) -> tuple[Tensor, Tensor]:
        """w_plus [1, num_ws, w_dim] -> features of one block, image."""
        x, image, features = self.tensors["synthesis.b4.const"][None], None, None
        index = 0
        for resolution in self.config.block_resolutions:
            name = f"synthesis.b{resolution}"
            if resolution > 4:
                x = self._layer(f"{name}.conv0", x, w_plus[0, index], up=True)
                index += 1
            x = self._layer(f"{name}.conv1", x, w_plus[0, index], up=False)
            index += 1
            own = F.conv2d(x, self._modulated(f"{name}.torgb", w_plus[0, index], demodulate=False))
            own = own + self.tensors[f"{name}.torgb.bias"][None, :, None, None]
            image = own if image is None else self._upsample(image) + own
            if resolution == feature_resolution:
                features = x
        assert features is not None
        assert image is not None
        return features, image


def _sample(features: Tensor, points: Tensor) -> Tensor:
    """[1, C, H, W] at points [k, 2] (x, y): [C, k]."""
    size = torch.tensor([features.shape[3], features.shape[2]])
    grid = ((points + 0.5) * 2 / size - 1)[None, None]
    return F.grid_sample(features, grid, padding_mode="border", align_corners=False)[0, :, 0]


def plain_drag_steps(
    generator: StyleGAN2 | MobileStyleGAN,
    w_plus: Tensor,
    handles: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    feature_resolution: int,
    step_size: float = 2e-3,
    mask_weight: float = 20.0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless iterations of DragGAN section 3; yields handles [n, 2] and w_plus.

    Args:
        handles, targets: [n, 2] whole pixels, float. mask: bool [H, W], True = movable.
    """
    mobile = isinstance(generator, MobileStyleGAN)
    synthesis = PlainMobileStyleGAN(generator) if mobile else PlainStyleGAN2(generator)
    height, width = generator.img_shape
    r1, r2 = 3 * max(height, width) / 512, max(round(12 * max(height, width) / 512), 1)
    optimised = w_plus[:, :6].clone().requires_grad_(True)
    optimizer = torch.optim.Adam([optimised], lr=step_size)
    axis = torch.arange(-math.ceil(r1), math.ceil(r1) + 1.0)
    disc = torch.cartesian_prod(axis, axis)
    disc = disc[(disc.norm(dim=1) < r1) | (disc == 0).all(1)]

    def resized_features() -> Tensor:
        features, _ = synthesis(torch.cat([optimised, w_plus[:, 6:]], dim=1), feature_resolution)
        return F.interpolate(features, (height, width), mode="bilinear", align_corners=False)

    features = resized_features()
    start = features.detach()
    wanted = [start[0, :, int(y), int(x)].clone() for x, y in handles.tolist()]
    while True:
        loss = features.new_zeros(())
        for handle, target in zip(handles, targets, strict=True):
            step = (target - handle) / (target - handle).norm().clamp(min=1e-6)
            here = _sample(features.detach(), handle + disc)
            loss = loss + (here - _sample(features, handle + disc + step)).abs().sum()
        if mask is not None:
            loss = loss + mask_weight * ((features - start) * ~mask).abs().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        features = resized_features()
        with torch.no_grad():
            tracked = []
            for (x, y), template in zip(handles.long().tolist(), wanted, strict=True):
                top, left = max(y - r2, 0), max(x - r2, 0)
                window = features[0, :, top : y + r2 + 1, left : x + r2 + 1]
                distance = (window - template[:, None, None]).abs().sum(0)
                row, column = divmod(int(distance.argmin()), distance.shape[1])
                tracked.append([left + column, top + row])
            handles = torch.tensor(tracked, dtype=handles.dtype)
        yield handles, torch.cat([optimised, w_plus[:, 6:]], dim=1).detach()
