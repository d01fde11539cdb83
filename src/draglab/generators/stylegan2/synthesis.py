"""StyleGAN2's synthesis network, divided into blocks so that a drag can stop at the block of its features."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators.activations import scale_bias_activate
from draglab.generators.fast.frozen_convolution import FrozenForms, convolve, convolve_doubling, square_sums
from draglab.generators.mapping import FullyConnected
from draglab.generators.ops import demodulation, modulate, normal
from draglab.generators.stylegan2.config import StyleGAN2Config
from draglab.generators.stylegan2.resampling import low_pass_doubled, resample_kernel, upsample

NoiseDraw = Callable[["SynthesisLayer", Tensor], Tensor | None]
"""Function that returns noise for a layer's output x [N, C, H, W], before scaling: [N or 1, 1, H, W], or None."""


@dataclass(frozen=True)
class NoiseSource:
    """Source of the layers' noise.

    Attributes:
        mode: "const" (each layer's stored map), "none", or "random" (a new map for every sample).
        generator: for "random", the generator to draw from, so that a seed reproduces its image.
    """

    mode: str = "const"
    generator: torch.Generator | None = None

    def draw(self, layer: SynthesisLayer, x: Tensor) -> Tensor | None:
        """Draw noise for a layer, as a :data:`NoiseDraw`."""
        if self.mode == "none":
            return None
        if self.mode == "const":
            return layer.noise_const[None, None]
        # Drawn on the generator's own device, so that a seed gives the same noise everywhere.
        device = self.generator.device if self.generator is not None else x.device
        drawn = torch.randn((x.shape[0], 1, *x.shape[2:]), generator=self.generator, device=device)
        return drawn.to(x.device)


