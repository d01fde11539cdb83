"""StyleGAN3's synthesis from the equations of Karras et al. 2021: weights modulated per sample, zeros inserted, every
filter as a full two-dimensional one.

Works on a dict of tensors under the published names, and on nothing of draglab but the configuration.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.stylegan3.config import LayerSpec, StyleGAN3Config


def insert_zeros(x: Tensor, factor: int) -> Tensor:
    """[1, C, H, W] -> [1, C, (H - 1) factor + 1, ...]: factor - 1 zeros between neighbours, on both axes."""
    height, width = x.shape[2:]
    out = x.new_zeros(1, x.shape[1], (height - 1) * factor + 1, (width - 1) * factor + 1)
    out[:, :, ::factor, ::factor] = x
    return out


def convolve_channels(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """Every channel convolved with the kernel [L, L], zero-padded on both axes."""
    # Channels take the place of samples.
    return F.conv2d(x.transpose(0, 1), kernel.flip((0, 1))[None, None], padding=padding).transpose(0, 1)


def as_kernel(taps: Tensor) -> Tensor:
    """The two-dimensional filter [L, L] of a separable one [L]."""
    return taps if taps.ndim == 2 else taps[:, None] * taps[None, :]


def centre(x: Tensor, size: int) -> Tensor:
    """The middle of x, with zeros around it if it is too small."""
    before = (x.shape[2] - size) // 2
    after = x.shape[2] - size - before
    return F.pad(x, (-before, -after, -before, -after))


def upsampled(x: Tensor, taps: Tensor, up: int, size: int) -> Tensor:
    """Zeros inserted, low-pass filter with gain up * up, the middle `size` pixels."""
    filtered = convolve_channels(insert_zeros(x, up), as_kernel(taps) * up**2, padding=len(taps) - 1)
    return centre(filtered, size)


def downsampled(x: Tensor, taps: Tensor, down: int) -> Tensor:
    """Low-pass filter, then every `down`th pixel."""
    return convolve_channels(x, as_kernel(taps), padding=0)[:, :, ::down, ::down]


def filtered_activation(
    x: Tensor, up_taps: Tensor, down_taps: Tensor, spec: LayerSpec, gain: float, clamp: float | None
) -> Tensor:
    """Upsampled, leaky ReLU, gain, clamp, downsampled."""
    fine = upsampled(x, up_taps, spec.up, (spec.outputs.size - 1) * spec.down + len(down_taps))
    fine = torch.where(fine > 0, fine, 0.2 * fine) * gain
    return downsampled(fine if clamp is None else fine.clamp(-clamp, clamp), down_taps, spec.down)


class ReferenceStyleGAN3:
    """Synthesis for one sample at a time.

    Args:
        tensors: published names -> tensors.
    """

    def __init__(self, config: StyleGAN3Config, tensors: dict[str, Tensor]):
        self.config = config
        self.tensors = {name.removeprefix("synthesis."): tensor for name, tensor in tensors.items()}

    def affine(self, name: str, w: Tensor) -> Tensor:
        """w A^T / sqrt(w_dim) + b."""
        weight, bias = self.tensors[f"{name}.affine.weight"], self.tensors[f"{name}.affine.bias"]
        return w @ weight.t() / math.sqrt(weight.shape[1]) + bias

    def input(self, w: Tensor) -> Tensor:
        """Fourier features of every pixel's position, which is turned and moved first: [1, C, size, size]."""
        signal = self.config.layers[0].inputs
        cosine, sine, x, y = self.affine("input", w)
        norm = (cosine**2 + sine**2).sqrt()
        zero, one = torch.zeros_like(norm), torch.ones_like(norm)
        rows = [[cosine / norm, -sine / norm, zero], [sine / norm, cosine / norm, zero], [zero, zero, one]]
        rotation = torch.stack([torch.stack(row) for row in rows])
        rows = [[one, zero, -x / norm], [zero, one, -y / norm], [zero, zero, one]]
        translation = torch.stack([torch.stack(row) for row in rows])
        motion = rotation @ translation @ self.tensors["input.transform"]
        axis = (torch.arange(signal.size, dtype=w.dtype) + 0.5 - signal.size / 2) / signal.rate
        down, across = torch.meshgrid(axis, axis, indexing="ij")
        positions = torch.stack([across, down, torch.ones_like(down)], dim=-1) @ motion.t()
        freqs, phases = self.tensors["input.freqs"], self.tensors["input.phases"]
        waves = torch.sin(2 * math.pi * (positions[..., :2] @ freqs.t() + phases))
        radius = (freqs @ motion[:2, :2]).norm(dim=1)
        waves = waves * (1 - (radius - signal.cutoff) / (signal.rate / 2 - signal.cutoff)).clamp(0, 1)
        mixed = waves @ (self.tensors["input.weight"] / math.sqrt(signal.channels)).t()
        return mixed.permute(2, 0, 1)[None]

    def layer(self, spec: LayerSpec, x: Tensor, w: Tensor) -> Tensor:
        """One layer: x [1, I, H, W], w [w_dim]."""
        own = {name.removeprefix(f"{spec.name}."): tensor for name, tensor in self.tensors.items()}
        weight = own["weight"] * self.affine(spec.name, w)[None, :, None, None]
        if spec.is_rgb:
            weight = weight / math.sqrt(weight.shape[1])
        else:
            weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        weight = weight / own["magnitude_ema"].sqrt()
        x = F.conv2d(x, weight, padding=spec.kernel - 1) + own["bias"][None, :, None, None]
        clamp = self.config.conv_clamp
        if spec.is_rgb:
            return x if clamp is None else x.clamp(-clamp, clamp)
        return filtered_activation(x, own["up_filter"], own["down_filter"], spec, math.sqrt(2), clamp)

    def __call__(self, w_plus: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """w_plus [1, num_ws, w_dim] -> output of every layer by index (-1 = the input's), image [1, C, H, W]."""
        x = self.input(w_plus[0, 0])
        outputs = {-1: x}
        for index, spec in enumerate(self.config.layers):
            x = self.layer(spec, x, w_plus[0, index + 1])
            outputs[index] = x
        return outputs, x * self.config.output_scale
