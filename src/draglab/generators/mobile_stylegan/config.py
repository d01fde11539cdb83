"""Configurations of MobileStyleGAN generators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from draglab.errors import DraglabError
from draglab.generators.config import MAX_MAPPING_LAYERS, MAX_WIDTH, GeneratorConfig

BANDS = 4
"""Number of bands of a Haar transform: one low and three of details."""


@dataclass(frozen=True)
class MobileStyleGANConfig(GeneratorConfig):
    """Everything that determines a MobileStyleGAN generator but its weights; defaults are those of the FFHQ model.

    Attributes, besides those of GeneratorConfig (img_resolution: a power of two of at least 16):
        channels: channels of every block from 4 pixels up to half the image's size. All but the last are multiples of
            four, as the next block divides them among the bands of a wavelet transform.
        mapping_layers: number of fully connected layers of the mapping network, all of width w_dim.
    """

    kind: ClassVar[str] = "mobile_stylegan"

    img_resolution: int = 1024
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)
    mapping_layers: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        resolution = self.img_resolution
        if resolution < 16 or resolution & (resolution - 1):
            raise DraglabError(
                f"img_resolution {resolution} is not a power of two of at least 16: the file is not usable"
            )
        if len(self.channels) != len(self.block_resolutions):
            raise DraglabError("channels must have one number for each block: the file is not usable")
        if not 1 <= min(self.channels) <= max(self.channels) <= MAX_WIDTH or any(c % BANDS for c in self.channels[:-1]):
            raise DraglabError(
                f"channels must be from 1 to {MAX_WIDTH}, and multiples of {BANDS} up to the last: "
                "the file is not usable"
            )
        if not 1 <= self.mapping_layers <= MAX_MAPPING_LAYERS:
            limits = f"draglab's limits of 1 to {MAX_MAPPING_LAYERS}"
            raise DraglabError(f"mapping_layers {self.mapping_layers} is beyond {limits}: the file is not usable")
        if self.c_dim:
            raise DraglabError("MobileStyleGAN models have no classes: the file is not usable")

    @property
    def title(self) -> str:
        """Name of the architecture for people."""
        return "MobileStyleGAN"

    @property
    def block_resolutions(self) -> list[int]:
        """Resolutions of the blocks: 4, 8, ..., img_resolution / 2. A last wavelet transform doubles the image."""
        return [2**power for power in range(2, self.img_resolution.bit_length() - 1)]

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus: one for the first block, three for every other, one for the colours."""
        return 3 * len(self.block_resolutions) - 1

    def channels_at(self, resolution: int) -> int:
        """Return the number of channels of the block of `resolution`."""
        return self.channels[self.block_resolutions.index(resolution)]
