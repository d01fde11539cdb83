"""MobileStyleGAN's synthesis network, divided into blocks so that a drag can stop at the block of its features.

There is no demodulation: the distilled weights make up for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators.activations import LEAKY_SLOPE
from draglab.generators.fast.frozen_convolution import FrozenForms, convolve
from draglab.generators.fast.separable import pointwise_activate
from draglab.generators.mobile_stylegan.config import BANDS, MobileStyleGANConfig
from draglab.generators.mobile_stylegan.haar import inverse_haar
from draglab.generators.ops import modulate, normal

NoiseDraw = Callable[["ModulatedLayer", Tensor], Tensor | None]
"""Function that returns the noise that is added to a layer's output x [N, C, H, W]: [N or 1, 1, H, W], or None."""


@dataclass(frozen=True)
class NoiseSource:
    """Source of the layers' noise.

    Attributes:
        mode: "const" (each layer's stored map), "none", or "random" (new maps for every sample, as strong as the stored
            one: files hold no strength of its own).
        generator: for "random", the generator to draw from, so that a seed reproduces its image.
    """

    mode: str = "const"
    generator: torch.Generator | None = None

    def draw(self, layer: ModulatedLayer, x: Tensor) -> Tensor | None:
        """Draw noise for a layer, as a :data:`NoiseDraw`."""
        if self.mode == "none":
            return None
        stored = layer.noise_const
        if self.mode == "const":
            return stored[None, None]
        # Drawn on the generator's own device, so that a seed gives the same noise everywhere.
        device = self.generator.device if self.generator is not None else x.device
        drawn = torch.randn((x.shape[0], 1, *x.shape[2:]), generator=self.generator, device=device)
        return drawn.to(stored.device) * stored.square().mean().sqrt()


class Affine(nn.Linear):
    """Fully connected layer from w [N, w_dim] to the styles [N, C] of a convolution."""

    def __init__(self, config: MobileStyleGANConfig, channels: int):
        super().__init__(config.w_dim, channels)
        if not self.bias.is_meta:
            nn.init.ones_(self.bias)


