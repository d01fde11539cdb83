"""MobileStyleGAN from its description, for one sample, pixel by pixel where that is clearest.

Works on a dict of tensors under the published names, and on nothing of draglab but the configuration.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators import MobileStyleGANConfig

ROOT = math.sqrt(0.5)


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, without a gain."""
    return torch.where(x > 0, x, 0.2 * x)


def reference_mapping(config: MobileStyleGANConfig, tensors: dict[str, Tensor], z: Tensor) -> Tensor:
    """z [1, z_dim] -> w [1, w_dim]."""
    x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for index in range(config.mapping_layers):
        x = leaky(x @ tensors[f"mapping.fc{index}.weight"].t() + tensors[f"mapping.fc{index}.bias"]) * math.sqrt(2)
    return x


def transposed(x: Tensor, taps: tuple[float, float], axis: int) -> Tensor:
    """A transposed convolution of stride 2 with two taps on one axis: every value becomes two."""
    shape = list(x.shape)
    shape[axis] *= 2
    return torch.stack([x * taps[0], x * taps[1]], dim=axis + 1).reshape(shape)


def inverse_haar(x: Tensor) -> Tensor:
    """[1, 4 C, H, W] -> [1, C, 2H, 2W]: columns of bands first, then rows."""
    channels = x.shape[1] // 4
    sums, differences = (ROOT, ROOT), (ROOT, -ROOT)
    maps = []
    for c in range(channels):
        low, details = x[:, c], [x[:, channels * (band + 1) + c] for band in range(3)]
        left = transposed(low, sums, 1) + transposed(details[0], differences, 1)
        right = transposed(details[1], sums, 1) + transposed(details[2], differences, 1)
        maps.append(transposed(left, sums, 2) + transposed(right, differences, 2))
    return torch.stack(maps, dim=1)


def reference_features(
    config: MobileStyleGANConfig, tensors: dict[str, Tensor], w_plus: Tensor, noise: bool = True
) -> dict[int, Tensor]:
    """Features of every block, by resolution, for w_plus [1, num_ws, w_dim]."""

    def style(name: str, row: int) -> Tensor:
        return (w_plus[:, row] @ tensors[f"{name}.affine.weight"].t() + tensors[f"{name}.affine.bias"])[
            :, :, None, None
        ]

    def finish(name: str, x: Tensor) -> Tensor:
        if noise:
            x = x + tensors[f"{name}.noise_const"]
        return leaky(x + tensors[f"{name}.bias"][:, None, None])

    def separable(name: str, x: Tensor, row: int) -> Tensor:
        x = F.pad(x * style(name, row) / math.sqrt(9 * x.shape[1]), (1, 1, 1, 1))
        kernels = tensors[f"{name}.depthwise"]
        x = torch.cat([F.conv2d(x[:, c : c + 1], kernels[c : c + 1]) for c in range(x.shape[1])], dim=1)
        return finish(name, torch.einsum("nchw,oc->nohw", x, tensors[f"{name}.pointwise"][:, :, 0, 0]))

    name, row = "synthesis.b4.conv", 0
    x = tensors["synthesis.b4.const"][None] * style(name, row) / math.sqrt(9 * config.channels[0])
    x = finish(name, F.conv2d(x, tensors[f"{name}.weight"], padding=1))
    features = {4: x}
    for resolution in config.block_resolutions[1:]:
        block = f"synthesis.b{resolution}"
        x = inverse_haar(x * style(f"{block}.up", row + 1))
        x = separable(f"{block}.conv1", x, row + 2)
        x = separable(f"{block}.conv2", x, row + 3)
        features[resolution], row = x, row + 3
    return features


def reference_image(
    config: MobileStyleGANConfig, tensors: dict[str, Tensor], w_plus: Tensor, noise: bool = True
) -> Tensor:
    """The image [1, img_channels, H, W] of w_plus [1, num_ws, w_dim]."""
    x = reference_features(config, tensors, w_plus, noise)[config.block_resolutions[-1]]
    name = "synthesis.to_img"
    style = w_plus[:, -1] @ tensors[f"{name}.affine.weight"].t() + tensors[f"{name}.affine.bias"]
    x = x * style[:, :, None, None] / math.sqrt(x.shape[1])
    return inverse_haar(F.conv2d(x, tensors[f"{name}.weight"]) + tensors[f"{name}.bias"][:, None, None])