class SynthesisLayer(nn.Module):
    """Modulated, demodulated 3x3 convolution (doubling the size if `up`), noise, bias, activation, clamp."""

    noise_const: Tensor

    def __init__(self, config: StyleGAN2Config, inputs: int, outputs: int, resolution: int, up: bool):
        super().__init__()
        self.affine = FullyConnected(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(normal(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up = up
        self.activation = config.activation
        self.conv_clamp = config.conv_clamp
        self.use_noise = config.use_noise
        if config.use_noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", normal(*config.shape_at(resolution)))
        self.forms = FrozenForms()

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        kernel: Tensor,
        noise: NoiseDraw,
        gain: float = 1.0,
        valid: bool = False,
    ) -> Tensor:
        """Map x [N, I, H, W] and w [N or 1, w_dim] to [N, O, H, W], or twice that size if `up`.

        `noise` draws the layer's noise. With `valid`, x is a window of a larger map, and only outputs that depend on
        nothing outside it are kept.
        """
        styles = self.affine(w)
        if self.up:
            # The outermost row on each side of a window lacks contributions from outside the window.
            x = convolve_doubling(x, styles, self.weight, self.forms, padding=1 if valid else 0)
            x = low_pass_doubled(x, kernel, valid)
        else:
            x = convolve(x, styles, self.weight, self.forms, padding=0 if valid else 1)
        scale = demodulation(styles, square_sums(self.weight, self.forms))
        drawn = noise(self, x) if self.use_noise else None
        scaled = None if drawn is None else drawn * self.noise_strength
        return scale_bias_activate(x, scale, self.bias, scaled, gain, self.conv_clamp, self.activation)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to RGB, without demodulation."""

    def __init__(self, config: StyleGAN2Config, inputs: int):
        super().__init__()
        self.affine = FullyConnected(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(normal(config.img_channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))
        self.weight_gain = 1 / math.sqrt(inputs)
        self.conv_clamp = config.conv_clamp

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, C, H, W] and w [N, w_dim] to colours [N, img_channels, H, W]."""
        x = modulate(x, self.affine(w) * self.weight_gain)
        x = F.conv2d(x, self.weight.to(x.dtype)).to(self.bias.dtype)
        x = x + self.bias[None, :, None, None]
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)


class Shortcut(nn.Module):
    """Residual branch of the "resnet" architecture: 1x1 convolution, doubling the size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(normal(outputs, inputs, 1, 1))
        self.weight_gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, kernel: Tensor, gain: float) -> Tensor:
        """Map x [N, I, H, W] to [N, O, 2H, 2W]. The 1x1 convolution comes first, as it commutes with the filter."""
        return upsample(F.conv2d(x, (self.weight * (self.weight_gain * gain)).to(x.dtype)), kernel)


class SynthesisBlock(nn.Module):
    """All layers of one resolution."""

    def __init__(self, config: StyleGAN2Config, resolution: int):
        super().__init__()
        self.resolution = resolution
        self.activation_dtype: torch.dtype | None = None
        self.memory_format = torch.channels_last
        self.is_first = resolution == 4
        self.residual = config.architecture == "resnet" and not self.is_first
        outputs = config.channels_at(resolution)
        if self.is_first:
            self.const = nn.Parameter(normal(outputs, *config.shape_at(4)))
        else:
            inputs = config.channels_at(resolution // 2)
            self.conv0 = SynthesisLayer(config, inputs, outputs, resolution, up=True)
            if self.residual:
                self.skip = Shortcut(inputs, outputs)
        self.conv1 = SynthesisLayer(config, outputs, outputs, resolution, up=False)
        self.has_rgb = config.architecture == "skip" or resolution == config.img_resolution
        if self.has_rgb:
            self.torgb = ToRGB(config, outputs)

    @property
    def first_w(self) -> int:
        """Index in w_plus of the block's first convolution; its RGB layer uses the w after its last convolution."""
        return 0 if self.is_first else 2 * int(math.log2(self.resolution)) - 5

    def convolutions(self) -> list[tuple[SynthesisLayer, int, float]]:
        """Return the block's layers in order: (layer, its index in w_plus, its gain)."""
        gain = math.sqrt(0.5) if self.residual else 1.0
        layers = [(self.conv1, self.first_w, gain)]
        return layers if self.is_first else [(self.conv0, self.first_w, 1.0), (self.conv1, self.first_w + 1, gain)]

    def learned_input(self, count: int, dtype: torch.dtype | None = None) -> Tensor:
        """Return the first block's input [count, C, H, W], the same for every sample.

        All features have its dtype: `dtype`, else `activation_dtype`, else that of the weights.
        """
        x = self.const.expand(count, *self.const.shape).to(dtype or self.activation_dtype or self.const.dtype)
        return x.contiguous(memory_format=self.memory_format)

    def shortcut(self, x: Tensor, kernel: Tensor) -> Tensor:
        """Return the residual that a `residual` block adds to its layers' output, twice the size of x."""
        return self.skip(x, kernel, math.sqrt(0.5))

    def features(
        self,
        x: Tensor | None,
        w_plus: Tensor,
        kernel: Tensor,
        noise: NoiseDraw,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Compute the block's features [N, C, H, W] from those of the block below (None for the first, in `dtype`)."""
        inputs = self.learned_input(len(w_plus), dtype) if x is None else x
        outputs = inputs
        for layer, index, gain in self.convolutions():
            outputs = layer(outputs, w_plus[:, index], kernel, noise, gain)
        return self.shortcut(inputs, kernel) + outputs if self.residual else outputs

    def add_rgb(self, rgb: Tensor | None, x: Tensor, w_plus: Tensor, kernel: Tensor) -> Tensor | None:
        """Return the sum of RGB branches up to this block, given the sum up to the block below (None = none yet)."""
        if not self.has_rgb:
            return None
        own = self.torgb(x, w_plus[:, self.first_w + (1 if self.is_first else 2)])
        return own if rgb is None else own + upsample(rgb, kernel)


class SynthesisNetwork(nn.Module):
    """Synthesis network from w_plus [N, num_ws, w_dim] to the features of any block and to images."""

    kernel: Tensor

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        self.block_resolutions = config.block_resolutions
        self.shape_at = config.shape_at
        for resolution in self.block_resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))
        self.register_buffer("kernel", resample_kernel(config.resample_filter), persistent=False)

    def block(self, resolution: int) -> SynthesisBlock:
        """Return the block of `resolution`."""
        block = self.get_submodule(f"b{resolution}")
        assert isinstance(block, SynthesisBlock)
        return block

    def run_blocks(
        self,
        w_plus: Tensor,
        last: int,
        noise: NoiseDraw,
        known: dict[int, Tensor] | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[int, Tensor]:
        """Compute the features of every block up to resolution `last`, by resolution.

        The computation starts from the highest `known` block; without one, from the input, in `dtype`.
        """
        outputs = dict(known) if known else {}
        reached = max(outputs) if outputs else 0
        x = outputs[reached] if outputs else None
        for resolution in self.block_resolutions:
            if reached < resolution <= last:
                x = self.block(resolution).features(x, w_plus, self.kernel, noise, dtype)
                outputs[resolution] = x
        return outputs

    def rgb(self, blocks: dict[int, Tensor], w_plus: Tensor) -> Tensor:
        """Compute the image from the features of all blocks (only of the last if the architecture is not "skip").

        From the features of lower blocks alone, return the sum of their RGB branches.
        """
        image: Tensor | None = None
        for resolution in sorted(blocks):
            if self.block(resolution).has_rgb:
                image = self.block(resolution).add_rgb(image, blocks[resolution], w_plus, self.kernel)
        assert image is not None
        return image
