"""StyleGAN3's synthesis network, cut at its layers so that dragging can stop where its features are.

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
    """Sines of fixed frequencies and phases, moved and turned as w says, mixed to channels (section 3.2, appendix F).

    `transform` [3, 3] moves and turns the picture besides: of a point (x, y, 1) of the new image, in units of the
    image's side and from its centre, it is the point of the old one. It can be set; it is stored with the weights.
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
        """Frequencies uniform in the disc of radius f_c, phases uniform; whatever w is, the picture stays in its place:
        cosine 1, sine 0, no translation."""
        nn.init.eye_(self.transform)
        self.affine.weight.zero_()
        self.affine.bias[0] = 1.0
        radius = self.signal.cutoff * torch.rand_like(self.phases).sqrt()
        angle = 2 * math.pi * torch.rand_like(self.phases)
        self.freqs.copy_(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.phases.uniform_(-0.5, 0.5)

    def forward(self, w: Tensor) -> Tensor:
        """w [N, w_dim] -> [N, C, size, size]."""
        signal = self.signal
        rotation, shift = self._motion(self.affine(w))
        # sin(2 pi (f (R (T x + t) - R s) + p)): the motion goes into frequencies and phases, of which there are few.
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
        """From (cosine, sine, x, y) [N, 4], the first two up to scale: rotations [N, 2, 2], translations [N, 2]."""
        scaled = parameters / parameters[:, :2].norm(dim=1, keepdim=True)
        cosine, sine = scaled[:, 0], scaled[:, 1]
        rotation = torch.stack([torch.stack([cosine, -sine], dim=1), torch.stack([sine, cosine], dim=1)], dim=1)
        return rotation, scaled[:, 2:]


class FilteredLayer(nn.Module):
    """Modulated convolution, bias and filtered leaky ReLU; for colours without demodulation and nonlinearity.

    `magnitude_ema` is the mean square of the inputs in training: they are divided by its root (section 3.2).
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
        """x [N, I, H, W], w [N, w_dim] -> [N, O, H', W'], in x's dtype."""
        styles = self.affine(w)
        gain = self.magnitude_ema.rsqrt()
        if self.spec.is_rgb:
            x = modulate(x, styles * (gain / math.sqrt(self.spec.inputs.channels)))
            x = F.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype))
            return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)
        # Factors above 0 commute with everything up to the clamp.
        scale = demodulation(styles, square_sums(self.weight, self.forms)) * (gain * ACTIVATION_GAIN)
        x = self._convolved(x, styles)
        shift = (self.bias * ACTIVATION_GAIN).to(x.dtype)[None, :, None, None]
        x = torch.addcmul(shift, x, scale.to(x.dtype)[:, :, None, None])
        return filtered_leaky_relu(x, self.up_filter, self.down_filter, self.resampling, self.conv_clamp)

    def _convolved(self, x: Tensor, styles: Tensor) -> Tensor:
        """x with kernel - 1 zeros around it, convolved: [N, O, H + kernel - 1, ...], less what nothing depends on."""
        padding = self.spec.kernel - 1 - self.resampling.unused
        if padding < 0:
            x = x[:, :, -padding:padding, -padding:padding]
        if self.spec.kernel == 3:
            return convolve(x, styles, self.weight, self.forms, max(padding, 0))
        cast = self.forms.get(self.weight, f"{x.dtype}", lambda: self.weight.to(x.dtype))
        return F.conv2d(modulate(x, styles), cast)


class StyleGAN3Synthesis(nn.Module):
    """w_plus [N, num_ws, w_dim] -> features of any layer, image. Layers are counted from 0; the last makes colours.

    Args:
        config: the model's, for what its layers have in common; which layers there are is `specs`.
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
        """Output of layer `last`, -1 = the input's.

        Args:
            w_plus: [N, num_ws, w_dim].
            known: a layer and its output, to go on from.
            dtype: of the features if nothing is known; None = of the weights.
        """
        if known is None:
            x = self.input(w_plus[:, 0]).to(dtype or w_plus.dtype).contiguous(memory_format=torch.channels_last)
            known = -1, x
        reached, x = known
        for index in range(reached + 1, last + 1):
            x = self.get_submodule(self.specs[index].name)(x, w_plus[:, index + 1])
        return x

    def image(self, w_plus: Tensor, known: tuple[int, Tensor] | None = None) -> Tensor:
        """[N, img_channels, H, W]; see :meth:`run_layers`."""
        return self.run_layers(w_plus, len(self.specs) - 1, known) * self.output_scale
