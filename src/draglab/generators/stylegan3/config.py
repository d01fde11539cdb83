"""Configurations of the published StyleGAN3 generators, and the layers that follow from them.

Source: Karras et al. 2021, "Alias-Free Generative Adversarial Networks", section 3.2 and appendix C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from draglab.errors import DraglabError
from draglab.generators.config import StyleGANConfig

MAX_LAYERS = 64
MAX_MARGIN = 256
MAX_TAPS = 1024


@dataclass(frozen=True)
class Signal:
    """A feature map as a band-limited signal. Rates and frequencies are per side of the image.

    Attributes:
        rate: samples along one side of the image. size: pixels along one side of the map, margins included.
        channels: channels of the map.
        cutoff: f_c, the frequency up to which the signal is kept. half_width: f_h, half the width of the transition
            band above it.
    """

    rate: int
    size: int
    channels: int
    cutoff: float
    half_width: float

    @property
    def margin(self) -> int:
        """Number of pixels by which the map extends beyond each border of the image."""
        return (self.size - self.rate) // 2


@dataclass(frozen=True)
class LayerSpec:
    """Everything that determines one layer but its weights.

    Attributes:
        name: published name. inputs, outputs: its signals.
        kernel: side of the convolution.
        up, down: factors of resampling before and after the nonlinearity; both 1 = no resampling and no nonlinearity,
            as in the RGB layer.
        up_taps, down_taps: lengths of their filters. radial: True if the second filter is radially symmetric instead of
            separable.
    """

    name: str
    inputs: Signal
    outputs: Signal
    kernel: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool

    @property
    def is_rgb(self) -> bool:
        """Whether this is the RGB layer."""
        return self.up == 1


@dataclass(frozen=True)
class StyleGAN3Config(StyleGANConfig):
    """Everything that determines a StyleGAN3 generator but its weights; defaults are configuration T of the paper, of
    which R differs by conv_kernel 1, use_radial_filters and twice the channel_base and channel_max.

    Attributes, besides those of StyleGANConfig:
        channel_base, channel_max: a layer of cutoff f_c has min(channel_base / 2 / f_c, channel_max) channels.
        num_layers: number of layers, without the RGB layer.
        num_critical: number of the last of those that are critically sampled.
        first_cutoff, first_stopband: f_c and f_t of the first layer; they grow geometrically from layer to layer.
        last_stopband_rel: f_t of the last layers relative to their f_c, which is half the image's resolution.
        margin_size: number of pixels by which maps extend beyond each border of the image.
        output_scale: factor of the last layer's output.
        conv_kernel: side of the convolutions, 1 or 3.
        filter_size: taps of the low-pass filters, at the lower of their two rates.
        lrelu_upsampling: rate of the nonlinearity relative to the higher of the input's and the output's: 2, 4 or 8.
        use_radial_filters: radially symmetric filters after the nonlinearity, except in critically sampled layers.
        conv_clamp: limit of the nonlinearity's absolute results; None = no limit.
    """

    kind: ClassVar[str] = "stylegan3"

    mapping_layers: int = 2
    channel_base: int = 32768
    channel_max: int = 512
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = (self.first_cutoff, self.first_stopband, self.last_stopband_rel, self.output_scale)
        if not all(math.isfinite(number) and number > 0 for number in numbers):
            raise DraglabError("first_cutoff, first_stopband, last_stopband_rel and output_scale must be above 0")
        if not 2 <= self.num_layers <= MAX_LAYERS or not 1 <= self.num_critical < self.num_layers:
            raise DraglabError(f"num_layers must be 2 to {MAX_LAYERS} and num_critical from 1 to less than that")
        if self.conv_kernel not in (1, 3):
            raise DraglabError(f"conv_kernel {self.conv_kernel} cannot be run: draglab knows 1 and 3")
        if not 0 <= self.margin_size <= MAX_MARGIN:
            raise DraglabError(f"margin_size {self.margin_size} is out of range: it can be 0 to {MAX_MARGIN}")
        if self.lrelu_upsampling not in (2, 4, 8):
            raise DraglabError(f"lrelu_upsampling {self.lrelu_upsampling} cannot be run: draglab knows 2, 4 and 8")
        if self.channel_max < 1 or self.channel_base < self.img_resolution:
            raise DraglabError("channel_max and channel_base / img_resolution must be at least 1")
        half = self.img_resolution / 2
        if self.first_cutoff > half or not 0.5 <= self.first_stopband <= half * self.last_stopband_rel:
            raise DraglabError("first_cutoff and first_stopband must not be above those of the last layer")
        if self.filter_size < 1 or any(max(spec.up_taps, spec.down_taps) > MAX_TAPS for spec in self.layers):
            raise DraglabError(f"filter_size {self.filter_size} is out of range: filters have 1 to {MAX_TAPS} taps")
        if any(spec.outputs.half_width <= 0 for spec in self.layers):
            raise DraglabError("the stopbands leave no transition band for the filters: the file is not usable")

    def _widths(self) -> tuple[int, ...]:
        return (*super()._widths(), self.channel_max)

    @property
    def title(self) -> str:
        """Name of the architecture for people."""
        return f"StyleGAN3-{'R' if self.use_radial_filters else 'T'}"

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus: one for the input, every layer and the RGB layer."""
        return self.num_layers + 2

    @property
    def signals(self) -> list[Signal]:
        """Outputs of the layers in order; the signal of the input is that of the first layer's output."""
        last_cutoff = self.img_resolution / 2
        growth = [min(index / (self.num_layers - self.num_critical), 1.0) for index in range(self.num_layers + 1)]
        cutoffs = [self.first_cutoff * (last_cutoff / self.first_cutoff) ** power for power in growth]
        last_stopband = last_cutoff * self.last_stopband_rel
        stopbands = [self.first_stopband * (last_stopband / self.first_stopband) ** power for power in growth]
        signals = []
        for index, (cutoff, stopband) in enumerate(zip(cutoffs, stopbands, strict=True)):
            rate = 2 ** math.ceil(math.log2(min(2 * stopband, self.img_resolution)))
            # The last layer and the RGB layer are cut to the image.
            margin = 0 if index >= self.num_layers - 1 else self.margin_size
            channels = min(round(self.channel_base / 2 / cutoff), self.channel_max)
            channels = self.img_channels if index == self.num_layers else channels
            signals.append(Signal(rate, rate + 2 * margin, channels, cutoff, max(stopband, rate / 2) - cutoff))
        return signals

    @property
    def layers(self) -> list[LayerSpec]:
        """All layers in order, the RGB layer last."""
        signals = self.signals
        specs = []
        for index, outputs in enumerate(signals):
            inputs = signals[max(index - 1, 0)]
            is_rgb = index == self.num_layers
            fine = max(inputs.rate, outputs.rate) * self.lrelu_upsampling
            up, down = (1, 1) if is_rgb else (fine // inputs.rate, fine // outputs.rate)
            specs.append(
                LayerSpec(
                    f"L{index}_{outputs.size}_{outputs.channels}",
                    inputs,
                    outputs,
                    1 if is_rgb else self.conv_kernel,
                    up,
                    down,
                    up_taps=self.filter_size * up,
                    down_taps=self.filter_size * down,
                    radial=self.use_radial_filters and index < self.num_layers - self.num_critical,
                )
            )
        return specs
