"""A small convolutional network from pictures to numbers: encoders, regressors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.generators import ADAM_RATE, MUON_RATE
from recipes.muon import Muon

_GAIN = math.sqrt(2)
_NARROWEST, _WIDEST = 32, 256
_SMALLEST = 4


class ScaledConv(nn.Module):
    """Convolution whose weights are stored with variance 1 and scaled at run time, as the generator's are."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs * size * size)
        self.stride, self.padding = stride, (size - 1) // 2 if padding is None else padding

    def forward(self, x: Tensor) -> Tensor:
        """[N, I, H, W] -> [N, O, H / stride, W / stride]."""
        weight, bias = (self.weight * self.gain).to(x.dtype), self.bias.to(x.dtype)
        return F.conv2d(x, weight, bias, stride=self.stride, padding=self.padding)


def activated(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return F.leaky_relu(x, 0.2) * _GAIN


class ConvNet(nn.Module):
    """Images [N, 3, size, size] -> [N, outputs] float32.

    Stride-2 convolutions down to 4 px, each but the first with a residual one behind; 256 channels at 4 px, half as
    many at each size above, at least 32.
    """

    def __init__(self, outputs: int, size: int):
        super().__init__()
        self.size = size
        stages = int(math.log2(size // _SMALLEST))
        widths = [max(_NARROWEST, _WIDEST >> (stages - 1 - stage)) for stage in range(stages)]
        self.down = nn.ModuleList(
            ScaledConv(inputs, outputs, 4, stride=2) for inputs, outputs in zip([3, *widths], widths, strict=False)
        )
        self.residual = nn.ModuleList(ScaledConv(width, width, 3) for width in widths[1:])
        self.top = ScaledConv(_WIDEST, outputs, _SMALLEST, padding=0)

    def forward(self, images: Tensor) -> Tensor:
        """Numbers, float32; the convolutions compute in the images' dtype."""
        x = activated(self.down[0](images))
        for down, residual in zip(self.down[1:], self.residual, strict=True):
            x = activated(down(x))
            x = (x + activated(residual(x))) * math.sqrt(0.5)
        return self.top(x.float()).flatten(1)


def convnet_optimizers(network: ConvNet) -> list[torch.optim.Optimizer]:
    """As `recipes.generators.make_optimizers`: Muon for the convolutions, Adam for biases."""
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    rest = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    optimizers: list[torch.optim.Optimizer] = [
        Muon([{"params": matrices, "lr": MUON_RATE, "peak": MUON_RATE}]),
        torch.optim.Adam([{"params": rest, "lr": ADAM_RATE, "peak": ADAM_RATE}], betas=(0.9, 0.99)),
    ]
    return optimizers
