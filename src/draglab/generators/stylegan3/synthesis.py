"""StyleGAN3's synthesis network, divided into layers so that a drag can stop at the layer of its features.

Source: Karras et al. 2021, section 3 and appendices B, C and F.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators.activations import ACTIVATION_GAIN
from draglab.generators.fast.frozen_convolution import FrozenForms, convolve, square_sums
from draglab.generators.mapping import FullyConnected
from draglab.generators.ops import demodulation, modulate, normal
from draglab.generators.stylegan3.config import LayerSpec, Signal, StyleGAN3Config
from draglab.generators.stylegan3.fast_filtered_leaky_relu import filtered_leaky_relu
from draglab.generators.stylegan3.filters import Resampling, low_pass_filter


class FourierInput(nn.Module):
    """Sines of fixed frequencies and phases, transformed by w and mixed to channels (section 3.2, appendix F).

    `transform` [3, 3] is a further transform of the image: it maps a point (x, y, 1) of the new image, relative to its
    centre and in units of its side, to the point of the old one. It can be set, and is stored with the weights.
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, w_dim: int, signal: Signal):
        super().__init__()
        channels = signal.channels
        self.signal = signal
        self.weight = nn.Parameter(normal(channels, channels))
        self.affine = FullyConnected(w_dim, 4)
        self.register_buffer("transform", torch.empty(3, 3))
        self.register_buffer("freqs", torch.empty(channels, 2))
        self.register_buffer("phases", torch.empty(channels))
        # Arithmetic without storage would import PyTorch's compiler, a second of start-up.
        if not self.phases.is_meta:
            self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw frequencies uniformly in the disc of radius f_c, and phases uniformly.

        No w moves the picture: the cosine is 1, the sine 0, the translation 0.
        """
        nn.init.eye_(self.transform)
        self.affine.weight.zero_()
        self.affine.bias[0] = 1.0
        radius = self.signal.cutoff * torch.rand_like(self.phases).sqrt()
        angle = 2 * math.pi * torch.rand_like(self.phases)
        self.freqs.copy_(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.phases.uniform_(-0.5, 0.5)

    def forward(self, w: Tensor) -> Tensor:
        """Map w [N, w_dim] to the network's input [N, C, size, size]."""
        signal = self.signal
        rotation, shift = self._motion(self.affine(w))
        # sin(2 pi (f (R (T x + t) - R s) + p)): the motion is applied to frequencies and phases, which are few.
        turned = self.freqs @ rotation
        phases = self.phases + (turned @ (self.transform[:2, 2] - shift)[:, :, None])[:, :, 0]
        freqs = turned @ self.transform[:2, :2]
        # Frequencies that a transform has brought beyond f_c fade out towards the Nyquist frequency.
        beyond = (freqs.norm(dim=2) - signal.cutoff) / (signal.rate / 2 - signal.cutoff)
        weight = self.weight * (1 - beyond).clamp(0, 1)[:, None, :] / math.sqrt(signal.channels)
        pixels = torch.arange(signal.size, dtype=w.dtype, device=w.device)
        axis = (pixels + 0.5 - signal.size / 2) / signal.rate
        across, down = freqs[:, :, 0, None] * axis, freqs[:, :, 1, None] * axis
        waves = torch.sin((across[:, :, None, :] + (down + phases[:, :, None])[:, :, :, None]) * (2 * math.pi))
        return (weight @ waves.flatten(2)).view(len(w), -1, signal.size, signal.size)

    def _motion(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return rotations [N, 2, 2] and translations [N, 2] from (cosine, sine, x, y) [N, 4], normalising all by the
        length of (cosine, sine)."""
        scaled = parameters / parameters[:, :2].norm(dim=1, keepdim=True)
        cosine, sine = scaled[:, 0], scaled[:, 1]
        rotation = torch.stack([torch.stack([cosine, -sine], dim=1), torch.stack([sine, cosine], dim=1)], dim=1)
        return rotation, scaled[:, 2:]


class FilteredLayer(nn.Module):
    """Modulated convolution, bias and filtered leaky ReLU; in the RGB layer without demodulation and nonlinearity.

    `magnitude_ema` is the mean square of the inputs in training, by whose root they are divided (section 3.2).
    """

    magnitude_ema: Tensor
    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, config: StyleGAN3Config, spec: LayerSpec):
        super().__init__()
        inputs, outputs = spec.inputs, spec.outputs
        self.spec = spec
        self.conv_clamp = config.conv_clamp
        self.affine = FullyConnected(config.w_dim, inputs.channels, bias=1.0)
        self.weight = nn.Parameter(normal(outputs.channels, inputs.channels, spec.kernel, spec.kernel))
        self.bias = nn.Parameter(torch.zeros(outputs.channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.forms = FrozenForms()
        if spec.is_rgb:
            return
        fine = inputs.rate * spec.up
        self.register_buffer("up_filter", low_pass_filter(spec.up_taps, inputs.cutoff, inputs.half_width, fine))
        band = outputs.cutoff, outputs.half_width
        self.register_buffer("down_filter", low_pass_filter(spec.down_taps, *band, fine, spec.radial))
        self.resampling = Resampling.of(spec)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, I, H, W] and w [N, w_dim] to [N, O, H', W'], in x's dtype."""
        styles = self.affine(w)
        gain = self.magnitude_ema.rsqrt()
        if self.spec.is_rgb:
            x = modulate(x, styles * (gain / math.sqrt(self.spec.inputs.channels)))
            x = F.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype))
            return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)
        # Positive factors commute with everything before the clamp.
        scale = demodulation(styles, square_sums(self.weight, self.forms)) * (gain * ACTIVATION_GAIN)
        x = self._convolved(x, styles)
        shift = (self.bias * ACTIVATION_GAIN).to(x.dtype)[None, :, None, None]
        x = torch.addcmul(shift, x, scale.to(x.dtype)[:, :, None, None])
        return filtered_leaky_relu(x, self.up_filter, self.down_filter, self.resampling, self.conv_clamp)

    def _convolved(self, x: Tensor, styles: Tensor) -> Tensor:
        """Convolve x, padded with kernel - 1 zeros, to [N, O, H + kernel - 1, ...], less the unused border pixels."""
        padding = self.spec.kernel - 1 - self.resampling.unused
        if padding < 0:
            x = x[:, :, -padding:padding, -padding:padding]
        if self.spec.kernel == 3:
            return convolve(x, styles, self.weight, self.forms, max(padding, 0))
        cast = self.forms.get(self.weight, f"{x.dtype}", lambda: self.weight.to(x.dtype))
        return F.conv2d(modulate(x, styles), cast)


