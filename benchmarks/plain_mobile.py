"""MobileStyleGAN as anyone would write it from its paper, for `benchmarks/plain.py`: the whole image, PyTorch's own
operations, everything vectorised."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators import MobileStyleGAN


class PlainMobileStyleGAN:
    """Synthesis of one image."""

    def __init__(self, generator: MobileStyleGAN):
        self.config = generator.config
        self.tensors = generator.published_tensors()

    def _style(self, name: str, w: Tensor) -> Tensor:
        style = F.linear(w, self.tensors[f"{name}.affine.weight"], self.tensors[f"{name}.affine.bias"])
        return style[None, :, None, None]

    def _finish(self, name: str, x: Tensor) -> Tensor:
        x = x + self.tensors[f"{name}.noise_const"] + self.tensors[f"{name}.bias"][:, None, None]
        return F.leaky_relu(x, 0.2)

    def _separable(self, name: str, x: Tensor, w: Tensor) -> Tensor:
        x = x * self._style(name, w) / math.sqrt(9 * x.shape[1])
        x = F.conv2d(x, self.tensors[f"{name}.depthwise"], padding=1, groups=x.shape[1])
        return self._finish(name, F.conv2d(x, self.tensors[f"{name}.pointwise"]))

    @staticmethod
    def _inverse_haar(x: Tensor) -> Tensor:
        bands = x.unflatten(1, (4, -1)).transpose(1, 2).flatten(0, 1)
        signs = torch.tensor([[[1.0, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]])
        doubled = F.conv_transpose2d(bands, signs[:, None] / 2, stride=2)
        return doubled.unflatten(0, (len(x), -1))[:, :, 0]

    def __call__(self, w_plus: Tensor, feature_resolution: int) -> tuple[Tensor, Tensor]:
        """w_plus [1, num_ws, w_dim] -> features of one block, image."""
        w, name, row = w_plus[0], "synthesis.b4.conv", 0
        x = self.tensors["synthesis.b4.const"][None]
        x = x * self._style(name, w[0]) / math.sqrt(9 * x.shape[1])
        x = self._finish(name, F.conv2d(x, self.tensors[f"{name}.weight"], padding=1))
        features = x
        for resolution in self.config.block_resolutions[1:]:
            block = f"synthesis.b{resolution}"
            x = self._inverse_haar(x * self._style(f"{block}.up", w[row + 1]))
            x = self._separable(f"{block}.conv1", x, w[row + 2])
            x = self._separable(f"{block}.conv2", x, w[row + 3])
            row += 3
            if resolution == feature_resolution:
                features = x
        x = x * self._style("synthesis.to_img", w[-1]) / math.sqrt(x.shape[1])
        bands = F.conv2d(x, self.tensors["synthesis.to_img.weight"], self.tensors["synthesis.to_img.bias"])
        return features, self._inverse_haar(bands)