class ModulatedLayer(nn.Module):
    """Base of both kinds of layers: styles before the convolution, noise, bias and leaky ReLU after it.

    Args:
        inputs, outputs: channels. resolution: side of the square maps.
    """

    noise_const: Tensor

    def __init__(self, config: MobileStyleGANConfig, inputs: int, outputs: int, resolution: int):
        super().__init__()
        self.affine = Affine(config, inputs)
        self.style_gain = 1 / math.sqrt(9 * inputs)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise_const", normal(resolution, resolution))

    def styles(self, w: Tensor) -> Tensor:
        """Return the factors [N or 1, I] of the input's channels for w [N or 1, w_dim]."""
        return self.affine(w) * self.style_gain

    def activate(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """Add bias and noise to the convolution's output x [N, O, H, W], and apply leaky ReLU."""
        x = x + self.bias[None, :, None, None].to(x.dtype)
        return F.leaky_relu(x if noise is None else x + noise.to(x.dtype), LEAKY_SLOPE)


class FullLayer(ModulatedLayer):
    """Layer with a full 3x3 convolution: the first."""

    def __init__(self, config: MobileStyleGANConfig, inputs: int, outputs: int, resolution: int):
        super().__init__(config, inputs, outputs, resolution)
        self.weight = nn.Parameter(normal(outputs, inputs, 3, 3))
        self.forms = FrozenForms()

    def forward(self, x: Tensor, w: Tensor, noise: NoiseDraw) -> Tensor:
        """Map x [N, I, H, W] and w [N or 1, w_dim] to [N, O, H, W]; `noise` draws the layer's noise."""
        x = convolve(x, self.styles(w), self.weight, self.forms, padding=1)
        return self.activate(x, noise(self, x))


class SeparableLayer(ModulatedLayer):
    """Layer with a depthwise-separable convolution: 3x3 on every channel, then 1x1 across the channels."""

    def __init__(self, config: MobileStyleGANConfig, inputs: int, outputs: int, resolution: int):
        super().__init__(config, inputs, outputs, resolution)
        self.depthwise = nn.Parameter(normal(inputs, 1, 3, 3))
        self.pointwise = nn.Parameter(normal(outputs, inputs, 1, 1))

    def forward(self, x: Tensor, w: Tensor, noise: NoiseDraw, valid: bool = False) -> Tensor:
        """Map x [N, I, H, W] and w [N or 1, w_dim] to [N, O, H, W].

        `noise` draws the layer's noise. With `valid`, x is a window of a larger map, and only outputs that depend on
        nothing outside it are kept.
        """
        styles = self.styles(w)
        x = F.conv2d(x, self.depthwise.to(x.dtype), padding=0 if valid else 1, groups=x.shape[1])
        drawn = noise(self, x)
        if x.device.type == "cpu":
            weight = self.pointwise[:, :, 0, 0]
            return pointwise_activate(x, styles, weight, self.bias, drawn, LEAKY_SLOPE)
        # Styles scale whole channels, so they may as well come after the depthwise convolution.
        return self.activate(F.conv2d(modulate(x, styles), self.pointwise.to(x.dtype)), drawn)


class Doubling(nn.Module):
    """Modulation and inverse Haar transform: twice the size, a quarter of the channels."""

    def __init__(self, config: MobileStyleGANConfig, inputs: int):
        super().__init__()
        self.affine = Affine(config, inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, 4 C, H, W] and w [N or 1, w_dim] to [N, C, 2H, 2W]."""
        return inverse_haar(x, self.affine(w))


class FirstBlock(nn.Module):
    """The learned constant and the convolution at 4x4 pixels."""

    def __init__(self, config: MobileStyleGANConfig):
        super().__init__()
        channels = config.channels[0]
        self.const = nn.Parameter(normal(channels, 4, 4))
        self.conv = FullLayer(config, channels, channels, 4)

    def forward(self, w_plus: Tensor, noise: NoiseDraw, dtype: torch.dtype | None) -> Tensor:
        """Compute the first features [N, C, 4, 4] in `dtype`; None = that of the weights."""
        x = self.const.expand(len(w_plus), *self.const.shape).to(dtype or self.const.dtype)
        return self.conv(x.contiguous(memory_format=torch.channels_last), w_plus[:, 0], noise)


class Block(nn.Module):
    """All layers of one resolution above 4 pixels: doubling, and two separable convolutions."""

    def __init__(self, config: MobileStyleGANConfig, resolution: int):
        super().__init__()
        inputs, outputs = config.channels_at(resolution // 2), config.channels_at(resolution)
        self.first_w = 3 * config.block_resolutions.index(resolution) - 2
        self.up = Doubling(config, inputs)
        self.conv1 = SeparableLayer(config, inputs // BANDS, outputs, resolution)
        self.conv2 = SeparableLayer(config, outputs, outputs, resolution)

    def forward(self, x: Tensor, w_plus: Tensor, noise: NoiseDraw) -> Tensor:
        """Compute the block's features [N, C, 2H, 2W] from those of the block below."""
        x = self.up(x, w_plus[:, self.first_w])
        x = self.conv1(x, w_plus[:, self.first_w + 1], noise)
        return self.conv2(x, w_plus[:, self.first_w + 2], noise)


class ToImage(nn.Module):
    """Modulated 1x1 convolution to the bands of the image."""

    def __init__(self, config: MobileStyleGANConfig):
        super().__init__()
        inputs, bands = config.channels[-1], BANDS * config.img_channels
        self.affine = Affine(config, inputs)
        self.weight = nn.Parameter(normal(bands, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(bands))
        self.style_gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, C, H, W] and w [N, w_dim] to bands [N, 4 img_channels, H, W], in the dtype of the weights."""
        # As matrix products with a weight for each sample: PyTorch's own 1x1 convolution with few outputs is slower.
        weights = self.weight[:, :, 0, 0] * (self.affine(w) * self.style_gain)[:, None]
        pixels = x.permute(0, 2, 3, 1)
        bands = pixels.flatten(1, 2) @ weights.transpose(1, 2).to(x.dtype)
        bands = bands.to(self.bias.dtype) + self.bias
        return bands.unflatten(1, pixels.shape[1:3]).permute(0, 3, 1, 2)


class SynthesisNetwork(nn.Module):
    """Synthesis network from w_plus [N, num_ws, w_dim] to the features of any block and to images."""

    def __init__(self, config: MobileStyleGANConfig):
        super().__init__()
        self.block_resolutions = config.block_resolutions
        self.b4 = FirstBlock(config)
        for resolution in self.block_resolutions[1:]:
            self.add_module(f"b{resolution}", Block(config, resolution))
        self.to_img = ToImage(config)

    def block(self, resolution: int) -> Block:
        """Return the block of a `resolution` above 4."""
        block = self.get_submodule(f"b{resolution}")
        assert isinstance(block, Block)
        return block

    def features(
        self,
        w_plus: Tensor,
        last: int,
        noise: NoiseDraw,
        known: tuple[int, Tensor] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Compute the features [N, C, last, last] of the block of resolution `last`.

        The computation starts from `known`, a lower block's resolution and features; without it, from the learned
        constant, in `dtype`.
        """
        reached, x = known or (4, self.b4(w_plus, noise, dtype))
        for resolution in self.block_resolutions:
            if reached < resolution <= last:
                x = self.block(resolution)(x, w_plus, noise)
        return x

    def image_bands(self, x: Tensor, w_plus: Tensor) -> Tensor:
        """Compute the Haar bands [N, 4 img_channels, H, W] of the image from the last block's features."""
        return self.to_img(x, w_plus[:, -1])