class StyleGAN3Synthesis(nn.Module):
    """Synthesis network from w_plus [N, num_ws, w_dim] to the features of any layer and to images.

    Layers are counted from 0; the last is the RGB layer.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: StyleGAN3Config):
        super().__init__()
        self.specs = config.layers
        self.output_scale = config.output_scale
        self.input = FourierInput(config.w_dim, self.specs[0].inputs)
        for spec in self.specs:
            self.add_module(spec.name, FilteredLayer(config, spec))

    def run_layers(
        self,
        w_plus: Tensor,
        last: int,
        known: tuple[int, Tensor] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Compute the output of layer `last`, -1 = that of the input.

        Args:
            w_plus: [N, num_ws, w_dim].
            known: a layer and its output, from which the computation starts.
            dtype: dtype of the features if nothing is known; None = that of the weights.
        """
        if known is None:
            x = self.input(w_plus[:, 0]).to(dtype or w_plus.dtype).contiguous(memory_format=torch.channels_last)
            known = -1, x
        reached, x = known
        for index in range(reached + 1, last + 1):
            x = self.get_submodule(self.specs[index].name)(x, w_plus[:, index + 1])
        return x

    def image(self, w_plus: Tensor, known: tuple[int, Tensor] | None = None) -> Tensor:
        """Compute images [N, img_channels, H, W]; see :meth:`run_layers`."""
        return self.run_layers(w_plus, len(self.specs) - 1, known) * self.output_scale
