"""MobileStyleGAN's mapping network: StyleGAN2's, with the scales of its weights multiplied in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from draglab.generators.activations import ACTIVATIONS
from draglab.generators.mapping import normalize_second_moment
from draglab.generators.mobile_stylegan.config import MobileStyleGANConfig


class MobileMapping(nn.Module):
    """Mapping network from z [N, z_dim] to w [N, w_dim] before truncation."""

    w_avg: Tensor

    def __init__(self, config: MobileStyleGANConfig):
        super().__init__()
        self.num_layers = config.mapping_layers
        for index in range(config.mapping_layers):
            self.add_module(f"fc{index}", nn.Linear(config.w_dim if index else config.z_dim, config.w_dim))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Return w; there are no classes."""
        x = normalize_second_moment(z)
        for index in range(self.num_layers):
            x = ACTIVATIONS["lrelu"](self.get_submodule(f"fc{index}")(x))
        return x
