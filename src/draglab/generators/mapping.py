"""The mapping network of the StyleGAN family, and its fully connected layers: z (and a class) -> w."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators.activations import ACTIVATIONS
from draglab.generators.config import StyleGANConfig
from draglab.generators.ops import normal


class FullyConnected(nn.Module):
    """Fully connected layer with equalised learning rate (Karras et al. 2018).

    y = act(x W^T * lr_multiplier / sqrt(in) + b * lr_multiplier)
    """

    def __init__(
        self, inputs: int, outputs: int, lr_multiplier: float = 1.0, activation: str = "linear", bias: float = 0.0
    ):
        super().__init__()
        self.weight = nn.Parameter(normal(outputs, inputs, std=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full([outputs], float(bias)))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map x [N, in] to [N, out]."""
        # The gain is applied to x, which is smaller than the weight.
        x = F.linear(x * self.weight_gain, self.weight, self.bias * self.bias_gain)
        return x if self.activation == "linear" else ACTIVATIONS[self.activation](x)


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale x so that the mean of its squares along the last axis is 1."""
    return x * (x.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt()


class MappingNetwork(nn.Module):
    """Mapping network from z [N, z_dim] and c [N, c_dim] to w [N, w_dim].

    :meth:`Generator.mapping` does broadcast and truncation.
    """

    w_avg: Tensor
    label_concat: nn.Parameter | None

    def __init__(self, config: StyleGANConfig, activation: str = "lrelu"):
        super().__init__()
        self.num_layers = config.mapping_layers
        embedded = 0
        self.register_parameter("label_concat", None)
        if config.c_dim > 0 and config.label_concat:
            embedded = config.z_dim
            self.label_concat = nn.Parameter(normal(config.c_dim, embedded))
        elif config.c_dim > 0:
            embedded = config.embed_features or config.w_dim
            self.embed = FullyConnected(config.c_dim, embedded)
        hidden = config.mapping_features or config.w_dim
        widths = [config.z_dim + embedded] + [hidden] * (config.mapping_layers - 1) + [config.w_dim]
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            layer = FullyConnected(inputs, outputs, config.mapping_lr_multiplier, activation)
            self.add_module(f"fc{index}", layer)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Return w [N, w_dim] before truncation; c is required if the model is conditional."""
        if c is not None and self.label_concat is not None:
            x = normalize_second_moment(torch.cat([z, c @ self.label_concat], dim=1))
        else:
            x = normalize_second_moment(z)
        if c is not None and self.label_concat is None:
            x = torch.cat([x, normalize_second_moment(self.embed(c))], dim=1)
        for index in range(self.num_layers):
            x = self.get_submodule(f"fc{index}")(x)
        return x
