"""The networks of `hands`: generator, encoder, optimisers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators import StyleGAN2Config
from recipes.heads.model import ADAM_RATE, MUON_RATE
from recipes.heads.muon import Muon

Z_DIM = 64
ENCODED_SIZE = 64
_GAIN = math.sqrt(2)


def hands_config(resolution: int = 128, z_dim: int = Z_DIM) -> StyleGAN2Config:
    """256 channels up to 16 px, 128 at 32, 64 at 64, 32 at 128; no noise, so that z alone explains the image."""
    return StyleGAN2Config(
        img_resolution=resolution,
        z_dim=z_dim,
        w_dim=256,
        mapping_layers=4,
        channel_base=4096,
        channel_max=256,
        use_noise=False,
    )


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


class Encoder(nn.Module):
    """Photos [N, 3, 64, 64] -> mean and log-variance of z, [N, z_dim] each.

    Four stride-2 convolutions, residual ones at 16, 8 and 4 px.
    """

    def __init__(self, z_dim: int = Z_DIM):
        super().__init__()
        widths = (32, 64, 128, 256)
        self.down = nn.ModuleList(
            ScaledConv(inputs, outputs, 4, stride=2) for inputs, outputs in zip((3, *widths), widths, strict=False)
        )
        self.residual = nn.ModuleList(ScaledConv(width, width, 3) for width in widths[1:])
        self.top = ScaledConv(widths[-1], 2 * z_dim, 4, padding=0)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, float32."""
        x = activated(self.down[0](images))
        for down, residual in zip(self.down[1:], self.residual, strict=True):
            x = activated(down(x))
            x = (x + activated(residual(x))) * math.sqrt(0.5)
        mean, logvar = self.top(x.float()).flatten(1).chunk(2, dim=1)
        return mean, logvar.clamp(-10, 2)


def sampled(mean: Tensor, logvar: Tensor) -> Tensor:
    """z drawn from the encoder's distribution."""
    return mean + torch.randn_like(mean) * (0.5 * logvar).exp()


def divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """[N] Kullback-Leibler divergence in nats from N(0, I) (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1)


def encoder_optimizers(encoder: Encoder) -> list[torch.optim.Optimizer]:
    """As `recipes.heads.model.make_optimizers`: Muon for the convolutions, Adam for biases."""
    matrices = [parameter for parameter in encoder.parameters() if parameter.ndim > 1]
    rest = [parameter for parameter in encoder.parameters() if parameter.ndim <= 1]
    optimizers: list[torch.optim.Optimizer] = [
        Muon([{"params": matrices, "lr": MUON_RATE, "peak": MUON_RATE}]),
        torch.optim.Adam([{"params": rest, "lr": ADAM_RATE, "peak": ADAM_RATE}], betas=(0.9, 0.99)),
    ]
    return optimizers
