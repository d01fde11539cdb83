"""StyleGAN2's synthesis from the equations of Karras et al. 2020: weights modulated and demodulated per sample.

Works on a dict of tensors under the published names, and on nothing of draglab but the configuration.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators import StyleGAN2Config


def modulated_weights(weight: Tensor, style: Tensor, demodulate: bool) -> Tensor:
    """Equations 1 and 3: w' = s_i w_ijk, w'' = w' / sqrt(sum w'^2 + 1e-8), for one sample."""
    weight = weight * style[None, :, None, None]
    if demodulate:
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    return weight


def interleave_zeros(x: Tensor) -> Tensor:
    """[1, C, H, W] -> [1, C, 2H, 2W]: every pixel followed by a zero, on both axes."""
    out = x.new_zeros(1, x.shape[1], 2 * x.shape[2], 2 * x.shape[3])
    out[:, :, ::2, ::2] = x
    return out


def low_pass(x: Tensor, taps: tuple[float, ...], pad_before: int, pad_after: int) -> Tensor:
    """Every channel convolved with the separable filter of gain 4, zero-padded on both axes."""
    line = torch.tensor(taps, dtype=x.dtype)
    kernel = (line[:, None] * line[None, :] / line.sum() ** 2 * 4).flip((0, 1))
    x = F.pad(x, (pad_before, pad_after, pad_before, pad_after))
    channels = [F.conv2d(x[:, i : i + 1], kernel[None, None]) for i in range(x.shape[1])]
    return torch.cat(channels, dim=1)


def upsample(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Twice the size with the low-pass filter."""
    length = len(taps)
    return low_pass(interleave_zeros(x), taps, (length + 1) // 2, (length - 2) // 2)


def convolution_up(x: Tensor, weight: Tensor, taps: tuple[float, ...]) -> Tensor:
    """The zero-interleaved input, convolved with the weight as a true convolution (flipped), then low-passed."""
    length = len(taps)
    x = F.pad(interleave_zeros(x), (2, 1, 2, 1))
    x = F.conv2d(x, weight.flip((2, 3)))
    return low_pass(x, taps, (length + 1) // 2 - 1, (length - 2) // 2)


def activate(x: Tensor, name: str) -> Tensor:
    """The nonlinearities of the published programs with their gains, from their definitions."""
    root = math.sqrt(2)
    if name == "selu":  # Klambauer et al. 2017, equation 14
        alpha, scale = 1.6732632423543772, 1.0507009873554805
        return scale * torch.where(x > 0, x, alpha * (x.exp() - 1))
    return {
        "linear": lambda: x,
        "relu": lambda: torch.where(x > 0, x, 0 * x) * root,
        "lrelu": lambda: torch.where(x > 0, x, 0.2 * x) * root,
        "tanh": lambda: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
        "sigmoid": lambda: 1 / (1 + (-x).exp()),
        "elu": lambda: torch.where(x > 0, x, x.exp() - 1),
        "softplus": lambda: (1 + x.exp()).log(),
        "swish": lambda: x / (1 + (-x).exp()) * root,
    }[name]()


def reference_mapping(config: StyleGAN2Config, tensors: dict[str, Tensor], z: Tensor) -> Tensor:
    """z [1, z_dim] -> w [1, w_dim] of an unconditional model."""
    x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    rate = config.mapping_lr_multiplier
    for index in range(config.mapping_layers):
        weight, bias = tensors[f"mapping.fc{index}.weight"], tensors[f"mapping.fc{index}.bias"]
        x = activate(x @ weight.t() * (rate / math.sqrt(weight.shape[1])) + bias * rate, config.mapping_activation)
    return x


class ReferenceStyleGAN2:
    """Synthesis for one sample at a time.

    Args:
        tensors: published names -> tensors.
    """

    def __init__(self, config: StyleGAN2Config, tensors: dict[str, Tensor]):
        self.config = config
        self.tensors = tensors

    def affine(self, name: str, w: Tensor) -> Tensor:
        """The style of a layer: w A^T / sqrt(w_dim) + b."""
        weight, bias = self.tensors[f"{name}.affine.weight"], self.tensors[f"{name}.affine.bias"]
        return w @ weight.t() / math.sqrt(weight.shape[1]) + bias

    def layer(self, name: str, x: Tensor, w: Tensor, up: bool, gain: float = 1.0) -> Tensor:
        """One styled convolution: x [1, I, H, W], w [w_dim]."""
        weight = modulated_weights(self.tensors[f"{name}.weight"], self.affine(name, w), demodulate=True)
        x = convolution_up(x, weight, self.config.resample_filter) if up else F.conv2d(x, weight, padding=1)
        if self.config.use_noise:
            x = x + self.tensors[f"{name}.noise_const"] * self.tensors[f"{name}.noise_strength"]
        x = x + self.tensors[f"{name}.bias"][None, :, None, None]
        x = activate(x, self.config.activation) * gain
        clamp = self.config.conv_clamp
        return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)

    def to_rgb(self, name: str, x: Tensor, w: Tensor) -> Tensor:
        """Colours: 1x1 convolution, modulated without demodulation."""
        weight = self.tensors[f"{name}.weight"]
        style = self.affine(name, w) / math.sqrt(weight.shape[1])
        x = F.conv2d(x, modulated_weights(weight, style, demodulate=False))
        x = x + self.tensors[f"{name}.bias"][None, :, None, None]
        clamp = self.config.conv_clamp
        return x if clamp is None else x.clamp(-clamp, clamp)

    def __call__(self, w_plus: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """w_plus [1, num_ws, w_dim] -> features of every block by resolution, image [1, C, H, W]."""
        taps, residual = self.config.resample_filter, self.config.architecture == "resnet"
        features: dict[int, Tensor] = {}
        image: Tensor | None = None
        x = self.tensors["synthesis.b4.const"][None]
        index = 0
        for resolution in self.config.block_resolutions:
            name, below = f"synthesis.b{resolution}", x
            gain = math.sqrt(0.5) if residual and resolution > 4 else 1.0
            if resolution > 4:
                x = self.layer(f"{name}.conv0", x, w_plus[0, index], up=True)
                index += 1
            x = self.layer(f"{name}.conv1", x, w_plus[0, index], up=False, gain=gain)
            index += 1
            if residual and resolution > 4:
                weight = self.tensors[f"{name}.skip.weight"]
                x = x + upsample(F.conv2d(below, weight / math.sqrt(weight.shape[1])), taps) * gain
            features[resolution] = x
            if self.config.architecture == "skip" or resolution == self.config.img_resolution:
                own = self.to_rgb(f"{name}.torgb", x, w_plus[0, index])
                image = own if image is None else upsample(image, taps) + own
        assert image is not None
        return features, image
