"""StyleGAN3's low-pass filters, and resampling with them (Karras et al. 2021, "Alias-Free Generative Adversarial
Networks", sections 2 and 3.2, appendix C).

The nonlinearity is computed at a higher rate: the signal is upsampled, passed through the nonlinearity, and
downsampled, which removes the frequencies that it added beyond the output's band. Signals of all rates have a common
centre. Beyond its margins a signal is zero. The slow reference is `tests/reference/stylegan3.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.stylegan3.config import LayerSpec


def kaiser_beta(taps: int, transition: float) -> float:
    """Return the Kaiser window's beta for a filter (Kaiser's formulas, appendix C).

    `transition` is the width of the transition band as a share of the Nyquist frequency.
    """
    attenuation = 2.285 * (taps - 1) * math.pi * transition + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0


def low_pass_filter(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor:
    """Return a Kaiser-windowed ideal low-pass filter that sums to 1, float32: [taps], or [taps, taps] if radial.

    Args:
        taps: an even number. cutoff: f_c. half_width: f_h of the transition band.
        rate: rate of the samples that it is applied to.
        radial: use jinc, the filter whose frequency response is a disc, instead of sinc.
    """
    positions = (np.arange(taps) - (taps - 1) / 2) / rate
    window = np.kaiser(taps, kaiser_beta(taps, 4 * half_width / rate))
    if radial:
        radius = np.hypot(positions[:, None], positions[None, :])
        jinc = torch.special.bessel_j1(torch.from_numpy(2 * math.pi * cutoff * radius)).numpy() / radius
        values = jinc * np.outer(window, window)
    else:
        values = np.sinc(2 * cutoff * positions) * window
    # On the CPU even while a model is built without storage: files may omit filters, which the configuration gives.
    return torch.tensor(values / values.sum(), dtype=torch.float32, device="cpu")


@dataclass(frozen=True)
class Resampling:
    """Resampling of a layer's signal to the nonlinearity's rate and from there to the output's.

    Attributes:
        up, down: factors.
        cut: number of fine pixels that are cut off at each border of the fully upsampled signal.
        unused: number of pixels at each border of the input that no output depends on; the input of :func:`upsample`
            comes without them.
    """

    up: int
    down: int
    cut: int
    unused: int

    @classmethod
    def of(cls, spec: LayerSpec) -> Resampling:
        """Build for a layer whose convolution enlarges its input by kernel - 1 pixels."""
        pixels = spec.inputs.size + spec.kernel - 1
        full = (pixels - 1) * spec.up + spec.up_taps
        needed = (spec.outputs.size - 1) * spec.down + spec.down_taps
        # Centred. Factors are even, so no pixel is left over; rates never fall, so there is always enough.
        cut = (full - needed) // 2
        unused = max(0, -(-(cut - spec.up_taps + 1) // spec.up))
        return cls(spec.up, spec.down, cut - unused * spec.up, unused)


def upsample(x: Tensor, taps: Tensor, how: Resampling) -> Tensor:
    """Insert zeros between pixels, low-pass filter with gain up * up, and cut: [N, C, H, W] -> [N, C, H', W'].

    Args:
        taps: taps [L] of the separable filter.
    """
    channels, up = x.shape[1], how.up
    column = (taps * up).to(x.dtype).view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    x = F.conv_transpose2d(x, column, stride=(up, 1), padding=(how.cut, 0), groups=channels)
    return F.conv_transpose2d(x, column.transpose(2, 3), stride=(1, up), padding=(0, how.cut), groups=channels)


def downsample(x: Tensor, taps: Tensor, down: int) -> Tensor:
    """Apply the low-pass filter where it depends on nothing beyond the borders, and keep every `down`th pixel.

    Args:
        taps: taps of a separable filter, [L], or of any filter, [L, L].
    """
    channels = x.shape[1]
    taps = taps.to(x.dtype)
    if taps.ndim == 2:
        return F.conv2d(x, taps.expand(channels, 1, *taps.shape), stride=down, groups=channels)
    column = taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    x = F.conv2d(x, column, stride=(down, 1), groups=channels)
    return F.conv2d(x, column.transpose(2, 3), stride=(1, down), groups=channels)
