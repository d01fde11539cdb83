"""Configurations of the published StyleGAN2 generators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from draglab.errors import DraglabError
from draglab.generators.activations import check_activation
from draglab.generators.config import MAX_RESOLUTION, MAX_WIDTH, StyleGANConfig

Architecture = Literal["skip", "orig", "resnet"]


@dataclass(frozen=True)
class StyleGAN2Config(StyleGANConfig):
    """Everything that determines a StyleGAN2 generator but its weights; defaults are config F of the paper.

    Attributes, besides those of StyleGANConfig:
        channel_base, channel_max: a block of resolution r has min(channel_base / r, channel_max) channels.
        architecture: "skip" sums an RGB branch of every block; "orig" and "resnet" have one at the end, "resnet" with
            residual blocks.
        conv_clamp: limit of the absolute outputs of convolutions; None = no limit.
        resample_filter: taps of the separable low-pass filter.
        use_noise: whether layers add per-pixel noise.
        channels: channels of every block from 4 pixels up, for models whose widths do not follow from channel_base and
            channel_max; else None.
        activation, mapping_activation: names of the nonlinearities of the synthesis and of the mapping network, see
            generators/activations.py.
        base_width: width of the learned constant, which is 4 pixels high; 4 for square images, 2 for images half as
            wide as high.
    """

    kind: ClassVar[str] = "stylegan2"

    channel_base: int = 32768
    channel_max: int = 512
    architecture: Architecture = "skip"
    conv_clamp: float | None = None
    resample_filter: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    use_noise: bool = True
    base_width: int = 4
    channels: tuple[int, ...] | None = None
    activation: str = "lrelu"
    mapping_activation: str = "lrelu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.architecture not in ("skip", "orig", "resnet"):
            raise DraglabError(f"unknown architecture '{self.architecture}': draglab knows skip, orig and resnet")
        check_activation(self.activation)
        check_activation(self.mapping_activation)
        if not 2 <= len(self.resample_filter) <= 16:
            raise DraglabError("resample_filter needs 2 to 16 taps, for instance 1, 3, 3, 1")
        if max(self.img_shape) > MAX_RESOLUTION:
            raise DraglabError(f"images of {self.img_shape} pixels are larger than draglab's limit of {MAX_RESOLUTION}")
        if self.base_width < 1 or self.channel_base < self.img_resolution or self.channel_max < 1:
            raise DraglabError("base_width, channel_max and channel_base / img_resolution must be at least 1")
        table = self.channels
        if table is not None and (
            len(table) != len(self.block_resolutions) or not 1 <= min(table) <= max(table) <= MAX_WIDTH
        ):
            raise DraglabError(
                f"channels must be one number from 1 to {MAX_WIDTH} for each block: the file is not usable"
            )

    def _widths(self) -> tuple[int, ...]:
        return (*super()._widths(), self.channel_max, self.base_width)

    @property
    def title(self) -> str:
        """Name of the architecture for people."""
        return "StyleGAN2"

    @property
    def block_resolutions(self) -> list[int]:
        """Resolutions of the blocks: 4, 8, ..., img_resolution."""
        return [2**power for power in range(2, int(math.log2(self.img_resolution)) + 1)]

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus: one for every convolution and one for the last RGB layer."""
        return 2 * len(self.block_resolutions)

    @property
    def img_shape(self) -> tuple[int, int]:
        """(height, width) of the images in pixels."""
        return self.shape_at(self.img_resolution)

    def shape_at(self, resolution: int) -> tuple[int, int]:
        """Return (height, width) of the feature maps of the block of `resolution`."""
        return resolution, resolution * self.base_width // 4

    def channels_at(self, resolution: int) -> int:
        """Return the number of channels of the block of `resolution`."""
        if self.channels is not None:
            return self.channels[self.block_resolutions.index(resolution)]
        return min(self.channel_base // resolution, self.channel_max)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, which :meth:`from_json` and `config_from_json` read back.

        The kind and the usual activations are left out, so that older versions can read them.
        """
        unsaid = {("kind", self.kind), ("activation", "lrelu"), ("mapping_activation", "lrelu")}
        return {name: value for name, value in super().to_json().items() if (name, str(value)) not in unsaid}
